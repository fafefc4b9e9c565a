package roster

import (
	"context"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// life is the specification, which is written down apart from the code.
var life = map[Status]string{
	StatusApplied:   "ACTIVE REJECTED RETIRED",
	StatusRejected:  "APPLIED",
	StatusActive:    "SUSPENDED RETIRED",
	StatusSuspended: "ACTIVE RETIRED",
	StatusRetired:   "APPLIED",
}

func TestBecome_everyPairOfStatuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	at := f.clock.Now()
	for _, from := range Statuses() {
		for _, to := range Statuses() {
			t.Run(string(from)+" to "+string(to), func(t *testing.T) {
				t.Parallel()
				r := f.enrolAs(t, "acc_"+string(from+to), eastOne, from)
				r.StatusAt = at.Add(-time.Hour) // stored with the move
				before, tried := *r, *r
				err := f.db.Atomically(t.Context(), func(tx *store.Tx) error {
					tried = before // the step may be run again
					return f.become(t.Context(), tx, &tried, to, "why")
				})
				if !slices.Contains(strings.Fields(life[from]), string(to)) {
					want := &fault.Error{Code: fault.CodeConflict, Key: "conflict.responder_status", Args: fault.Args{"status": string(from)}}
					if diff := cmp.Diff(error(want), err) + cmp.Diff(before, tried); diff != "" {
						t.Error(diff)
					}
					return
				}
				stored, loadErr := f.OfAccount(t.Context(), r.AccountID)
				if err != nil || loadErr != nil {
					t.Fatal(err, loadErr)
				}
				if stored.Status != to || stored.StatusReason != "why" || !stored.StatusAt.Equal(at) {
					t.Errorf("stored %+v", stored)
				}
			})
		}
	}
}

// Whoever was suspended cannot shake that off by leaving and applying next door.
func TestLeavingSuspendedIsRemembered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	own, east, west := account("acc_own"), f.holder(t, auth.RoleDispatcher, east), f.holder(t, auth.RoleDispatcher, west)
	r := f.enrol(t, "acc_own", eastOne)
	step := func(what string, want bool, r *Responder, err error) {
		t.Helper()
		if err != nil || r.LeftSuspended != want {
			t.Fatalf("%s: %v, %v; want %t", what, r, err, want)
		}
	}
	got, err := f.Suspend(t.Context(), east, Decision{ResponderID: r.ID, Reason: "缺勤"})
	step("suspended", false, got, err)
	got, err = f.Leave(t.Context(), own, Leaving{})
	step("left", true, got, err)
	got, err = f.Apply(t.Context(), own, application(func(in *Application) { in.UnitID = westOne }))
	step("applied next door", true, got, err)
	got, err = f.Reject(t.Context(), west, Decision{ResponderID: r.ID, Reason: "先说明"})
	step("rejected", true, got, err)
	got, err = f.Apply(t.Context(), own, application(func(in *Application) { in.UnitID = westOne }))
	step("applied again", true, got, err)
	got, err = f.Approve(t.Context(), west, Decision{ResponderID: r.ID})
	step("approved", false, got, err)
	got, err = f.Leave(t.Context(), own, Leaving{})
	step("left in peace", false, got, err)
}

func TestStatuses_namesEveryStatusOnce(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(moves)), slices.Sorted(slices.Values(Statuses()))); diff != "" {
		t.Errorf("(-table +Statuses):\n%s", diff)
	}
	if Status("NO_SUCH_STATUS").Valid() {
		t.Error("what is no status is valid")
	}
}

func TestStatus_enlisted(t *testing.T) {
	t.Parallel()
	want := map[Status]bool{StatusApplied: true, StatusActive: true, StatusSuspended: true, StatusRejected: false, StatusRetired: false}
	for s, is := range want {
		if s.Enlisted() != is {
			t.Errorf("%s: %v", s, !is)
		}
	}
}

const document = "../docs/responder-states.md"

func readDocument(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The document draws the table, the whole table and nothing but the table.
func TestDocument_drawsTheTable(t *testing.T) {
	t.Parallel()
	drawn := map[Status][]Status{}
	for _, m := range regexp.MustCompile(`(?m)^\s*(\w+|\[\*\]) --> (\w+)`).FindAllStringSubmatch(readDocument(t), -1) {
		drawn[Status(m[1])] = append(drawn[Status(m[1])], Status(m[2]))
	}
	want := maps.Clone(moves)
	want["[*]"] = []Status{StatusApplied}
	if diff := cmp.Diff(want, drawn, cmp.Transformer("sort", func(s []Status) []string {
		names := []string{}
		for _, status := range s {
			names = append(names, string(status))
		}
		slices.Sort(names)
		return names
	})); diff != "" {
		t.Errorf("moves and %s differ (-code +document):\n%s", document, diff)
	}
}

func TestDocument_explainsEveryStatus(t *testing.T) {
	t.Parallel()
	var explained []Status
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\|").FindAllStringSubmatch(readDocument(t), -1) {
		explained = append(explained, Status(m[1]))
	}
	if diff := cmp.Diff(Statuses(), explained); diff != "" {
		t.Errorf("(-code +document):\n%s", diff)
	}
}

// Leaving ACTIVE ends the duty in the same step, and tells of it; other moves
// touch no duty.
func TestBecome_standsDown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, to Status
		want     int
	}{
		"suspended": {StatusActive, StatusSuspended, 1}, "retired": {StatusActive, StatusRetired, 1},
		"retired from suspension": {StatusSuspended, StatusRetired, 0}, "approved": {StatusApplied, StatusActive, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			var told []*Responder
			f.hooks.offDuty = func(_ context.Context, _ *store.Tx, r *Responder) error {
				told = append(told, r)
				return nil
			}
			r := f.enrolAs(t, "acc_own", eastOne, c.from)
			if c.from == StatusActive {
				f.setDuty(t, "acc_own", true)
				f.reportAt(t, "acc_own", here)
				r, _ = f.OfAccount(t.Context(), "acc_own")
			}
			err := f.db.Atomically(t.Context(), func(tx *store.Tx) error {
				told = nil // the step may be run again
				moved := *r
				return f.become(t.Context(), tx, &moved, c.to, "")
			})
			if err != nil {
				t.Fatal(err)
			}
			stored, _ := f.OfAccount(t.Context(), "acc_own")
			if len(told) != c.want || stored.Duty.OnDuty || f.presenceOf(t, r.ID) != nil || stored.OnDutyAt(f.clock.Now()) {
				t.Errorf("told %d times, %+v, at %v", len(told), stored.Availability, f.presenceOf(t, r.ID))
			}
			if c.want > 0 && (told[0].Status != c.to || told[0].Rev != stored.Rev) {
				t.Errorf("told of %+v", told[0])
			}
		})
	}
}

// What the hook refuses has not happened.
func TestBecome_hookUndoes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.enrol(t, "acc_own", eastOne)
	f.setDuty(t, "acc_own", true)
	f.reportAt(t, "acc_own", here)
	f.hooks.offDuty = func(context.Context, *store.Tx, *Responder) error { return fault.Unavailable("interrupted") }
	_, err := f.Leave(t.Context(), account("acc_own"), Leaving{})
	wantFault(t, err, fault.Unavailable("interrupted"))
	r, _ := f.OfAccount(t.Context(), "acc_own")
	if r.Status != StatusActive || !r.Duty.OnDuty || f.presenceOf(t, r.ID) == nil {
		t.Errorf("%+v", r)
	}
}
