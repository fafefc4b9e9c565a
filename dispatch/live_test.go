package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/store"
)

func (v *town) live() *Live { return NewLive(v.db, slog.New(slog.DiscardHandler)) }

// catchUp has the Live that does not Run route all that waits in its feed.
func (l *Live) catchUp(t tb) {
	t.Helper()
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.read(now, l.feed); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// told returns what waits for the follower, without waiting itself.
func (f *Follower) told(t tb) []string {
	t.Helper()
	now, cancel := context.WithCancel(t.Context())
	cancel()
	ids, err := f.Next(now)
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return ids
}

// next waits for the follower, for as long as a test may take.
func (f *Follower) next(t tb) ([]string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return f.Next(ctx)
}

// Everything that changes in an incident reaches those who follow it, its
// units, or the account; nobody else; and each id once, however much changed.
func TestLive_reachesThoseWhoFollow(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(2)
	l := v.live()
	unrelated := v.report(func(r *Report) { r.Position = at(0, 2000); r.Needed = 1 })
	v.run()
	i := v.report()
	l.catchUp(t)

	follow := map[string]*Follower{}
	for name, topic := range map[string]Topic{
		"incident": IncidentTopic(i.ID), "community": UnitTopic(home), "subdistrict": UnitTopic(guiyuan), "district": UnitTopic(district),
		"a": AccountTopic("acc_a"), "b": AccountTopic("acc_b"),
		"another incident": IncidentTopic(unrelated.ID), "another community": UnitTopic(foreign),
		"another subdistrict": UnitTopic(liantang), "another district": UnitTopic(neighbour), "staff": AccountTopic("acc_staff"),
	} {
		follow[name] = l.Follow(topic)
		defer follow[name].Close()
	}
	expect := func(what string, want map[string][]string) {
		t.Helper()
		l.catchUp(t)
		got := map[string][]string{}
		for name, f := range follow {
			if ids := f.told(t); ids != nil {
				got[name] = ids
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	staff := func(and map[string][]string) map[string][]string {
		for _, name := range []string{"incident", "community", "subdistrict", "district"} {
			and[name] = []string{i.ID}
		}
		return and
	}

	expect("nothing", map[string][]string{})
	_, err := v.RunDue(t.Context())
	must(t, err)
	a, b := v.alert(i, "a"), v.alert(i, "b")
	expect("alerts", staff(map[string][]string{"a": {a.ID}, "b": {b.ID}}))
	v.run()
	expect("pushes", staff(map[string][]string{"a": {a.ID}, "b": {b.ID}}))
	v.answer(i, Delivered, "a")
	v.answer(i, Accepted, "a")
	v.answer(i, EnRoute, "a")
	expect("answers", staff(map[string][]string{"a": {a.ID}}))
	expect("nothing more", map[string][]string{})
	_, err = v.Close(t.Context(), v.staff, CallOff{ID: i.ID})
	must(t, err)
	expect("the end", staff(map[string][]string{"a": {a.ID}, "b": {b.ID}}))
}

func TestFollow_newIncidentOfAUnit(t *testing.T) {
	t.Parallel()
	v := begin(t)
	l := v.live()
	f := l.Follow(UnitTopic(guiyuan))
	defer f.Close()
	first, second := v.report(), v.report()
	l.catchUp(t)
	if diff := cmp.Diff([]string{first.ID, second.ID}, f.told(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A follower for whom too much waits has missed something, hears so once, and
// follows on.
func TestFollower_tooSlow(t *testing.T) {
	t.Parallel()
	v := begin(t)
	l := v.live()
	topic := UnitTopic(home)
	slow, quick := l.Follow(topic), l.Follow(topic)
	defer slow.Close()
	defer quick.Close()
	for n := range followerBuffer {
		l.tell(topic, fmt.Sprint(n))
		l.tell(topic, fmt.Sprint(n)) // known already: takes no place
	}
	if ids := quick.told(t); len(ids) != followerBuffer || ids[0] != "0" {
		t.Errorf("%d ids wait", len(ids))
	}
	l.tell(topic, "one too many")
	l.tell(topic, "and another")
	if _, err := slow.next(t); !errors.Is(err, store.ErrLagged) {
		t.Errorf("the slow one: %v", err)
	}
	if diff := cmp.Diff([]string{"one too many", "and another"}, quick.told(t)); diff != "" {
		t.Errorf("the quick one (-want +got):\n%s", diff)
	}
	if ids := slow.told(t); ids != nil {
		t.Errorf("after that: %v", ids)
	}
	l.tell(topic, "0")
	if diff := cmp.Diff([]string{"0"}, slow.told(t)); diff != "" {
		t.Errorf("afterwards (-want +got):\n%s", diff)
	}
}

func TestFollower_contextEnds(t *testing.T) {
	t.Parallel()
	f := begin(t).live().Follow(UnitTopic(home))
	defer f.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if ids, err := f.Next(ctx); !errors.Is(err, context.Canceled) || ids != nil {
		t.Errorf("%v, %v", ids, err)
	}
}

func TestFollower_close(t *testing.T) {
	t.Parallel()
	l := begin(t).live()
	topic := UnitTopic(home)
	closed, stays := l.Follow(topic), l.Follow(topic)
	closed.Close()
	closed.Close() // once more is no harm
	l.tell(topic, "x")
	if ids := closed.told(t); ids != nil {
		t.Errorf("the closed one was told %v", ids)
	}
	if diff := cmp.Diff([]string{"x"}, stays.told(t)); diff != "" {
		t.Errorf("the other (-want +got):\n%s", diff)
	}
	stays.Close()
	if len(l.followers) != 0 {
		t.Errorf("%d topics are kept", len(l.followers))
	}
}

// running starts the Live, and returns what ends it and waits for that.
func running(t *testing.T, l *Live) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Run(ctx)
	}()
	end = func() {
		cancel()
		ended(t, done)
	}
	t.Cleanup(end)
	return end
}

func ended(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("Run does not end")
	}
}

func TestLiveRun_bringsWhatChanges(t *testing.T) {
	t.Parallel()
	v := begin(t)
	l := v.live()
	before := v.report() // after NewLive and before Run: not missed
	f := l.Follow(UnitTopic(district))
	defer f.Close()
	end := running(t, l)
	after := v.report()
	var got []string
	for !slices.Contains(got, after.ID) {
		ids, err := f.next(t)
		must(t, err)
		got = append(got, ids...)
	}
	if got[0] != before.ID {
		t.Errorf("%v", got)
	}
	end()
	v.report()
	f.told(t) // what was told before the end
	if ids := f.told(t); ids != nil {
		t.Errorf("after the end: %v", ids)
	}
}

// When Live itself has missed changes it says so to all, and goes on.
func TestLiveRun_missedChanges(t *testing.T) {
	t.Parallel()
	v := begin(t)
	l := v.live()
	l.feed.Close()
	l.feed = v.db.Watch(1, incidents, dispatches, alerts)
	fs := []*Follower{l.Follow(UnitTopic(district)), l.Follow(AccountTopic("acc_a"))}
	v.report()
	v.report()
	running(t, l)
	for _, f := range fs {
		defer f.Close()
		if ids, err := f.next(t); !errors.Is(err, store.ErrLagged) {
			t.Errorf("%v, %v", ids, err)
		}
	}
	again := v.report()
	ids, err := fs[0].next(t)
	must(t, err)
	if diff := cmp.Diff([]string{again.ID}, ids); diff != "" {
		t.Errorf("afterwards (-want +got):\n%s", diff)
	}
}

func TestLiveRun_endsWithTheStore(t *testing.T) {
	t.Parallel()
	v := begin(t)
	l := v.live()
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Run(t.Context())
	}()
	must(t, v.db.Close())
	ended(t, done)
}

// Many follow, come and go while things change.
func TestLive_manyAtOnce(t *testing.T) {
	t.Parallel()
	v := begin(t)
	l := v.live()
	running(t, l)
	for _, err := range together(8, func(k int) error {
		if k%2 == 0 {
			_, err := v.Report(t.Context(), v.staff, reported())
			return err
		}
		f := l.Follow(UnitTopic(home))
		defer f.Close()
		if _, err := v.Report(t.Context(), v.staff, reported()); err != nil {
			return err
		}
		_, err := f.next(t)
		return err
	}) {
		must(t, err)
	}
}

// The service's own loop does what is due without being asked, and ends.
func TestRun_doesWhatIsDueAndEnds(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(1)
	l := v.live()
	f := l.Follow(AccountTopic("acc_a"))
	defer f.Close()
	running(t, l)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.Run(ctx)
	}()
	i := v.report()
	ids, err := f.next(t)
	must(t, err)
	if diff := cmp.Diff([]string{v.alert(i, "a").ID}, ids); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	cancel()
	ended(t, done)
}
