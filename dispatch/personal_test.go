package dispatch

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
)

func (v *town) beginErasure(responderID string) error {
	v.t.Helper()
	return v.db.Atomically(v.t.Context(), func(tx *store.Tx) error { return v.BeginErasure(v.t.Context(), tx, responderID) })
}

// idOf returns the id of the responder with the name.
func (v *town) idOf(name string) string {
	for id, n := range v.names {
		if n == name {
			return id
		}
	}
	v.t.Fatalf("nobody is called %s", name)
	return ""
}

func TestBeginErasureFromEveryState(t *testing.T) {
	t.Parallel()
	for _, from := range []State{Pending, Sent, Delivered, Accepted, EnRoute, OnScene, Completed, Declined, Expired, Withdrawn, StoodDown} {
		t.Run(string(from), func(t *testing.T) {
			t.Parallel()
			v := begin(t)
			v.row(1)
			i := v.report()
			_, err := v.RunDue(t.Context())
			must(t, err)
			v.reach(i, "a", from)
			before := v.alert(i, "a")
			err = v.beginErasure(v.idOf("a"))
			after := v.alert(i, "a")
			switch {
			case from.Responding():
				want := fault.Conflict("erasure_responding", fault.Args{"alertId": before.ID, "state": from})
				if diff := cmp.Diff(error(want), err); diff != "" {
					t.Errorf("the error (-want +got):\n%s", diff)
				}
				must(t, unchanged(before, after))
			case from.Open():
				must(t, err)
				if after.State != Declined || after.Live {
					t.Errorf("the alert is %s", after.State)
				}
			default:
				must(t, err)
				must(t, unchanged(before, after))
			}
			v.check()
		})
	}
}

func unchanged(before, after *Alert) error {
	if diff := cmp.Diff(before, after); diff != "" {
		return errors.New("the alert has changed:\n" + diff)
	}
	return nil
}

func TestErasingAsksTheNext(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.policy(func(p *Policy) { p.Needed, p.Parallel = 1, 1 })
	v.row(2)
	i := v.report()
	v.run()
	must(t, v.beginErasure(v.idOf("a")))
	v.run()
	v.stands(i, map[string]State{"a": Declined, "b": Sent})
	v.check()
}

func TestErasePersonal(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(2)
	i := v.report()
	v.run()
	for name, reason := range map[string]string{"a": "my leg hurts", "b": "my shift begins"} {
		_, err := v.Decline(t.Context(), volunteer(name), Answer{AlertID: v.alert(i, name).ID, Reason: reason})
		must(t, err)
	}
	a := v.alert(i, "a")
	for range 2 { // a second time changes nothing
		more, err := v.ErasePersonal(t.Context(), v.idOf("a"))
		must(t, err)
		if more {
			t.Error("there is more")
		}
	}
	erased, err := alerts.Get(t.Context(), v.db, a.ID)
	must(t, err)
	want := *a
	want.Rev, want.Name, want.Reason = a.Rev+1, "", ""
	if diff := cmp.Diff(&want, erased); diff != "" {
		t.Errorf("the alert (-want +got):\n%s", diff)
	}
	if b := v.alert(i, "b"); b.Reason != "my shift begins" {
		t.Errorf("another's reason is %q", b.Reason)
	}
	notes := map[string]string{}
	for e, err := range timeline.All(t.Context(), v.db, entriesOf(i.ID)) {
		must(t, err)
		if e.Kind == entryFor(Declined) {
			notes[v.names[e.ResponderID]] = e.Note
		}
	}
	if diff := cmp.Diff(map[string]string{"a": "", "b": "my shift begins"}, notes); diff != "" {
		t.Errorf("the timeline (-want +got):\n%s", diff)
	}
	if _, err := engagements.Get(t.Context(), v.db, a.ResponderID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the engagement is still there: %v", err)
	}
}

func TestErasePersonalInShortSteps(t *testing.T) {
	t.Parallel()
	v := begin(t)
	id := v.responder("a", 50)
	const n = 2*personalPage + 1
	must(t, v.db.Atomically(t.Context(), func(tx *store.Tx) error {
		for k := range n {
			a := &Alert{
				Meta: store.Meta{ID: fmt.Sprintf("alr_x%d", k)}, DispatchID: fmt.Sprintf("dsp_x%d", k), IncidentID: fmt.Sprintf("inc_x%d", k),
				ResponderID: id, Name: "a", Number: 1, State: Declined, AlertedAt: v.clock.Now(),
			}
			if err := alerts.Insert(t.Context(), tx, a); err != nil {
				return err
			}
		}
		return nil
	}))
	steps := 1
	for ; ; steps++ {
		more, err := v.ErasePersonal(t.Context(), id)
		must(t, err)
		if !more {
			break
		}
	}
	if steps != 3 {
		t.Errorf("it took %d steps, want 3", steps)
	}
	for a, err := range alerts.All(t.Context(), v.db, alertsOf(id)) {
		must(t, err)
		if a.Name != "" {
			t.Fatalf("%s still has a name", a.ID)
		}
	}
}

const threeDays = 72 * time.Hour

func TestForgetIncidents(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(1)
	old := v.report(func(r *Report) { r.Position = at(70, 90) })
	v.run()
	v.answer(old, Accepted, "a")
	v.answer(old, OnScene, "a")
	_, err := v.Close(t.Context(), v.staff, CallOff{ID: old.ID, Reason: "taken to hospital"})
	must(t, err)
	closed := v.clock.Now()
	v.after(threeDays)
	young, open := v.report(), v.report()
	_, err = v.Close(t.Context(), v.staff, CallOff{ID: young.ID, Reason: "well again"})
	must(t, err)
	before := v.incidents(old, young, open)

	forget := func() {
		t.Helper()
		next, err := v.ForgetIncidents(t.Context(), closed.Add(threeDays), "")
		must(t, err)
		if next != "" {
			t.Errorf("there is more: %q", next)
		}
	}
	forget()
	want := *before[0]
	want.Rev++
	want.Position, want.Address, want.Description, want.Outcome = geo.Position{Latitude: 22.54, Longitude: 114.11}, "", "", ""
	want.HeldSince = time.Time{}
	after := v.incidents(old, young, open)
	if diff := cmp.Diff([]*Incident{&want, before[1], before[2]}, after); diff != "" {
		t.Errorf("the incidents (-want +got):\n%s", diff)
	}
	for _, a := range v.alerts(old) {
		if a.Name != "" || a.State != OnScene && a.State != StoodDown {
			t.Errorf("the alert is %+v", a)
		}
	}
	for e, err := range timeline.All(t.Context(), v.db, entriesOf(old.ID)) {
		must(t, err)
		if e.Note != "" {
			t.Errorf("the timeline says %q", e.Note)
		}
	}
	forget() // again
	if diff := cmp.Diff(after, v.incidents(old, young, open)); diff != "" {
		t.Errorf("it was forgotten twice:\n%s", diff)
	}
}

func (v *town) incidents(is ...*Incident) []*Incident {
	v.t.Helper()
	list := make([]*Incident, len(is))
	for n, i := range is {
		found, err := incidents.Get(v.t.Context(), v.db, i.ID)
		must(v.t, err)
		list[n] = found
	}
	return list
}
