package dispatch

import (
	"time"

	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
)

// DispatchState is what a dispatch is about.
type DispatchState string

// The states of a dispatch. It goes to and fro between the first three, as
// responders accept, withdraw and come on duty, until one of the last two.
const (
	Searching DispatchState = "SEARCHING"  // fewer have accepted than are needed
	Filled    DispatchState = "FILLED"     // enough have accepted
	Exhausted DispatchState = "EXHAUSTED"  // the largest radius has too few; it keeps looking for a while
	CalledOff DispatchState = "STOOD_DOWN" // staff called it off
	Ended     DispatchState = "ENDED"      // its incident is closed
)

// Over reports whether the dispatch summons nobody any more.
func (s DispatchState) Over() bool { return s == CalledOff || s == Ended }

// Dispatch is the call-out run for one incident. Its document is where
// everything that counts alerts meets, so that counts are exact.
type Dispatch struct {
	store.Meta   `bson:",inline"`
	store.Due    `bson:",inline"` // when advance has something to do
	IncidentID   string           `bson:"incidentId"`
	IncidentType IncidentType     `bson:"incidentType"`
	Position     geo.Position     `bson:"position"`
	Place        Place            `bson:"place"`
	Drill        bool             `bson:"drill"`
	ReportedBy   string           `bson:"reportedBy"`

	Policy Policy        `bson:"policy"`
	State  DispatchState `bson:"state"`
	// Ring is the index of the radius that is searched.
	Ring int `bson:"ring"`
	// Alerted is how many alerts there have been; the last one's number.
	Alerted int64 `bson:"alerted"`
	// Open is how many wait for an answer now.
	Open int `bson:"open"`
	// Accepted is how many have accepted, and neither withdrawn nor been stood
	// down.
	Accepted int `bson:"accepted"`
	// Decided is the number of the last decision.
	Decided int64 `bson:"decided"`
	// Considered is how many candidates were looked at, each counted once.
	Considered int64     `bson:"considered"`
	StartedAt  time.Time `bson:"startedAt"`
	EndedAt    time.Time `bson:"endedAt,omitempty"`
}

// Needed is how many responders are to accept.
func (d *Dispatch) Needed() int { return d.Policy.Needed }

// Cap is how many responders may accept at most.
func (d *Dispatch) Cap() int { return d.Policy.Cap }

// RadiusMeters is the radius that is searched.
func (d *Dispatch) RadiusMeters() float64 { return d.Policy.RadiiMeters[d.Ring] }

// widest reports whether the radius cannot grow any more.
func (d *Dispatch) widest() bool { return d.Ring == len(d.Policy.RadiiMeters)-1 }

// slots is how many more alerts may be open. Whoever has accepted takes one
// up: refusals are replaced, acceptances are not.
func (d *Dispatch) slots() int {
	if d.State.Over() || d.Accepted >= d.Policy.Needed {
		return 0
	}
	wanted := max(d.Policy.Parallel, d.Policy.Needed) - d.Accepted
	return max(min(wanted, d.Policy.Parallel)-d.Open, 0)
}

// lapsed reports whether it is too late to look for anybody else.
func (d *Dispatch) lapsed(now time.Time) bool { return now.Sub(d.StartedAt) > d.Policy.SearchFor }

// tooFew reports whether even if everybody who was asked came there would be
// fewer than are needed.
func (d *Dispatch) tooFew() bool { return d.Open+d.Accepted < d.Policy.Needed }

// settle sets the state of a dispatch that goes on, after its counts changed.
func (d *Dispatch) settle() {
	switch {
	case d.State.Over():
	case d.Accepted >= d.Policy.Needed:
		d.State = Filled
	case d.State == Filled:
		d.State = Searching
	}
}

var dispatches = store.Define[Dispatch]("dispatches",
	store.DueIndex,
	store.Index{Name: "incident", Fields: []string{"incidentId"}, Unique: true},
	store.Index{Name: "path", Fields: []string{"place.unitPath", "startedAt"}},
)
