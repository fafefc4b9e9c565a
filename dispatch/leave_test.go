package dispatch

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
)

// askOne asks one at a time.
func askOne(p *Policy) { p.Needed, p.Cap, p.Parallel = 1, 1, 1 }

// leaving are the ways to go off duty, as a does who is asked first and is on
// duty for an hour by its toggle.
var leaving = map[string]func(v *town) error{
	"the switch": func(v *town) error {
		_, err := v.Roster.SetAvailability(v.t.Context(), volunteer("a"), roster.SetAvailability{})
		return err
	},
	"the schedule": func(v *town) error {
		_, err := v.Roster.FollowSchedule(v.t.Context(), volunteer("a"), "")
		return err
	},
	"a leave": func(v *town) error {
		now := v.clock.Now()
		_, err := v.Roster.AddLeave(v.t.Context(), volunteer("a"), roster.NewLeave{From: now, To: now.Add(time.Hour)})
		return err
	},
	"the last sign-out": func(v *town) error {
		return v.db.Atomically(v.t.Context(), func(tx *store.Tx) error {
			return v.Roster.SignedOut(v.t.Context(), tx, volunteer("a").AccountID)
		})
	},
	"its end": func(v *town) error {
		until := v.clock.Now().Add(10 * time.Second)
		if _, err := v.Roster.SetAvailability(v.t.Context(), volunteer("a"), roster.SetAvailability{OnDuty: true, Until: &until}); err != nil {
			return err
		}
		v.clock.Advance(10 * time.Second)
		_, err := v.Roster.TurnDuties().RunDue(v.t.Context())
		return err
	},
}

// Whoever goes off duty without having answered makes room at once, and hears
// no more.
func TestLeaveDuty_opensThePlace(t *testing.T) {
	t.Parallel()
	for name, leave := range leaving {
		for _, from := range []State{Pending, Sent, Delivered} {
			t.Run(name+" when "+string(from), func(t *testing.T) {
				t.Parallel()
				v := begin(t)
				v.policy(askOne)
				v.row(2)
				i := v.report()
				_, err := v.RunDue(t.Context())
				must(t, err)
				v.reach(i, "a", from)
				must(t, leave(v))
				if a := v.alert(i, "a"); a.State != Declined || a.Reason != ReasonOffDuty || a.Live {
					t.Errorf("in the same step: %s, %q", a.State, a.Reason)
				}
				v.check()
				v.run()
				v.stands(i, map[string]State{"a": Declined, "b": Sent})
				first := map[State][]notify.Class{Sent: {alarm}}[from]
				v.hears(map[string][]notify.Class{"a": first, "b": {alarm}})
				v.onDuty("a", nil)
				v.run()
				v.stands(i, map[string]State{"a": Declined, "b": Sent})
				v.check()
			})
		}
	}
}

func TestLeaveDuty_acceptedGoesOn(t *testing.T) {
	t.Parallel()
	for name, leave := range leaving {
		for _, from := range []State{Accepted, EnRoute, OnScene, Completed} {
			t.Run(name+" when "+string(from), func(t *testing.T) {
				t.Parallel()
				v := begin(t)
				v.policy(askOne)
				v.row(2)
				i := v.report()
				v.run()
				v.reach(i, "a", from)
				must(t, leave(v))
				v.run()
				v.stands(i, map[string]State{"a": from})
				v.check()
			})
		}
	}
}

// One who is suspended, or leaves the roster, is not to come at all.
func TestLeaveDuty_ofOneWhoIsNotActiveAnyMore(t *testing.T) {
	t.Parallel()
	for from, want := range map[State]State{
		Pending: Declined, Sent: Declined, Delivered: Declined, Accepted: Withdrawn, EnRoute: Withdrawn, OnScene: Withdrawn,
		Completed: Completed, Declined: Declined, Expired: Expired, Withdrawn: Withdrawn, StoodDown: StoodDown,
	} {
		t.Run(string(from), func(t *testing.T) {
			t.Parallel()
			v := begin(t)
			v.policy(askOne)
			v.row(1)
			i := v.report()
			_, err := v.RunDue(t.Context())
			must(t, err)
			v.reach(i, "a", from)
			before := v.alert(i, "a")
			v.leave(before.ResponderID, roster.StatusSuspended)
			after := v.alert(i, "a")
			if after.State != want {
				t.Errorf("%s has become %s, want %s", from, after.State, want)
			}
			if want == from {
				if diff := cmp.Diff(before, after); diff != "" {
					t.Errorf("changed (-before +after):\n%s", diff)
				}
			} else if after.Reason != ReasonNotActive {
				t.Errorf("reason %q", after.Reason)
			}
			if d := v.dispatchOf(i); !d.State.Over() && d.Accepted > 0 != (from == Completed) {
				t.Errorf("%s with %d accepted", d.State, d.Accepted)
			}
		})
	}
}

// leave tells dispatch of a responder who has become that.
func (v *town) leave(responderID string, status roster.Status) {
	v.t.Helper()
	must(v.t, v.db.Atomically(v.t.Context(), func(tx *store.Tx) error {
		r := &roster.Responder{Meta: store.Meta{ID: responderID}, Status: status}
		return v.LeaveDuty(v.t.Context(), tx, r)
	}))
}

// A responder who was never alerted leaves no less safely: whoever alerts it at
// the same time comes second, or first.
func TestLeaveDuty_whileBeingAlerted(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.policy(askOne)
	for round := range 10 {
		name := string(rune('a' + round))
		v.responder(name, 50)
		v.refresh()
		i := v.report()
		for _, err := range together(2, func(k int) error {
			if k == 0 {
				_, err := v.RunDue(t.Context())
				return err
			}
			_, err := v.Roster.SetAvailability(context.WithoutCancel(t.Context()), volunteer(name), roster.SetAvailability{})
			return err
		}) {
			must(t, err)
		}
		v.check()
		_, err := v.Close(t.Context(), v.staff, CallOff{ID: i.ID})
		must(t, err)
	}
}

// What was set stays set, and holds again after signing in.
func TestSignOut_forAWhile(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.policy(askOne)
	v.row(1)
	must(t, leaving["the last sign-out"](v))
	first := v.report()
	v.run()
	v.stands(first, map[string]State{})
	must(t, v.db.Atomically(t.Context(), func(tx *store.Tx) error {
		return v.Roster.SignedIn(t.Context(), tx, volunteer("a").AccountID)
	}))
	v.stand("a", at(50, 0))
	v.refresh()
	second := v.report()
	v.run()
	v.stands(second, map[string]State{"a": Sent})
	if diff := cmp.Diff([]notify.Class{alarm}, v.heard("a")); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
}
