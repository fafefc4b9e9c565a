package roster

import (
	"testing"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// In Urumqi's zone the clock shows two hours less than in the usual one, where it
// is 09:30 on a Tuesday.
func TestDutyFollowsTheZone(t *testing.T) {
	t.Parallel()
	f, left := watched(t)
	early, late, toggled := f.enrol(t, "acc_early", eastOne), f.enrol(t, "acc_late", eastOne), f.enrol(t, "acc_own", westOne)
	for id, shift := range map[string]string{"acc_early": "07:00-09:00", "acc_late": "09:00-11:00"} {
		_, err := f.SetSchedule(t.Context(), account(id), weekdays(shift), "")
		wantFault(t, err, nil)
	}
	f.setDuty(t, "acc_own", true)
	toggledRev := f.stored(t, toggled.ID).Rev
	wantDuties := func(earlyOn, lateOn bool) {
		t.Helper()
		for id, on := range map[string]bool{early.ID: earlyOn, late.ID: lateOn, toggled.ID: true} {
			if got := f.stored(t, id).Duty; got.OnDuty != on {
				t.Errorf("%s: %+v", id, got)
			}
		}
	}
	wantDuties(false, true)

	_, err := f.LocateUnit(t.Context(), f.admin(t), LocateUnit{UnitID: district, TimeZone: "Asia/Urumqi", Reason: "x"})
	wantFault(t, err, nil)
	if _, err := f.Reorganise().RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.runDue(t, 2)
	wantDuties(true, false)
	if len(*left) == 0 {
		t.Error("nobody was told of who went off duty")
	}
	if got, want := f.stored(t, early.ID).DueAt, f.clock.Now().Add(90*time.Minute); !got.Equal(want) {
		t.Errorf("it is due at %s, want %s", got, want)
	}
	if got := f.stored(t, toggled.ID).Rev; got != toggledRev {
		t.Errorf("one whom no clock concerns was written: revision %d, was %d", got, toggledRev)
	}
	f.clock.Advance(settleTime)
	f.settle(t)
	f.runDue(t, 2) // the last pass finds them again
	wantDuties(true, false)

	_, err = f.LocateUnit(t.Context(), f.admin(t), LocateUnit{UnitID: district, TimeZone: "Asia/Urumqi", Reason: "x"})
	wantFault(t, err, nil)
	if n, err := reorganisations.Count(t.Context(), f.db, store.Where(store.Eq("settled", false))); err != nil || n > 0 {
		t.Errorf("%d sweeps for the zone that it is already, %v", n, err)
	}
}

// What waits for a unit that is closed meanwhile can be refused, not accepted.
func TestAcceptRequest_unitIsClosed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	q := f.askTransfer(t, account("acc_own"), r, westOne)
	_, err := f.CloseUnit(t.Context(), f.admin(t), CloseUnit{UnitID: westOne, Reason: "撤销"})
	wantFault(t, err, nil)
	_, err = f.AcceptRequest(t.Context(), f.dispatcher(t, "acc_west", west), RequestAnswer{RequestID: q.ID})
	wantFault(t, err, fault.Conflict("unit_closed"))
	if got := f.stored(t, r.ID); got.UnitID != eastOne {
		t.Errorf("it is in the closed unit: %s", got.UnitPath)
	}
	_, err = f.RefuseRequest(t.Context(), f.dispatcher(t, "acc_west", west), RequestAnswer{RequestID: q.ID, Reason: "撤销"})
	wantFault(t, err, nil)
}

// Whoever comes to a unit writes it, so that closing it at the same time
// conflicts on engines whose steps only conflict where both write.
func TestComingToAUnitWritesIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	rev := func() int64 {
		t.Helper()
		u, err := f.Unit(t.Context(), westOne)
		wantFault(t, err, nil)
		return u.Rev
	}
	before := rev()
	_, err := f.Apply(t.Context(), account("acc_new"), Application{
		Name: "新人", Phone: "+8613800999999", UnitID: westOne, TransportMode: OnFoot, PrivacyVersion: "1",
	})
	wantFault(t, err, nil)
	if got := rev(); got <= before {
		t.Errorf("an application leaves the unit at revision %d", got)
	}
	before = rev()
	q := f.askTransfer(t, account("acc_own"), r, westOne)
	_, err = f.AcceptRequest(t.Context(), f.dispatcher(t, "acc_west", west), RequestAnswer{RequestID: q.ID})
	wantFault(t, err, nil)
	if got := rev(); got <= before {
		t.Errorf("a transfer leaves the unit at revision %d", got)
	}
}
