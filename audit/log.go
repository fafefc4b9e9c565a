package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
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
	e := l.entry(actor, c.Action, Subject{c.SubjectID, c.UnitPath})
	e.ID, e.Reason, e.Details = l.NewID("aud"), c.Reason, c.Details
	if err := entries.Insert(ctx, tx, e); err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	return nil
}

// Subject is somebody whose data is read.
type Subject struct {
	ID       string // of the responder or account
	UnitPath string
}

// Read writes down that the actor is about to be shown the personal data of the
// subjects, who are others than the actor. The same reading by the same actor is
// written once in an hour. What it tells of is shown only if it succeeds.
func (l *Log) Read(ctx context.Context, actor auth.Principal, action Action, subjects ...Subject) error {
	if len(subjects) == 0 {
		return nil
	}
	for race := 0; ; race++ {
		err := l.read(ctx, actor, action, subjects)
		if err == nil {
			return nil
		}
		if race == maxRaces || !errors.Is(err, store.ErrDuplicate) {
			return fmt.Errorf("writing the audit log: %w", err)
		}
	}
}

// maxRaces is how often a reading is written anew when the same was written
// meanwhile.
const maxRaces = 20

func (l *Log) read(ctx context.Context, actor auth.Principal, action Action, subjects []Subject) error {
	fresh := make(map[string]*Entry, len(subjects))
	ids := make([]string, 0, len(subjects))
	for _, s := range subjects {
		e := l.entry(actor, action, s)
		e.ID = readingID(e)
		if fresh[e.ID] == nil {
			ids = append(ids, e.ID)
		}
		fresh[e.ID] = e
	}
	known, err := entries.GetMany(ctx, l.DB, ids)
	if err != nil || len(known) == len(ids) {
		return err
	}
	return l.DB.Atomically(ctx, func(tx *store.Tx) error {
		for _, id := range ids {
			if known[id] != nil {
				continue
			}
			e := *fresh[id] // the step may be run again
			if err := entries.Insert(ctx, tx, &e); err != nil {
				return err
			}
		}
		return nil
	})
}

// readingID is the same for the same reading within an hour.
func readingID(e *Entry) string {
	h := sha256.New()
	for _, part := range []string{e.ActorID, string(e.Action), e.SubjectID, e.At.Format("2006-01-02T15")} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return "aud_" + hex.EncodeToString(h.Sum(nil)[:16])
}

func (l *Log) entry(actor auth.Principal, action Action, s Subject) *Entry {
	now := l.Now()
	e := &Entry{At: now, ActorID: actor.AccountID, Action: action, SubjectID: s.ID}
	e.put(s.UnitPath)
	e.SetDue(now.Add(l.Keep))
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
