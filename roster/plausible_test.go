package roster

import (
	"testing"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
)

// away is so many metres north of here.
func away(meters float64) geo.Position {
	return geo.Position{Latitude: here.Latitude + meters/111_195, Longitude: here.Longitude}
}

// said is what a device writes that takes the position, which is in one datum,
// for one in another.
func said(p geo.Position, is, claimed geo.Datum) geo.Position {
	lat, lng, _ := geo.FromWGS84(p, is)
	q, _ := geo.ToWGS84(lat, lng, claimed)
	return q
}

func TestReportPosition_doubtsWhatCannotBe(t *testing.T) {
	t.Parallel()
	type report struct {
		after    time.Duration
		at       geo.Position
		accuracy float64
		datum    geo.Datum
		believed bool
	}
	const wgs, gcj, bd = geo.WGS84, geo.GCJ02, geo.BD09
	for name, reports := range map[string][]report{
		"standing still":                  {{0, here, 10, wgs, true}, {time.Second, here, 10, wgs, true}},
		"at 70 m/s":                       {{0, here, 10, wgs, true}, {10 * time.Second, away(719), 10, wgs, true}},
		"faster":                          {{0, here, 10, wgs, true}, {10 * time.Second, away(721), 10, wgs, false}},
		"faster, within wide circles":     {{0, here, 10, wgs, true}, {10 * time.Second, away(1700), 1000, wgs, true}},
		"at the same moment":              {{0, here, 10, wgs, true}, {0, away(89), 10, wgs, true}},
		"a jump at the same moment":       {{0, here, 10, wgs, true}, {0, away(500), 10, wgs, false}},
		"a jump that the next confirms":   {{0, here, 10, wgs, true}, {time.Second, away(9000), 10, wgs, false}, {time.Second, away(9010), 10, wgs, true}},
		"a jump that the next denies":     {{0, here, 10, wgs, true}, {time.Second, away(9000), 10, wgs, false}, {time.Second, away(5), 10, wgs, true}},
		"and that comes again":            {{0, here, 10, wgs, true}, {time.Second, away(9000), 10, wgs, false}, {time.Second, here, 10, wgs, true}, {time.Second, away(9000), 10, wgs, false}},
		"jumps that agree on nothing":     {{0, here, 10, wgs, true}, {time.Second, away(9000), 10, wgs, false}, {time.Second, away(-9000), 10, wgs, false}, {time.Second, away(20_000), 10, wgs, false}},
		"in a fast train":                 {{0, here, 10, wgs, true}, {30 * time.Second, away(2500), 10, wgs, false}, {30 * time.Second, away(5000), 10, wgs, false}, {30 * time.Second, away(7500), 10, wgs, false}},
		"after a while anything may be":   {{0, here, 10, wgs, true}, {10 * time.Minute, away(9000), 10, wgs, true}},
		"another datum, named rightly":    {{0, here, 10, wgs, true}, {30 * time.Second, here, 10, gcj, true}, {30 * time.Second, here, 10, bd, true}},
		"GCJ-02 taken for WGS-84":         {{0, here, 10, wgs, true}, {30 * time.Second, said(here, gcj, wgs), 10, wgs, false}, {30 * time.Second, here, 10, wgs, true}},
		"WGS-84 taken for GCJ-02":         {{0, here, 10, wgs, true}, {30 * time.Second, said(here, wgs, gcj), 10, gcj, false}},
		"BD-09 taken for WGS-84":          {{0, here, 10, wgs, true}, {time.Minute, said(here, bd, wgs), 10, wgs, false}},
		"the truth after GCJ-02":          {{0, said(here, gcj, wgs), 10, wgs, true}, {30 * time.Second, here, 10, wgs, false}, {30 * time.Second, here, 10, wgs, true}},
		"always the wrong datum":          {{0, said(here, gcj, wgs), 10, wgs, true}, {30 * time.Second, said(here, gcj, wgs), 10, wgs, true}},
		"as far as a shift, to the north": {{0, here, 10, wgs, true}, {30 * time.Second, away(550), 10, wgs, true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			r := f.enrol(t, "acc_own", eastOne)
			f.setDuty(t, "acc_own", true)
			for i, in := range reports {
				f.clock.Advance(in.after)
				got, err := f.ReportPosition(t.Context(), account("acc_own"), PositionReport{in.at, in.datum, in.accuracy, f.clock.Now()})
				if err != nil {
					t.Fatal(err)
				}
				if believed := got.Position == in.at && got.Doubt == nil; believed != in.believed {
					t.Errorf("report %d: %+v", i+1, got)
				}
				if stored := f.presenceOf(t, r.ID); stored.Position != got.Position || !stored.RecordedAt.Equal(got.RecordedAt) {
					t.Errorf("report %d: stored %+v, answered %+v", i+1, stored, got)
				}
			}
		})
	}
}

// A position that is doubted keeps nobody's position fresh.
func TestReportPosition_doubtRenewsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	f.setDuty(t, "acc_own", true)
	first := f.reportAt(t, "acc_own", here)
	for i := range 4 {
		f.clock.Advance(PresenceLifetime / 4)
		f.reportAt(t, "acc_own", away(float64(1+i%2*2-2)*500_000))
	}
	if p := f.presenceOf(t, r.ID); p.Position != here || !p.RecordedAt.Equal(first.RecordedAt) {
		t.Errorf("%+v", p)
	}
	f.runDue(t, 1)
	if p := f.presenceOf(t, r.ID); p != nil {
		t.Errorf("kept %+v", p)
	}
}

func TestReportPosition_refusesNullIsland(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.enrol(t, "acc_own", eastOne)
	f.setDuty(t, "acc_own", true)
	for _, p := range []geo.Position{{}, {Latitude: 0.0005, Longitude: -0.0005}} {
		_, err := f.ReportPosition(t.Context(), account("acc_own"), f.reading(p))
		wantFault(t, err, fault.Invalid("position", "position"))
	}
	// Latitude and longitude exchanged: there is no latitude of 114.
	_, err := f.ReportPosition(t.Context(), account("acc_own"), f.reading(geo.Position{Latitude: here.Longitude, Longitude: here.Latitude}))
	wantFault(t, err, fault.Invalid("position", "position"))
}
