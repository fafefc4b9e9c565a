package roster

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/sqlite"
)

// everywhere is a radius that reaches all.
const everywhere = 3e7

func newTracker(f *fixture) *Tracker { return NewTracker(f.db, slog.New(slog.DiscardHandler)) }

// runTracker runs a tracker until the test ends.
func runTracker(t testing.TB, f *fixture) *Tracker {
	t.Helper()
	tracker := newTracker(f)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); tracker.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return tracker
}

// shown is what a tracker says: the tags by id.
func shown(tracker *Tracker) map[string]TransportMode {
	got := map[string]TransportMode{}
	for _, h := range tracker.Near(here, everywhere, 0) {
		got[h.ID] = ModeOf(h.Tag)
	}
	return got
}

// expected is what the documents say.
func expected(t testing.TB, f *fixture) map[string]geo.Hit {
	t.Helper()
	want := map[string]geo.Hit{}
	for r, err := range responders.All(t.Context(), f.db, store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		p := f.presenceOf(t, r.ID)
		if p != nil && r.Status == StatusActive && r.Duty.OnDuty {
			want[r.ID] = geo.Hit{ID: r.ID, Meters: geo.Distance(here, p.Position), Tag: r.TransportMode.tag()}
		}
	}
	return want
}

func hitsByID(tracker *Tracker) map[string]geo.Hit {
	got := map[string]geo.Hit{}
	for _, h := range tracker.Near(here, everywhere, 0) {
		got[h.ID] = h
	}
	return got
}

func TestTrackerShows(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if newTracker(f).Near(here, everywhere, 0) != nil || newTracker(f).Ready() {
		t.Error("a tracker that has loaded nothing knows something")
	}
	onDuty, off := f.enrol(t, "acc_on", eastOne), f.enrol(t, "acc_off", eastOne)
	f.setDuty(t, "acc_on", true)
	f.reportAt(t, "acc_on", here)
	f.enrol(t, "acc_lost", eastOne)
	f.setDuty(t, "acc_lost", true) // on duty, and never seen

	tracker := newTracker(f)
	defer tracker.stop()
	check := func(what string, want map[string]TransportMode) {
		t.Helper()
		f.followAll(t, tracker)
		if diff := cmp.Diff(want, shown(tracker)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	check("at first", map[string]TransportMode{onDuty.ID: OnFoot})
	f.setDuty(t, "acc_off", true)
	f.reportAt(t, "acc_off", here)
	check("another goes on duty", map[string]TransportMode{onDuty.ID: OnFoot, off.ID: OnFoot})
	f.change(t, off.ID, func(r *Responder) { r.TransportMode = Car })
	check("it takes the car", map[string]TransportMode{onDuty.ID: OnFoot, off.ID: Car})
	f.change(t, onDuty.ID, func(r *Responder) { r.Status = StatusSuspended })
	check("one is suspended", map[string]TransportMode{off.ID: Car})
	f.setDuty(t, "acc_off", false)
	check("the other goes off duty", map[string]TransportMode{})
	f.setDuty(t, "acc_off", true)
	check("and on again, not seen yet", map[string]TransportMode{})
	f.reportAt(t, "acc_off", here)
	check("and seen", map[string]TransportMode{off.ID: Car})
}

// followAll makes the tracker take in all that has been written so far.
func (f *fixture) followAll(t testing.TB, tracker *Tracker) {
	t.Helper()
	if tracker.feed == nil {
		if err := tracker.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	changes, err := drain(tracker.feed)
	if err == nil {
		err = tracker.seen.Load().take(changes)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestTrackerNear(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var ids []string
	for i := range 5 {
		account := fmt.Sprint("acc_", i)
		ids = append(ids, f.enrol(t, account, eastOne).ID)
		f.setDuty(t, account, true)
		f.reportAt(t, account, geo.Position{Latitude: here.Latitude + float64(i)/1000, Longitude: here.Longitude}) // 111 m apart
	}
	tracker := newTracker(f)
	defer tracker.stop()
	f.followAll(t, tracker)
	for name, c := range map[string]struct {
		radius float64
		limit  int
		want   []string
	}{
		"all within":  {250, 0, ids[:3]},
		"the nearest": {1000, 2, ids[:2]},
		"all":         {1000, 10, ids},
	} {
		var got []string
		for _, h := range tracker.Near(here, c.radius, c.limit) {
			got = append(got, h.ID)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestTrackerRunFollows(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	tracker := runTracker(t, f)
	eventually(t, "a load", tracker.Ready)
	f.setDuty(t, "acc_own", true)
	f.reportAt(t, "acc_own", here)
	eventually(t, "the position", func() bool { _, ok := shown(tracker)[r.ID]; return ok })
	f.setDuty(t, "acc_own", false)
	eventually(t, "the removal", func() bool { return len(shown(tracker)) == 0 })
}

// Loads begin while 2,000 random changes are made; whatever each of them saw,
// the index says what the documents say in the end.
func TestTrackerAgreesWithTheDocuments(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rng := rand.New(rand.NewPCG(1, 2))
	var all []*Responder
	for i := range 40 {
		all = append(all, f.enrol(t, fmt.Sprint("acc_", i), eastOne))
	}
	early := runTracker(t, f)
	var late []*Tracker
	for i := range 2000 {
		f.randomChange(t, rng, all[rng.IntN(len(all))])
		if i%100 == 50 { // no waiting: it loads while the changes go on
			late = append(late, runTracker(t, f))
		}
	}
	want := expected(t, f)
	if len(want) < 5 || len(want) > 35 {
		t.Fatalf("%d on duty: the test shows nothing", len(want))
	}
	for i, tracker := range append(late, early) {
		eventually(t, fmt.Sprint("agreement of tracker ", i), func() bool { return cmp.Equal(want, hitsByID(tracker)) })
	}
}

// Changes that a load has overtaken come after it, from all points of time.
func TestTrackerSettlesRaces(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rng := rand.New(rand.NewPCG(3, 4))
	all := []*Responder{f.enrol(t, "acc_0", eastOne), f.enrol(t, "acc_1", eastOne)}
	for range 50 {
		feed := f.db.Watch(1000, responders, presences)
		for range rng.IntN(30) {
			f.randomChange(t, rng, all[rng.IntN(len(all))])
		}
		tracker := newTracker(f)
		if err := tracker.Load(t.Context()); err != nil { // sees all of them
			t.Fatal(err)
		}
		tracker.stop()
		for range rng.IntN(10) {
			f.randomChange(t, rng, all[rng.IntN(len(all))])
		}
		changes, err := drain(feed) // and now hears of them
		feed.Close()
		if err == nil {
			err = tracker.seen.Load().take(changes)
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(expected(t, f), hitsByID(tracker)); diff != "" {
			t.Fatal(diff)
		}
		if n := tracker.seen.Load().index.Len(); n != len(expected(t, f)) {
			t.Fatalf("the index holds %d", n)
		}
	}
}

// An overtaken revision is not shown even for a moment.
func TestTrackerIgnoresOldRevisions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	f.setDuty(t, "acc_own", true)
	f.reportAt(t, "acc_own", here)
	feed := f.db.Watch(10, responders, presences)
	defer feed.Close()
	f.reportAt(t, "acc_own", geo.Position{Latitude: 22.6, Longitude: 114.2})
	f.change(t, r.ID, func(r *Responder) { r.TransportMode = Car })
	f.reportAt(t, "acc_own", here)
	f.change(t, r.ID, func(r *Responder) { r.TransportMode = Bicycle })
	tracker := newTracker(f)
	defer tracker.stop()
	f.followAll(t, tracker)
	want := hitsByID(tracker)
	changes, err := drain(feed)
	if err != nil || len(changes) != 4 {
		t.Fatalf("%d changes, %v", len(changes), err)
	}
	for _, c := range changes {
		if err := tracker.seen.Load().takeOne(c); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, hitsByID(tracker)); diff != "" {
			t.Error(diff)
		}
	}
}

func (f *fixture) randomChange(t testing.TB, rng *rand.Rand, r *Responder) {
	t.Helper()
	switch rng.IntN(12) {
	case 0, 1:
		f.setDuty(t, r.AccountID, false)
	case 2:
		status := []Status{StatusActive, StatusActive, StatusSuspended}[rng.IntN(3)]
		f.change(t, r.ID, func(r *Responder) { r.Status = status })
	case 3:
		mode := transportModes[rng.IntN(len(transportModes))]
		f.change(t, r.ID, func(r *Responder) { r.TransportMode = mode })
	case 4, 5, 6:
		_, err := f.SetAvailability(t.Context(), account(r.AccountID), SetAvailability{OnDuty: true})
		allowConflict(t, err)
	default:
		p := geo.Position{Latitude: 22.53 + rng.Float64()*0.09, Longitude: 114.09 + rng.Float64()*0.12}
		_, err := f.ReportPosition(t.Context(), account(r.AccountID), f.reading(p))
		allowConflict(t, err)
	}
}

func allowConflict(t testing.TB, err error) {
	t.Helper()
	if err != nil && fault.CodeOf(err) != fault.CodeConflict {
		t.Fatal(err)
	}
}

// hooked is an engine that does something once presences have been read.
type hooked struct {
	*sqlite.Engine
	read func()
}

func (h *hooked) Find(ctx context.Context, c *store.Spec, s store.Scan) ([]bson.Raw, error) {
	docs, err := h.Engine.Find(ctx, c, s)
	if read := h.read; read != nil && c.Name == presences.Spec().Name {
		h.read = nil
		read()
	}
	return docs, err
}

// What is written between a load's reading and its end is not missed.
func TestTrackerLoadMissesNothing(t *testing.T) {
	t.Parallel()
	engine, err := sqlite.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &hooked{Engine: engine}
	db, err := store.Open(t.Context(), h, Collections()...)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	f := newFixtureOn(t, db)
	r := f.enrol(t, "acc_own", eastOne)
	h.read = func() {
		f.setDuty(t, "acc_own", true)
		f.reportAt(t, "acc_own", here)
	}
	tracker := newTracker(f)
	defer tracker.stop()
	if err := tracker.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]TransportMode{r.ID: OnFoot}, shown(tracker)); diff != "" {
		t.Error(diff)
	}
}

// When changes were missed the tracker loads afresh, and meanwhile answers from
// what it knew.
func TestTrackerRecoversFromLag(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one, two := f.enrol(t, "acc_1", eastOne), f.enrol(t, "acc_2", eastOne)
	f.setDuty(t, "acc_1", true)
	f.reportAt(t, "acc_1", here)
	tracker := newTracker(f)
	defer tracker.stop()
	f.followAll(t, tracker)

	tracker.feed.Close()
	tracker.feed = f.db.Watch(1, responders, presences) // too small for what comes
	f.setDuty(t, "acc_2", true)
	f.reportAt(t, "acc_2", here)
	f.setDuty(t, "acc_1", false)
	if err := tracker.follow(t.Context()); err != nil { // hears of the lag
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]TransportMode{one.ID: OnFoot}, shown(tracker)); diff != "" || !tracker.Ready() {
		t.Errorf("before the load: %s", diff)
	}
	if err := tracker.follow(t.Context()); err != nil { // loads
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]TransportMode{two.ID: OnFoot}, shown(tracker)); diff != "" {
		t.Errorf("after the load: %s", diff)
	}
}

func TestTrackerRunStops(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(f *fixture, cancel context.CancelFunc){
		"with the context":  func(_ *fixture, cancel context.CancelFunc) { cancel() },
		"with the database": func(f *fixture, _ context.CancelFunc) { f.db.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			tracker := newTracker(f)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan struct{})
			go func() { defer close(done); tracker.Run(ctx) }()
			eventually(t, "a load", tracker.Ready)
			stop(f, cancel)
			select {
			case <-done:
			case <-time.After(10 * time.Second):
				t.Fatal("Run did not return")
			}
		})
	}
}
