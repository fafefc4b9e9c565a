package roster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/store"
)

func (f *fixture) erase(t *testing.T, accountID string) {
	t.Helper()
	err := f.db.Atomically(t.Context(), func(tx *store.Tx) error { return f.BeginErasure(t.Context(), tx, accountID) })
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second time changes nothing
		if more, err := f.ErasePersonal(t.Context(), accountID); err != nil || more {
			t.Fatalf("more %v, %v", more, err)
		}
	}
}

func TestErasureOfAResponder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var told []*Responder
	f.hooks.offDuty = func(_ context.Context, _ *store.Tx, r *Responder) error {
		told = append(told, r)
		return nil
	}
	r := f.enrol(t, "a", eastOne)
	f.setDuty(t, "a", true)
	f.reportAt(t, "a", here)
	_, err := responders.Change(t.Context(), f.db, r.ID, func(r *Responder) error {
		r.Equipment, r.StatusReason = []string{"AED"}, "reliable"
		r.Memberships = []Membership{{UnitID: eastTwo, UnitPath: f.path(t, eastTwo), Since: f.clock.Now()}}
		r.Qualifications = []Qualification{{CourseID: "first-responder", Until: f.clock.Now()}}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	other := f.enrol(t, "b", eastOne)
	f.clock.Advance(time.Hour)
	f.erase(t, "a")

	got, err := responders.Get(t.Context(), f.db, r.ID)
	want := &Responder{
		Meta: store.Meta{ID: r.ID}, AccountID: "a", UnitID: eastOne, UnitPath: f.path(t, eastOne), Status: StatusRetired, StatusAt: f.clock.Now(),
		TransportMode: r.TransportMode, Equipment: []string{}, EnrolledAt: r.EnrolledAt,
	}
	if got != nil {
		want.Rev, want.Duty = got.Rev, Duty{Reason: got.Duty.Reason}
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil || !got.Erased() {
		t.Errorf("the responder (-want +got):\n%s %v", diff, err)
	}
	if _, err := presences.Get(t.Context(), f.db, r.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("its position is still there: %v", err)
	}
	if len(told) == 0 || told[0].ID != r.ID || told[0].Phone != "" {
		t.Errorf("the hook was told of %v", told)
	}
	untouched, err := responders.Get(t.Context(), f.db, other.ID)
	if diff := cmp.Diff(other, untouched); diff != "" || err != nil {
		t.Errorf("another has changed (-want +got):\n%s %v", diff, err)
	}
	f.erase(t, "who is not on the roster")
}

func TestCopyOfAResponder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "a", eastOne)
	f.enrol(t, "b", eastOne)
	f.setDuty(t, "a", true)
	f.reportAt(t, "a", here)
	got := map[string]any{}
	collect := func(section string, doc any) error {
		got[section] = doc
		return nil
	}
	if err := f.CopyPersonal(t.Context(), "a", collect); err != nil {
		t.Fatal(err)
	}
	responder, _ := got["responder"].(personalResponder)
	presence, _ := got["presence"].(personalPresence)
	if len(got) != 2 || responder.ID != r.ID || responder.Name != r.Name || responder.Phone != r.Phone || !responder.Availability.OnDuty ||
		presence.Position != (personalPosition{here.Latitude, here.Longitude, "WGS84"}) {
		t.Errorf("got %+v", got)
	}
	clear(got)
	if err := f.CopyPersonal(t.Context(), "who is not on the roster", collect); err != nil || len(got) > 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	failing := errors.New("the reader has gone")
	if err := f.CopyPersonal(t.Context(), "a", func(string, any) error { return failing }); !errors.Is(err, failing) {
		t.Errorf("got %v", err)
	}
}

func TestListLeft(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const n = leftPage + 1
	var want []string
	for k := range n {
		id := fmt.Sprintf("left %03d", k)
		f.enrolAs(t, id, eastOne, StatusRetired)
		want = append(want, id)
	}
	f.enrolAs(t, "rejected", eastOne, StatusRejected)
	f.enrol(t, "active", eastOne)
	f.erase(t, "left 000")
	f.clock.Advance(time.Hour)
	f.enrolAs(t, "just now", eastOne, StatusRetired)
	before := f.clock.Now()

	var got []string
	pages := 0
	for after := ""; ; pages++ {
		ids, next, err := f.ListLeft(t.Context(), StatusRetired, before, after)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, ids...)
		if after = next; next == "" {
			break
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want[1:], got); diff != "" || pages != 1 {
		t.Errorf("on %d pages (-want +got):\n%s", pages+1, diff)
	}
	for id, want := range map[string]bool{"left 001": true, "left 000": false, "just now": false, "rejected": false, "active": false, "none": false} {
		got, err := f.HasLeft(t.Context(), f.db, id, before, StatusRetired)
		if got != want || err != nil {
			t.Errorf("%s has left: %v, %v; want %v", id, got, err, want)
		}
	}
}

func TestErasePersonal_whoAppliedAtThatVeryMoment(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.erase(t, "acc_late") // which is not on the roster yet
	r, err := f.Apply(t.Context(), account("acc_late"), application())
	if err != nil {
		t.Fatal(err)
	}
	if more, err := f.ErasePersonal(t.Context(), "acc_late"); more || err != nil {
		t.Fatal(more, err)
	}
	if got := f.stored(t, r.ID); !got.Erased() || got.Name != "" || got.Status != StatusRetired {
		t.Errorf("it is still %+v", got)
	}
}
