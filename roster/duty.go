package roster

import (
	"context"
	"time"

	"github.com/musterhq/muster/store"
)

// Duty is what follows, at one time, from what a responder has set: the one
// answer to whether it may be called out, and why.
type Duty struct {
	OnDuty bool       `bson:"onDuty"`
	Reason DutyReason `bson:"reason"`
	// Until is when OnDuty changes by itself; zero if it will not.
	Until time.Time `bson:"until,omitempty"`
}

// DutyReason is what decided that a responder is on duty or off.
type DutyReason string

// The reasons, in the order in which they are looked for: the first that
// applies decides.
const (
	DutyNotActive  DutyReason = "NOT_ACTIVE"          // off: not an ACTIVE responder
	DutyNoConsent  DutyReason = "NO_POSITION_CONSENT" // off: its position may not be known
	DutySignedOut  DutyReason = "SIGNED_OUT"          // off: the account has no session
	DutyLeave      DutyReason = "LEAVE"               // off
	DutyToggle     DutyReason = "TOGGLE"              // on or off, as switched
	DutyQuiet      DutyReason = "QUIET_HOURS"
	DutySchedule   DutyReason = "SCHEDULE"    // on within a shift, off outside
	DutyNothingSet DutyReason = "NOTHING_SET" // off: neither toggle nor schedule
)

// dutyAt is effective for the responder: nobody is called out whose position may
// not be known.
func (r *Responder) dutyAt(zone *time.Location, now time.Time) (d Duty, again time.Time) {
	if r.Status == StatusActive && !r.Consents.Position.Holds() {
		return Duty{Reason: DutyNoConsent}, time.Time{}
	}
	return effective(r.Availability, r.Status, zone, now)
}

// effective returns the duty that follows at now, and when to look again: when
// it, or its reason, changes by itself; zero for never.
func effective(a Availability, status Status, zone *time.Location, now time.Time) (d Duty, again time.Time) {
	if status != StatusActive {
		return Duty{Reason: DutyNotActive}, time.Time{}
	}
	d.OnDuty, d.Reason = a.at(now.In(zone))
	for t := range a.turns(zone, now) {
		on, reason := a.at(t.In(zone))
		if again.IsZero() && (on != d.OnDuty || reason != d.Reason) {
			again = t
		}
		if on != d.OnDuty {
			d.Until = t
			break
		}
	}
	return d, again
}

// at is the answer at t, which is in the district's zone. A toggle with an end
// goes before quiet hours: it was said explicitly, and for this once. One
// without an end does not, or nobody who leaves it on would ever sleep.
func (a Availability) at(t time.Time) (on bool, reason DutyReason) {
	toggle := a.Toggle.At(t)
	switch {
	case a.SignedOut:
		return false, DutySignedOut
	case a.onLeave(t):
		return false, DutyLeave
	case toggle == ToggleOff:
		return false, DutyToggle
	case toggle == ToggleOn && !a.Toggle.Until.IsZero():
		return true, DutyToggle
	case a.quiet(t):
		return false, DutyQuiet
	case toggle == ToggleOn:
		return true, DutyToggle
	case len(a.Schedule) == 0:
		return false, DutyNothingSet
	}
	return a.inShift(t), DutySchedule
}

func (a Availability) onLeave(t time.Time) bool {
	for _, l := range a.Leaves {
		if l.covers(t) {
			return true
		}
	}
	return false
}

func (a Availability) quiet(t time.Time) bool {
	for _, h := range a.Quiet {
		if h.covers(minuteOf(t)) {
			return true
		}
	}
	return false
}

func (a Availability) inShift(t time.Time) bool {
	for _, f := range a.Schedule {
		if f.covers(t.Weekday(), minuteOf(t)) {
			return true
		}
	}
	return false
}

// turn stores the responder with the duty that follows now. Going off duty
// deletes its presence, and the OffDuty hook is told of it, in the same step.
// Whatever changes a responder's availability, status or unit stores it by
// this.
func (s *Service) turn(ctx context.Context, tx *store.Tx, r *Responder) error {
	zone, was, now := s.Zone(ctx, r.UnitPath), r.Duty, s.now()
	r.Availability.forgetPast(now)
	var again time.Time
	r.Duty, again = r.dutyAt(zone, now)
	ends, err := s.keepPresence(ctx, tx, r, now)
	if err != nil {
		return err
	}
	r.SetDue(earlier(again, ends))
	if err := responders.Replace(ctx, tx, r); err != nil {
		return err
	}
	if r.Duty.leaves(was) {
		return s.hooks.offDuty(ctx, tx, r)
	}
	return nil
}

// leaves reports whether whoever had the duty was, and has d now, has stopped
// being on duty, or being a responder.
func (d Duty) leaves(was Duty) bool {
	return !d.OnDuty && (was.OnDuty || d.Reason == DutyNotActive && was.Reason != DutyNotActive)
}

// earlier returns the earlier of two times, where zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// DutyOf returns the duty of the responder at this moment, which is the stored
// one but for the moment that a worker needs to follow the clock, and the zone
// in which its times are to be read.
func (s *Service) DutyOf(ctx context.Context, r *Responder) (Duty, *time.Location) {
	zone := s.Zone(ctx, r.UnitPath)
	d, _ := r.dutyAt(zone, s.now())
	return d, zone
}
