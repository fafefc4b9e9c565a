package audit

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/store"
)

// Config is what a Log needs. All of it is required.
type Config struct {
	DB    *store.DB
	Now   func() time.Time
	NewID func(prefix string) string
	Log   *slog.Logger
	// Keep is how long entries are kept.
	Keep time.Duration
}

// Log is the audit log. It may be used from any goroutine.
type Log struct{ Config }

// New returns the log.
func New(c Config) *Log { return &Log{c} }

// Change is a change by staff.
type Change struct {
	Action    Action
	SubjectID string
	UnitPath  string // where the subject belongs; "" for nowhere
	Reason    string
	Details   []Detail
}

// Changed writes down a change, in the step that makes it.
func (l *Log) Changed(ctx context.Context, tx *store.Tx, actor auth.Principal, c Change) error {
	e := l.entry(l.Now(), actor.AccountID, c.Action, Subject{c.SubjectID, c.UnitPath})
	e.ID, e.Reason, e.Details = l.NewID("aud"), c.Reason, c.Details
	if err := entries.Insert(ctx, tx, e); err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	return nil
}

func (l *Log) entry(at time.Time, actorID string, action Action, s Subject) *Entry {
	e := &Entry{At: at, ActorID: actorID, Action: action, SubjectID: s.ID}
	e.put(s.UnitPath)
	e.SetDue(at.Add(l.Keep))
	return e
}

// Forget returns the worker that deletes the entries that have been kept for
// long enough.
func (l *Log) Forget() *store.Worker[Entry] {
	return &store.Worker[Entry]{
		DB: l.DB, Collection: entries, Now: l.Now, Log: l.Log, Lease: time.Minute, Width: 16,
		Handle: func(ctx context.Context, e *Entry) error { return entries.Delete(ctx, l.DB, e) },
	}
}
