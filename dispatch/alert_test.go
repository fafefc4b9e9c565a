package dispatch

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/roster"
)

// reach takes the responder's fresh, PENDING alert to the state.
func (v *town) reach(i *Incident, name string, s State) {
	v.t.Helper()
	switch s {
	case Pending:
	case Sent:
		v.run()
	case Delivered, Accepted, Declined:
		v.answer(i, s, name)
	case EnRoute, OnScene, Withdrawn:
		v.answer(i, Accepted, name)
		v.answer(i, s, name)
	case Completed:
		v.reach(i, name, OnScene)
		v.answer(i, s, name)
	case Expired:
		v.after(v.dispatchOf(i).Policy.AnswerTimeout)
	case StoodDown:
		_, err := v.StandDown(v.t.Context(), v.staff, CallOff{ID: i.DispatchID})
		must(v.t, err)
	}
	if got := v.alert(i, name).State; got != s {
		v.t.Fatalf("%s in place of %s", got, s)
	}
}

// alone returns a town with one responder, whose alert of the incident is
// PENDING.
func alone(t *testing.T) (*town, *Incident) {
	t.Helper()
	v := begin(t)
	v.row(1)
	i := v.report()
	_, err := v.RunDue(t.Context())
	must(t, err)
	return v, i
}

// What each answer does to an alert in each state. An acknowledgement may come
// late, when it is of no effect. All happens in one town, where the responders
// work one after the other; an answer that changes something needs the next.
func TestAnswer_inEveryState(t *testing.T) {
	t.Parallel()
	v := begin(t)
	for _, from := range states() {
		v.hire(t, string(from), from, func(i *Incident, name string) {
			for to := range verbs {
				if !takes(from, to) {
					t.Run(name+" to "+string(to), func(t *testing.T) { v.answerInVain(t, i, name, from, to) })
				}
			}
		})
		for to := range verbs {
			if takes(from, to) {
				v.hire(t, string(from)+" to "+string(to), from, func(i *Incident, name string) {
					t.Run(name, func(t *testing.T) { v.answerWell(t, i, name, to) })
				})
			}
		}
	}
	v.check()
}

// takes reports whether an answer changes an alert in that state. An
// acknowledgement passes through SENT.
func takes(from, to State) bool {
	return inLifecycle(from, to) || from == Pending && to == Delivered
}

// hire has somebody move in and be alerted, takes the alert to the state, and
// ends it all after the test.
func (v *town) hire(t *testing.T, name string, s State, test func(i *Incident, name string)) {
	t.Helper()
	v.responder(name, 100)
	v.refresh()
	i := v.report()
	_, err := v.RunDue(t.Context())
	must(t, err)
	v.reach(i, name, s)
	test(i, name)
	_, err = v.Close(t.Context(), v.staff, CallOff{ID: i.ID})
	must(t, err)
	_, err = v.Roster.SetAvailability(t.Context(), volunteer(name), roster.SetAvailability{})
	must(t, err)
}

func (v *town) answerWell(t *testing.T, i *Incident, name string, to State) {
	t.Helper()
	got, err := v.try(i, to, name)
	must(t, err)
	after := v.alert(i, name)
	if after.State != to {
		t.Errorf("the alert is %s", after.State)
	}
	if diff := cmp.Diff(after, got); diff != "" {
		t.Errorf("stored and returned differ (-stored +returned):\n%s", diff)
	}
}

func (v *town) answerInVain(t *testing.T, i *Incident, name string, from, to State) {
	t.Helper()
	before := v.alert(i, name)
	_, err := v.try(i, to, name)
	late := to == Delivered && slices.Contains([]State{Delivered, Accepted, EnRoute, OnScene}, from)
	if late {
		must(t, err)
	} else {
		refused(t, err, from)
	}
	if diff := cmp.Diff(before, v.alert(i, name)); diff != "" {
		t.Errorf("the alert has changed:\n%s", diff)
	}
}

// refused checks for a CONFLICT that says where the alert stands.
func refused(t tb, err error, now State) {
	t.Helper()
	want := fault.Conflict("alert_state", fault.Args{"state": now})
	if diff := cmp.Diff(error(want), err); diff != "" {
		t.Errorf("the error (-want +got):\n%s", diff)
	}
}

func TestAlert_wholeLife(t *testing.T) {
	t.Parallel()
	v, i := alone(t)
	id := v.alert(i, "a").ID
	want := map[State]time.Time{Pending: v.clock.Now()}
	step := func(s State, take func()) {
		v.clock.Advance(time.Second)
		want[s] = v.clock.Now()
		take()
	}
	step(Sent, v.run)
	for _, s := range []State{Delivered, Accepted, EnRoute, OnScene, Completed} {
		step(s, func() { v.answer(i, s, "a") })
	}
	a := v.alert(i, "a")
	if diff := cmp.Diff(want, a.At); diff != "" {
		t.Errorf("when (-want +got):\n%s", diff)
	}
	if a.Live || a.ID != id || a.Number != 1 || a.Devices != 1 {
		t.Errorf("%+v", a)
	}
	d := v.dispatchOf(i)
	if d.Accepted != 1 || d.Open != 0 {
		t.Errorf("accepted %d, open %d", d.Accepted, d.Open)
	}
	kinds := []EntryKind{
		EntryReported, entryFor(Pending), EntryWidened, EntryWidened, EntryShort, entryFor(Sent), entryFor(Delivered),
		entryFor(Accepted), entryFor(EnRoute), entryFor(OnScene), entryFor(Completed),
	}
	page, err := v.ListTimeline(t.Context(), v.staff, i, 50, "")
	must(t, err)
	if diff := cmp.Diff(tally(kinds...), tallyOf(page.Items)); diff != "" {
		t.Errorf("the timeline (-want +got):\n%s", diff)
	}
	v.check()
}

func tally(kinds ...EntryKind) map[EntryKind]int {
	n := map[EntryKind]int{}
	for _, k := range kinds {
		n[k]++
	}
	return n
}

func tallyOf(entries []*Entry) map[EntryKind]int {
	n := map[EntryKind]int{}
	for _, e := range entries {
		n[e.Kind]++
	}
	return n
}

// An app that polls may be quicker than the push service's answer.
func TestAcknowledge_beforeThePushWasTaken(t *testing.T) {
	t.Parallel()
	v, i := alone(t)
	v.answer(i, Delivered, "a")
	a := v.alert(i, "a")
	if !a.At[Sent].Equal(v.clock.Now()) || !a.At[Delivered].Equal(v.clock.Now()) {
		t.Errorf("%v", a.At)
	}
	v.run() // the push goes out, and its being taken is no news
	if diff := cmp.Diff(a, v.alert(i, "a")); diff != "" {
		t.Errorf("the alert has changed:\n%s", diff)
	}
	if diff := cmp.Diff([]notify.Class{notify.ClassAlert}, v.heard("a")); diff != "" {
		t.Error(diff)
	}
}

func TestAnswer_recordsTheReasonAndWho(t *testing.T) {
	t.Parallel()
	v, i := alone(t)
	a, err := v.Decline(t.Context(), volunteer("a"), Answer{AlertID: v.alert(i, "a").ID, Reason: "我在外地"})
	must(t, err)
	if a.Reason != "我在外地" {
		t.Errorf("the reason is %q", a.Reason)
	}
	page, err := v.ListTimeline(t.Context(), v.staff, i, 50, "")
	must(t, err)
	for _, e := range page.Items {
		if e.Kind == entryFor(Declined) && (e.Note != "我在外地" || e.ActorID != "acc_a" || e.AlertID != a.ID || e.ResponderID != a.ResponderID) {
			t.Errorf("%+v", e)
		}
	}
}

func TestAnswer_badReasonIsInvalidAndChangesNothing(t *testing.T) {
	t.Parallel()
	v, i := alone(t)
	for name, tt := range map[string]struct {
		reason string
		want   *fault.Error
	}{
		"too long":         {strings.Repeat("字", 501), fault.Invalid("reason", "too_long", fault.Args{"max": 500})},
		"not UTF-8":        {"\xff", fault.Invalid("reason", "text")},
		"a zero character": {"a\x00b", fault.Invalid("reason", "text")},
	} {
		_, err := v.Decline(t.Context(), volunteer("a"), Answer{AlertID: v.alert(i, "a").ID, Reason: tt.reason})
		if diff := cmp.Diff(error(tt.want), err); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := v.alert(i, "a").State; got != Pending {
		t.Errorf("the alert is %s", got)
	}
	_, err := v.Decline(t.Context(), volunteer("a"), Answer{AlertID: v.alert(i, "a").ID, Reason: strings.Repeat("字", 500)})
	must(t, err)
}

// Alerts of others look as if they were not there, even to staff, who may read
// them but not answer for the responder.
func TestAnswer_anothersAlertIsNotThere(t *testing.T) {
	t.Parallel()
	v, i := alone(t)
	v.responder("b", 100)
	id := v.alert(i, "a").ID
	for name, actor := range map[string]auth.Principal{
		"another responder": volunteer("b"), "a stranger": volunteer("nobody"), "staff": v.staff, "nobody": {},
	} {
		for to, do := range verbs {
			_, err := do(v.Service, t.Context(), actor, Answer{AlertID: id})
			if diff := cmp.Diff(error(fault.NotFound("alert")), err); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, to, diff)
			}
		}
	}
	for to, do := range verbs {
		_, err := do(v.Service, t.Context(), volunteer("a"), Answer{AlertID: "alr_none"})
		if diff := cmp.Diff(error(fault.NotFound("alert")), err); diff != "" {
			t.Errorf("no such alert, %s (-want +got):\n%s", to, diff)
		}
	}
	if got := v.alert(i, "a").State; got != Pending {
		t.Errorf("the alert is %s", got)
	}
}

func TestAccept_whenEnoughOthersWereQuicker(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(4)
	i := v.report()
	v.run()
	v.answer(i, Accepted, "a", "b", "c")
	_, err := v.try(i, Accepted, "d") // before the rest are stood down
	want := fault.Conflict("dispatch_full", fault.Args{"state": Sent})
	if diff := cmp.Diff(error(want), err); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	v.run()
	_, err = v.try(i, Accepted, "d")
	refused(t, err, StoodDown)
	v.check()
}

// A cap above the need lets in those who answer before the rest are stood down.
func TestAccept_upToTheCap(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.policy(func(p *Policy) { p.Needed, p.Cap = 1, 2 })
	v.row(3)
	i := v.report()
	v.run()
	v.answer(i, Accepted, "a", "b")
	if _, err := v.try(i, Accepted, "c"); fault.CodeOf(err) != fault.CodeConflict {
		t.Errorf("the third: %v", err)
	}
	v.run()
	want := map[string]State{"a": Accepted, "b": Accepted, "c": StoodDown}
	if diff := cmp.Diff(want, v.states(i)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	v.check()
}

func TestPushed_ofSomethingThatIsNoAlert(t *testing.T) {
	t.Parallel()
	v, i := alone(t)
	before := v.alert(i, "a")
	must(t, v.atomically(t.Context(), func(st *step) error {
		return v.Pushed(context.WithoutCancel(t.Context()), st.tx, i.DispatchID)
	}))
	if diff := cmp.Diff(before, v.alert(i, "a")); diff != "" {
		t.Error(diff)
	}
}
