package roster

import (
	"context"
	"slices"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Status is where a responder stands with the programme. Whether it can be
// called out now is its Availability.
type Status string

// The statuses. Only the ACTIVE may go on duty.
const (
	StatusApplied   Status = "APPLIED"
	StatusRejected  Status = "REJECTED" // may apply again
	StatusActive    Status = "ACTIVE"
	StatusSuspended Status = "SUSPENDED"
	StatusRetired   Status = "RETIRED" // may apply again
)

// moves is the whole life of a responder on the roster: from each status, those
// that may follow it. docs/responder-states.md draws it.
var moves = map[Status][]Status{
	StatusApplied:   {StatusActive, StatusRejected, StatusRetired},
	StatusRejected:  {StatusApplied},
	StatusActive:    {StatusSuspended, StatusRetired},
	StatusSuspended: {StatusActive, StatusRetired},
	StatusRetired:   {StatusApplied},
}

// Statuses lists all statuses, in the order of a responder's life.
func Statuses() []Status {
	return []Status{StatusApplied, StatusRejected, StatusActive, StatusSuspended, StatusRetired}
}

// Valid reports whether s is one of the statuses.
func (s Status) Valid() bool { return len(moves[s]) > 0 }

// MayBecome reports whether the table lets a responder go from s to next.
func (s Status) MayBecome(next Status) bool { return slices.Contains(moves[s], next) }

// Enlisted reports whether the responder is on the roster or waits for it, and
// has not left or been turned away.
func (s Status) Enlisted() bool { return !s.MayBecome(StatusApplied) }

// wrongStatus tells a client that the responder's status does not allow the
// change.
func wrongStatus(now Status) *fault.Error {
	return fault.Conflict("responder_status", fault.Args{"status": string(now)})
}

// become moves the responder to the status and stores it, with the duty that
// follows. Who is off the roster belongs to no team, asks for nothing and has
// nothing set, all in the same step.
func (s *Service) become(ctx context.Context, tx *store.Tx, r *Responder, next Status, reason string) error {
	if !r.Status.MayBecome(next) {
		return wrongStatus(r.Status)
	}
	r.LeftSuspended = next != StatusActive && (r.LeftSuspended || r.Status == StatusSuspended && next == StatusRetired)
	r.Status, r.StatusAt, r.StatusReason = next, s.now(), reason
	if !next.Enlisted() {
		r.Memberships, r.Availability = nil, Availability{SignedOut: r.Availability.SignedOut}
		if err := dropRequests(ctx, tx, r.ID); err != nil {
			return err
		}
	}
	return s.turn(ctx, tx, r)
}
