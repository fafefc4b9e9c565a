package roster

import (
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/storetest"
)

// box is a square of GeoJSON around a position.
func box(p geo.Position, half float64) string {
	w, e, s, n := p.Longitude-half, p.Longitude+half, p.Latitude-half, p.Latitude+half
	return fmt.Sprintf(`{"type":"Polygon","coordinates":[[[%f,%f],[%f,%f],[%f,%f],[%f,%f],[%f,%f]]]}`, w, s, e, s, e, n, w, n, w, s)
}

// enclose gives the unit a square boundary.
func (f *fixture) enclose(t testing.TB, id string, p geo.Position, half float64) {
	t.Helper()
	_, err := f.SetBoundary(t.Context(), f.admin(t), SetBoundary{UnitID: id, GeoJSON: box(p, half), Datum: geo.WGS84, Reason: "勘界"})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNearestWithinBoundaries(t *testing.T) {
	t.Parallel()
	at := func(longitude float64) geo.Position { return geo.Position{Latitude: 22.55, Longitude: longitude} }
	for name, c := range map[string]struct {
		prepare   func(t *testing.T, f *fixture) // centres are at 114.14, 114.16 and, in the west, 114.10
		longitude float64
		within    string
		want      string
		meters    float64
	}{
		"before a nearer centre":        {func(t *testing.T, f *fixture) { f.enclose(t, westOne, at(114.12), 0.025) }, 114.139, "", westOne, 0},
		"outside it the nearest centre": {func(t *testing.T, f *fixture) { f.enclose(t, westOne, at(114.12), 0.01) }, 114.139, "", eastOne, 103},
		"a centre that lies outside it": {func(t *testing.T, f *fixture) { f.enclose(t, westOne, at(114.12), 0.01) }, 114.101, "", westOne, 103},
		"the lowest level": {func(t *testing.T, f *fixture) {
			f.enclose(t, district, at(114.13), 0.1)
			f.enclose(t, eastTwo, at(114.13), 0.02)
		}, 114.139, "", eastTwo, 0},
		"the smallest of two": {func(t *testing.T, f *fixture) {
			f.enclose(t, eastTwo, at(114.13), 0.03)
			f.enclose(t, westOne, at(114.13), 0.02)
		}, 114.139, "", westOne, 0},
		"the nearest centre within it": {func(t *testing.T, f *fixture) { f.enclose(t, west, at(114.13), 0.03) }, 114.139, "", westOne, 4005},
		"none of those that end before": {func(t *testing.T, f *fixture) {
			f.enclose(t, east, at(114.15), 0.03)
			f.enclose(t, eastOne, at(114.13), 0.001)
		}, 114.141, "", eastTwo, 1950},
		"itself if all of them do": {func(t *testing.T, f *fixture) {
			f.enclose(t, west, at(114.15), 0.03)
			f.enclose(t, westOne, at(114.1), 0.001)
		}, 114.141, "", west, 0},
		"not of another subtree": {func(t *testing.T, f *fixture) { f.enclose(t, westOne, at(114.14), 0.03) }, 114.141, east, eastOne, 103},
		"of a unit that was merged": {func(t *testing.T, f *fixture) {
			f.enclose(t, eastOne, at(114.14), 0.01)
			f.mustMerge(t, eastOne, westOne)
		}, 114.141, "", westOne, 0},
		"no boundary of one that is closed": {func(t *testing.T, f *fixture) {
			f.enclose(t, westOne, at(114.14), 0.03)
			if _, err := f.CloseUnit(t.Context(), f.admin(t), CloseUnit{UnitID: westOne, Reason: "x"}); err != nil {
				t.Fatal(err)
			}
		}, 114.141, "", eastOne, 103},
		"no centre of a closed unit": {func(t *testing.T, f *fixture) { f.mustMerge(t, eastOne, westOne) }, 114.141, "", eastTwo, 1950},
		"taken away it counts no more": {func(t *testing.T, f *fixture) {
			f.enclose(t, westOne, at(114.14), 0.03)
			if _, _, err := f.NearestWithin(t.Context(), at(114.14), ""); err != nil {
				t.Fatal(err)
			}
			if _, err := f.SetBoundary(t.Context(), f.admin(t), SetBoundary{UnitID: westOne, Reason: "x"}); err != nil {
				t.Fatal(err)
			}
		}, 114.141, "", eastOne, 103},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := centred(t)
			if _, err := f.nearestUnit(t, here); err != nil { // the tree must notice what comes
				t.Fatal(err)
			}
			c.prepare(t, f)
			path := ""
			if c.within != "" {
				path = f.path(t, c.within)
			}
			for _, f := range []*Service{f.Service, newFixtureOn(t, f.db).Service} { // one that has watched, one that loads
				u, meters, err := f.NearestWithin(t.Context(), at(c.longitude), path)
				if err != nil || u.ID != c.want || math.Abs(meters-c.meters) > 10 {
					t.Errorf("got %v, %.0f m, %v; want %s, %.0f m", u, meters, err, c.want, c.meters)
				}
			}
		})
	}
}

func TestCurrentPath(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, c := range map[string]struct{ from, want string }{
		"as it is":          {oldEastOne, oldEastOne},
		"by the last alone": {"1/2/" + eastOne + "/", oldEastOne},
		"of a district":     {district + "/", district + "/"},
		"unknown":           {district + "/440399000000/", ""},
		"none":              {"", ""},
		"only a slash":      {"/", ""},
	} {
		t.Run(name, func(t *testing.T) { f.wantPath(t, c.from, c.want) })
	}
}

func TestZone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if got := f.Zone(t.Context(), oldEastOne); got.String() != "CST" {
		t.Errorf("the usual zone is %s", got)
	}
	set := func(name string) {
		_, err := f.LocateUnit(t.Context(), f.admin(t), LocateUnit{UnitID: district, TimeZone: name, Reason: "x"})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"Asia/Urumqi", "Asia/Shanghai"} {
		set(name)
		for _, path := range []string{district + "/", oldEastOne, district + "/" + eastOne + "/"} {
			if got := f.Zone(t.Context(), path); got.String() != name {
				t.Errorf("the zone of %s is %s", path, got)
			}
		}
		if got := f.Zone(t.Context(), "440304000000/"); got.String() != "CST" {
			t.Errorf("the zone of nowhere is %s", got)
		}
	}
}

func TestATimeZoneThatThisMachineDoesNotKnowShutsNobodyOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if _, err := units.Change(t.Context(), f.db, district, func(u *Unit) error { u.TimeZone = "Mars/Olympus"; return nil }); err != nil {
		t.Fatal(err)
	}
	f.wantPath(t, oldEastOne, oldEastOne)
	if got := f.Zone(t.Context(), oldEastOne); got.String() != "CST" {
		t.Errorf("the zone is %s", got)
	}
}

// crowded is a district of 10 subdistricts and 109 communities, each with a
// boundary of 500 points.
func crowded(b *testing.B) *fixture {
	b.Helper()
	f := &fixture{clock: storetest.NewClock(time.Unix(0, 0))}
	f.Service = New(Config{DB: storetest.Open(b, definitions()...), Now: f.clock.Now, NewID: store.NewIDs(), Log: slog.New(slog.DiscardHandler), Zone: time.UTC})
	var text strings.Builder
	text.WriteString("code,name,level,parent\n440303000000,区,DISTRICT,\n")
	for i := range 10 {
		fmt.Fprintf(&text, "440303%03d000,街道,SUBDISTRICT,440303000000\n", i+1)
	}
	for i := range 109 {
		fmt.Fprintf(&text, "440303%03d%03d,社区,COMMUNITY,440303%03d000\n", i%10+1, i+1, i%10+1)
	}
	list := readDivisions(b, text.String())
	if err := f.ImportUnits(b.Context(), list); err != nil {
		b.Fatal(err)
	}
	for i, u := range list[11:] {
		center := geo.Position{Latitude: 22.5 + 0.01*float64(i/11), Longitude: 114 + 0.01*float64(i%11)}
		err := boundaries.Insert(b.Context(), f.db, &boundary{Meta: store.Meta{ID: u.ID}, GeoJSON: circle(center, 0.0055, 500)})
		if err != nil {
			b.Fatal(err)
		}
	}
	return f
}

// circle is a ring of n points.
func circle(center geo.Position, radius float64, n int) string {
	points := make([]string, n+1)
	for i := range n {
		angle := 2 * math.Pi * float64(i) / float64(n)
		points[i] = fmt.Sprintf("[%.7f,%.7f]", center.Longitude+radius*math.Cos(angle), center.Latitude+radius*math.Sin(angle))
	}
	points[n] = points[0]
	return `{"type":"Polygon","coordinates":[[` + strings.Join(points, ",") + `]]}`
}

func BenchmarkNearestUnitByBoundary(b *testing.B) {
	f := crowded(b)
	p := geo.Position{Latitude: 22.555, Longitude: 114.055}
	for b.Loop() {
		if _, err := f.nearestUnit(b, p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCurrentPath(b *testing.B) {
	f := crowded(b)
	for b.Loop() {
		if path, err := f.CurrentPath(b.Context(), "440303000000/440303001000/440303001001/"); err != nil || path == "" {
			b.Fatal(path, err)
		}
	}
}

func TestSetBoundary(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	own := f.holder(t, auth.RoleAdmin, eastOne)
	set := func(actor auth.Principal, in SetBoundary) error {
		in.Reason = "勘界"
		_, err := f.SetBoundary(t.Context(), actor, in)
		return err
	}
	text := box(here, 0.01)
	wantFault(t, set(own, SetBoundary{UnitID: eastOne, GeoJSON: text, Datum: geo.WGS84}), nil)
	known := func() map[string]string {
		got, err := f.Boundaries(t.Context(), []string{eastOne, eastTwo})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	area, err := geo.ParseArea(text, geo.WGS84)
	if got := known(); err != nil || len(got) != 1 || got[eastOne] != area.GeoJSON() {
		t.Errorf("the boundaries are %v", got)
	}
	wantFault(t, set(own, SetBoundary{UnitID: eastOne, GeoJSON: text, Datum: geo.GCJ02}), nil)
	if got := known()[eastOne]; got == area.GeoJSON() || got == "" {
		t.Errorf("in another datum it is %s", got)
	}
	before := known()
	huge := `{"type":"Polygon","coordinates":[]` + strings.Repeat(" ", MaxBoundary) + `}`
	for name, c := range map[string]struct {
		actor auth.Principal
		in    SetBoundary
		want  *fault.Error
	}{
		"of another's unit":   {f.holder(t, auth.RoleAdmin, eastTwo), SetBoundary{UnitID: eastOne, GeoJSON: text, Datum: geo.WGS84}, fault.Forbidden()},
		"as a dispatcher":     {f.holder(t, auth.RoleDispatcher, eastOne), SetBoundary{UnitID: eastOne}, fault.Forbidden()},
		"of an unknown unit":  {own, SetBoundary{UnitID: "440399000000"}, fault.NotFound("unit")},
		"too long":            {own, SetBoundary{UnitID: eastOne, GeoJSON: huge, Datum: geo.WGS84}, fault.Invalid("geoJson", "boundary_size")},
		"no GeoJSON":          {own, SetBoundary{UnitID: eastOne, GeoJSON: "{}", Datum: geo.WGS84}, fault.Invalid("geoJson", "boundary_type")},
		"a ring that is open": {own, SetBoundary{UnitID: eastOne, GeoJSON: `{"type":"Polygon","coordinates":[[[1,1],[2,1],[2,2],[1,2]]]}`, Datum: geo.WGS84}, fault.Invalid("geoJson", "boundary_open")},
	} {
		t.Run(name, func(t *testing.T) {
			wantFault(t, set(c.actor, c.in), c.want)
			if got := known(); got[eastOne] != before[eastOne] {
				t.Errorf("it is %s now", got)
			}
		})
	}
	wantFault(t, set(own, SetBoundary{UnitID: eastOne}), nil)
	wantFault(t, set(own, SetBoundary{UnitID: eastOne}), nil) // there is none any more
	if got := known(); len(got) != 0 {
		t.Errorf("after it was taken away there is %v", got)
	}
	_, err = f.Boundaries(t.Context(), make([]string, MaxBoundaries+1))
	wantFault(t, err, fault.Invalid("first", "boundaries_at_once"))
}
