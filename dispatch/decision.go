package dispatch

import (
	"context"
	"time"

	"github.com/musterhq/muster/store"
)

// Decision is one line of a dispatch's log: what it decided, about whom, and
// why.
type Decision struct {
	store.Meta     `bson:",inline"`
	DispatchID     string       `bson:"dispatchId"`
	Number         int64        `bson:"number"` // from 1, within the dispatch
	At             time.Time    `bson:"at"`
	Kind           DecisionKind `bson:"kind"`
	RadiusMeters   float64      `bson:"radiusMeters"`
	ResponderID    string       `bson:"responderId"` // of ALERTED and EXCLUDED
	Reason         Exclusion    `bson:"reason"`      // of EXCLUDED
	DistanceMeters float64      `bson:"distanceMeters"`
	EtaSeconds     int64        `bson:"etaSeconds"`
}

// DecisionKind is what was decided.
type DecisionKind string

// The kinds of decisions.
const (
	DecidedAlert   DecisionKind = "ALERTED"  // a responder was alerted
	DecidedExclude DecisionKind = "EXCLUDED" // a candidate was passed over
	DecidedWiden   DecisionKind = "WIDENED"  // the radius grew
	DecidedFill    DecisionKind = "FILLED"   // enough had accepted
	DecidedShort   DecisionKind = "SHORT"    // even the largest radius had too few
	DecidedResume  DecisionKind = "RESUMED"  // somebody withdrew, and a replacement is sought
	DecidedStop    DecisionKind = "STOPPED"  // staff called it off, or closed the incident
)

var decisions = store.Define[Decision]("decisions",
	store.Index{Name: "number", Fields: []string{"dispatchId", "number"}, Unique: true},
)

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
