package roster

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

var byUnit = Sort{Key: SortOrgUnit}

func TestFindResponders(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one, two := f.enrol(t, "acc_own", eastOne), f.enrolAs(t, "acc_2", eastTwo, StatusApplied)
	three, four := f.enrol(t, "acc_3", westOne), f.enrol(t, "acc_4", east)
	for name, c := range map[string]struct {
		actor auth.Principal
		unit  string
		want  []string
		fault *fault.Error
	}{
		"district":              {f.holder(t, auth.RoleAdmin, district), district, []string{four.ID, one.ID, two.ID, three.ID}, nil},
		"subdistrict":           {f.holder(t, auth.RoleDispatcher, east), east, []string{four.ID, one.ID, two.ID}, nil},
		"community from above":  {f.holder(t, auth.RoleTrainer, district), eastTwo, []string{two.ID}, nil},
		"a parent of the scope": {f.holder(t, auth.RoleDispatcher, eastOne), east, nil, fault.Forbidden()},
		"a sibling":             {f.holder(t, auth.RoleDispatcher, eastOne), eastTwo, nil, fault.Forbidden()},
		"a volunteer":           {f.holder(t, auth.RoleVolunteer, district), eastOne, nil, fault.Forbidden()},
		"own, but no staff":     {account("acc_own"), eastOne, nil, fault.Forbidden()},
		"an unknown unit":       {f.holder(t, auth.RoleAdmin, district), "440399000000", nil, fault.NotFound("unit")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for after, more := "", true; more; {
				page, err := f.FindResponders(t.Context(), c.actor, Search{UnitID: c.unit, Sort: byUnit}, 2, after)
				wantFault(t, err, c.fault)
				for _, r := range page.Items {
					got = append(got, r.ID)
				}
				after, more = page.EndCursor, page.HasNext
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("with a status", func(t *testing.T) {
		t.Parallel()
		in := Search{UnitID: east, Sort: byUnit, Filter: Filter{Statuses: []Status{StatusApplied}}}
		page, err := f.FindResponders(t.Context(), f.holder(t, auth.RoleAdmin, district), in, 10, "")
		if err != nil || len(page.Items) != 1 || page.Items[0].ID != two.ID {
			t.Errorf("found %v, %v", page.Items, err)
		}
	})
}

func TestFindRespondersRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.populate(t, 5)
	boss := f.holder(t, auth.RoleAdmin, district)
	page, err := f.FindResponders(t.Context(), boss, Search{UnitID: district, Sort: byUnit}, 2, "")
	if err != nil {
		t.Fatal(err)
	}
	course := func(id string, state QualificationState) Filter {
		return Filter{Qualification: &QualificationFilter{CourseID: id, State: state}}
	}
	for name, c := range map[string]struct {
		filter Filter
		sort   Sort
		after  string
		want   error
	}{
		"a cursor of another sort":      {Filter{}, Sort{Key: SortName}, page.EndCursor, store.ErrCursor},
		"a cursor of another direction": {Filter{}, Sort{SortOrgUnit, true}, page.EndCursor, store.ErrCursor},
		"garbage":                       {Filter{}, byUnit, "garbage", store.ErrCursor},
		"an empty cursor":               {Filter{}, byUnit, "e30", store.ErrCursor},
		"no sort":                       {Filter{}, Sort{}, "", fault.Invalid("sort", "sort_key")},
		"a text of 51":                  {Filter{Text: strings.Repeat("张", 51)}, byUnit, "", fault.Invalid("filter.text", "too_long")},
		"no course":                     {course("", QualificationValid), byUnit, "", fault.Invalid("filter.qualification.courseId", "required")},
		"no state":                      {course("first", ""), byUnit, "", fault.Invalid("filter.qualification.state", "qualification_state")},
		"no time":                       {course("first", QualificationExpiring), byUnit, "", fault.Invalid("filter.qualification.before", "required")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := f.FindResponders(t.Context(), boss, Search{district, c.filter, c.sort}, 2, c.after)
			if !errors.Is(err, c.want) || len(page.Items) > 0 {
				t.Errorf("%d, %v, want %v", len(page.Items), err, c.want)
			}
		})
	}
	for _, text := range []string{strings.Repeat("张", MaxFilterText), strings.Repeat("㍿", MaxFilterText), "·", "\x00"} {
		if page, err := f.FindResponders(t.Context(), boss, Search{district, Filter{Text: text}, byUnit}, 2, ""); err != nil || len(page.Items) > 0 {
			t.Errorf("%q: %d, %v", text, len(page.Items), err)
		}
	}
}

// A cursor names a place, not a responder, so that it is good when that one has
// gone.
func TestFindRespondersGoesOnWhereSomebodyWas(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.populate(t, 9)
	for _, by := range []Sort{{Key: SortName}, {SortName, true}, {SortExpires, true}, {Key: SortEnrolledAt}} {
		in := Search{UnitID: district, Sort: by}
		want := f.pages(t, in, 100, func(int) {})
		got := f.pages(t, in, 3, func(page int) {
			if page > 1 {
				return
			}
			last, err := responders.Get(t.Context(), f.db, want[2])
			if err == nil {
				err = responders.Delete(t.Context(), f.db, last)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", by, diff)
		}
	}
}

func TestFindRespondersSaysWhoWasRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one, own := f.enrol(t, "acc_1", eastOne), f.enrol(t, "acc_holder", eastOne)
	f.enrol(t, "acc_3", westOne)
	boss := f.holder(t, auth.RoleDispatcher, district)
	for _, text := range []string{"nobody", "zs", "zs"} {
		if _, err := f.FindResponders(t.Context(), boss, Search{east, Filter{Text: text}, byUnit}, 10, ""); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.CountResponders(t.Context(), boss, Search{UnitID: district, Sort: byUnit}); err != nil {
		t.Fatal(err)
	}
	log, err := f.audit.ListOfUnit(t.Context(), boss, district+"/", 10, "")
	if err != nil || len(log.Items) != 1 || log.Items[0].SubjectID != one.ID || log.Items[0].Action != audit.ReadResponder {
		t.Errorf("the log has %d entries, %v; want that %s was read, and not %s", len(log.Items), err, one.ID, own.ID)
	}
}

func TestOnlyDispatchersFindByPhone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.enrol(t, "acc_1", eastOne)
	for role, want := range map[auth.Role]int{auth.RoleDispatcher: 1, auth.RoleAdmin: 1, auth.RoleTrainer: 0} {
		in := Search{district, Filter{Text: "8000"}, byUnit}
		page, err := f.FindResponders(t.Context(), f.holder(t, role, district), in, 10, "")
		n, counting := f.CountResponders(t.Context(), f.holder(t, role, district), in)
		if err := errors.Join(err, counting); err != nil || len(page.Items) != want || n != want {
			t.Errorf("%s finds %d and counts %d, %v; want %d", role, len(page.Items), n, err, want)
		}
	}
}

func TestFindRespondersOfATeam(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_1", eastOne)
	_, err := responders.Change(t.Context(), f.db, r.ID, func(r *Responder) error {
		r.Memberships = []Membership{{UnitID: westOne, UnitPath: pathIn(westOne), Since: f.clock.Now()}}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for unit, want := range map[string]int{eastOne: 1, westOne: 1, west: 1, district: 1, eastTwo: 0} {
		page, err := f.FindResponders(t.Context(), f.holder(t, auth.RoleTrainer, unit), Search{UnitID: unit, Sort: byUnit}, 10, "")
		if err != nil || len(page.Items) != want {
			t.Errorf("%s has %d, %v; want %d", unit, len(page.Items), err, want)
		}
	}
}

// What the directory has found is shown only as its document says.
func TestFindRespondersAsksTheDocuments(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.populate(t, 30)
	boss := f.holder(t, auth.RoleDispatcher, east)
	in := Search{east, Filter{Statuses: []Status{StatusActive}}, byUnit}
	q, err := f.query(t.Context(), boss, in)
	if err != nil {
		t.Fatal(err)
	}
	hits, _, _ := f.directory.find(q, byUnit, nil, 10)
	if len(hits) < 3 {
		t.Fatalf("only %d are found", len(hits))
	}
	change := func(i int, change func(*Responder)) {
		_, err := responders.Change(t.Context(), f.db, hits[i].id, func(r *Responder) error { change(r); return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	change(0, func(r *Responder) { r.Status = StatusSuspended })
	change(1, func(r *Responder) { r.UnitPath = pathIn(westOne) })
	change(2, func(r *Responder) { r.Name = "新" })
	shown, err := f.show(t.Context(), boss, q, hits)
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, h := range hits[2:] {
		want = append(want, h.id)
	}
	for _, r := range shown {
		got = append(got, r.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("shown are %v, want %v", got, want)
	}
}
