package privacy

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/store"
)

// Config is what a Service needs. All of it is required.
type Config struct {
	DB    *store.DB
	Now   func() time.Time // UTC, whole milliseconds; store.Now outside of tests
	Log   *slog.Logger
	Audit *audit.Log
	Auth  *auth.Service
	// Parts are what is copied and erased, in this order. The part that keeps
	// the account itself is the last: until then an erasure that was
	// interrupted finds what it needs.
	Parts []Part
	// Sweeps erase what has been kept for long enough.
	Sweeps []Sweep
	// UnitOf returns the path of the org unit whose administrators may erase
	// the account, or "" if there is none.
	UnitOf func(ctx context.Context, on store.Conn, accountID string) (unitPath string, err error)
	// Keep is how long it is remembered that an account was erased.
	Keep time.Duration
}

// Service copies and erases. It may be used from any goroutine.
type Service struct {
	Config
	erasing  *store.Worker[Erasure]
	sweeping *store.Worker[sweepState]
}

const (
	// lease is how long a process may take over one erasure, or one round of a
	// sweep; another takes it over then.
	lease = time.Minute
	// turn is how long it takes at most before it lets others have their turn.
	turn = 20 * time.Second
	// width is how many erasures are under way at a time: none is in a hurry.
	width = 4
)

// New returns the service.
func New(c Config) *Service {
	s := &Service{Config: c}
	s.erasing = &store.Worker[Erasure]{
		DB: c.DB, Collection: erasures, Now: c.Now, Log: c.Log, Lease: lease, Width: width, Handle: s.continueErasure,
	}
	s.sweeping = &store.Worker[sweepState]{
		DB: c.DB, Collection: sweepStates, Now: c.Now, Log: c.Log, Lease: lease, Width: width, Handle: s.sweep,
	}
	return s
}

// Collections lists what the package stores, for store.Open.
func Collections() []store.Definition { return []store.Definition{erasures, sweepStates} }

// Run goes on with erasures and sweeps when they are due, until the context
// ends, and returns when what it has begun is done.
func (s *Service) Run(ctx context.Context) {
	if err := s.ensureSweeps(ctx); err != nil {
		s.Log.Error("scheduling what erases by itself", "error", err)
	}
	var workers sync.WaitGroup
	workers.Go(func() { s.erasing.Run(ctx) })
	workers.Go(func() { s.sweeping.Run(ctx) })
	workers.Wait()
}

// RunDue does what is due now, and what follows from that at once, and returns
// how many steps that took. Tests call it in place of Run, with a clock of
// their own.
func (s *Service) RunDue(ctx context.Context) (int, error) {
	if err := s.ensureSweeps(ctx); err != nil {
		return 0, err
	}
	swept, err := s.sweeping.RunDue(ctx)
	if err != nil {
		return swept, err
	}
	erased, err := s.erasing.RunDue(ctx)
	return swept + erased, err
}
