package roster

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/storetest"
)

// admin is an administrator of the whole district.
func (f *fixture) admin(t testing.TB) auth.Principal {
	t.Helper()
	return f.holder(t, auth.RoleAdmin, district)
}

func (f *fixture) mustMove(t testing.TB, id, parent string) {
	t.Helper()
	if _, err := f.MoveUnit(t.Context(), f.admin(t), MoveUnit{UnitID: id, ParentID: parent, Reason: "区划调整"}); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) mustMerge(t testing.TB, id, into string) {
	t.Helper()
	if _, err := f.MergeUnit(t.Context(), f.admin(t), MergeUnit{UnitID: id, IntoID: into, Reason: "区划调整"}); err != nil {
		t.Fatal(err)
	}
}

// settle lets everything follow, to the last pass.
func (f *fixture) settle(t testing.TB) {
	t.Helper()
	for range 3 {
		if _, err := f.Reorganise().RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.clock.Advance(settleTime)
	}
	if left, err := reorganisations.Count(t.Context(), f.db, store.Where(store.In("settled", true, false))); err != nil || left > 0 {
		t.Fatalf("%d reorganisations are left, %v", left, err)
	}
}

// stored returns the responder as it is now.
func (f *fixture) stored(t testing.TB, id string) *Responder {
	t.Helper()
	r, err := responders.Get(t.Context(), f.db, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// join makes the responder a member of other units.
func (f *fixture) join(t testing.TB, id string, unitIDs ...string) {
	t.Helper()
	_, err := responders.Change(t.Context(), f.db, id, func(r *Responder) error {
		for i, unitID := range unitIDs {
			since := f.clock.Now().Add(-time.Duration(i) * time.Hour)
			r.Memberships = append(r.Memberships, Membership{UnitID: unitID, UnitPath: f.path(t, unitID), Since: since})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) wantPath(t testing.TB, from, want string) {
	t.Helper()
	if got, err := f.CurrentPath(t.Context(), from); err != nil || got != want {
		t.Errorf("CurrentPath(%s) = %s, %v; want %s", from, got, err, want)
	}
}

// entriesOf returns the actions that the audit log has of the unit.
func (f *fixture) entriesOf(t testing.TB, id string) []audit.Action {
	t.Helper()
	entries := audit.Collections()[0].(*store.Collection[audit.Entry])
	page, err := entries.List(t.Context(), f.db, store.Where(store.Eq("subjectId", id)).Sort("at"), 100, "")
	if err != nil {
		t.Fatal(err)
	}
	var actions []audit.Action
	for _, e := range page.Items {
		if e.ActorID != "acc_holder" || e.Reason == "" {
			t.Errorf("an entry without its actor or reason: %+v", e)
		}
		actions = append(actions, e.Action)
	}
	return actions
}

const (
	oldEastOne = district + "/" + east + "/" + eastOne + "/"
	newEastOne = district + "/" + west + "/" + eastOne + "/"
)

func TestMoveUnit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	mine, other := f.enrol(t, "acc_1", eastOne), f.enrol(t, "acc_2", eastTwo)
	f.join(t, other.ID, eastOne, westOne)
	f.wantPath(t, oldEastOne, oldEastOne)
	got, err := f.MoveUnit(t.Context(), f.admin(t), MoveUnit{UnitID: eastOne, ParentID: west, Reason: "区划调整"})
	if err != nil || got.Path != newEastOne || got.ParentID != west {
		t.Fatalf("MoveUnit = %+v, %v", got, err)
	}
	f.wantPath(t, oldEastOne, newEastOne) // at once
	if got := f.stored(t, mine.ID); got.UnitPath != oldEastOne {
		t.Errorf("the responder has followed within the step: %s", got.UnitPath)
	}
	f.settle(t)
	if got := f.stored(t, mine.ID); got.UnitPath != newEastOne || got.UnitID != eastOne {
		t.Errorf("the responder is at %s", got.UnitPath)
	}
	after := f.stored(t, other.ID)
	want := []string{other.UnitPath, newEastOne, f.path(t, westOne)}
	if diff := cmp.Diff(want, after.UnitPaths()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]audit.Action{audit.MoveUnit, audit.MoveUnit}, f.entriesOf(t, eastOne)); diff != "" {
		t.Error(diff)
	}
}

func TestMoveUnitMovesItsSubtree(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const second = "440304000000"
	if err := f.ImportUnits(t.Context(), readDivisions(t, "code,name,level,parent\n"+second+",福田区,DISTRICT,\n")); err != nil {
		t.Fatal(err)
	}
	r := f.enrol(t, "acc_1", eastTwo)
	actor := f.admin(t)
	actor.Grants = append(actor.Grants, auth.Grant{Role: auth.RoleAdmin, UnitPath: second + "/"})
	if _, err := f.MoveUnit(t.Context(), actor, MoveUnit{UnitID: east, ParentID: second, Reason: "x"}); err != nil {
		t.Fatal(err)
	}
	want := second + "/" + east + "/" + eastTwo + "/"
	if got := f.path(t, eastTwo); got != want {
		t.Errorf("the community is at %s", got)
	}
	f.settle(t)
	if got := f.stored(t, r.ID); got.UnitPath != want {
		t.Errorf("its responder is at %s", got.UnitPath)
	}
}

func TestMoveUnitThereAndBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_1", eastOne)
	f.mustMove(t, eastOne, west)
	f.mustMove(t, eastOne, east)
	late := f.enrol(t, "acc_2", eastOne)
	_, err := responders.Change(t.Context(), f.db, late.ID, func(r *Responder) error {
		r.UnitPath = newEastOne // as one who read the tree in between
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f.settle(t)
	for _, id := range []string{r.ID, late.ID} {
		if got := f.stored(t, id); got.UnitPath != oldEastOne {
			t.Errorf("the responder is at %s", got.UnitPath)
		}
	}
	if got := f.stored(t, r.ID); got.Rev != 1 {
		t.Errorf("who was right all the time was written %d times", got.Rev)
	}
}

func TestMergeUnit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	mine := f.enrol(t, "acc_1", eastOne)
	other := f.enrol(t, "acc_2", eastTwo)
	f.join(t, other.ID, eastOne, westOne) // its own unit's, after the merger
	third := f.enrol(t, "acc_3", westOne)
	f.join(t, third.ID, eastTwo, eastOne) // twice the same, after the merger
	into, err := f.MergeUnit(t.Context(), f.admin(t), MergeUnit{UnitID: eastOne, IntoID: eastTwo, Reason: "合并"})
	if err != nil || into.ID != eastTwo || into.Closed() {
		t.Fatalf("MergeUnit = %+v, %v", into, err)
	}
	closed, err := f.Unit(t.Context(), eastOne)
	if err != nil || !closed.Closed() || closed.MergedInto != eastTwo || closed.Name != "东一社区" {
		t.Errorf("the merged unit is %+v, %v", closed, err)
	}
	f.wantPath(t, oldEastOne, f.path(t, eastTwo))
	f.settle(t)
	if got := f.stored(t, mine.ID); got.UnitPath != f.path(t, eastTwo) || got.UnitID != eastTwo {
		t.Errorf("the responder is at %s", got.UnitPath)
	}
	if diff := cmp.Diff([]string{f.path(t, eastTwo), f.path(t, westOne)}, f.stored(t, other.ID).UnitPaths()); diff != "" {
		t.Error(diff)
	}
	want := []Membership{{UnitID: eastTwo, UnitPath: f.path(t, eastTwo), Since: third.EnrolledAt.Add(-time.Hour)}}
	if diff := cmp.Diff(want, f.stored(t, third.ID).Memberships); diff != "" {
		t.Error(diff)
	}
	for _, id := range []string{eastOne, eastTwo} {
		if diff := cmp.Diff([]audit.Action{audit.MergeUnit}, f.entriesOf(t, id)); diff != "" {
			t.Error(diff)
		}
	}
	t.Run("takes nobody in any more", func(t *testing.T) {
		_, err := f.Enrol(t.Context(), f.db, NewResponder{
			AccountID: "acc_4", Name: "x", Phone: "+8613800138009", UnitID: eastOne, Status: StatusActive, TransportMode: OnFoot,
		})
		wantFault(t, err, fault.Conflict("unit_closed"))
	})
	t.Run("and on into another", func(t *testing.T) {
		f.mustMerge(t, eastTwo, westOne)
		f.wantPath(t, oldEastOne, f.path(t, westOne))
		f.settle(t)
		if got := f.stored(t, mine.ID); got.UnitID != westOne {
			t.Errorf("the responder is at %s", got.UnitPath)
		}
	})
}

func TestMergeUnitGivesItsChildren(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_1", eastOne)
	f.mustMerge(t, east, west)
	if got := f.path(t, eastOne); got != newEastOne {
		t.Errorf("the community is at %s", got)
	}
	f.wantPath(t, district+"/"+east+"/", district+"/"+west+"/")
	f.settle(t)
	if got := f.stored(t, r.ID); got.UnitPath != newEastOne {
		t.Errorf("its responder is at %s", got.UnitPath)
	}
}

// What runs while a unit moves on: the old paths' documents go where the unit is
// in the end.
func TestReorganisationsOvertakeEachOther(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var ids []string
	for i := range refileChunk + 50 {
		ids = append(ids, f.enrol(t, fmt.Sprintf("acc_%d", i), eastOne).ID)
	}
	f.mustMove(t, eastOne, west)
	first, err := store.Claim(t.Context(), f.db, reorganisations, f.clock.Now(), time.Minute, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range first { // half way
		if err := f.carryOn(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	moving, err := f.Reorganising(t.Context(), []*Unit{{Path: f.path(t, west)}, {Path: f.path(t, eastTwo)}})
	if diff := cmp.Diff([]bool{true, false}, moving); diff != "" || err != nil {
		t.Error(diff, err)
	}
	f.mustMerge(t, eastOne, westOne)
	f.settle(t)
	for _, id := range ids {
		if got := f.stored(t, id); got.UnitPath != f.path(t, westOne) {
			t.Fatalf("a responder is at %s", got.UnitPath)
		}
	}
}

// A process dies after any step, and another takes over.
func TestReorganisationSurvivesCrashes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	crash := errors.New("crash")
	dying := newFixtureOn(t, f.db)
	dying.clock = f.clock
	dying.Service.now = f.clock.Now
	calls := 0
	dying.refilers = []Refiler{func(context.Context, string, string, int) (int, error) {
		if calls++; calls%2 == 1 {
			return 0, crash
		}
		return 0, nil
	}}
	var ids []string
	for i := range 2*refileChunk + 1 {
		ids = append(ids, f.enrol(t, fmt.Sprintf("acc_%d", i), eastOne).ID)
	}
	f.mustMove(t, eastOne, west)
	for crashes := 0; ; {
		_, err := dying.Reorganise().RunDue(t.Context())
		if err == nil {
			if crashes < 2 {
				t.Errorf("%d crashes, want some", crashes)
			}
			break
		}
		if !errors.Is(err, crash) {
			t.Fatal(err)
		}
		crashes++
		f.clock.Advance(time.Minute) // the lease
	}
	f.settle(t)
	for _, id := range ids {
		if got := f.stored(t, id); got.UnitPath != newEastOne || got.Rev != 2 {
			t.Fatalf("a responder is at %s, revision %d", got.UnitPath, got.Rev)
		}
	}
}

// Someone read the old path before the move and writes after everything has
// followed.
func TestReorganisationFindsLateWriters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_1", eastOne)
	f.mustMove(t, eastOne, west)
	if _, err := f.Reorganise().RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := responders.Change(t.Context(), f.db, r.ID, func(r *Responder) error {
		r.UnitPath = oldEastOne
		r.Memberships = []Membership{{UnitID: westOne, UnitPath: district + "/" + east + "/" + westOne + "/"}}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(settleTime)
	f.settle(t)
	got := f.stored(t, r.ID)
	if diff := cmp.Diff([]string{newEastOne, f.path(t, westOne)}, got.UnitPaths()); diff != "" {
		t.Error(diff)
	}
}

func TestCloseUnit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	gone := f.enrolAs(t, "acc_1", westOne, StatusRetired)
	here := f.enrolAs(t, "acc_2", westOne, StatusSuspended)
	closing := CloseUnit{UnitID: westOne, Reason: "撤销"}
	_, err := f.CloseUnit(t.Context(), f.admin(t), closing)
	wantFault(t, err, fault.Conflict("unit_not_empty"))
	var left *fault.Error
	if errors.As(err, &left); left.Args["responders"] != int64(1) || left.Args["units"] != 0 {
		t.Errorf("left are %v", left.Args)
	}
	_, err = f.CloseUnit(t.Context(), f.admin(t), CloseUnit{UnitID: west, Reason: "撤销"})
	wantFault(t, err, fault.Conflict("unit_not_empty"))

	if _, err := responders.Change(t.Context(), f.db, here.ID, func(r *Responder) error { r.Status = StatusRetired; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{westOne, west} {
		u, err := f.CloseUnit(t.Context(), f.admin(t), CloseUnit{UnitID: id, Reason: "撤销"})
		if err != nil || !u.ClosedAt.Equal(f.clock.Now()) || u.MergedInto != "" {
			t.Fatalf("CloseUnit = %+v, %v", u, err)
		}
	}
	f.wantPath(t, gone.UnitPath, gone.UnitPath)
	if got := f.stored(t, gone.ID); got.UnitID != westOne {
		t.Errorf("who had left is at %s", got.UnitPath)
	}
	_, err = f.CloseUnit(t.Context(), f.admin(t), closing)
	wantFault(t, err, fault.Conflict("unit_closed"))
	_, err = f.CreateUnit(t.Context(), f.admin(t), NewUnit{Code: westOne, Name: "x", Level: LevelCommunity, ParentID: east, Reason: "x"})
	wantFault(t, err, fault.Conflict("unit_code_taken"))
}

func TestCloseUnitWaitsForWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.enrol(t, "acc_1", eastOne)
	f.mustMerge(t, eastOne, westOne)
	closing := CloseUnit{UnitID: westOne, Reason: "x"}
	_, err := f.CloseUnit(t.Context(), f.admin(t), closing)
	wantFault(t, err, fault.Conflict("unit_reorganising"))
	f.settle(t)
	_, err = f.CloseUnit(t.Context(), f.admin(t), closing)
	wantFault(t, err, fault.Conflict("unit_not_empty"))
}

// Whoever changes a place administers it: a move has two.
func TestWhoMayReorganise(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	both := f.holder(t, auth.RoleAdmin, east)
	both.Grants = append(both.Grants, f.holder(t, auth.RoleAdmin, west).Grants...)
	target := f.holder(t, auth.RoleAdmin, eastOne)
	target.Grants = append(target.Grants, f.holder(t, auth.RoleAdmin, west).Grants...)
	all := map[string]reader{
		"nobody":                   {auth.Principal{}, false},
		"dispatcher above":         {f.holder(t, auth.RoleDispatcher, district), false},
		"admin of where it is":     {f.holder(t, auth.RoleAdmin, east), false},
		"admin of where it goes":   {f.holder(t, auth.RoleAdmin, west), false},
		"admin of the unit itself": {f.holder(t, auth.RoleAdmin, eastOne), false},
		"admin of it and of where": {target, false}, // who would take it from those above
		"admin of both":            {both, true},
		"admin above":              {f.admin(t), true},
	}
	for name, who := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixtureOn(t, storetest.Open(t, definitions()...))
			var want *fault.Error
			if !who.may {
				want = fault.Forbidden()
			}
			_, err := f.MoveUnit(t.Context(), who.actor, MoveUnit{UnitID: eastOne, ParentID: west, Reason: "x"})
			wantFault(t, err, want)
			_, err = f.MergeUnit(t.Context(), who.actor, MergeUnit{UnitID: eastTwo, IntoID: westOne, Reason: "x"})
			wantFault(t, err, want)
			if !who.may {
				if diff := cmp.Diff(oldEastOne, f.path(t, eastOne)); diff != "" {
					t.Error(diff)
				}
				if got := f.entriesOf(t, eastOne); got != nil {
					t.Errorf("the audit log has %v", got)
				}
			}
		})
	}
}

func TestReorganiseRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.mustMerge(t, eastTwo, eastOne)
	move := func(id, parent string) error {
		_, err := f.MoveUnit(t.Context(), f.admin(t), MoveUnit{UnitID: id, ParentID: parent, Reason: "x"})
		return err
	}
	merge := func(id, into string) error {
		_, err := f.MergeUnit(t.Context(), f.admin(t), MergeUnit{UnitID: id, IntoID: into, Reason: "x"})
		return err
	}
	const unknown = "440399000000"
	for name, c := range map[string]struct {
		err  error
		want *fault.Error
	}{
		"moving an unknown unit":      {move(unknown, west), fault.NotFound("unit")},
		"moving below an unknown one": {move(eastOne, unknown), fault.NotFound("unit")},
		"moving a district":           {move(district, west), fault.Invalid("orgUnitId", "unit_level")},
		"leaving a level out":         {move(eastOne, district), fault.Invalid("parentId", "unit_level")},
		"moving below itself":         {move(east, east), fault.Invalid("parentId", "unit_level")},
		"moving below one's own":      {move(east, eastOne), fault.Invalid("parentId", "unit_level")},
		"moving to where it is":       {move(eastOne, east), fault.Conflict("unit_there_already")},
		"moving a closed one":         {move(eastTwo, west), fault.Conflict("unit_closed")},
		"merging an unknown unit":     {merge(unknown, west), fault.NotFound("unit")},
		"merging into an unknown one": {merge(west, unknown), fault.NotFound("unit")},
		"merging into itself":         {merge(west, west), fault.Invalid("intoId", "unit_level")},
		"merging into another level":  {merge(westOne, east), fault.Invalid("intoId", "unit_level")},
		"merging a closed one":        {merge(eastTwo, westOne), fault.Conflict("unit_closed")},
		"merging into a closed one":   {merge(westOne, eastTwo), fault.Conflict("unit_closed")},
	} {
		t.Run(name, func(t *testing.T) { wantFault(t, c.err, c.want) })
	}
	_, err := f.MoveUnit(t.Context(), f.admin(t), MoveUnit{UnitID: eastOne, ParentID: west})
	wantFault(t, err, fault.Invalid("reason", "required"))
}

func TestReorganiseAgainWithTheSameKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in := MoveUnit{UnitID: eastOne, ParentID: west, Reason: "x", Key: "k"}
	for range 2 {
		if u, err := f.MoveUnit(t.Context(), f.admin(t), in); err != nil || u.Path != newEastOne {
			t.Fatalf("MoveUnit = %v, %v", u, err)
		}
	}
	in.ParentID = east
	if _, err := f.MoveUnit(t.Context(), f.admin(t), in); !errors.Is(err, store.ErrOtherStep) {
		t.Errorf("error %v, want %v", err, store.ErrOtherStep)
	}
}
