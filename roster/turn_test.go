package roster

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// watched is a fixture whose hook writes down why responders went off duty. The
// store of tests runs steps twice, so that each is written twice.
func watched(t testing.TB) (f *fixture, left *[]DutyReason) {
	f, left = newFixture(t), &[]DutyReason{}
	f.hooks.offDuty = func(_ context.Context, _ *store.Tx, r *Responder) error {
		*left = append(*left, r.Duty.Reason)
		return nil
	}
	return f, left
}

// sign ends the account's last session, or begins one.
func (f *fixture) sign(t testing.TB, follow func(context.Context, *store.Tx, string) error) {
	t.Helper()
	err := f.db.Atomically(t.Context(), func(tx *store.Tx) error { return follow(t.Context(), tx, "acc_own") })
	if err != nil {
		t.Fatal(err)
	}
}

// A week's clock begins and ends duties without anybody doing anything. The
// fixture's clock stands at 09:30 on a Tuesday, in the district's zone.
func TestTurnDuties_followsTheSchedule(t *testing.T) {
	t.Parallel()
	f, left := watched(t)
	f.enrol(t, "acc_own", eastOne)
	_, err := f.SetSchedule(t.Context(), account("acc_own"), weekdays("10:00-18:00"), "")
	wantFault(t, err, nil)
	_, err = f.SetQuietHours(t.Context(), account("acc_own"), []Hours{hoursOf("12:00-12:10")}, "")
	wantFault(t, err, nil)
	ten := f.clock.Now().Add(30 * time.Minute)
	for _, step := range []struct {
		after time.Duration
		want  Duty
	}{
		{0, Duty{Reason: DutySchedule, Until: ten}},
		{30 * time.Minute, Duty{OnDuty: true, Reason: DutySchedule, Until: ten.Add(2 * time.Hour)}},
		{2 * time.Hour, Duty{Reason: DutyQuiet, Until: ten.Add(2*time.Hour + 10*time.Minute)}},
		{10 * time.Minute, Duty{OnDuty: true, Reason: DutySchedule, Until: ten.Add(8 * time.Hour)}},
		{350 * time.Minute, Duty{Reason: DutySchedule, Until: ten.Add(24 * time.Hour)}},
	} {
		f.clock.Advance(step.after)
		if step.after > 0 {
			f.runDue(t, 1)
		}
		f.runDue(t, 0)
		r := f.own(t, "acc_own")
		if diff := cmp.Diff(step.want, r.Duty); diff != "" {
			t.Fatalf("at %v:\n%s", f.clock.Now(), diff)
		}
		if r.OnDutyAt(f.clock.Now()) != step.want.OnDuty {
			t.Errorf("at %v, OnDutyAt says otherwise", f.clock.Now())
		}
	}
	if diff := cmp.Diff([]DutyReason{DutyQuiet, DutySchedule}, slices.Compact(*left)); diff != "" {
		t.Errorf("told of:\n%s", diff)
	}
}

// The reason follows too, where the duty stays as it is.
func TestTurnDuties_followsTheReason(t *testing.T) {
	t.Parallel()
	f, left := watched(t)
	f.enrol(t, "acc_own", eastOne)
	now := f.clock.Now()
	_, err := f.SetSchedule(t.Context(), account("acc_own"), weekdays("10:00-18:00"), "")
	wantFault(t, err, nil)
	until := now.Add(time.Hour)
	_, err = f.SetAvailability(t.Context(), account("acc_own"), SetAvailability{OnDuty: true, Until: &until})
	wantFault(t, err, nil)
	end := now.Add(8*time.Hour + 30*time.Minute)
	if diff := cmp.Diff(Duty{true, DutyToggle, end}, f.own(t, "acc_own").Duty); diff != "" {
		t.Error(diff)
	}
	f.clock.Advance(time.Hour)
	f.runDue(t, 1)
	r := f.own(t, "acc_own")
	if diff := cmp.Diff(Duty{true, DutySchedule, end}, r.Duty); diff != "" {
		t.Error(diff)
	}
	if r.Availability.Toggle != (Toggle{}) {
		t.Errorf("the toggle that is over is kept: %+v", r.Availability.Toggle)
	}
	if len(*left) > 0 {
		t.Errorf("told of %v", *left)
	}
}

func TestSignedOut_whatWasSetStaysSet(t *testing.T) {
	t.Parallel()
	f, left := watched(t)
	r := f.enrol(t, "acc_own", eastOne)
	_, err := f.SetSchedule(t.Context(), account("acc_own"), weekdays("10:00-18:00"), "")
	wantFault(t, err, nil)
	before := f.setDuty(t, "acc_own", true)
	f.reportAt(t, "acc_own", here)

	f.sign(t, f.SignedOut)
	out := f.own(t, "acc_own")
	if diff := cmp.Diff(Duty{Reason: DutySignedOut}, out.Duty); diff != "" || f.presenceOf(t, r.ID) != nil {
		t.Errorf("signed out: presence %v\n%s", f.presenceOf(t, r.ID), diff)
	}
	f.sign(t, f.SignedOut) // a second time changes nothing
	if again := f.own(t, "acc_own"); again.Rev != out.Rev {
		t.Error("signing out again has changed something")
	}
	f.sign(t, f.SignedIn)
	back := f.own(t, "acc_own")
	if diff := cmp.Diff(before.Availability, back.Availability); diff != "" {
		t.Errorf("what was set:\n%s", diff)
	}
	if diff := cmp.Diff(before.Duty, back.Duty); diff != "" {
		t.Errorf("what follows:\n%s", diff)
	}
	if diff := cmp.Diff([]DutyReason{DutySignedOut}, slices.Compact(*left)); diff != "" {
		t.Errorf("told of:\n%s", diff)
	}
	err = f.db.Atomically(t.Context(), func(tx *store.Tx) error { return f.SignedOut(t.Context(), tx, "acc_unknown") })
	wantFault(t, err, nil)
}

// The hook belongs to the step: if it fails, nothing has happened.
func TestTurn_failsWithTheHook(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	f.setDuty(t, "acc_own", true)
	f.reportAt(t, "acc_own", here)
	trouble := errors.New("trouble")
	f.hooks.offDuty = func(context.Context, *store.Tx, *Responder) error { return trouble }
	_, err := f.SetAvailability(t.Context(), account("acc_own"), SetAvailability{})
	if !errors.Is(err, trouble) {
		t.Errorf("%v", err)
	}
	if !f.own(t, "acc_own").Duty.OnDuty || f.presenceOf(t, r.ID) == nil {
		t.Error("it went off duty all the same")
	}
}

func TestLeaves(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.enrol(t, "acc_own", eastOne)
	f.enrol(t, "acc_other", eastOne)
	now := f.clock.Now()
	add := func(from, to time.Duration, key string) (*Responder, error) {
		return f.AddLeave(t.Context(), account("acc_own"), NewLeave{From: now.Add(from), To: now.Add(to), Reason: "r", Key: key})
	}
	r, err := add(-time.Hour, time.Hour, "k")
	wantFault(t, err, nil)
	leave := r.Availability.Leaves[0]
	if !leave.From.Equal(now) || r.Duty.Reason != DutyLeave {
		t.Errorf("%+v", r.Availability)
	}
	if r, err = add(-time.Hour, time.Hour, "k"); err != nil || len(r.Availability.Leaves) != 1 {
		t.Errorf("a repetition: %v, %v", r, err)
	}
	for range MaxLeaves - 1 {
		_, err := add(2*time.Hour, 3*time.Hour, "")
		wantFault(t, err, nil)
	}
	_, err = add(2*time.Hour, 3*time.Hour, "")
	wantFault(t, err, fault.Conflict("too_many_leaves"))
	_, err = f.EndLeave(t.Context(), account("acc_other"), leave.ID, "")
	wantFault(t, err, fault.NotFound("leave"))
	for range 2 {
		r, err = f.EndLeave(t.Context(), account("acc_own"), leave.ID, "end")
		wantFault(t, err, nil)
	}
	if len(r.Availability.Leaves) != MaxLeaves-1 || r.Duty.Reason != DutyNothingSet {
		t.Errorf("%+v", r)
	}
	f.clock.Advance(3 * time.Hour)
	_, err = f.EndLeave(t.Context(), account("acc_own"), r.Availability.Leaves[0].ID, "")
	wantFault(t, err, fault.NotFound("leave")) // it is over
	f.runDue(t, 1)
	if left := f.own(t, "acc_own").Availability.Leaves; len(left) != 0 {
		t.Errorf("leaves that are over are kept: %v", left)
	}
}

// Position and duty are two things: without the consent, one may be on duty, and
// is nowhere.
func TestReportPosition_needsConsent(t *testing.T) {
	t.Parallel()
	for name, consent := range map[string]Consent{
		"never given": {},
		"withdrawn":   {Version: "1", GivenAt: time.Unix(1, 0), WithdrawnAt: time.Unix(2, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			r := f.enrol(t, "acc_own", eastOne)
			f.setDuty(t, "acc_own", true)
			f.reportAt(t, "acc_own", here)
			f.change(t, r.ID, func(r *Responder) { r.Consents.Position = consent })
			_, err := f.ReportPosition(t.Context(), account("acc_own"), f.reading(here))
			wantFault(t, err, fault.Conflict("position_consent"))
			f.setDuty(t, "acc_own", true) // whatever stores the responder forgets it
			if p := f.presenceOf(t, r.ID); p != nil {
				t.Errorf("kept %+v", p)
			}
			if got := f.own(t, "acc_own"); got.OnDutyAt(f.clock.Now()) || got.Duty.Reason != DutyNoConsent {
				t.Errorf("the duty is %+v", got.Duty)
			}
			f.change(t, r.ID, func(r *Responder) { r.Consents = Agreed("2", f.clock.Now()) })
			f.setDuty(t, "acc_own", true)
			if !f.own(t, "acc_own").OnDutyAt(f.clock.Now()) {
				t.Error("off duty with the consent")
			}
		})
	}
}

func TestTurnDuties_deletesWhatIsNotRenewed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	silent, renewed := f.enrol(t, "acc_silent", eastOne), f.enrol(t, "acc_renewed", eastOne)
	for _, a := range []string{"acc_silent", "acc_renewed"} {
		f.setDuty(t, a, true)
		f.reportAt(t, a, here)
	}
	f.clock.Advance(PresenceLifetime / 2)
	f.reportAt(t, "acc_renewed", here)
	f.clock.Advance(PresenceLifetime/2 - time.Millisecond)
	f.runDue(t, 0)
	if f.presenceOf(t, silent.ID) == nil {
		t.Error("gone too early")
	}
	f.clock.Advance(time.Millisecond)
	f.runDue(t, 2)
	if f.presenceOf(t, silent.ID) != nil || f.presenceOf(t, renewed.ID) == nil {
		t.Error("the wrong positions are kept")
	}
	f.clock.Advance(PresenceLifetime / 2)
	f.runDue(t, 1)
	if f.presenceOf(t, renewed.ID) != nil {
		t.Error("kept for too long")
	}
	f.clock.Advance(24 * time.Hour)
	f.runDue(t, 0)
	f.reportAt(t, "acc_silent", here) // still on duty, and heard of again
	if f.presenceOf(t, silent.ID) == nil {
		t.Error("the report was not stored")
	}
}

// A device that reports when its shift begins is not turned away because no
// worker has come to it yet; one that is early is.
func TestReportPosition_beginsTheShift(t *testing.T) {
	t.Parallel()
	f, left := watched(t)
	r := f.enrol(t, "acc_own", eastOne)
	_, err := f.SetSchedule(t.Context(), account("acc_own"), weekdays("10:00-18:00"), "")
	wantFault(t, err, nil)
	report := func() error {
		_, err := f.ReportPosition(t.Context(), account("acc_own"), f.reading(here))
		return err
	}
	f.clock.Advance(30*time.Minute - time.Millisecond)
	wantFault(t, report(), fault.Conflict("off_duty"))
	if p := f.presenceOf(t, r.ID); p != nil {
		t.Errorf("it is known where somebody off duty is: %+v", p)
	}
	f.clock.Advance(time.Millisecond)
	wantFault(t, report(), nil)
	if got := f.stored(t, r.ID); !got.Duty.OnDuty || f.presenceOf(t, r.ID) == nil {
		t.Errorf("the duty is %+v", got.Duty)
	}
	f.clock.Advance(8 * time.Hour)
	wantFault(t, report(), fault.Conflict("off_duty"))
	f.runDue(t, 1)
	if p := f.presenceOf(t, r.ID); p != nil || len(*left) == 0 {
		t.Errorf("after the shift: %+v, told of %v", p, *left)
	}
}
