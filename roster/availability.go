package roster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Availability says whether a responder wants to be called out.
type Availability struct {
	OnDuty bool `bson:"onDuty"`
	// Until is when the duty ends by itself; zero for when it is switched off.
	Until time.Time `bson:"until,omitempty"`
}

// OnDutyAt reports whether it is on duty at t. Until itself is off duty.
func (a Availability) OnDutyAt(t time.Time) bool {
	return a.OnDuty && (a.Until.IsZero() || t.Before(a.Until))
}

// MaxDuty is how far ahead the end of a duty may be set: whoever is on duty for
// longer has probably forgotten it.
const MaxDuty = 7 * 24 * time.Hour

// SetAvailability is a responder's own switch.
type SetAvailability struct {
	OnDuty bool
	Until  *time.Time // nil for no end; ignored when OnDuty is false
	// Key makes a repetition safe (see store.Once): a late one must not undo
	// what has been set since. Optional.
	Key string
}

// SetAvailability puts the actor's responder on or off duty. Going off duty
// deletes its presence in the same step, and is always allowed. It fails with
// NOT_FOUND if the actor is not on the roster, INVALID for an Until that is not
// in the future or more than MaxDuty ahead, and CONFLICT if one who is not
// ACTIVE wants to go on duty.
func (s *Service) SetAvailability(ctx context.Context, actor auth.Principal, in SetAvailability) (*Responder, error) {
	wanted, err := s.wanted(in)
	if err != nil {
		return nil, err
	}
	var r *Responder
	err = s.db.Atomically(ctx, func(tx *store.Tx) (err error) {
		if r, err = ofAccount(ctx, tx, actor.AccountID); err != nil {
			return err
		}
		again := store.Step{Actor: actor.AccountID, Action: "set availability", Key: in.Key, Fingerprint: fmt.Sprint(wanted)}
		_, _, err = store.Once(ctx, tx, s.now(), again, func() (string, error) {
			if wanted.OnDuty && r.Status != StatusActive {
				return "", fault.Conflict("responder_not_active", fault.Args{"status": string(r.Status)})
			}
			return r.ID, setAvailability(ctx, tx, r, wanted)
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("setting the availability: %w", err)
	}
	return r, nil
}

func (s *Service) wanted(in SetAvailability) (Availability, error) {
	if !in.OnDuty || in.Until == nil {
		return Availability{OnDuty: in.OnDuty}, nil
	}
	until, now := in.Until.UTC().Truncate(time.Millisecond), s.now()
	if !until.After(now) || until.Sub(now) > MaxDuty {
		return Availability{}, fault.Invalid("until", "until", fault.Args{"days": int(MaxDuty.Hours() / 24)})
	}
	return Availability{OnDuty: true, Until: until}, nil
}

// setAvailability stores the responder with the availability, and forgets where
// it was if that is off duty.
func setAvailability(ctx context.Context, tx *store.Tx, r *Responder, a Availability) error {
	r.Availability = a
	r.SetDue(a.Until)
	if err := responders.Replace(ctx, tx, r); err != nil {
		return err
	}
	if a.OnDuty {
		return nil
	}
	return forgetPresence(ctx, tx, r.ID)
}

// EndDuties returns the worker that puts responders off duty whose Until has
// come, so that their positions are not kept beyond it.
func (s *Service) EndDuties() *store.Worker[Responder] {
	return &store.Worker[Responder]{
		DB: s.db, Collection: responders, Now: s.now, Log: s.log,
		Lease: 30 * time.Second, Width: 16, Handle: s.endDuty,
	}
}

func (s *Service) endDuty(ctx context.Context, claimed *Responder) error {
	err := s.db.Atomically(ctx, func(tx *store.Tx) error {
		r := *claimed // the step may be run again
		return setAvailability(ctx, tx, &r, Availability{})
	})
	if errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound) {
		return nil // changed since: what is due is what that change has said
	}
	return err
}
