package dispatch

import (
	"context"
	"errors"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// CallOff is what staff say when they end a call-out.
type CallOff struct {
	ID     string // of the dispatch to stand down, or the incident to close
	Reason string // why, or how it ended; at most 2,000 characters
	Key    string // makes a repetition safe (see store.Once); optional
}

// StandDown calls a dispatch off: nobody else is alerted, and everybody whose
// alert is live is stood down. It fails with CONFLICT if it is over already.
func (s *Service) StandDown(ctx context.Context, actor auth.Principal, in CallOff) (*Dispatch, error) {
	var ended *Dispatch
	err := s.callOff(ctx, "stand down", actor, in, func(st *step) error {
		d, err := st.dispatchOf(ctx, actor, in.ID)
		if err != nil {
			return err
		}
		ended = d
		return nil
	}, func(st *step) error {
		if ended.State.Over() {
			return fault.Conflict("dispatch_over", fault.Args{"state": ended.State})
		}
		if err := st.audit(ctx, actor, audit.StandDownDispatch, ended.IncidentID, ended.Place); err != nil {
			return err
		}
		if err := st.note(ctx, Entry{IncidentID: ended.IncidentID, Kind: EntryCalledOff, ActorID: actor.AccountID, Note: in.Reason}); err != nil {
			return err
		}
		return st.end(ctx, ended, CalledOff)
	})
	return ended, err
}

// Close closes an incident and ends its dispatch. It fails with CONFLICT if it
// is closed already.
func (s *Service) Close(ctx context.Context, actor auth.Principal, in CallOff) (*Incident, error) {
	var closed *Incident
	err := s.callOff(ctx, "close", actor, in, func(st *step) error {
		i, err := staffed(ctx, st.tx, actor, in.ID)
		if err != nil {
			return err
		}
		closed = i
		return nil
	}, func(st *step) error { return st.close(ctx, actor, closed, in.Reason) })
	return closed, err
}

func (s *Service) callOff(ctx context.Context, action string, actor auth.Principal, in CallOff, load, take func(*step) error) error {
	if err := fault.CheckText("reason", in.Reason, maxDescription); err != nil {
		return err
	}
	return s.atomically(ctx, func(st *step) error {
		if err := load(st); err != nil {
			return err
		}
		again := store.Step{Actor: actor.AccountID, Action: action, Key: in.Key, Fingerprint: in.ID + " " + in.Reason}
		_, _, err := store.Once(ctx, st.tx, st.now, again, func() (string, error) { return in.ID, take(st) })
		return err
	})
}

func (st *step) close(ctx context.Context, actor auth.Principal, i *Incident, outcome string) error {
	if i.Status == IncidentClosed {
		return fault.Conflict("incident_closed", fault.Args{"state": i.Status})
	}
	i.Status, i.ClosedBy, i.ClosedAt, i.Outcome, i.HeldSince = IncidentClosed, actor.AccountID, st.now, outcome, st.now
	if err := incidents.Replace(ctx, st.tx, i); err != nil {
		return err
	}
	if err := st.audit(ctx, actor, audit.CloseIncident, i.ID, i.Place); err != nil {
		return err
	}
	if err := st.note(ctx, Entry{IncidentID: i.ID, Kind: EntryClosed, ActorID: actor.AccountID, Note: outcome}); err != nil {
		return err
	}
	d, err := dispatches.Get(ctx, st.tx, i.DispatchID)
	if err != nil {
		return err
	}
	return st.end(ctx, d, Ended)
}

// end stops a dispatch, and stands down the first of those whose alerts are
// live; if they are many, advance goes on with the rest.
func (st *step) end(ctx context.Context, d *Dispatch, state DispatchState) error {
	if !d.State.Over() {
		d.EndedAt = st.now
		if err := st.decide(ctx, d, Decision{Kind: DecidedStop}); err != nil {
			return err
		}
	}
	d.State = state
	if err := st.standDownRest(ctx, d); err != nil {
		return err
	}
	return dispatches.Replace(ctx, st.tx, d)
}

// dispatchOf loads a dispatch for staff.
func (st *step) dispatchOf(ctx context.Context, actor auth.Principal, id string) (*Dispatch, error) {
	d, err := dispatches.Get(ctx, st.tx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && !mayDispatch(actor, d.Place) {
		return nil, fault.NotFound("dispatch")
	}
	return d, err
}

// staffed loads an incident for staff.
func staffed(ctx context.Context, on store.Conn, actor auth.Principal, id string) (*Incident, error) {
	i, err := incidents.Get(ctx, on, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && !mayDispatch(actor, i.Place) {
		return nil, fault.NotFound("incident")
	}
	return i, err
}

func mayDispatch(actor auth.Principal, p Place) bool {
	return actor.May(p.UnitPath, auth.RoleDispatcher)
}
