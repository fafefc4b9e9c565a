package roster

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
)

func TestPlace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	there := geo.Position{Latitude: 22.56, Longitude: 114.14}

	for rev, where := range []geo.Position{here, there} {
		in := PositionReport{Position: where, AccuracyMeters: 10, RecordedAt: f.clock.Now()}
		err := f.db.Atomically(t.Context(), func(tx *store.Tx) error {
			stored, err := ofAccount(t.Context(), tx, "acc_own")
			if err != nil {
				return err
			}
			return f.Place(t.Context(), tx, stored, in)
		})
		if err != nil {
			t.Fatal(err)
		}
		want := &Presence{
			Meta: store.Meta{ID: r.ID, Rev: int64(rev) + 1}, Position: where, AccuracyMeters: 10,
			RecordedAt: f.clock.Now(), ReceivedAt: f.clock.Now(),
		}
		if diff := cmp.Diff(want, f.presenceOf(t, r.ID)); diff != "" {
			t.Error(diff)
		}
	}
	stored, err := f.OfAccount(t.Context(), "acc_own")
	if err != nil {
		t.Fatal(err)
	}
	if !stored.OnDutyAt(f.clock.Now()) || !stored.Duty.Until.IsZero() {
		t.Errorf("stored as %+v", stored.Duty)
	}
}

func TestPlaceRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	good := PositionReport{Position: here, AccuracyMeters: 10, RecordedAt: f.clock.Now()}
	suspended := *r
	suspended.Status = StatusSuspended
	for name, c := range map[string]struct {
		responder Responder
		report    PositionReport
		want      fault.Code
	}{
		"no position":          {*r, PositionReport{Position: geo.Position{Latitude: 91}, AccuracyMeters: 10, RecordedAt: f.clock.Now()}, fault.CodeInvalid},
		"one who is suspended": {suspended, good, fault.CodeConflict},
	} {
		t.Run(name, func(t *testing.T) {
			err := f.db.Atomically(t.Context(), func(tx *store.Tx) error { return f.Place(t.Context(), tx, &c.responder, c.report) })
			if fault.CodeOf(err) != c.want {
				t.Errorf("got %v", err)
			}
			if p := f.presenceOf(t, r.ID); p != nil {
				t.Errorf("stored %+v", p)
			}
		})
	}
}
