package dispatch

import (
	"context"
	"time"

	"github.com/musterhq/muster/store"
)

// Entry is one line of an incident's timeline: what happened, when, by whom.
type Entry struct {
	store.Meta  `bson:",inline"`
	IncidentID  string    `bson:"incidentId"`
	At          time.Time `bson:"at"`
	Kind        EntryKind `bson:"kind"`
	ActorID     string    `bson:"actorId"` // an account; "" for the system itself
	AlertID     string    `bson:"alertId"`
	ResponderID string    `bson:"responderId"`
	Note        string    `bson:"note"`
}

// EntryKind is what happened. An alert's kinds are named like the state that
// it reached.
type EntryKind string

// The kinds of entries, besides the alerts'.
const (
	EntryReported   EntryKind = "REPORTED"
	EntryFilled     EntryKind = "DISPATCH_FILLED"
	EntryWidened    EntryKind = "DISPATCH_WIDENED"
	EntryShort      EntryKind = "DISPATCH_SHORT"
	EntryResumed    EntryKind = "DISPATCH_RESUMED"
	EntryCalledOff  EntryKind = "DISPATCH_STOOD_DOWN"
	EntryClosed     EntryKind = "CLOSED"
	alertEntryStart           = "ALERT_"
)

// entryFor is the kind of an alert that reached the state.
func entryFor(s State) EntryKind { return EntryKind(alertEntryStart) + EntryKind(s) }

var timeline = store.Define[Entry]("timeline",
	store.Index{Name: "incident", Fields: []string{"incidentId", "at"}},
)

// step is one atomic step under way: the transaction and its one time.
type step struct {
	s   *Service
	tx  *store.Tx
	now time.Time
}

// atomically runs fn as one step.
func (s *Service) atomically(ctx context.Context, fn func(*step) error) error {
	return s.DB.Atomically(ctx, func(tx *store.Tx) error {
		return fn(&step{s: s, tx: tx, now: s.Now()})
	})
}

// note writes a line of the timeline.
func (st *step) note(ctx context.Context, e Entry) error {
	e.ID, e.At = st.s.NewID("tle"), st.now
	return timeline.Insert(ctx, st.tx, &e)
}

// decide writes a line of the dispatch's log; d is stored by the caller.
func (st *step) decide(ctx context.Context, d *Dispatch, line Decision) error {
	d.Decided++
	line.DispatchID, line.Number = d.ID, d.Decided
	if line.ID == "" {
		line.ID = st.s.NewID("dec")
	}
	line.At, line.RadiusMeters = st.now, d.RadiusMeters()
	return decisions.Insert(ctx, st.tx, &line)
}
