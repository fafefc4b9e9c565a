package dispatch

import (
	"slices"

	"github.com/musterhq/muster/fault"
)

// State is where an alert stands.
type State string

// The states of an alert.
const (
	Pending   State = "PENDING"    // written; the push service has not taken it yet
	Sent      State = "SENT"       // the push service has accepted it
	Delivered State = "DELIVERED"  // the app has acknowledged it
	Accepted  State = "ACCEPTED"   // the responder is coming
	EnRoute   State = "EN_ROUTE"   // has set off
	OnScene   State = "ON_SCENE"   // has arrived
	Completed State = "COMPLETED"  // has done what there was to do
	Declined  State = "DECLINED"   // is not coming
	Expired   State = "EXPIRED"    // did not answer in time
	Withdrawn State = "WITHDRAWN"  // had accepted, and cannot come after all
	StoodDown State = "STOOD_DOWN" // is not needed any more
)

// changes is the whole lifecycle of an alert: from each state, the states that
// may follow it. docs/alert-states.md draws it.
var changes = map[State][]State{
	Pending:   {Sent, Accepted, Declined, Expired, StoodDown},
	Sent:      {Delivered, Accepted, Declined, Expired, StoodDown},
	Delivered: {Accepted, Declined, Expired, StoodDown},
	Accepted:  {EnRoute, OnScene, Withdrawn, StoodDown},
	EnRoute:   {OnScene, Withdrawn, StoodDown},
	OnScene:   {Completed, Withdrawn, StoodDown},
	Completed: nil,
	Declined:  nil,
	Expired:   nil,
	Withdrawn: nil,
	StoodDown: nil,
}

// MayBecome reports whether the table lets an alert go from s to next.
func (s State) MayBecome(next State) bool { return slices.Contains(changes[s], next) }

// Open reports whether the alert waits for an answer.
func (s State) Open() bool { return s.MayBecome(Expired) }

// Responding reports whether the responder has accepted and is not done yet.
func (s State) Responding() bool { return s.MayBecome(Withdrawn) }

// Live reports whether anything can still happen.
func (s State) Live() bool { return len(changes[s]) > 0 }

// Counts reports whether the alert is one of the accepted ones that a
// dispatch's need is measured by.
func (s State) Counts() bool { return s.Responding() || s == Completed }

// ExactPlace reports whether the responder may know where exactly the incident
// is.
func (s State) ExactPlace() bool { return s.Counts() }

// conflict tells a client that the alert's state does not allow the change.
func conflict(now State) *fault.Error {
	return fault.Conflict("alert_state", fault.Args{"state": now})
}
