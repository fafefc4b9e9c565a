package dispatch

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// twice does the same again, and checks that it changes nothing.
func twice[T any](v *town, do func() (*T, error)) *T {
	v.t.Helper()
	first, err := do()
	must(v.t, err)
	feed := v.db.Watch(1<<10, definitions()...)
	defer feed.Close()
	again, err := do()
	must(v.t, err)
	if diff := cmp.Diff(first, again); diff != "" {
		v.t.Errorf("the repetition answers otherwise (-first +again):\n%s", diff)
	}
	if list := waiting(v.t, feed); len(list) != 0 {
		v.t.Errorf("the repetition changed %d documents: %s %s", len(list), list[0].Collection, list[0].ID)
	}
	return again
}

func TestKey_report(t *testing.T) {
	t.Parallel()
	v := begin(t)
	report := func(r Report) func() (*Incident, error) {
		return func() (*Incident, error) { return v.Report(t.Context(), v.staff, r) }
	}
	in := reported(func(r *Report) { r.Key = "k" })
	first := twice(v, report(in))

	for name, change := range map[string]func(*Report){
		"another type": func(r *Report) { r.Type = Fire }, "another address": func(r *Report) { r.Address = "elsewhere" },
		"another place": func(r *Report) { r.Position = at(1, 0) }, "a drill": func(r *Report) { r.Drill = true },
		"another need": func(r *Report) { r.Needed = 5 },
	} {
		other := in
		change(&other)
		if _, err := report(other)(); !errors.Is(err, store.ErrOtherStep) {
			t.Errorf("%s: %v", name, err)
		}
	}
	another := dispatcher("other", guiyuanPath)
	theirs, err := v.Report(t.Context(), another, in)
	must(t, err)
	if theirs.ID == first.ID {
		t.Error("the same key of another account is another key")
	}
	n, err := incidents.Count(t.Context(), v.db, store.Where(store.Eq("place.district", district)))
	must(t, err)
	if n != 2 {
		t.Errorf("there are %d incidents", n)
	}
}

func TestKey_noneMeansAnother(t *testing.T) {
	t.Parallel()
	v := begin(t)
	if a, b := v.report(), v.report(); a.ID == b.ID {
		t.Error("two reports without a key are one incident")
	}
}

func TestKey_answers(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(1)
	i := v.report()
	v.run()
	other := v.report() // a is engaged, and not alerted to it
	id := v.alert(i, "a").ID
	for _, to := range []State{Delivered, Accepted, EnRoute, OnScene, Completed} {
		do := func(key string) func() (*Alert, error) {
			return func() (*Alert, error) {
				return verbs[to](v.Service, t.Context(), volunteer("a"), Answer{AlertID: id, Key: key})
			}
		}
		a := twice(v, do("k"))
		if a.State != to {
			t.Errorf("%s in place of %s", a.State, to)
		}
		if to == Delivered {
			continue
		}
		if _, err := do("another")(); fault.CodeOf(err) != fault.CodeConflict {
			t.Errorf("%s with another key: %v", to, err)
		}
	}
	// The answer that was lost on the way is repeated long after the alert has
	// gone on, and is told where it stands.
	a, err := v.Accept(t.Context(), volunteer("a"), Answer{AlertID: id, Key: "k"})
	must(t, err)
	if a.State != Completed {
		t.Errorf("the alert is %s", a.State)
	}
	v.run()
	next := v.alert(other, "a")
	if _, err := v.Accept(t.Context(), volunteer("a"), Answer{AlertID: next.ID, Key: "k"}); !errors.Is(err, store.ErrOtherStep) {
		t.Errorf("the key for another alert: %v", err)
	}
	v.check()
}

func TestKey_declineAndWithdraw(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(2)
	i := v.report()
	v.run()
	twice(v, func() (*Alert, error) {
		return v.Decline(t.Context(), volunteer("a"), Answer{AlertID: v.alert(i, "a").ID, Key: "k"})
	})
	v.answer(i, Accepted, "b")
	twice(v, func() (*Alert, error) {
		return v.Withdraw(t.Context(), volunteer("b"), Answer{AlertID: v.alert(i, "b").ID, Key: "k"})
	})
	if d := v.dispatchOf(i); d.Accepted != 0 {
		t.Errorf("%d accepted", d.Accepted)
	}
	v.check()
}

// An answer that was refused leaves its key free.
func TestKey_ofARefusedAnswerIsFree(t *testing.T) {
	t.Parallel()
	v, i := alone(t)
	id := v.alert(i, "a").ID
	arrive := func() error {
		_, err := v.Arrive(t.Context(), volunteer("a"), Answer{AlertID: id, Key: "k"})
		return err
	}
	refused(t, arrive(), Pending)
	v.answer(i, Accepted, "a")
	must(t, arrive())
}

func TestKey_standDownAndClose(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(3)
	i, other := v.report(), v.report()
	v.run()
	standDown := func(id, key string) func() (*Dispatch, error) {
		return func() (*Dispatch, error) {
			return v.StandDown(t.Context(), v.staff, CallOff{ID: id, Reason: "false alarm", Key: key})
		}
	}
	d := twice(v, standDown(i.DispatchID, "k"))
	if d.State != CalledOff {
		t.Errorf("the dispatch is %s", d.State)
	}
	_, err := standDown(i.DispatchID, "another")()
	if diff := cmp.Diff(error(fault.Conflict("dispatch_over", fault.Args{"state": CalledOff})), err); diff != "" {
		t.Errorf("once more (-want +got):\n%s", diff)
	}
	if _, err := standDown(other.DispatchID, "k")(); !errors.Is(err, store.ErrOtherStep) {
		t.Errorf("the key for another dispatch: %v", err)
	}

	shut := func(id, key string) func() (*Incident, error) {
		return func() (*Incident, error) {
			return v.Close(t.Context(), v.staff, CallOff{ID: id, Reason: "over", Key: key})
		}
	}
	v.clock.Advance(time.Minute)
	closed := twice(v, shut(i.ID, "k"))
	if closed.Status != IncidentClosed || closed.ClosedBy != "acc_staff" || closed.Outcome != "over" || !closed.ClosedAt.Equal(v.clock.Now()) {
		t.Errorf("%+v", closed)
	}
	if got := v.dispatchOf(i); got.State != Ended || !got.EndedAt.Equal(began) {
		t.Errorf("the dispatch is %s, ended at %v", got.State, got.EndedAt)
	}
	_, err = shut(i.ID, "another")()
	if diff := cmp.Diff(error(fault.Conflict("incident_closed", fault.Args{"state": IncidentClosed})), err); diff != "" {
		t.Errorf("once more (-want +got):\n%s", diff)
	}
	if _, err := shut(other.ID, "k")(); !errors.Is(err, store.ErrOtherStep) {
		t.Errorf("the key for another incident: %v", err)
	}
	_, err = standDown(i.DispatchID, "")()
	if diff := cmp.Diff(error(fault.Conflict("dispatch_over", fault.Args{"state": Ended})), err); diff != "" {
		t.Errorf("a stand-down of what has ended (-want +got):\n%s", diff)
	}
	v.check()
}
