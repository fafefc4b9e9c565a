package training

import (
	"context"
	"errors"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Config is what a Service needs. All of it is required but OnQualified.
type Config struct {
	DB    *store.DB
	Now   func() time.Time           // UTC, whole milliseconds; store.Now outside of tests
	NewID func(prefix string) string // store.NewIDs() outside of tests
	// NewSerial draws the part of a certificate's number that comes before its
	// check digit; RandomSerial outside of tests.
	NewSerial func() (string, error)
	// Scope says whose a responder is and where it stands in the tree, or
	// fails with NOT_FOUND.
	Scope func(ctx context.Context, responderID string) (accountID, unitPath string, err error)
	// OnQualified is told, within the step in which a responder's certificates
	// change, until just before when it has a valid one for the course; the
	// zero time for none. Its error undoes the step.
	OnQualified func(ctx context.Context, tx *store.Tx, responderID, courseID string, until time.Time) error
}

// Service reads and changes courses and certificates. It may be used from any
// goroutine.
type Service struct {
	db        *store.DB
	now       func() time.Time
	newID     func(prefix string) string
	newSerial func() (string, error)
	scope     func(ctx context.Context, responderID string) (accountID, unitPath string, err error)
	qualified func(ctx context.Context, tx *store.Tx, responderID, courseID string, until time.Time) error
}

// New returns the service.
func New(c Config) *Service {
	s := &Service{db: c.DB, now: c.Now, newID: c.NewID, newSerial: c.NewSerial, scope: c.Scope, qualified: c.OnQualified}
	if s.qualified == nil {
		s.qualified = func(context.Context, *store.Tx, string, string, time.Time) error { return nil }
	}
	return s
}

// Collections lists the package's collections, for store.Open.
func Collections() []store.Definition {
	return []store.Definition{courses, certificates}
}

// known turns a missing document into the NOT_FOUND of that thing.
func known[T any](doc *T, err error, thing string) (*T, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.NotFound(thing)
	}
	return doc, err
}
