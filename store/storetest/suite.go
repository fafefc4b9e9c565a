package storetest

import (
	"testing"

	"github.com/musterhq/muster/store"
)

// Opener opens an empty database with these collections, for one test, and
// closes it when that test ends.
type Opener func(t *testing.T, defs ...store.Definition) *store.DB

// Group is a part of the suite.
type Group string

// The groups.
const (
	Documents    Group = "documents"    // insert, get, replace, delete, their errors
	Keys         Group = "keys"         // unique and sparse indexes
	Queries      Group = "queries"      // conditions, order, paging, cursors
	Counts       Group = "counts"       // Count and CountBy
	Transactions Group = "transactions" // Atomically
	Races        Group = "races"        // many writers at a time
	Feed         Group = "feed"         // Watch
	Due          Group = "due"          // Claim and NextDue
)

// groups are what each group runs, in order.
var groups = []struct {
	name Group
	run  func(*testing.T, Opener)
}{
	{Documents, testDocuments},
	{Keys, testKeys},
	{Queries, testQueries},
	{Counts, testCounts},
	{Transactions, testTransactions},
	{Races, testRaces},
	{Feed, testFeed},
	{Due, testDue},
}

// Option changes what Run does.
type Option func(*suite)

type suite struct{ without map[Group]string }

// Without leaves out a group, which the engine's test then shows as skipped,
// for the reason.
func Without(g Group, reason string) Option {
	return func(s *suite) { s.without[g] = reason }
}

// Run holds an engine to everything that package store promises, but for the
// groups that are left out in so many words. Each subtest opens a database of
// its own.
func Run(t *testing.T, open func(t *testing.T, defs ...store.Definition) *store.DB, options ...Option) {
	s := suite{without: map[Group]string{}}
	for _, o := range options {
		o(&s)
	}
	for _, g := range groups {
		t.Run(string(g.name), func(t *testing.T) {
			if reason, out := s.without[g.name]; out {
				t.Skipf("left out: %s: %s", g.name, reason)
			}
			t.Parallel()
			g.run(t, open)
		})
	}
}

// test is one promise of a group.
type test struct {
	name string
	run  func(*testing.T, *store.DB)
}

// each runs the tests at the same time, each on a database with all
// collections of the suite.
func each(t *testing.T, open Opener, tests []test) {
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run(t, open(t, things, counters))
		})
	}
}
