package roster

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

func TestOnDutyAt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 12, 1, 30, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		d    Duty
		want bool
	}{
		"off":               {Duty{}, false},
		"off until later":   {Duty{Until: now.Add(time.Hour)}, false},
		"on without an end": {Duty{OnDuty: true}, true},
		"on before the end": {Duty{OnDuty: true, Until: now.Add(time.Millisecond)}, true},
		"on at the end":     {Duty{OnDuty: true, Until: now}, false},
		"on after the end":  {Duty{OnDuty: true, Until: now.Add(-time.Hour)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := (&Responder{Status: StatusActive, Duty: c.d}).OnDutyAt(now); got != c.want {
				t.Errorf("OnDutyAt = %v, want %v", got, c.want)
			}
		})
	}
	t.Run("suspended", func(t *testing.T) {
		t.Parallel()
		r := Responder{Status: StatusSuspended, Duty: Duty{OnDuty: true}}
		if r.OnDutyAt(now) {
			t.Error("a suspended responder is on duty")
		}
	})
}

func TestSetAvailability(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in := func(d time.Duration) *time.Time {
		at := f.clock.Now().Add(d).In(time.FixedZone("CST", 8*3600))
		return &at
	}
	invalid := fault.Invalid("until", "until")
	for name, c := range map[string]struct {
		status Status
		set    SetAvailability
		want   Toggle
		fault  *fault.Error
	}{
		"on":                    {StatusActive, SetAvailability{OnDuty: true}, Toggle{State: ToggleOn}, nil},
		"on for a second":       {StatusActive, SetAvailability{OnDuty: true, Until: in(time.Second)}, Toggle{ToggleOn, *in(time.Second)}, nil},
		"on for seven days":     {StatusActive, SetAvailability{OnDuty: true, Until: in(MaxDuty)}, Toggle{ToggleOn, *in(MaxDuty)}, nil},
		"on for longer":         {StatusActive, SetAvailability{OnDuty: true, Until: in(MaxDuty + time.Millisecond)}, Toggle{}, invalid},
		"on until now":          {StatusActive, SetAvailability{OnDuty: true, Until: in(0)}, Toggle{}, invalid},
		"on until the past":     {StatusActive, SetAvailability{OnDuty: true, Until: in(-time.Hour)}, Toggle{}, invalid},
		"off":                   {StatusActive, SetAvailability{}, Toggle{State: ToggleOff}, nil},
		"off for an hour":       {StatusActive, SetAvailability{Until: in(time.Hour)}, Toggle{ToggleOff, *in(time.Hour)}, nil},
		"off until the past":    {StatusActive, SetAvailability{Until: in(-time.Hour)}, Toggle{}, invalid},
		"on, applied":           {StatusApplied, SetAvailability{OnDuty: true}, Toggle{}, fault.Conflict("responder_not_active")},
		"on, suspended":         {StatusSuspended, SetAvailability{OnDuty: true}, Toggle{}, fault.Conflict("responder_not_active")},
		"on, retired":           {StatusRetired, SetAvailability{OnDuty: true}, Toggle{}, fault.Conflict("responder_not_active")},
		"off is always allowed": {StatusSuspended, SetAvailability{}, Toggle{State: ToggleOff}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f.enrolAs(t, name, eastOne, c.status)
			got, err := f.SetAvailability(t.Context(), account(name), c.set)
			wantFault(t, err, c.fault)
			stored, err := f.OfAccount(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Availability{Toggle: c.want}, stored.Availability); diff != "" {
				t.Error(diff)
			}
			if c.fault == nil {
				if diff := cmp.Diff(stored, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	t.Run("not on the roster", func(t *testing.T) {
		t.Parallel()
		_, err := f.SetAvailability(t.Context(), f.holder(t, auth.RoleAdmin, district), SetAvailability{OnDuty: true})
		wantFault(t, err, fault.NotFound("responder"))
	})
}

func TestGoingOffDutyForgetsThePosition(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	own, other := f.enrol(t, "acc_own", eastOne), f.enrol(t, "acc_other", eastOne)
	for _, a := range []string{"acc_own", "acc_other"} {
		f.setDuty(t, a, true)
		f.reportAt(t, a, here)
	}
	feed := f.db.Watch(10, responders, presences)
	defer feed.Close()
	f.setDuty(t, "acc_own", false)
	if p := f.presenceOf(t, own.ID); p != nil {
		t.Errorf("the position is still there: %v", p)
	}
	if f.presenceOf(t, other.ID) == nil {
		t.Error("another's position is gone")
	}
	if changes, err := drain(feed); err != nil || len(changes) != 2 {
		t.Errorf("%d changes, %v; want both of one step", len(changes), err)
	}
	f.setDuty(t, "acc_own", true)
	if p := f.presenceOf(t, own.ID); p != nil {
		t.Errorf("going on duty again brought the position back: %v", p)
	}
}

func TestTurnDuties(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	until := f.clock.Now().Add(20 * time.Minute)
	ends, stays, longer := f.enrol(t, "acc_ends", eastOne), f.enrol(t, "acc_stays", eastOne), f.enrol(t, "acc_longer", eastOne)
	for _, a := range []string{"acc_ends", "acc_longer"} {
		if _, err := f.SetAvailability(t.Context(), account(a), SetAvailability{OnDuty: true, Until: &until}); err != nil {
			t.Fatal(err)
		}
	}
	later := until.Add(5 * time.Minute)
	if _, err := f.SetAvailability(t.Context(), account("acc_longer"), SetAvailability{OnDuty: true, Until: &later}); err != nil {
		t.Fatal(err)
	}
	f.setDuty(t, "acc_stays", true)
	for _, a := range []string{"acc_ends", "acc_stays", "acc_longer"} {
		f.reportAt(t, a, here)
	}

	f.runDue(t, 0)
	f.clock.Advance(20 * time.Minute)
	_, err := f.ReportPosition(t.Context(), account("acc_ends"), f.reading(here))
	wantFault(t, err, fault.Conflict("off_duty")) // at once, whenever the worker comes
	f.runDue(t, 1)

	got, err := f.LoadResponders(t.Context(), f.db, []string{ends.ID, stays.ID, longer.ID})
	if err != nil {
		t.Fatal(err)
	}
	onDuty := map[string]bool{ends.ID: got[ends.ID].Duty.OnDuty, stays.ID: got[stays.ID].Duty.OnDuty, longer.ID: got[longer.ID].Duty.OnDuty}
	if diff := cmp.Diff(map[string]bool{ends.ID: false, stays.ID: true, longer.ID: true}, onDuty); diff != "" {
		t.Error(diff)
	}
	if f.presenceOf(t, ends.ID) != nil || f.presenceOf(t, stays.ID) == nil || f.presenceOf(t, longer.ID) == nil {
		t.Error("the wrong positions are kept")
	}
	f.clock.Advance(5 * time.Minute)
	f.runDue(t, 1)
	f.runDue(t, 0)
}

func TestTurnDutyYieldsToAChange(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.enrol(t, "acc_own", eastOne)
	until := f.clock.Now().Add(time.Hour)
	if _, err := f.SetAvailability(t.Context(), account("acc_own"), SetAvailability{OnDuty: true, Until: &until}); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(time.Hour)
	claimed, err := store.Claim(t.Context(), f.db, responders, f.clock.Now(), time.Minute, 1)
	if err != nil || len(claimed) != 1 {
		t.Fatalf("claimed %v, %v", claimed, err)
	}
	f.setDuty(t, "acc_own", true) // for another shift, meanwhile
	if err := f.turnDuty(t.Context(), claimed[0]); err != nil {
		t.Fatal(err)
	}
	if r, err := f.OfAccount(t.Context(), "acc_own"); err != nil || !r.OnDutyAt(f.clock.Now()) {
		t.Errorf("the new duty was ended: %v, %v", r, err)
	}
}

func (f *fixture) runDue(t *testing.T, want int) {
	t.Helper()
	n, err := f.TurnDuties().RunDue(t.Context())
	if err != nil || n != want {
		t.Fatalf("%d duties ended, %v; want %d", n, err, want)
	}
}

func TestSetAvailability_lateRepetitionUndoesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.enrol(t, "acc_own", eastOne)
	for _, in := range []SetAvailability{{OnDuty: true, Key: "on"}, {Key: "off"}, {OnDuty: true, Key: "on"}} {
		if _, err := f.SetAvailability(t.Context(), account("acc_own"), in); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := f.OfAccount(t.Context(), "acc_own"); err != nil || r.Duty.OnDuty {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := f.SetAvailability(t.Context(), account("acc_own"), SetAvailability{OnDuty: true, Key: "off"}); !errors.Is(err, store.ErrOtherStep) {
		t.Errorf("another input with the key: %v", err)
	}
}
