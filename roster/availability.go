package roster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Availability is what a responder has set of when it wants to be called out,
// and stays as it was set. What follows from it at the moment is its Duty.
type Availability struct {
	Toggle   Toggle  `bson:"toggle"`
	Schedule []Shift `bson:"schedule,omitempty"` // at most MaxShifts
	Quiet    []Hours `bson:"quiet,omitempty"`    // every day; at most MaxQuiet
	Leaves   []Leave `bson:"leaves,omitempty"`   // at most MaxLeaves
	// SignedOut says that the account has no session left.
	SignedOut bool `bson:"signedOut,omitempty"`
}

// Toggle is the switch, which goes before the schedule while it is set.
type Toggle struct {
	State ToggleState `bson:"state,omitempty"`
	// Until is when the toggle is unset by itself; zero for never.
	Until time.Time `bson:"until,omitempty"`
}

// ToggleState is where the toggle stands.
type ToggleState string

// The states of the toggle.
const (
	ToggleUnset ToggleState = "" // the schedule decides
	ToggleOn    ToggleState = "ON"
	ToggleOff   ToggleState = "OFF"
)

// At returns where the toggle stands at t: from Until on it is unset.
func (g Toggle) At(t time.Time) ToggleState {
	if !g.Until.IsZero() && !t.Before(g.Until) {
		return ToggleUnset
	}
	return g.State
}

// MaxDuty is how far ahead the end of a toggle may be set: whoever is on duty
// for longer has probably forgotten it.
const MaxDuty = 7 * 24 * time.Hour

// SetAvailability is a responder's own switch.
type SetAvailability struct {
	OnDuty bool
	// Until is when the schedule decides again; nil for when the responder
	// says so.
	Until *time.Time
	// Key makes a repetition safe (see store.Once): a late one must not undo
	// what has been set since. Optional.
	Key string
}

// SetAvailability sets the toggle of the actor's responder. On with an end holds
// through quiet hours; off without an end mutes the schedule too. It fails with
// NOT_FOUND if the actor is not on the roster, INVALID for an Until that is not
// in the future or more than MaxDuty ahead, and CONFLICT if one who is not
// ACTIVE wants to go on duty.
func (s *Service) SetAvailability(ctx context.Context, actor auth.Principal, in SetAvailability) (*Responder, error) {
	wanted, err := s.wanted(in)
	if err != nil {
		return nil, err
	}
	return s.arrange(ctx, actor, setting{"set availability", in.Key, fmt.Sprint(wanted)}, func(r *Responder) error {
		if in.OnDuty && r.Status != StatusActive {
			return fault.Conflict("responder_not_active", fault.Args{"status": string(r.Status)})
		}
		r.Availability.Toggle = wanted
		return nil
	})
}

func (s *Service) wanted(in SetAvailability) (Toggle, error) {
	g := Toggle{State: ToggleOff}
	if in.OnDuty {
		g.State = ToggleOn
	}
	if in.Until == nil {
		return g, nil
	}
	now := s.now()
	g.Until = in.Until.UTC().Truncate(time.Millisecond)
	if !g.Until.After(now) || g.Until.Sub(now) > MaxDuty {
		return Toggle{}, fault.Invalid("until", "until", fault.Args{"days": int(MaxDuty.Hours() / 24)})
	}
	return g, nil
}

// FollowSchedule unsets the toggle of the actor's responder, so that its
// schedule decides. It fails with NOT_FOUND if the actor is not on the roster.
func (s *Service) FollowSchedule(ctx context.Context, actor auth.Principal, key string) (*Responder, error) {
	return s.arrange(ctx, actor, setting{"follow schedule", key, ""}, func(r *Responder) error {
		r.Availability.Toggle = Toggle{}
		return nil
	})
}

// setting names a change of an Availability (see store.Step).
type setting struct{ action, key, fingerprint string }

// arrange changes what the actor's responder has set, once, and lets its duty
// follow in the same step.
func (s *Service) arrange(ctx context.Context, actor auth.Principal, what setting, change func(*Responder) error) (*Responder, error) {
	var r *Responder
	err := s.retried(ctx, func(tx *store.Tx) (err error) {
		if r, err = ofAccount(ctx, tx, actor.AccountID); err != nil {
			return err
		}
		again := store.Step{Actor: actor.AccountID, Action: what.action, Key: what.key, Fingerprint: what.fingerprint}
		_, _, err = store.Once(ctx, tx, s.now(), again, func() (string, error) {
			if err := change(r); err != nil {
				return "", err
			}
			return r.ID, s.turn(ctx, tx, r)
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what.action, err)
	}
	return r, nil
}

// forgetPast drops what has no effect any more.
func (a *Availability) forgetPast(now time.Time) {
	if a.Toggle.At(now) == ToggleUnset {
		a.Toggle = Toggle{}
	}
	a.Leaves = slices.DeleteFunc(a.Leaves, func(l Leave) bool { return !now.Before(l.To) })
}
