package dispatch

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
)

// together calls fn n times at once, and returns the errors in the order of
// the calls.
func together(n int, fn func(k int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for k := range n {
		all.Go(func() {
			<-start
			errs[k] = fn(k)
		})
	}
	close(start)
	all.Wait()
	return errs
}

// won counts those without an error, and checks that the others are CONFLICTs
// which say where the alert stands.
func won(t tb, errs []error) int {
	t.Helper()
	n := 0
	for _, err := range errs {
		var f *fault.Error
		if err == nil {
			n++
		} else if fault.CodeOf(err) != fault.CodeConflict {
			t.Errorf("unexpected: %v", err)
		} else if f, _ = err.(*fault.Error); f == nil || f.Args["state"] == nil {
			t.Errorf("a CONFLICT that does not say the state: %#v", err)
		}
	}
	return n
}

func TestRace_twentyAcceptForThreePlaces(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.policy(func(p *Policy) { p.Parallel = 20 })
	names := v.row(20)
	i := v.report()
	v.run()
	ids := make([]string, len(names))
	for k, name := range names {
		ids[k] = v.alert(i, name).ID
	}
	errs := together(20, func(k int) error {
		_, err := v.Accept(t.Context(), volunteer(names[k]), Answer{AlertID: ids[k]})
		return err
	})
	if got := won(t, errs); got != 3 {
		t.Errorf("%d were accepted", got)
	}
	v.check()
	v.run()
	count := map[State]int{}
	for _, s := range v.states(i) {
		count[s]++
	}
	if diff := cmp.Diff(map[State]int{Accepted: 3, StoodDown: 17}, count); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	v.check()
}

func TestRace_sixteenAnswersToOneAlert(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(1)
	i := v.report()
	v.run()
	l := newLedger(v.db)
	id := v.alert(i, "a").ID
	answers := []State{Accepted, Declined}
	errs := together(16, func(k int) error {
		_, err := verbs[answers[k%2]](v.Service, t.Context(), volunteer("a"), Answer{AlertID: id})
		return err
	})
	if got := won(t, errs); got != 1 {
		t.Errorf("%d answers were taken", got)
	}
	winner := slices.Index(errs, nil)
	if got := v.alert(i, "a").State; got != answers[winner%2] {
		t.Errorf("%s was taken, and the alert is %s", answers[winner%2], got)
	}
	if changed := len(waiting(t, l.feed)); changed != 1 {
		t.Errorf("the alert changed %d times", changed)
	}
	v.check()
}

// Two incidents at the same place want the same responders, in two processes.
func TestRace_twoIncidentsTwoProcesses(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(10)
	l := newLedger(v.db)
	processes := []*Service{v.Service, v.process()}
	must(t, processes[1].Tracker.Load(t.Context()))
	first, second := v.report(), v.report()
	for range 4 {
		errs := together(4, func(k int) error {
			_, err := processes[k%2].RunDue(t.Context())
			return err
		})
		for _, err := range errs {
			must(t, err)
		}
		v.check()
		l.check(t)
		v.clock.Advance(15 * time.Second)
	}
	v.run()
	// Ten are open, in one or the other; seven is the most that one may have.
	a, b := v.dispatchOf(first), v.dispatchOf(second)
	if a.Open > 7 || b.Open > 7 || a.Alerted+b.Alerted < 10 {
		t.Errorf("%d and %d open, %d and %d alerted", a.Open, b.Open, a.Alerted, b.Alerted)
	}
	v.check()
}

// Both processes do the same step of the same dispatch, as after a lease that
// ran out while its holder was still at it.
func TestRace_sameStepTwice(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(10)
	i := v.report()
	seen := v.dispatchOf(i)
	for _, err := range together(8, func(int) error {
		d := *seen
		return v.advance(t.Context(), &d)
	}) {
		must(t, err)
	}
	v.check()
	v.run()
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "e", "f", "g"}, v.alerted(i)); diff != "" {
		t.Errorf("alerted (-want +got):\n%s", diff)
	}
}

// Staff close while responders answer and the dispatch advances.
func TestRace_closeWhileOthersAnswer(t *testing.T) {
	t.Parallel()
	v := begin(t)
	names := v.row(8)
	i := v.report()
	v.run()
	ids := map[string]string{}
	for _, a := range v.alerts(i) {
		ids[a.Name] = a.ID
	}
	errs := together(10, func(k int) (err error) {
		switch {
		case k == 8:
			_, err = v.Close(t.Context(), v.staff, CallOff{ID: i.ID})
		case k == 9:
			_, err = v.RunDue(t.Context())
		case ids[names[k]] != "":
			_, err = v.Accept(t.Context(), volunteer(names[k]), Answer{AlertID: ids[names[k]]})
		}
		return err
	})
	must(t, errs[8])
	won(t, errs)
	v.run()
	for name, s := range v.states(i) {
		if s.Live() {
			t.Errorf("%s is %s", name, s)
		}
	}
	v.check()
}

func TestRace_reportsWithOneKeyAreOneIncident(t *testing.T) {
	t.Parallel()
	v := begin(t)
	ids := make([]string, 8)
	for _, err := range together(8, func(k int) error {
		i, err := v.Report(t.Context(), v.staff, reported(func(r *Report) { r.Key = "k" }))
		if err == nil {
			ids[k] = i.ID
		}
		return err
	}) {
		must(t, err)
	}
	if distinct := slices.Compact(slices.Sorted(slices.Values(ids))); len(distinct) != 1 {
		t.Errorf("incidents %v", distinct)
	}
}
