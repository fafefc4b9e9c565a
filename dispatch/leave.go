package dispatch

import (
	"context"
	"errors"
	"fmt"

	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
)

// The reasons of alerts that end because their responder has left, whom nobody
// asked for one.
const (
	ReasonOffDuty   = "OFF_DUTY"   // went off duty before answering: DECLINED
	ReasonNotActive = "NOT_ACTIVE" // is no ACTIVE responder any more: DECLINED or WITHDRAWN
)

// LeaveDuty ends what a responder has to do with dispatches who may not be
// called out any more, in the step that says so; r is the responder as it is
// stored in that. An alert that waits for an answer is declined, so that the next
// candidate is alerted at once, and pushes that have not left are cancelled;
// nothing is sent to who has left. An alert that was accepted goes on: the
// responder has given a word, and may well go off duty because of it; whoever
// cannot come withdraws. Only one who is not ACTIVE any more is withdrawn, for
// the programme does not want them there.
func (s *Service) LeaveDuty(ctx context.Context, tx *store.Tx, r *roster.Responder) error {
	st := &step{s: s, tx: tx, now: s.Now()}
	e, err := st.disengage(ctx, r.ID)
	if err == nil && !e.Free() {
		err = st.leave(ctx, r, e.AlertID)
	}
	if err != nil {
		return fmt.Errorf("ending a responder's alerts: %w", err)
	}
	return nil
}

// disengage rewrites the responder's engagement, as it is. Whoever alerts the
// responder at the same time writes it too, so that one of the two comes second
// and sees the other, also on engines whose atomic steps only conflict where
// both write.
func (st *step) disengage(ctx context.Context, responderID string) (*Engagement, error) {
	e, err := engagements.Get(ctx, st.tx, responderID)
	if errors.Is(err, store.ErrNotFound) {
		e = &Engagement{Meta: store.Meta{ID: responderID}}
		return e, engagements.Insert(ctx, st.tx, e)
	}
	if err != nil {
		return nil, err
	}
	return e, engagements.Replace(ctx, st.tx, e)
}

// leave ends the responder's live alert, if it ends by the leaving.
func (st *step) leave(ctx context.Context, r *roster.Responder, alertID string) error {
	a, err := alerts.Get(ctx, st.tx, alertID)
	if err != nil {
		return err
	}
	next, reason := Declined, ReasonOffDuty
	if r.Status != roster.StatusActive {
		reason = ReasonNotActive
	}
	switch {
	case a.State.Open():
	case a.State.Responding() && r.Status != roster.StatusActive:
		next = Withdrawn
	default:
		return nil
	}
	d, err := dispatches.Get(ctx, st.tx, a.DispatchID)
	if err != nil {
		return err
	}
	if err := st.move(ctx, d, a, next, "", reason); err != nil {
		return err
	}
	if err := st.settle(ctx, d); err != nil {
		return err
	}
	d.SetDue(st.now)
	return dispatches.Replace(ctx, st.tx, d)
}
