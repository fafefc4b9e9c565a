package dispatch

import (
	"context"
	"errors"

	"github.com/musterhq/muster/store"
)

// check checks what must be true between any two steps.
func (v *town) check() {
	v.t.Helper()
	live := map[string]string{} // alerts, by responder
	for d, err := range dispatches.All(v.t.Context(), v.db, store.Query{}) {
		must(v.t, err)
		v.checkDispatch(d, live)
	}
	v.checkEngagements(live)
}

func (v *town) checkDispatch(d *Dispatch, live map[string]string) {
	v.t.Helper()
	all := v.alerts(&Incident{DispatchID: d.ID})
	once := map[string]bool{}
	open, accepted := 0, 0
	for n, a := range all {
		if a.Number != int64(n+1) {
			v.t.Errorf("%s: alert %d has the number %d", d.ID, n+1, a.Number)
		}
		if once[a.ResponderID] {
			v.t.Errorf("%s: %s was alerted twice", d.ID, a.Name)
		}
		once[a.ResponderID] = true
		if a.Live && live[a.ResponderID] != "" {
			v.t.Errorf("%s has two live alerts: %s and %s", a.Name, live[a.ResponderID], a.ID)
		}
		if a.Live {
			live[a.ResponderID] = a.ID
		}
		if a.Live != a.State.Live() || a.AnswerBy.IsZero() == a.State.Open() {
			v.t.Errorf("%s is %s, live %v, to be answered by %v", a.ID, a.State, a.Live, a.AnswerBy)
		}
		if a.State.Open() {
			open++
			v.checkOnDuty(a)
		}
		if a.State.Counts() {
			accepted++
		}
	}
	if int(d.Alerted) != len(all) || d.Open != open || d.Accepted != accepted {
		v.t.Errorf("%s counts %d alerted, %d open, %d accepted; there are %d, %d and %d",
			d.ID, d.Alerted, d.Open, d.Accepted, len(all), open, accepted)
	}
	if d.Accepted > d.Policy.Cap {
		v.t.Errorf("%s has %d accepted; %d may", d.ID, d.Accepted, d.Policy.Cap)
	}
	if d.Open > d.Policy.Parallel {
		v.t.Errorf("%s has %d open; %d may be", d.ID, d.Open, d.Policy.Parallel)
	}
	if filled := d.Accepted >= d.Policy.Needed; !d.State.Over() && filled != (d.State == Filled) {
		v.t.Errorf("%s is %s with %d of %d", d.ID, d.State, d.Accepted, d.Policy.Needed)
	}
	if !d.State.Over() && d.Accepted < d.Policy.Needed && d.DueAt.IsZero() {
		v.t.Errorf("%s is %s, and never due again", d.ID, d.State)
	}
	for n, line := range v.decisionsOf(&Incident{DispatchID: d.ID}) {
		if line.Number != int64(n+1) {
			v.t.Errorf("%s: decision %d has the number %d", d.ID, n+1, line.Number)
		}
	}
}

// checkOnDuty: nobody who has left is waited for.
func (v *town) checkOnDuty(a *Alert) {
	v.t.Helper()
	found, err := v.Roster.LoadResponders(v.t.Context(), v.db, []string{a.ResponderID})
	must(v.t, err)
	if r := found[a.ResponderID]; r == nil || !r.Duty.OnDuty {
		v.t.Errorf("%s waits for %s, who is off duty", a.ID, a.Name)
	}
}

// checkEngagements: who has a live alert is engaged by it, and nobody else is.
func (v *town) checkEngagements(live map[string]string) {
	v.t.Helper()
	for e, err := range engagements.All(v.t.Context(), v.db, store.Query{}) {
		must(v.t, err)
		if e.AlertID != live[e.ID] {
			v.t.Errorf("%s is engaged by %q and has the live alert %q", v.names[e.ID], e.AlertID, live[e.ID])
		}
		delete(live, e.ID)
	}
	for id, alert := range live {
		v.t.Errorf("%s is not engaged by the live alert %s", v.names[id], alert)
	}
}

// ledger follows all alerts, and checks that each goes along the table from
// change to change.
type ledger struct {
	feed   *store.Feed
	states map[string]State
}

func newLedger(db *store.DB) *ledger {
	return &ledger{feed: db.Watch(1<<16, alerts), states: map[string]State{}}
}

// check takes in the changes since it was last called.
func (l *ledger) check(t tb) {
	t.Helper()
	for _, c := range waiting(t, l.feed) {
		if c.Op == store.Deleted {
			t.Errorf("the alert %s was deleted", c.ID)
			continue
		}
		a, err := alerts.Decode(c)
		must(t, err)
		was := l.states[a.ID]
		if was == "" && a.State != Pending || was != "" && was != a.State && !inLifecycle(was, a.State) {
			t.Errorf("the alert %s went from %q to %s", a.ID, was, a.State)
		}
		l.states[a.ID] = a.State
	}
}

// waiting returns the changes that wait in the feed, without waiting itself.
func waiting(t tb, feed *store.Feed) []store.Change {
	t.Helper()
	now, cancel := context.WithCancel(t.Context())
	cancel()
	list, err := feed.Next(now)
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return list
}
