package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/musterhq/muster/store"
)

// maxRaces is how often a step begins again at once when another was first.
const maxRaces = 10

// batch is how many alerts one step changes at most, so that other writers do
// not wait long; what is left over is due again at once.
const batch = 100

// maxExclusions is how many exclusions one step records at most; the others
// follow when the dispatch looks again.
const maxExclusions = 500

// advance takes a dispatch to where it should be now. It looks only at what is
// stored and at the clock, so it does no harm if it runs twice, or at the same
// time as another, or stops in the middle.
func (s *Service) advance(ctx context.Context, d *Dispatch) error {
	for race := 0; ; race++ {
		err := s.advanceOnce(ctx, d)
		raced := errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrDuplicate)
		if !raced || race == maxRaces {
			return err
		}
		if d, err = dispatches.Get(ctx, s.DB, d.ID); err != nil {
			return err
		}
	}
}

func (s *Service) advanceOnce(ctx context.Context, seen *Dispatch) error {
	now := s.Now()
	// Look around for all the slots there could be: some open alerts may turn
	// out to be overdue.
	found, err := s.look(ctx, seen, seen.mayFill(now), now)
	if err != nil {
		return err
	}
	return s.atomically(ctx, func(st *step) error {
		d, err := dispatches.Get(ctx, st.tx, seen.ID)
		if err != nil {
			return err
		}
		// Another step may have been first: with a wider radius, or with a
		// withdrawal that leaves more to be found than was looked for.
		looked := d.Ring == seen.Ring && d.mayFill(now) <= seen.mayFill(now)
		usable := found
		if !looked {
			usable = survey{near: found.near}
		}
		if err := st.advance(ctx, d, usable, looked); err != nil {
			return err
		}
		return dispatches.Replace(ctx, st.tx, d)
	})
}

// mayFill is how many slots there could be at most.
func (d *Dispatch) mayFill(now time.Time) int {
	if d.State.Over() || d.Accepted >= d.Policy.Needed || d.lapsed(now) {
		return 0
	}
	return d.Policy.Parallel
}

// advance changes what is to be changed now, and sets when it is due next.
// looked says whether found is about the radius that the dispatch searches.
func (st *step) advance(ctx context.Context, d *Dispatch, found survey, looked bool) error {
	if d.State.Over() || d.Accepted >= d.Policy.Needed {
		return st.standDownRest(ctx, d)
	}
	more, err := st.expireOverdue(ctx, d)
	if err != nil {
		return err
	}
	d.Considered = max(d.Considered, int64(found.near))
	unfit, err := st.fill(ctx, d, found)
	if err != nil {
		return err
	}
	if d.State == Exhausted && !d.tooFew() {
		d.State = Searching
	}
	switch {
	case more || unfit || !looked:
		d.SetDue(st.now)
		return nil
	case d.slots() > 0 && d.lapsed(st.now):
		return st.lapse(ctx, d)
	case d.slots() > 0:
		return st.runOut(ctx, d)
	default:
		return st.waitForAnswers(ctx, d)
	}
}

// fill alerts the chosen, judging each again by the documents as they are in
// this transaction. It reports whether that left some out whom others, that
// were not chosen, could replace.
func (st *step) fill(ctx context.Context, d *Dispatch, found survey) (unfit bool, err error) {
	if err := st.exclude(ctx, d, found.excluded); err != nil {
		return false, err
	}
	chosen := found.chosen[:min(len(found.chosen), d.slots(), batch)]
	if len(chosen) == 0 {
		return false, nil
	}
	files, err := st.s.files(ctx, st.tx, d, chosen, st.now)
	if err != nil {
		return false, err
	}
	for _, id := range chosen {
		f := files[id]
		switch reason := f.exclusion(d, st.now); reason {
		case Eligible:
			err = st.alert(ctx, d, f)
		case AlreadyAlerted:
			unfit = true
		default:
			unfit = true
			err = st.exclude(ctx, d, []exclusion{{id, reason, f}})
		}
		if err != nil {
			return false, err
		}
	}
	return unfit || len(found.chosen) > batch, nil
}

// alert summons one responder.
func (st *step) alert(ctx context.Context, d *Dispatch, f *file) error {
	d.Alerted++
	d.Open++
	a := &Alert{
		Meta:       store.Meta{ID: st.s.NewID("alr")},
		DispatchID: d.ID, IncidentID: d.IncidentID, ResponderID: f.responder.ID, AccountID: f.responder.AccountID,
		Name: f.responder.Name, Place: d.Place, Drill: d.Drill, Number: d.Alerted,
		State: Pending, Live: true, At: map[State]time.Time{Pending: st.now},
		AlertedAt: st.now, AnswerBy: st.now.Add(d.Policy.AnswerTimeout),
		DistanceMeters: f.distance, EtaSeconds: int64(f.eta / time.Second),
	}
	if err := st.engage(ctx, a, f.engagement); err != nil {
		return err
	}
	var err error
	if a.Devices, err = st.s.Notify.Enqueue(ctx, st.tx, summons(d, a)); err != nil {
		return err
	}
	if err := alerts.Insert(ctx, st.tx, a); err != nil {
		return err
	}
	line := Decision{Kind: DecidedAlert, ResponderID: a.ResponderID, DistanceMeters: a.DistanceMeters, EtaSeconds: a.EtaSeconds}
	if err := st.decide(ctx, d, line); err != nil {
		return err
	}
	return st.note(ctx, Entry{IncidentID: a.IncidentID, Kind: entryFor(Pending), AlertID: a.ID, ResponderID: a.ResponderID})
}

// engage binds the responder to the alert.
func (st *step) engage(ctx context.Context, a *Alert, e *Engagement) error {
	if e == nil {
		return engagements.Insert(ctx, st.tx, &Engagement{Meta: store.Meta{ID: a.ResponderID}, AlertID: a.ID, LastAlertedAt: st.now})
	}
	e.AlertID, e.LastAlertedAt = a.ID, st.now
	return engagements.Replace(ctx, st.tx, e)
}

// exclude records why candidates were passed over, each reason once.
func (st *step) exclude(ctx context.Context, d *Dispatch, es []exclusion) error {
	ids := make([]string, len(es))
	for i, e := range es {
		ids[i] = exclusionID(d, e)
	}
	known, err := decisions.GetMany(ctx, st.tx, ids)
	if err != nil {
		return err
	}
	written := 0
	for i, e := range es {
		if known[ids[i]] != nil || written == maxExclusions {
			continue
		}
		written++
		line := Decision{
			Meta: store.Meta{ID: ids[i]}, Kind: DecidedExclude, ResponderID: e.id, Reason: e.reason,
			DistanceMeters: e.file.distance, EtaSeconds: int64(e.file.eta / time.Second),
		}
		if err := st.decide(ctx, d, line); err != nil {
			return err
		}
	}
	return nil
}

func exclusionID(d *Dispatch, e exclusion) string {
	return "dec_" + d.ID + "_" + e.id + "_" + string(e.reason)
}

// runOut widens the radius, or, at the largest, tells the staff and looks
// again later.
func (st *step) runOut(ctx context.Context, d *Dispatch) error {
	if !d.widest() {
		return st.widen(ctx, d)
	}
	if err := st.lapse(ctx, d); err != nil {
		return err
	}
	if again := st.now.Add(d.Policy.RetryEvery); d.DueAt.IsZero() || again.Before(d.DueAt) {
		d.SetDue(again)
	}
	return nil
}

// lapse leaves it at those who were asked.
func (st *step) lapse(ctx context.Context, d *Dispatch) error {
	if d.State != Exhausted && d.tooFew() {
		if err := st.fallShort(ctx, d); err != nil {
			return err
		}
	}
	return st.waitForAnswers(ctx, d)
}

func (st *step) widen(ctx context.Context, d *Dispatch) error {
	d.Ring++
	d.SetDue(st.now)
	if err := st.decide(ctx, d, Decision{Kind: DecidedWiden}); err != nil {
		return err
	}
	return st.note(ctx, Entry{IncidentID: d.IncidentID, Kind: EntryWidened})
}

// fallShort records that there are too few, and tells whoever reported.
func (st *step) fallShort(ctx context.Context, d *Dispatch) error {
	d.State = Exhausted
	if err := st.decide(ctx, d, Decision{Kind: DecidedShort}); err != nil {
		return err
	}
	if err := st.note(ctx, Entry{IncidentID: d.IncidentID, Kind: EntryShort}); err != nil {
		return err
	}
	_, err := st.s.Notify.Enqueue(ctx, st.tx, shortage(d))
	return err
}

// waitForAnswers makes the dispatch due when the first open alert expires.
func (st *step) waitForAnswers(ctx context.Context, d *Dispatch) error {
	first, err := alerts.First(ctx, st.tx, d.openAlerts())
	if errors.Is(err, store.ErrNotFound) {
		d.SetDue(time.Time{})
		return nil
	}
	if err != nil {
		return err
	}
	d.SetDue(first.AnswerBy)
	return nil
}

// expireOverdue expires the open alerts whose time is over. more says that
// there are others left.
func (st *step) expireOverdue(ctx context.Context, d *Dispatch) (more bool, err error) {
	overdue, err := alerts.List(ctx, st.tx, store.Where(
		store.Eq("dispatchId", d.ID), store.AtMost("answerBy", st.now)), batch, "")
	if err != nil {
		return false, err
	}
	for _, a := range overdue.Items {
		if err := st.move(ctx, d, a, Expired, "", ""); err != nil {
			return false, err
		}
	}
	return overdue.HasNext, nil
}

// standDownRest stands down those who are not needed any more: whoever has not
// answered, and once the dispatch is over, everybody.
func (st *step) standDownRest(ctx context.Context, d *Dispatch) error {
	q := d.openAlerts()
	if d.State.Over() {
		q = store.Where(store.Eq("dispatchId", d.ID), store.Eq("live", true))
	}
	rest, err := alerts.List(ctx, st.tx, q, batch, "")
	if err != nil {
		return err
	}
	for _, a := range rest.Items {
		if err := st.move(ctx, d, a, StoodDown, "", ""); err != nil {
			return err
		}
	}
	d.SetDue(time.Time{})
	if rest.HasNext {
		d.SetDue(st.now)
	}
	return nil
}

// openAlerts is the query for the alerts that wait for an answer, the first to
// expire first.
func (d *Dispatch) openAlerts() store.Query {
	return store.Where(store.Eq("dispatchId", d.ID)).Sort("answerBy")
}
