package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/musterhq/muster/store"
)

// Config is what a Service needs. Every field is required unless it says
// otherwise.
type Config struct {
	DB    *store.DB
	Now   func() time.Time
	NewID func(prefix string) string
	Log   *slog.Logger
	// Keyring signs and verifies tokens, and keys the hashes of codes. All
	// processes on one database use the same.
	Keyring *Keyring
	// Issuer and Audience are the iss and aud of access tokens.
	Issuer, Audience string
	// AccessLifetime is how long an access token is valid: above 0, at most
	// MaxAccessLifetime, in whole seconds; 0 means MaxAccessLifetime.
	AccessLifetime time.Duration
	// NewCode generates sign-in codes: RandomCode, except in demonstrations
	// and tests.
	NewCode func() (string, error)
	// Sender brings codes to phones.
	Sender CodeSender
	// Limits bounds the attempts: DefaultLimits, except in demonstrations and
	// tests.
	Limits Limits
	// IDTokens verifies tokens of another identity service; nil where none is
	// set up.
	IDTokens IDTokens

	// What follows are hooks; nil means that nobody wants to know. Those with a
	// tx belong to that step: their error undoes it, and they may be called
	// more than once for it, as store.DB.Atomically says.

	// OnSignIn is called when a session has been opened.
	OnSignIn func(ctx context.Context, tx *store.Tx, accountID string) error
	// OnSignOut is called when a session has ended, for whatever reason.
	OnSignOut func(ctx context.Context, tx *store.Tx, out SignOut) error
	// CurrentPath returns where the org unit with that path is now, which may
	// have moved or become part of another since: "" if there is none any
	// more. It is called for each grant at each request, and within steps: it
	// must be quick, and must not change anything.
	CurrentPath func(ctx context.Context, unitPath string) (string, error)
	// Place returns the path of the org unit that the account belongs to, ""
	// for none.
	Place func(ctx context.Context, accountID string) (string, error)
	// Record writes down what administrators change about accounts.
	Record func(ctx context.Context, tx *store.Tx, actor Principal, c Change) error
	// RecordRead writes down that the actor is about to be shown the accounts
	// of others.
	RecordRead func(ctx context.Context, actor Principal, subjects []Subject) error
}

// Service keeps accounts and sessions. It may be used from any goroutine.
type Service struct{ Config }

// New returns the service, or says what is missing or wrong in the
// configuration.
func New(c Config) (*Service, error) {
	c.AccessLifetime = cmp.Or(c.AccessLifetime, MaxAccessLifetime)
	switch {
	case c.DB == nil, c.Now == nil, c.NewID == nil, c.Log == nil, c.Keyring == nil, c.NewCode == nil, c.Sender == nil:
		return nil, errors.New("auth: the configuration lacks a part that is required")
	case c.Issuer == "" || c.Audience == "":
		// An empty one would switch the token library's check off.
		return nil, errors.New("auth: tokens need an issuer and an audience")
	case c.AccessLifetime < time.Second || c.AccessLifetime > MaxAccessLifetime:
		return nil, fmt.Errorf("auth: access tokens live for 1s to %s, not %s", MaxAccessLifetime, c.AccessLifetime)
	}
	if err := c.Limits.check(); err != nil {
		return nil, err
	}
	return &Service{Config: c}, nil
}

// Collections lists what the package stores, for store.Open.
func Collections() []store.Definition {
	return []store.Definition{accounts, sessions, signInCodes, windows, tickets, appointments, secondFactors}
}

// Run deletes what has expired, sessions among it, until the context ends, and
// returns when that has stopped.
func (s *Service) Run(ctx context.Context) {
	var workers sync.WaitGroup
	workers.Go(func() { s.sessionWorker().Run(ctx) })
	workers.Go(func() { expiry(s, signInCodes).Run(ctx) })
	workers.Go(func() { expiry(s, windows).Run(ctx) })
	workers.Go(func() { expiry(s, tickets).Run(ctx) })
	workers.Wait()
}

// RunDue deletes what has expired by now, and returns how many documents that
// were. Tests call it in place of Run, with a clock of their own.
func (s *Service) RunDue(ctx context.Context) (int, error) {
	total := 0
	for _, due := range []func(context.Context) (int, error){
		s.sessionWorker().RunDue, expiry(s, signInCodes).RunDue, expiry(s, windows).RunDue,
		expiry(s, tickets).RunDue,
	} {
		n, err := due(ctx)
		total += n
		if err != nil {
			return total, fmt.Errorf("deleting what has expired: %w", err)
		}
	}
	return total, nil
}

const (
	// expiryLease is how long a process may take to delete one document.
	expiryLease = time.Minute
	// expiryWidth is how many it deletes at a time.
	expiryWidth = 16
)

// expiry returns the worker that deletes the collection's documents when they
// are due.
func expiry[T any](s *Service, c *store.Collection[T]) *store.Worker[T] {
	return &store.Worker[T]{
		DB: s.DB, Collection: c, Now: s.Now, Log: s.Log, Lease: expiryLease, Width: expiryWidth,
		Handle: func(ctx context.Context, doc *T) error { return unlessChanged(c.Delete(ctx, s.DB, doc)) },
	}
}

// unlessChanged forgives that someone else changed or deleted a document
// before its expiry did: it has a new due date then, or is gone.
func unlessChanged(err error) error {
	if errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// maxRaces is how often an atomic step begins again because another was the
// first to insert the same key.
const maxRaces = 20

// atomically is store.DB.Atomically for steps that insert what they did not
// find: where two do so at once, the one that comes second runs again and then
// finds it.
func (s *Service) atomically(ctx context.Context, fn func(tx *store.Tx) error) error {
	for race := 0; ; race++ {
		err := s.DB.Atomically(ctx, fn)
		if race == maxRaces || !errors.Is(err, store.ErrDuplicate) {
			return err
		}
	}
}

// within runs fn in the step that on is, or in one of its own.
func (s *Service) within(ctx context.Context, on store.Conn, fn func(tx *store.Tx) error) error {
	if tx, ok := on.(*store.Tx); ok {
		return fn(tx)
	}
	return s.atomically(ctx, fn)
}
