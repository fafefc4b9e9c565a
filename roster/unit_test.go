package roster

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
)

func allUnits(t *testing.T, f *fixture) map[string]*Unit {
	t.Helper()
	got, err := f.Units(t.Context(), []string{district, east, west, eastOne, eastTwo, westOne, "440399000000"})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestImportUnits(t *testing.T) {
	t.Parallel()
	t.Run("again changes nothing", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		before := allUnits(t, f)
		if len(before) != 6 {
			t.Fatalf("%d units, want 6", len(before))
		}
		feed := f.db.Watch(100, units)
		defer feed.Close()
		if err := f.ImportUnits(t.Context(), readDivisions(t, divisions)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, allUnits(t, f)); diff != "" {
			t.Error(diff)
		}
		if changes, err := drain(feed); err != nil || len(changes) > 0 {
			t.Errorf("the second import wrote %v, %v", changes, err)
		}
	})
	t.Run("a new name replaces, and the centre stays", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		list := readDivisions(t, divisions)
		list[0].Center = &here
		if err := f.ImportUnits(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		renamed := readDivisions(t, strings.Replace(divisions, "东一社区", "东一新社区", 1))
		if err := f.ImportUnits(t.Context(), renamed); err != nil {
			t.Fatal(err)
		}
		got := allUnits(t, f)[eastOne]
		want := &Unit{
			Meta: store.Meta{ID: eastOne, Rev: 3}, Name: "东一新社区", Level: LevelCommunity, ParentID: east,
			Path: "440303000000/440303001000/440303001001/", Center: &here,
			FormerNames: []FormerName{{Name: "东一社区", Until: f.clock.Now()}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a unit that is elsewhere now moves", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		r := f.enrol(t, "acc_1", eastTwo)
		moved := strings.Replace(divisions, "东二社区,COMMUNITY,440303001000", "东二社区,COMMUNITY,440303002000", 1)
		if err := f.ImportUnits(t.Context(), readDivisions(t, moved)); err != nil {
			t.Fatal(err)
		}
		want := "440303000000/440303002000/440303001002/"
		if got := allUnits(t, f)[eastTwo]; got.Path != want || got.ParentID != west {
			t.Errorf("it is at %s below %s", got.Path, got.ParentID)
		}
		f.settle(t)
		if got := f.stored(t, r.ID); got.UnitPath != want {
			t.Errorf("its responder is at %s", got.UnitPath)
		}
	})
	t.Run("with an error changes nothing", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		before := allUnits(t, f)
		list := readDivisions(t, strings.Replace(divisions, "罗湖区", "新罗湖区", 1))
		list[len(list)-1].Level = LevelSubdistrict
		err := f.ImportUnits(t.Context(), list)
		if err == nil || !strings.Contains(err.Error(), list[len(list)-1].ID) {
			t.Fatalf("error %v, want one that names %s", err, list[len(list)-1].ID)
		}
		if diff := cmp.Diff(before, allUnits(t, f)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("leaves what was closed, and puts what is below it below its successor", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.mustMerge(t, east, west)
		before := allUnits(t, f)
		list := readDivisions(t, divisions+"440303001003,东三社区,COMMUNITY,440303001000\n")
		if err := f.ImportUnits(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before[east], allUnits(t, f)[east]); diff != "" {
			t.Error(diff)
		}
		for _, id := range []string{eastOne, eastTwo, "440303001003"} {
			if u, err := f.Unit(t.Context(), id); err != nil || u.Path != "440303000000/440303002000/"+id+"/" {
				t.Errorf("%s: %v, %v", id, u, err)
			}
		}
	})
	t.Run("below a closed unit is refused", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		must := f.admin(t)
		for _, id := range []string{westOne, west} {
			if _, err := f.CloseUnit(t.Context(), must, CloseUnit{UnitID: id, Reason: "x"}); err != nil {
				t.Fatal(err)
			}
		}
		err := f.ImportUnits(t.Context(), readDivisions(t, divisions+"440303002009,西九社区,COMMUNITY,440303002000\n"))
		if err == nil || !strings.Contains(err.Error(), "440303002009: its parent 440303002000 is closed") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a unit without a path is refused", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		err := f.ImportUnits(t.Context(), []Unit{{Meta: store.Meta{ID: "440399000000"}, Name: "x", Level: LevelDistrict}})
		if err == nil {
			t.Error("no error")
		}
	})
}

func TestUnit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	got, err := f.Unit(t.Context(), west)
	if err != nil || got.Name != "西街道" {
		t.Errorf("Unit = %v, %v", got, err)
	}
	_, err = f.Unit(t.Context(), "440399000000")
	wantFault(t, err, fault.NotFound("unit"))
}

func TestChildren(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, c := range map[string]struct {
		parent string
		want   []string
	}{
		"the roots":           {"", []string{district}},
		"of the district":     {district, []string{east, west}},
		"of a subdistrict":    {east, []string{eastOne, eastTwo}},
		"none of a community": {eastOne, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := f.Children(t.Context(), c.parent, 10, "")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, idsOf(page.Items)); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("page by page", func(t *testing.T) {
		t.Parallel()
		first, err := f.Children(t.Context(), east, 1, "")
		if err != nil || !first.HasNext {
			t.Fatalf("first page %v, %v", first, err)
		}
		second, err := f.Children(t.Context(), east, 1, first.EndCursor)
		if err != nil || second.HasNext || second.Items[0].ID != eastTwo {
			t.Errorf("second page %v, %v", second, err)
		}
	})
	t.Run("of an unknown unit", func(t *testing.T) {
		t.Parallel()
		_, err := f.Children(t.Context(), "440399000000", 10, "")
		wantFault(t, err, fault.NotFound("unit"))
	})
	t.Run("a broken cursor", func(t *testing.T) {
		t.Parallel()
		_, err := f.Children(t.Context(), east, 10, "nonsense")
		if !errors.Is(err, store.ErrCursor) {
			t.Errorf("error %v, want %v", err, store.ErrCursor)
		}
	})
}

func idsOf(list []*Unit) []string {
	var ids []string
	for _, u := range list {
		ids = append(ids, u.ID)
	}
	return ids
}

func TestNearestUnit(t *testing.T) {
	t.Parallel()
	at := func(lat, lng float64) *geo.Position { return &geo.Position{Latitude: lat, Longitude: lng} }
	for name, c := range map[string]struct {
		centers map[string]*geo.Position
		want    string
	}{
		"no centres: the district":          {nil, district},
		"only the district's":               {map[string]*geo.Position{district: at(22, 114)}, district},
		"the nearer community":              {map[string]*geo.Position{eastOne: at(22.56, 114.13), westOne: at(22.549, 114.13)}, westOne},
		"a community before a subdistrict":  {map[string]*geo.Position{eastOne: at(22.6, 114.2), east: at(22.55, 114.13)}, eastOne},
		"subdistricts where no communities": {map[string]*geo.Position{district: at(22.55, 114.13), east: at(22.6, 114.2), west: at(22.7, 114.2)}, east},
		"the first id of equals":            {map[string]*geo.Position{eastTwo: at(22.6, 114.2), eastOne: at(22.6, 114.2)}, eastOne},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			if got, err := f.nearestUnit(t, here); err != nil || got.ID != district {
				t.Fatalf("before: %v, %v", got, err)
			}
			f.center(t, c.centers) // the tree must notice
			got, err := f.nearestUnit(t, here)
			if err != nil || got.ID != c.want {
				t.Errorf("nearestUnit = %v, %v; want %s", got, err, c.want)
			}
		})
	}
	t.Run("no units", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		for _, u := range allUnits(t, f) {
			if err := units.Delete(t.Context(), f.db, u); err != nil {
				t.Fatal(err)
			}
		}
		_, err := f.nearestUnit(t, here)
		wantFault(t, err, fault.NotFound("unit"))
	})
	t.Run("after more changes than wait", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		if _, err := f.nearestUnit(t, here); err != nil {
			t.Fatal(err)
		}
		for i := range treeFeed/2 + 1 {
			f.center(t, map[string]*geo.Position{eastOne: at(22, 114+float64(i)/1000), westOne: at(22, 114.5+float64(i)/1000)})
		}
		got, err := f.nearestUnit(t, geo.Position{Latitude: 22, Longitude: 114.6})
		if err != nil || got.ID != westOne {
			t.Errorf("nearestUnit = %v, %v", got, err)
		}
	})
}

// center imports the units with these centres.
func (f *fixture) center(t testing.TB, centers map[string]*geo.Position) {
	t.Helper()
	list := readDivisions(t, divisions)
	for i := range list {
		list[i].Center = centers[list[i].ID]
	}
	if err := f.ImportUnits(t.Context(), list); err != nil {
		t.Fatal(err)
	}
}
