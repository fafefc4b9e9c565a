package roster

import (
	"math"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
)

func TestReportPosition(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	f.setDuty(t, "acc_own", true)

	recorded := f.clock.Now()
	f.clock.Advance(3 * time.Second)
	got, err := f.ReportPosition(t.Context(), account("acc_own"), PositionReport{Position: here, AccuracyMeters: 12.5, RecordedAt: recorded})
	if err != nil {
		t.Fatal(err)
	}
	want := &Presence{Meta: store.Meta{ID: r.ID, Rev: 1}, Position: here, AccuracyMeters: 12.5, RecordedAt: recorded, ReceivedAt: f.clock.Now()}
	if diff := cmp.Diff([]*Presence{want, want}, []*Presence{got, f.presenceOf(t, r.ID)}); diff != "" {
		t.Fatal(diff)
	}

	t.Run("a newer one takes its place", func(t *testing.T) {
		there := geo.Position{Latitude: 22.5501, Longitude: 114.1301}
		moved := f.reportAt(t, "acc_own", there)
		if moved.Position != there || !moved.RecordedAt.Equal(f.clock.Now()) || moved.Rev != 2 {
			t.Errorf("reported %+v", moved)
		}
		if diff := cmp.Diff(moved, f.presenceOf(t, r.ID)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("an older one is ignored", func(t *testing.T) {
		before := f.presenceOf(t, r.ID)
		late := PositionReport{Position: here, AccuracyMeters: 5, RecordedAt: f.clock.Now().Add(-time.Second)}
		got, err := f.ReportPosition(t.Context(), account("acc_own"), late)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]*Presence{before, before}, []*Presence{got, f.presenceOf(t, r.ID)}); diff != "" {
			t.Error(diff)
		}
	})
}

func TestReportPositionRefuses(t *testing.T) {
	t.Parallel()
	accuracy := fault.Invalid("accuracyMeters", "accuracy")
	for name, c := range map[string]struct {
		change func(*PositionReport)
		want   *fault.Error
	}{
		"as it should be":     {func(*PositionReport) {}, nil},
		"no such latitude":    {func(p *PositionReport) { p.Position.Latitude = 90.1 }, fault.Invalid("position", "position")},
		"a longitude of NaN":  {func(p *PositionReport) { p.Position.Longitude = math.NaN() }, fault.Invalid("position", "position")},
		"an accuracy of 0":    {func(p *PositionReport) { p.AccuracyMeters = 0 }, accuracy},
		"an accuracy below 0": {func(p *PositionReport) { p.AccuracyMeters = -1 }, accuracy},
		"an accuracy of NaN":  {func(p *PositionReport) { p.AccuracyMeters = math.NaN() }, accuracy},
		"the widest accuracy": {func(p *PositionReport) { p.AccuracyMeters = 2000 }, nil},
		"a wider accuracy":    {func(p *PositionReport) { p.AccuracyMeters = 2000.1 }, accuracy},
		"two minutes ahead":   {func(p *PositionReport) { p.RecordedAt = p.RecordedAt.Add(2 * time.Minute) }, nil},
		"further ahead":       {func(p *PositionReport) { p.RecordedAt = p.RecordedAt.Add(2*time.Minute + time.Millisecond) }, fault.Invalid("recordedAt", "recorded_in_future")},
		"fifteen minutes old": {func(p *PositionReport) { p.RecordedAt = p.RecordedAt.Add(-15 * time.Minute) }, nil},
		"older":               {func(p *PositionReport) { p.RecordedAt = p.RecordedAt.Add(-15*time.Minute - time.Millisecond) }, fault.Invalid("recordedAt", "recorded_too_long_ago")},
		"no time at all":      {func(p *PositionReport) { p.RecordedAt = time.Time{} }, fault.Invalid("recordedAt", "recorded_too_long_ago")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			r := f.enrol(t, "acc_own", eastOne)
			f.setDuty(t, "acc_own", true)
			report := f.reading(here)
			c.change(&report)
			_, err := f.ReportPosition(t.Context(), account("acc_own"), report)
			wantFault(t, err, c.want)
			if stored := f.presenceOf(t, r.ID); (stored != nil) != (c.want == nil) {
				t.Errorf("stored %v", stored)
			}
		})
	}
}

func TestReportPositionOffDuty(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	until := f.clock.Now().Add(time.Minute)
	for name, c := range map[string]struct {
		prepare func(t *testing.T, r *Responder)
		want    *fault.Error
	}{
		"never on duty": {func(*testing.T, *Responder) {}, fault.Conflict("off_duty")},
		"gone off duty": {func(t *testing.T, r *Responder) {
			f.setDuty(t, r.AccountID, true)
			f.setDuty(t, r.AccountID, false)
		}, fault.Conflict("off_duty")},
		"suspended on duty": {func(t *testing.T, r *Responder) {
			f.setDuty(t, r.AccountID, true)
			f.change(t, r.ID, func(r *Responder) { r.Status = StatusSuspended })
		}, fault.Conflict("off_duty")},
		"past the end": {func(t *testing.T, r *Responder) {
			f.change(t, r.ID, func(r *Responder) { r.Duty = Duty{OnDuty: true, Until: until.Add(-time.Minute)} })
		}, fault.Conflict("off_duty")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := f.enrol(t, "acc_"+name, eastOne)
			c.prepare(t, r)
			_, err := f.ReportPosition(t.Context(), account(r.AccountID), f.reading(here))
			wantFault(t, err, c.want)
			if p := f.presenceOf(t, r.ID); p != nil {
				t.Errorf("stored %v", p)
			}
		})
	}
	t.Run("not on the roster", func(t *testing.T) {
		t.Parallel()
		_, err := f.ReportPosition(t.Context(), account("acc_unknown"), f.reading(here))
		wantFault(t, err, fault.NotFound("responder"))
	})
}

func (f *fixture) change(t testing.TB, id string, change func(*Responder)) {
	t.Helper()
	if _, err := responders.Change(t.Context(), f.db, id, func(r *Responder) error { change(r); return nil }); err != nil {
		t.Fatal(err)
	}
}

// Whichever of many reports and a switch comes first, no position outlives the
// duty, and the newest of the reports stays.
func TestReportPositionConcurrently(t *testing.T) {
	t.Parallel()
	t.Run("with going off duty", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		r := f.enrol(t, "acc_own", eastOne)
		for range 20 {
			f.setDuty(t, "acc_own", true)
			var reports sync.WaitGroup
			for range 4 {
				reports.Go(func() {
					_, err := f.ReportPosition(t.Context(), account("acc_own"), f.reading(here))
					if code := fault.CodeOf(err); err != nil && code != fault.CodeConflict {
						t.Error(err)
					}
				})
			}
			f.setDuty(t, "acc_own", false)
			reports.Wait()
			if p := f.presenceOf(t, r.ID); p != nil {
				t.Fatalf("off duty, and still there: %v", p)
			}
		}
	})
	t.Run("the newest stays", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		r := f.enrol(t, "acc_own", eastOne)
		f.setDuty(t, "acc_own", true)
		now := f.clock.Now()
		var reports sync.WaitGroup
		for i := range 32 {
			reports.Go(func() {
				report := PositionReport{Position: here, AccuracyMeters: float64(i + 1), RecordedAt: now.Add(time.Duration(i-32) * time.Second)}
				if _, err := f.ReportPosition(t.Context(), account("acc_own"), report); err != nil {
					t.Error(err)
				}
			})
		}
		reports.Wait()
		if p := f.presenceOf(t, r.ID); p.AccuracyMeters != 32 || !p.RecordedAt.Equal(now.Add(-time.Second)) {
			t.Errorf("kept %+v", p)
		}
	})
}

// BenchmarkReportPosition moves responders who have a presence already.
func BenchmarkReportPosition(b *testing.B) {
	f := newFixture(b)
	f.enrol(b, "acc_own", eastOne)
	f.setDuty(b, "acc_own", true)
	for b.Loop() {
		f.reportAt(b, "acc_own", here)
	}
}

func TestReportPosition_fastClockHoldsUpNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.enrol(t, "acc_own", eastOne)
	f.setDuty(t, "acc_own", true)
	there := geo.Position{Latitude: 22.5501, Longitude: 114.1301}
	for _, in := range []PositionReport{
		{Position: here, AccuracyMeters: 10, RecordedAt: f.clock.Now().Add(110 * time.Second)},
		{Position: there, AccuracyMeters: 10, RecordedAt: f.clock.Now().Add(time.Second)},
	} {
		f.clock.Advance(time.Second)
		if _, err := f.ReportPosition(t.Context(), account("acc_own"), in); err != nil {
			t.Fatal(err)
		}
	}
	r, err := f.OfAccount(t.Context(), "acc_own")
	if err != nil {
		t.Fatal(err)
	}
	if p := f.presenceOf(t, r.ID); p.Position != there {
		t.Errorf("at %v, want %v", p.Position, there)
	}
}
