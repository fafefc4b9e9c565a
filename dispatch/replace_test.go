package dispatch

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/notify"
)

const (
	alarm  = notify.ClassAlert
	update = notify.ClassAlertUpdate
)

// hears checks what has reached each phone.
func (v *town) hears(want map[string][]notify.Class) {
	v.t.Helper()
	got := map[string][]notify.Class{}
	for name := range want {
		got[name] = v.heard(name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		v.t.Errorf("heard (-want +got):\n%s", diff)
	}
}

func (v *town) stands(i *Incident, want map[string]State) {
	v.t.Helper()
	if diff := cmp.Diff(want, v.states(i)); diff != "" {
		v.t.Errorf("alerts (-want +got):\n%s", diff)
	}
}

// askTwo asks two at a time, of whom one is needed.
func askTwo(p *Policy) { p.Needed, p.Cap, p.Parallel = 1, 1, 2 }

func TestParallel_sevenAtFirst(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(9)
	i := v.report()
	v.run()
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "e", "f", "g"}, v.alerted(i)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	d := v.dispatchOf(i)
	if d.Open != 7 || !d.DueAt.Equal(v.clock.Now().Add(30*time.Second)) {
		t.Errorf("%d open, due at %v", d.Open, d.DueAt)
	}
	v.hears(map[string][]notify.Class{"g": {alarm}, "h": nil, "i": nil})
	v.check()
}

func TestDecline_isReplacedAtOnce(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.policy(askTwo)
	v.row(4)
	i := v.report()
	v.run()
	v.answer(i, Declined, "a")
	v.run()
	v.stands(i, map[string]State{"a": Declined, "b": Sent, "c": Sent})
	v.check()
}

func TestSilence_isReplacedAfterTheTimeout(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.policy(askTwo)
	v.row(5)
	i := v.report()
	v.run()
	v.answer(i, Delivered, "b")
	v.after(30*time.Second - time.Millisecond)
	v.stands(i, map[string]State{"a": Sent, "b": Delivered})
	v.after(time.Millisecond)
	v.stands(i, map[string]State{"a": Expired, "b": Expired, "c": Sent, "d": Sent})
	_, err := v.try(i, Accepted, "a")
	refused(t, err, Expired)
	v.after(30 * time.Second)
	v.stands(i, map[string]State{"a": Expired, "b": Expired, "c": Expired, "d": Expired, "e": Sent})
	v.after(time.Hour)
	v.hears(map[string][]notify.Class{"a": {alarm}, "b": {alarm}, "c": {alarm}, "d": {alarm}, "e": {alarm}})
	v.check()
}

// Who answers after the time, but before the timeout was seen to, is welcome.
func TestAccept_lateButNotExpired(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.policy(askTwo)
	v.row(1)
	i := v.report()
	v.run()
	v.clock.Advance(31 * time.Second)
	v.answer(i, Accepted, "a")
	v.run()
	v.stands(i, map[string]State{"a": Accepted})
}

// When enough have accepted the rest are stood down: those whose push has gone
// out are told nothing, and pushes that are still queued are called back.
func TestFilled_restAreStoodDown(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.policy(func(p *Policy) { p.Needed, p.Cap, p.Parallel = 2, 2, 5 })
	v.row(6)
	i := v.report()
	_, err := v.RunDue(t.Context()) // nothing is sent yet
	must(t, err)
	v.answer(i, Accepted, "b", "d")
	_, err = v.RunDue(t.Context())
	must(t, err)
	v.run()
	v.stands(i, map[string]State{"a": StoodDown, "b": Accepted, "c": StoodDown, "d": Accepted, "e": StoodDown})
	v.after(time.Hour)
	v.hears(map[string][]notify.Class{"a": nil, "b": nil, "c": nil, "d": nil, "e": nil, "f": nil})
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		list, err := v.Notify.Messages(t.Context(), v.db, v.alert(i, name).ID)
		must(t, err)
		for _, m := range list {
			if m.State != notify.StateCancelled {
				t.Errorf("%s's push is %s", name, m.State)
			}
		}
		if len(list) != 1 {
			t.Errorf("%s has %d pushes", name, len(list))
		}
	}
	if diff := cmp.Diff([]DecisionKind{DecidedFill}, v.decided(i)); diff != "" {
		t.Errorf("decided (-want +got):\n%s", diff)
	}
	if d := v.dispatchOf(i); d.State != Filled || !d.DueAt.IsZero() {
		t.Errorf("%s, due at %v", d.State, d.DueAt)
	}
	v.check()
}

func TestWithdraw_isReplaced(t *testing.T) {
	t.Parallel()
	for _, from := range []State{Accepted, EnRoute, OnScene} {
		t.Run("from "+string(from), func(t *testing.T) {
			t.Parallel()
			v := begin(t)
			v.policy(askTwo)
			v.row(3)
			i := v.report()
			v.run()
			v.reach(i, "a", from)
			v.run()
			v.stands(i, map[string]State{"a": from, "b": StoodDown})
			v.answer(i, Withdrawn, "a")
			if d := v.dispatchOf(i); d.State != Searching {
				t.Errorf("the dispatch is %s", d.State)
			}
			v.run()
			v.stands(i, map[string]State{"a": Withdrawn, "b": StoodDown, "c": Sent})
			want := []DecisionKind{DecidedFill, DecidedResume, DecidedWiden, DecidedWiden}
			if diff := cmp.Diff(want, v.decided(i)); diff != "" {
				t.Errorf("decided (-want +got):\n%s", diff)
			}
			v.answer(i, Accepted, "c")
			v.after(time.Hour)
			v.hears(map[string][]notify.Class{"a": {alarm}, "b": {alarm}, "c": {alarm}})
			v.check()
		})
	}
}

// Whoever declined, expired, withdrew or was stood down hears no more of the
// dispatch, however long it looks for others; it is not alerted by it again.
func TestSilenceAfterwards(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.policy(func(p *Policy) { p.Needed, p.Cap, p.Parallel = 1, 1, 4 })
	v.row(4)
	i := v.report()
	v.run()
	v.answer(i, Declined, "a")
	v.answer(i, Accepted, "b")
	v.run() // c and d are stood down
	v.answer(i, Withdrawn, "b")
	for range 20 {
		v.after(15 * time.Second)
	}
	v.stands(i, map[string]State{"a": Declined, "b": Withdrawn, "c": StoodDown, "d": StoodDown})
	_, err := v.Close(t.Context(), v.staff, CallOff{ID: i.ID})
	must(t, err)
	v.after(time.Hour)
	v.hears(map[string][]notify.Class{"a": {alarm}, "b": {alarm}, "c": {alarm}, "d": {alarm}})
	v.check()
}

// Who is coming and is stood down hears so, once, and nothing after that.
func TestStandDown_tellsThoseWhoAreComing(t *testing.T) {
	t.Parallel()
	ends := map[string]func(*town, *Incident) error{
		"by a stand-down": func(v *town, i *Incident) error {
			_, err := v.StandDown(v.t.Context(), v.staff, CallOff{ID: i.DispatchID, Reason: "false alarm"})
			return err
		},
		"by closing": func(v *town, i *Incident) error {
			_, err := v.Close(v.t.Context(), v.staff, CallOff{ID: i.ID, Reason: "false alarm"})
			return err
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := begin(t)
			v.policy(func(p *Policy) { p.Needed, p.Cap, p.Parallel = 5, 5, 6 })
			v.row(6)
			i := v.report()
			v.run()
			v.answer(i, Accepted, "a", "b", "c", "d")
			v.answer(i, EnRoute, "b")
			v.answer(i, OnScene, "c", "d")
			v.answer(i, Completed, "d")
			v.answer(i, Declined, "e")
			must(t, end(v, i))
			v.stands(i, map[string]State{"a": StoodDown, "b": StoodDown, "c": StoodDown, "d": Completed, "e": Declined, "f": StoodDown})
			v.run()
			v.after(time.Hour)
			v.hears(map[string][]notify.Class{
				"a": {alarm, update}, "b": {alarm, update}, "c": {alarm, update},
				"d": {alarm}, "e": {alarm}, "f": {alarm}, "staff": nil,
			})
			push := v.phones.to("acc_a")[1]
			if diff := cmp.Diff(map[string]string{"alertId": v.alert(i, "a").ID}, push.Data); diff != "" {
				t.Errorf("the data of the update (-want +got):\n%s", diff)
			}
			d := v.dispatchOf(i)
			if !d.State.Over() || !d.EndedAt.Equal(began) || !d.DueAt.IsZero() {
				t.Errorf("%s, ended at %v, due at %v", d.State, d.EndedAt, d.DueAt)
			}
			v.check()
		})
	}
}

// After the end nobody is alerted, whatever is still under way.
func TestAdvance_afterTheEnd(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(3)
	i := v.report()
	seen := v.dispatchOf(i)
	_, err := v.StandDown(t.Context(), v.staff, CallOff{ID: i.DispatchID})
	must(t, err)
	must(t, v.advance(t.Context(), seen))
	v.after(time.Hour)
	if got := v.alerted(i); got != nil {
		t.Errorf("alerted %v", got)
	}
}

// More than one step's worth of alerts is stood down, expired and opened in
// several steps, until nothing is left.
func TestAdvance_moreThanABatch(t *testing.T) {
	t.Parallel()
	v := begin(t)
	const n = batch + 5
	v.policy(func(p *Policy) { p.Needed, p.Cap, p.Parallel, p.PresenceMaxAge = n, n, n, time.Hour })
	v.crew(n, func(p *person) { p.place = origin })
	i := v.report()
	v.run()
	if d := v.dispatchOf(i); d.Open != n {
		t.Fatalf("%d are open", d.Open)
	}
	t.Run("stood down", func(t *testing.T) {
		_, err := v.StandDown(t.Context(), v.staff, CallOff{ID: i.DispatchID})
		must(t, err)
		v.run()
		if d := v.dispatchOf(i); d.Open != 0 || !d.DueAt.IsZero() {
			t.Errorf("%d are open, due at %v", d.Open, d.DueAt)
		}
	})
	t.Run("expired", func(t *testing.T) {
		again := v.report()
		v.run()
		v.after(30 * time.Second)
		if d := v.dispatchOf(again); d.Open != 0 || d.State != Exhausted {
			t.Errorf("%d are open, %s", d.Open, d.State)
		}
	})
	v.check()
}

// Refusals are replaced, acceptances are not; but as many are asked as are
// still needed, however few may be open at a time.
func TestSlots_whoHasAcceptedTakesOne(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.policy(func(p *Policy) { p.Needed, p.Cap, p.Parallel = 2, 2, 3 })
	v.row(5)
	i := v.report()
	v.run()
	v.answer(i, Accepted, "a")
	v.run()
	v.stands(i, map[string]State{"a": Accepted, "b": Sent, "c": Sent})
	v.answer(i, Declined, "b")
	v.run()
	v.stands(i, map[string]State{"a": Accepted, "b": Declined, "c": Sent, "d": Sent})
	v.check()

	for _, tt := range []struct{ parallel, needed, accepted, open, want int }{
		{7, 3, 0, 0, 7}, {7, 3, 2, 5, 0}, {7, 3, 2, 4, 1}, {7, 3, 3, 0, 0}, {2, 5, 0, 0, 2}, {2, 5, 3, 0, 2}, {2, 5, 4, 0, 1}, {2, 5, 4, 2, 0},
	} {
		d := &Dispatch{Policy: Policy{Parallel: tt.parallel, Needed: tt.needed}, State: Searching, Accepted: tt.accepted, Open: tt.open}
		if got := d.slots(); got != tt.want {
			t.Errorf("%+v: %d slots", tt, got)
		}
	}
}
