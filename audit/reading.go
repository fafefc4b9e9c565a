package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/store"
)

// Subject is somebody whose data is read.
type Subject struct {
	ID       string `bson:"id"` // of the responder or account
	UnitPath string `bson:"unitPath"`
}

// reading is what somebody is about to be shown, until it is entered into the log
// line by line. It is one write, before the answer, where the lines and their
// indexes are hundreds; and nobody looks at the log without them, since whoever
// does enters them first.
type reading struct {
	store.Meta `bson:",inline"`
	store.Due  `bson:",inline"` // at once
	At         time.Time        `bson:"at"`
	ActorID    string           `bson:"actorId"`
	Action     Action           `bson:"action"`
	Subjects   []Subject        `bson:"subjects"` // at most readingSize
}

var readings = store.Define[reading]("auditReadings", store.DueIndex)

// readingSize is how many subjects a reading has at most, so that other writers
// need not wait long while it is entered.
const readingSize = 50

// Read writes down that the actor is about to be shown the personal data of the
// subjects, who are others than the actor. The same reading by the same actor is
// in the log once in an hour. What it tells of is shown only if it succeeds.
func (l *Log) Read(ctx context.Context, actor auth.Principal, action Action, subjects ...Subject) error {
	fresh, err := l.unread(ctx, actor, action, subjects)
	if err != nil {
		return fmt.Errorf("looking into the audit log: %w", err)
	}
	for part := range slices.Chunk(fresh, readingSize) {
		if err := l.writeDown(ctx, actor, action, part); err != nil {
			return fmt.Errorf("writing the audit log: %w", err)
		}
	}
	return nil
}

// unread returns those of the subjects that the log does not have as read by the
// actor within the hour.
func (l *Log) unread(ctx context.Context, actor auth.Principal, action Action, subjects []Subject) ([]Subject, error) {
	now := l.Now()
	ids := make([]string, len(subjects))
	for i, s := range subjects {
		ids[i] = lineID(now, actor.AccountID, action, s.ID)
	}
	known, err := entries.GetMany(ctx, l.DB, ids)
	if err != nil {
		return nil, err
	}
	var fresh []Subject
	for i, s := range subjects {
		if known[ids[i]] == nil && slices.Index(ids, ids[i]) == i {
			fresh = append(fresh, s)
		}
	}
	return fresh, nil
}

// writeDown stores a reading. One that waits already is as good as two.
func (l *Log) writeDown(ctx context.Context, actor auth.Principal, action Action, subjects []Subject) error {
	now := l.Now()
	r := &reading{At: now, ActorID: actor.AccountID, Action: action, Subjects: subjects}
	parts := []string{hourOf(now), r.ActorID, string(action)}
	for _, s := range subjects {
		parts = append(parts, s.ID)
	}
	r.ID = "rdg_" + digest(parts...)
	r.SetDue(now)
	err := readings.Insert(ctx, l.DB, r)
	if errors.Is(err, store.ErrDuplicate) {
		return nil
	}
	return err
}

// Enter returns the worker that enters into the log who is being shown what.
func (l *Log) Enter() *store.Worker[reading] {
	return &store.Worker[reading]{
		DB: l.DB, Collection: readings, Now: l.Now, Log: l.Log, Lease: 30 * time.Second, Width: 4,
		Handle: func(ctx context.Context, r *reading) error { return l.enter(ctx, r.ID) },
	}
}

// settle enters all readings that wait, for somebody who is about to look.
func (l *Log) settle(ctx context.Context) error {
	for r, err := range readings.All(ctx, l.DB, store.Query{}) {
		if err == nil {
			err = l.enter(ctx, r.ID)
		}
		if err != nil {
			return fmt.Errorf("entering readings into the audit log: %w", err)
		}
	}
	return nil
}

// maxRaces is how often a reading is entered anew when another was first.
const maxRaces = 20

func (l *Log) enter(ctx context.Context, id string) error {
	for race := 0; ; race++ {
		err := l.DB.Atomically(ctx, func(tx *store.Tx) error { return l.enterOnce(ctx, tx, id) })
		raced := errors.Is(err, store.ErrDuplicate) || errors.Is(err, store.ErrStale)
		if !raced || race == maxRaces {
			return err
		}
	}
}

// enterOnce inserts those lines of a reading that are missing, and deletes it. If
// it is gone, somebody else has done so.
func (l *Log) enterOnce(ctx context.Context, tx *store.Tx, id string) error {
	r, err := readings.Get(ctx, tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	lines := l.lines(r)
	ids := make([]string, len(lines))
	for i, e := range lines {
		ids[i] = e.ID
	}
	known, err := entries.GetMany(ctx, tx, ids)
	if err != nil {
		return err
	}
	for _, e := range lines {
		if known[e.ID] != nil {
			continue
		}
		if err := entries.Insert(ctx, tx, e); err != nil {
			return err
		}
	}
	return readings.Delete(ctx, tx, r)
}

func (l *Log) lines(r *reading) []*Entry {
	lines := make([]*Entry, len(r.Subjects))
	for i, s := range r.Subjects {
		lines[i] = l.entry(r.At, r.ActorID, r.Action, s)
		lines[i].ID = lineID(r.At, r.ActorID, r.Action, s.ID)
	}
	return lines
}

// lineID is the same for the same reading within an hour. Those of one actor in
// one hour begin with the same, so that they lie together in the store.
func lineID(at time.Time, actorID string, action Action, subjectID string) string {
	return "aud_" + hourOf(at) + digest(actorID, string(action)) + digest(subjectID)
}

func hourOf(t time.Time) string { return strconv.FormatInt(t.Unix()/int64(time.Hour/time.Second), 16) }

func digest(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
