package dispatch

import (
	"context"
	"log/slog"
	"time"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/training"
)

// Config is what the service works with. All of it is required.
type Config struct {
	DB       *store.DB
	Now      func() time.Time
	NewID    func(prefix string) string
	Log      *slog.Logger
	Roster   *roster.Service
	Tracker  *roster.Tracker // proposes candidates
	Training *training.Service
	Notify   *notify.Service
	Audit    *audit.Log
}

// Service is dispatch's doors: for staff, for responders, and for the due
// work.
type Service struct {
	Config
	worker *store.Worker[Dispatch]
}

const (
	// lease is how long a step of a dispatch may take before another process
	// takes it over.
	lease = 5 * time.Second
	// width is how many dispatches advance at a time.
	width = 16
)

// New returns the service.
func New(c Config) *Service {
	s := &Service{Config: c}
	s.worker = &store.Worker[Dispatch]{
		DB: c.DB, Collection: dispatches, Now: c.Now, Log: c.Log,
		Lease: lease, Width: width, Handle: s.advance,
	}
	return s
}

// Run advances dispatches when they are due, until the context ends.
func (s *Service) Run(ctx context.Context) { s.worker.Run(ctx) }

// RunDue advances what is due now, and returns how many steps that took.
func (s *Service) RunDue(ctx context.Context) (int, error) { return s.worker.RunDue(ctx) }

// Collections lists the collections of this package.
func Collections() []store.Definition {
	return []store.Definition{incidents, dispatches, alerts, engagements, decisions, timeline, policies}
}
