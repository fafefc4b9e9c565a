package roster

import (
	"errors"
	"log/slog"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Config is what a Service needs. All of it is required.
type Config struct {
	DB    *store.DB
	Now   func() time.Time           // UTC, whole milliseconds; store.Now outside of tests
	NewID func(prefix string) string // store.NewIDs() outside of tests
	Log   *slog.Logger
}

// Service reads and changes the roster. It may be used from any goroutine.
type Service struct {
	db    *store.DB
	now   func() time.Time
	newID func(prefix string) string
	log   *slog.Logger
	tree  tree
}

// New returns the service.
func New(c Config) *Service {
	return &Service{db: c.DB, now: c.Now, newID: c.NewID, log: c.Log}
}

// Collections lists the package's collections, for store.Open.
func Collections() []store.Definition {
	return []store.Definition{units, responders, presences}
}

// known turns a missing document into the NOT_FOUND of that thing.
func known[T any](doc *T, err error, thing string) (*T, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.NotFound(thing)
	}
	return doc, err
}
