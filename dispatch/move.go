package dispatch

import (
	"context"
	"errors"

	"github.com/musterhq/muster/store"
)

// reach moves an alert to the next state of the table, with its line in the
// timeline, and nothing else.
func (st *step) reach(ctx context.Context, a *Alert, next State, by, reason string) error {
	if err := a.become(next, st.now); err != nil {
		return err
	}
	if reason != "" {
		a.Reason = reason
	}
	if err := alerts.Replace(ctx, st.tx, a); err != nil {
		return err
	}
	return st.note(ctx, Entry{
		IncidentID: a.IncidentID, Kind: entryFor(next), ActorID: by,
		AlertID: a.ID, ResponderID: a.ResponderID, Note: reason,
	})
}

// move is reach with all that follows: the dispatch's counts, the responder's
// engagement, and the pushes. d is stored by the caller.
func (st *step) move(ctx context.Context, d *Dispatch, a *Alert, next State, by, reason string) error {
	was := a.State
	if err := st.reach(ctx, a, next, by, reason); err != nil {
		return err
	}
	d.count(was, -1)
	d.count(next, +1)
	if was.Open() && !next.Open() {
		if err := st.s.Notify.Cancel(ctx, st.tx, a.ID); err != nil {
			return err
		}
	}
	if was.Responding() && next == StoodDown {
		if _, err := st.s.Notify.Enqueue(ctx, st.tx, standDown(d, a)); err != nil {
			return err
		}
	}
	if !next.Live() {
		return st.release(ctx, d, a)
	}
	return nil
}

// count adds n to what the dispatch counts of alerts in the state.
func (d *Dispatch) count(s State, n int) {
	if s.Open() {
		d.Open += n
	}
	if s.Counts() {
		d.Accepted += n
	}
}

// release frees the responder. Whoever was on the scene, however it ended, rests
// first for as long as the policy says. A drill tires nobody that way.
func (st *step) release(ctx context.Context, d *Dispatch, a *Alert) error {
	e, err := engagements.Get(ctx, st.tx, a.ResponderID)
	if errors.Is(err, store.ErrNotFound) || err == nil && e.AlertID != a.ID {
		return nil
	}
	if err != nil {
		return err
	}
	e.AlertID = ""
	if _, wasThere := a.ReachedAt(OnScene); wasThere && !a.Drill {
		e.RestingUntil = st.now.Add(d.Policy.RestPeriod)
	}
	return engagements.Replace(ctx, st.tx, e)
}
