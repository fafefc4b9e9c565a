package roster

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Config is what a Service needs. All of it is required but the hooks, which
// are called within the atomic step that they tell of, and whose error undoes
// it.
type Config struct {
	DB    *store.DB
	Now   func() time.Time           // UTC, whole milliseconds; store.Now outside of tests
	NewID func(prefix string) string // store.NewIDs() outside of tests
	Log   *slog.Logger
	Audit *audit.Log
	// Zone is the time zone of districts that have none of their own.
	Zone *time.Location

	// OffDuty is told of a responder who may not be called out any more, as it
	// is stored.
	OffDuty func(ctx context.Context, tx *store.Tx, r *Responder) error
	// Tell brings a notice to an account.
	Tell func(ctx context.Context, tx *store.Tx, n Notice) error

	// Refile lets documents of other packages follow the org units that they
	// are filed under; the most urgent ones first.
	Refile []Refiler
}

// Service reads and changes the roster. It may be used from any goroutine.
type Service struct {
	db        *store.DB
	now       func() time.Time
	newID     func(prefix string) string
	log       *slog.Logger
	audit     *audit.Log
	zone      *time.Location
	hooks     hooks
	tree      tree
	directory directory
	refilers  []Refiler // the Config's
}

// hooks are those of the Config that were given.
type hooks struct {
	offDuty func(ctx context.Context, tx *store.Tx, r *Responder) error
	tell    func(ctx context.Context, tx *store.Tx, n Notice) error
}

// New returns the service.
func New(c Config) *Service {
	s := &Service{db: c.DB, now: c.Now, newID: c.NewID, log: c.Log, audit: c.Audit, zone: c.Zone, hooks: hooks{offDuty: c.OffDuty, tell: c.Tell}}
	s.tree.log, s.refilers = c.Log, c.Refile
	if s.hooks.offDuty == nil {
		s.hooks.offDuty = func(context.Context, *store.Tx, *Responder) error { return nil }
	}
	if s.hooks.tell == nil {
		s.hooks.tell = func(context.Context, *store.Tx, Notice) error { return nil }
	}
	return s
}

// Collections lists the package's collections, for store.Open.
func Collections() []store.Definition {
	return []store.Definition{
		units, boundaries, reorganisations, responders, presences, requests, consents, notes, imports, importRows,
	}
}

// known turns a missing document into the NOT_FOUND of that thing.
func known[T any](doc *T, err error, thing string) (*T, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.NotFound(thing)
	}
	return doc, err
}
