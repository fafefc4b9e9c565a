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

// note writes a line of the timeline.
func (st *step) note(ctx context.Context, e Entry) error {
	e.ID, e.At = st.s.NewID("tle"), st.now
	return timeline.Insert(ctx, st.tx, &e)
}
