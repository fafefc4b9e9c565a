package dispatch

import (
	"context"
	"errors"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Answer is what a responder says about an alert.
type Answer struct {
	AlertID string
	// Reason is why, for Decline and Withdraw; at most 500 characters.
	Reason string
	// Key makes a repetition safe (see store.Once); optional.
	Key string
}

const maxReason = 500

// Acknowledge records that the alert has reached the responder's phone. It has
// no effect when that is known already.
func (s *Service) Acknowledge(ctx context.Context, actor auth.Principal, in Answer) (*Alert, error) {
	return s.answer(ctx, actor, in, Delivered, func(st *step, d *Dispatch, a *Alert) error {
		if a.State == Delivered || a.State.Responding() {
			return nil
		}
		if a.State == Pending { // it was quicker than the push service's answer
			if err := st.reach(ctx, a, Sent, "", ""); err != nil {
				return err
			}
		}
		return st.reach(ctx, a, Delivered, actor.AccountID, "")
	})
}

// Accept records that the responder is coming. It fails with CONFLICT when the
// alert is not open any more, or when enough others were quicker.
func (s *Service) Accept(ctx context.Context, actor auth.Principal, in Answer) (*Alert, error) {
	return s.change(ctx, actor, in, Accepted, func(d *Dispatch, a *Alert) error {
		if a.State.Open() && (d.State.Over() || d.Accepted >= d.Policy.Cap) {
			return fault.Conflict("dispatch_full", fault.Args{"state": a.State})
		}
		return nil
	})
}

// Decline records that the responder is not coming; the next candidate is
// alerted at once.
func (s *Service) Decline(ctx context.Context, actor auth.Principal, in Answer) (*Alert, error) {
	return s.change(ctx, actor, in, Declined, nil)
}

// SetOff records that the responder is on the way.
func (s *Service) SetOff(ctx context.Context, actor auth.Principal, in Answer) (*Alert, error) {
	return s.change(ctx, actor, in, EnRoute, nil)
}

// Arrive records that the responder is on the scene.
func (s *Service) Arrive(ctx context.Context, actor auth.Principal, in Answer) (*Alert, error) {
	return s.change(ctx, actor, in, OnScene, nil)
}

// Complete records that the responder has done what there was to do.
func (s *Service) Complete(ctx context.Context, actor auth.Principal, in Answer) (*Alert, error) {
	return s.change(ctx, actor, in, Completed, nil)
}

// Withdraw records that a responder who had accepted cannot come after all; a
// replacement is looked for at once.
func (s *Service) Withdraw(ctx context.Context, actor auth.Principal, in Answer) (*Alert, error) {
	return s.change(ctx, actor, in, Withdrawn, nil)
}

// change is an answer that moves the alert to the next state and lets the
// dispatch advance.
func (s *Service) change(ctx context.Context, actor auth.Principal, in Answer, next State, allowed func(*Dispatch, *Alert) error) (*Alert, error) {
	return s.answer(ctx, actor, in, next, func(st *step, d *Dispatch, a *Alert) error {
		if allowed != nil {
			if err := allowed(d, a); err != nil {
				return err
			}
		}
		if err := st.move(ctx, d, a, next, actor.AccountID, in.Reason); err != nil {
			return err
		}
		if err := st.settle(ctx, d); err != nil {
			return err
		}
		d.SetDue(st.now)
		return dispatches.Replace(ctx, st.tx, d)
	})
}

// answer takes one step on one of the actor's own alerts, once.
func (s *Service) answer(ctx context.Context, actor auth.Principal, in Answer, action State, take func(*step, *Dispatch, *Alert) error) (*Alert, error) {
	if err := fault.CheckText("reason", in.Reason, maxReason); err != nil {
		return nil, err
	}
	var answered *Alert
	err := s.atomically(ctx, func(st *step) error {
		a, err := st.own(ctx, actor, in.AlertID)
		if err != nil {
			return err
		}
		answered = a
		again := store.Step{Actor: actor.AccountID, Action: "alert " + string(action), Key: in.Key, Fingerprint: in.AlertID + " " + in.Reason}
		_, _, err = store.Once(ctx, st.tx, st.now, again, func() (string, error) {
			d, err := dispatches.Get(ctx, st.tx, a.DispatchID)
			if err != nil {
				return "", err
			}
			return a.ID, take(st, d, a)
		})
		return err
	})
	return answered, err
}

// own loads an alert of the actor; anybody else's looks as if it were not
// there.
func (st *step) own(ctx context.Context, actor auth.Principal, alertID string) (*Alert, error) {
	a, err := alerts.Get(ctx, st.tx, alertID)
	if errors.Is(err, store.ErrNotFound) || err == nil && a.AccountID != actor.AccountID {
		return nil, fault.NotFound("alert")
	}
	return a, err
}

// settle sets the dispatch's state by its counts, and records if that changed.
func (st *step) settle(ctx context.Context, d *Dispatch) error {
	was := d.State
	d.settle()
	if d.State == was {
		return nil
	}
	decision, entry := DecidedFill, EntryFilled
	if d.State == Searching {
		decision, entry = DecidedResume, EntryResumed
	}
	if err := st.decide(ctx, d, Decision{Kind: decision}); err != nil {
		return err
	}
	return st.note(ctx, Entry{IncidentID: d.IncidentID, Kind: entry})
}

// Pushed records that the push service has taken a push for the alert. It is
// called within the step in which notify records the same.
func (s *Service) Pushed(ctx context.Context, tx *store.Tx, alertID string) error {
	a, err := alerts.Get(ctx, tx, alertID)
	if errors.Is(err, store.ErrNotFound) || err == nil && a.State != Pending {
		return nil
	}
	if err != nil {
		return err
	}
	st := &step{s: s, tx: tx, now: s.Now()}
	// The time to answer begins now: until now there was nothing to answer.
	a.AnswerBy = st.now.Add(a.AnswerBy.Sub(a.AlertedAt))
	return st.reach(ctx, a, Sent, "", "")
}
