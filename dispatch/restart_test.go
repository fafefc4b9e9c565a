package dispatch

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/store"
)

// tale is one incident from the report to the end, in steps each of which may
// be tried again. Of nine, three are needed; some decline, some are silent, one
// withdraws.
type tale struct {
	*town
	i *Incident
}

func (s *tale) answer(to State, names ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, name := range names {
			in := Answer{AlertID: s.alert(s.i, name).ID, Key: "tale " + string(to)}
			if _, err := verbs[to](s.Service, ctx, volunteer(name), in); err != nil {
				return fmt.Errorf("%s → %s: %w", name, to, err)
			}
		}
		return nil
	}
}

func (s *tale) due(ctx context.Context) error {
	for {
		steps, err := s.RunDue(ctx)
		if err != nil {
			return err
		}
		sent, err := s.Notify.RunDue(context.WithoutCancel(ctx))
		if err != nil || steps+sent == 0 {
			return err
		}
	}
}

func (s *tale) report(ctx context.Context) (err error) {
	s.i, err = s.Report(ctx, s.staff, reported(func(r *Report) { r.Key = "tale" }))
	return err
}

func (s *tale) close(ctx context.Context) error {
	_, err := s.Close(ctx, s.staff, CallOff{ID: s.i.ID, Reason: "taken over by the ambulance", Key: "tale"})
	return err
}

func (s *tale) wait(d time.Duration) func(context.Context) error {
	return func(context.Context) error {
		s.clock.Advance(d)
		return nil
	}
}

func (s *tale) steps() []func(context.Context) error {
	return []func(context.Context) error{
		s.report, s.due,
		s.answer(Delivered, "a", "b", "c", "d"),
		s.wait(5 * time.Minute),
		s.answer(Declined, "a"), s.due,
		s.answer(Accepted, "b"), s.due,
		s.wait(5 * time.Minute), s.due, // c to h have been silent for ten
		s.answer(Accepted, "i"), s.answer(Withdrawn, "b"), s.due,
		s.answer(EnRoute, "i"), s.answer(OnScene, "i"), s.answer(Completed, "i"), s.due,
		s.close, s.due,
	}
}

var ending = map[string]State{
	"a": Declined, "b": Withdrawn, "c": Expired, "d": Expired, "e": Expired, "f": Expired, "g": Expired, "h": Expired, "i": Completed,
}

// startTale has the tale's people move in. An alert stays open for the longest
// that may be, so that tries that fail do not let any expire.
func startTale(t *testing.T) *tale {
	t.Helper()
	v := begin(t)
	v.policy(func(p *Policy) { p.AnswerTimeout, p.PresenceMaxAge, p.Parallel = 10*time.Minute, time.Hour, 8 })
	v.row(9)
	return &tale{town: v}
}

func (s *tale) ended(l *ledger) {
	s.t.Helper()
	s.stands(s.i, ending)
	s.check()
	l.check(s.t)
	want := map[string][]notify.Class{}
	for name := range ending {
		want[name] = []notify.Class{alarm}
	}
	s.hears(want)
	closed, err := s.Incident(s.t.Context(), s.staff, s.i.ID)
	must(s.t, err)
	if closed.Status != IncidentClosed || closed.Outcome != "taken over by the ambulance" {
		s.t.Errorf("%s, %q", closed.Status, closed.Outcome)
	}
	page, err := s.ListTimeline(s.t.Context(), s.staff, s.i, 100, "")
	must(s.t, err)
	got := tallyOf(page.Items)
	for kind, n := range map[EntryKind]int{
		EntryReported: 1, EntryClosed: 1, entryFor(Pending): 9, entryFor(Declined): 1, entryFor(Accepted): 2,
		entryFor(Withdrawn): 1, entryFor(Expired): 6, entryFor(Completed): 1, entryFor(StoodDown): 0,
	} {
		if got[kind] != n {
			s.t.Errorf("the timeline has %s %d times, not %d", kind, got[kind], n)
		}
	}
}

func TestRestart_betweenAnySteps(t *testing.T) {
	t.Parallel()
	s := startTale(t)
	l := newLedger(s.db)
	for _, step := range s.steps() {
		must(t, step(t.Context()))
		s.check()
		s.restart()
	}
	s.ended(l)
}

// Every step is broken off when it draws its k-th id, which it does for nearly
// everything that it writes; then the process is gone, and a new one goes on.
func TestRestart_inTheMiddleOfAnyStep(t *testing.T) {
	t.Parallel()
	for _, k := range []int{1, 2, 3, 5, 8, 13} {
		t.Run(fmt.Sprintf("at id %d", k), func(t *testing.T) {
			t.Parallel()
			s := startTale(t)
			l := newLedger(s.db)
			broken := 0
			for _, step := range s.steps() {
				if s.breakOff(k, step) {
					broken++
					s.restart()
					s.clock.Advance(lease)
					must(t, step(t.Context()))
				}
				s.check()
			}
			s.ended(l)
			if broken == 0 {
				t.Error("no step drew so many ids")
			}
		})
	}
}

// breakOff reports whether the step was broken off at its k-th id.
func (s *tale) breakOff(k int, step func(context.Context) error) bool {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	s.watchIDs(func() {
		if k--; k == 0 {
			cancel()
		}
	})
	err := step(ctx)
	s.watchIDs(nil)
	if err != nil && !errors.Is(err, context.Canceled) {
		s.t.Fatal(err)
	}
	s.check()
	return err != nil
}

func (w *world) watchIDs(fn func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.onID = fn
}

// A step that fails leaves nothing at all, wherever it fails.
func TestFailedStep_leavesNothing(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(3)
	i := v.report()
	s := &tale{town: v, i: i}
	feed := v.db.Watch(1<<16, definitions()...)
	k := 1
	for ; ; k++ {
		d := v.dispatchOf(i)
		if !s.breakOff(k, func(ctx context.Context) error { return v.advance(ctx, d) }) {
			break
		}
		if list := waiting(t, feed); len(list) != 0 {
			t.Fatalf("the step that was broken off at id %d changed %d documents: the first is %s %s", k, len(list), list[0].Collection, list[0].ID)
		}
	}
	if k < 10 {
		t.Errorf("it draws %d ids only", k-1)
	}
	if len(waiting(t, feed)) == 0 || len(v.alerts(i)) != 3 {
		t.Error("the step that was not broken off did nothing")
	}
	v.check()
}

// If the push cannot be written there is no alert either.
func TestFailedPush_leavesNoAlert(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(1)
	i := v.report(func(r *Report) { r.Type = Other })
	d := v.dispatchOf(i)
	d.IncidentType = "NO_SUCH_TYPE" // has no text, which notify refuses
	must(t, dispatches.Replace(t.Context(), v.db, d))
	if _, err := v.RunDue(t.Context()); err == nil {
		t.Error("the step succeeded")
	}
	if got := v.alerted(i); got != nil {
		t.Errorf("alerted %v", got)
	}
	v.check()
}

// A push that a process sent and died before it could say so is sent again,
// and is about the same alert.
func TestRestart_pushThatWasSentAndNotRecorded(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.policy(func(p *Policy) { p.AnswerTimeout = 2 * time.Minute })
	v.row(1)
	i := v.report()
	_, err := v.RunDue(t.Context())
	must(t, err)
	dying := v.process()
	dying.Notify.OnSent = func(context.Context, *store.Tx, *notify.Message) error { return errors.New("died") }
	if _, err := dying.Notify.RunDue(t.Context()); err == nil {
		t.Error("it did not die")
	}
	if got := v.alert(i, "a").State; got != Pending {
		t.Errorf("the alert is %s", got)
	}
	v.restart()
	v.after(time.Minute)
	var about []string
	for _, push := range v.phones.to("acc_a") {
		about = append(about, push.Data["alertId"])
	}
	a := v.alert(i, "a")
	if diff := cmp.Diff([]string{a.ID, a.ID}, about); diff != "" {
		t.Errorf("the pushes are about (-want +got):\n%s", diff)
	}
	if a.State != Sent {
		t.Errorf("the alert is %s", a.State)
	}
}

// dying is a push service during whose answer the process is killed.
type dying struct{}

func (dying) Send(context.Context, notify.Push) (string, error) { panic("kill -9") }

// With the default policy an alert lives for 30 s; a push that was under way
// when the process died must go out well before.
func TestRestart_whileSending_pushesInTime(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(1)
	i := v.report()
	_, err := v.RunDue(t.Context())
	must(t, err)
	func() {
		defer func() { _ = recover() }()
		_, _ = v.processWith(dying{}).Notify.RunDue(t.Context())
	}()
	v.restart()
	v.clock.Advance(10 * time.Second)
	_, err = v.Notify.RunDue(t.Context())
	must(t, err)
	if n := len(v.phones.to("acc_a")); n != 1 {
		t.Errorf("%d pushes, want 1", n)
	}
	if a := v.alert(i, "a"); a.State != Sent || !a.AnswerBy.Equal(v.clock.Now().Add(30*time.Second)) {
		t.Errorf("%s, to be answered by %s at %s", a.State, a.AnswerBy, v.clock.Now())
	}
}
