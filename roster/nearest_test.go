package roster

import (
	"math"
	"testing"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/storetest"
)

// nearestUnit is NearestWithin the whole tree.
func (f *fixture) nearestUnit(t testing.TB, p geo.Position) (*Unit, error) {
	t.Helper()
	u, _, err := f.NearestWithin(t.Context(), p, "")
	return u, err
}

// centred is a fixture whose communities have centres along a parallel, some
// kilometres apart; the subdistricts have none.
func centred(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	list := readDivisions(t, divisions)
	for i, u := range list {
		longitude := map[string]float64{eastOne: 114.14, eastTwo: 114.16, westOne: 114.10}[u.ID]
		if longitude != 0 {
			list[i].Center = &geo.Position{Latitude: 22.55, Longitude: longitude}
		}
	}
	if err := f.ImportUnits(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestNearestWithin(t *testing.T) {
	t.Parallel()
	f := centred(t)
	position := func(longitude float64) geo.Position { return geo.Position{Latitude: 22.55, Longitude: longitude} }
	for name, c := range map[string]struct {
		longitude float64
		within    string
		want      string
		meters    float64 // to the nearest 10
	}{
		"on a centre":                 {114.14, "", eastOne, 0},
		"between two":                 {114.149, "", eastOne, 920},
		"beyond the last":             {114.20, "", eastTwo, 4110},
		"within the subtree it is in": {114.141, east, eastOne, 100},
		"within another subtree":      {114.141, west, westOne, 4210},
		"within a community":          {114.141, eastTwo, eastTwo, 1950},
		"within the district":         {114.11, district, westOne, 1030},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := ""
			if c.within != "" {
				path = f.path(t, c.within)
			}
			u, meters, err := f.NearestWithin(t.Context(), position(c.longitude), path)
			if err != nil {
				t.Fatal(err)
			}
			if u.ID != c.want || math.Abs(meters-c.meters) > 10 {
				t.Errorf("got %s, %.0f m away, want %s, %.0f m", u.ID, meters, c.want, c.meters)
			}
			if path == "" {
				if nearest, err := f.nearestUnit(t, position(c.longitude)); err != nil || nearest.ID != c.want {
					t.Errorf("nearestUnit: %v, %v", nearest, err)
				}
			}
		})
	}
	t.Run("within no subtree", func(t *testing.T) {
		t.Parallel()
		_, _, err := f.NearestWithin(t.Context(), here, "440304000000/")
		wantFault(t, err, fault.NotFound("unit"))
	})
}

func TestNearestWithinWithoutCentres(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	u, meters, err := f.NearestWithin(t.Context(), here, f.path(t, west))
	if err != nil || u.ID != west || meters != 0 {
		t.Errorf("got %v, %v m, %v; want the subtree's top, 0 m away", u, meters, err)
	}
}

func TestNearestWithinWithoutUnits(t *testing.T) {
	t.Parallel()
	s := New(Config{DB: storetest.Open(t, Collections()...), Now: store.Now, NewID: store.NewIDs()})
	_, _, err := s.NearestWithin(t.Context(), here, "")
	wantFault(t, err, fault.NotFound("unit"))
}

// What a caller does to the unit that it was given is its own affair.
func TestNearestWithinGivesACopy(t *testing.T) {
	t.Parallel()
	f := centred(t)
	for range 2 {
		u, _, err := f.NearestWithin(t.Context(), *f.centerOf(t, eastOne), "")
		if err != nil || u.ID != eastOne || u.Center.Longitude != 114.14 {
			t.Fatalf("got %+v, %v", u, err)
		}
		u.Center.Longitude, u.Path = 0, ""
	}
}

func (f *fixture) centerOf(t *testing.T, unitID string) *geo.Position {
	t.Helper()
	u, err := f.Unit(t.Context(), unitID)
	if err != nil {
		t.Fatal(err)
	}
	return u.Center
}
