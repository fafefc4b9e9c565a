package geo

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/peterstace/simplefeatures/geom"
)

// A square of 0.1 degrees with a smaller hole in its middle.
const (
	square     = `[[114,22.5],[114.1,22.5],[114.1,22.6],[114,22.6],[114,22.5]]`
	hole       = `[[114.04,22.54],[114.04,22.56],[114.06,22.56],[114.06,22.54],[114.04,22.54]]`
	farSquare  = `[[115,22.5],[115.1,22.5],[115.1,22.6],[115,22.6],[115,22.5]]`
	holedText  = `{"type":"Polygon","coordinates":[` + square + `,` + hole + `]}`
	doubleText = `{"type":"MultiPolygon","coordinates":[[` + square + `],[` + farSquare + `]]}`
)

func parsed(t testing.TB, text string) *Area {
	t.Helper()
	a, err := ParseArea(text, WGS84)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAreaContains(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text     string
		lat, lng float64
		want     bool
	}{
		"inside":                        {holedText, 22.51, 114.01, true},
		"in the hole":                   {holedText, 22.55, 114.05, false},
		"outside":                       {holedText, 22.51, 114.11, false},
		"north of it":                   {holedText, 22.61, 114.05, false},
		"in the first of two":           {doubleText, 22.55, 114.05, true},
		"in the second of two":          {doubleText, 22.55, 115.05, true},
		"between the two":               {doubleText, 22.55, 114.5, false},
		"in a feature":                  {`{"type":"Feature","properties":null,"geometry":` + holedText + `}`, 22.51, 114.01, true},
		"in a ring that runs clockwise": {`{"type":"Polygon","coordinates":[[[114,22.5],[114,22.6],[114.1,22.6],[114.1,22.5],[114,22.5]]]}`, 22.55, 114.05, true},
		"with heights":                  {`{"type":"Polygon","coordinates":[[[114,22.5,3],[114.1,22.5,3],[114.1,22.6,3],[114,22.5,3]]]}`, 22.52, 114.09, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := parsed(t, c.text).Contains(Position{c.lat, c.lng}); got != c.want {
				t.Errorf("Contains = %v", got)
			}
		})
	}
}

// Two areas that share an edge share out what lies on it.
func TestAreaSharedEdgesBelongToOne(t *testing.T) {
	t.Parallel()
	west := parsed(t, `{"type":"Polygon","coordinates":[[[114,22],[114.5,22],[114.5,23],[114,23],[114,22]]]}`)
	east := parsed(t, `{"type":"Polygon","coordinates":[[[114.5,22],[115,22],[115,23],[114.5,23],[114.5,22]]]}`)
	for i := range 100 {
		p := Position{22.005 + float64(i)/101, 114.5}
		if west.Contains(p) == east.Contains(p) {
			t.Fatalf("%v is in both or neither", p)
		}
	}
}

// The library answers the same question more slowly.
func TestAreaContainsAgreesWithTheLibrary(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	text := starText(rnd, 300)
	area := parsed(t, text)
	shape, err := geom.UnmarshalGeoJSON([]byte(area.GeoJSON()))
	if err != nil {
		t.Fatal(err)
	}
	inside := 0
	for range 400 {
		p := Position{22.4 + rnd.Float64()*0.3, 113.9 + rnd.Float64()*0.3}
		want, err := geom.Contains(shape, geom.XY{X: p.Longitude, Y: p.Latitude}.AsPoint().AsGeometry())
		if err != nil {
			t.Fatal(err)
		}
		if area.Contains(p) != want {
			t.Errorf("%v: Contains = %v, the library says %v", p, !want, want)
		}
		if want {
			inside++
		}
	}
	if inside < 50 || inside > 350 {
		t.Errorf("%d of 400 are inside: the sample is no good", inside)
	}
}

// starText is a ring of n points around 22.55, 114.05 that does not cross itself.
func starText(rnd *rand.Rand, n int) string {
	points := make([]string, n+1)
	for i := range n {
		r, angle := 0.05+rnd.Float64()*0.05, 2*math.Pi*float64(i)/float64(n)
		points[i] = fmt.Sprintf("[%.7f,%.7f]", 114.05+r*math.Cos(angle), 22.55+r*math.Sin(angle))
	}
	points[n] = points[0]
	return `{"type":"Polygon","coordinates":[[` + strings.Join(points, ",") + `]]}`
}

func TestAreaGeoJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{holedText, doubleText} {
		if diff := cmp.Diff(text, parsed(t, text).GeoJSON()); diff != "" {
			t.Error(diff)
		}
	}
	clockwise := `{"type":"Polygon","coordinates":[[[114,22.5],[114,22.6],[114.1,22.6],[114,22.5]]]}`
	want := `{"type":"Polygon","coordinates":[[[114,22.5],[114.1,22.6],[114,22.6],[114,22.5]]]}`
	if diff := cmp.Diff(want, parsed(t, clockwise).GeoJSON()); diff != "" {
		t.Error(diff)
	}
}

func TestAreaSize(t *testing.T) {
	t.Parallel()
	// 0.1° is 11,119.5 m along a meridian, and 10,273 m along the parallel.
	solid := parsed(t, `{"type":"Polygon","coordinates":[`+square+`]}`)
	if got, want := solid.Size(), 11_119.5*10_273.0; math.Abs(got/want-1) > 0.01 {
		t.Errorf("Size = %.0f, want %.0f", got, want)
	}
	if got, want := parsed(t, holedText).Size(), solid.Size()*0.96; math.Abs(got/want-1) > 0.001 {
		t.Errorf("with a hole it is %.0f, want %.0f", got, want)
	}
}

func TestParseAreaInAnotherDatum(t *testing.T) {
	t.Parallel()
	area, err := ParseArea(`{"type":"Polygon","coordinates":[`+square+`]}`, GCJ02)
	if err != nil {
		t.Fatal(err)
	}
	corner, _ := ToWGS84(22.5, 114, GCJ02)
	if got := area.polygons[0][0][0]; Distance(got, corner) > 0.02 || Distance(got, Position{22.5, 114}) < 100 {
		t.Errorf("the corner is at %v, want %v", got, corner)
	}
	_, err = ParseArea(holedText, "ED50")
	wantAreaError(t, err, AreaError{Problem: AreaRange, Polygon: 1, Ring: 1, Point: 1})
}

func TestParseAreaSaysWhatIsWrongAndWhere(t *testing.T) {
	t.Parallel()
	poly := func(rings string) string { return `{"type":"Polygon","coordinates":[` + rings + `]}` }
	multi := func(polygons string) string { return `{"type":"MultiPolygon","coordinates":[` + polygons + `]}` }
	many := strings.Repeat("[1,1],", MaxAreaPoints) + "[1,1]"
	for name, c := range map[string]struct {
		text string
		want AreaError
	}{
		"nothing":                   {"", AreaError{Problem: AreaSyntax}},
		"no JSON":                   {"POLYGON((0 0))", AreaError{Problem: AreaSyntax}},
		"two objects":               {holedText + holedText, AreaError{Problem: AreaSyntax}},
		"a point":                   {`{"type":"Point","coordinates":[1,2]}`, AreaError{Problem: AreaType}},
		"a collection":              {`{"type":"FeatureCollection","features":[]}`, AreaError{Problem: AreaType}},
		"a feature without":         {`{"type":"Feature","geometry":null}`, AreaError{Problem: AreaType}},
		"a feature in a feature":    {`{"type":"Feature","geometry":{"type":"Feature","geometry":` + holedText + `}}`, AreaError{Problem: AreaType}},
		"no coordinates":            {`{"type":"Polygon"}`, AreaError{Problem: AreaSyntax}},
		"null for coordinates":      {`{"type":"Polygon","coordinates":null}`, AreaError{Problem: AreaEmpty, Polygon: 1}},
		"the coordinates of a line": {`{"type":"Polygon","coordinates":[[1,2],[3,4]]}`, AreaError{Problem: AreaSyntax}},
		"text for a number":         {poly(`[["a",1]]`), AreaError{Problem: AreaSyntax}},
		"null for a number":         {poly(`[[null,1]]`), AreaError{Problem: AreaSyntax}},
		"too large a number":        {poly(`[[1e999,1]]`), AreaError{Problem: AreaSyntax}},
		"no polygons":               {multi(""), AreaError{Problem: AreaEmpty}},
		"no rings":                  {multi(`[` + square + `],[]`), AreaError{Problem: AreaEmpty, Polygon: 2}},
		"too many points":           {poly("[" + many + "]"), AreaError{Problem: AreaPoints}},
		"one number":                {poly(`[[114,22],[114]]`), AreaError{Problem: AreaPair, Polygon: 1, Ring: 1, Point: 2}},
		"null for a pair":           {poly(`[[114,22],null]`), AreaError{Problem: AreaPair, Polygon: 1, Ring: 1, Point: 2}},
		"latitude first":            {poly(`[[22,114],[23,114],[23,115],[22,114]]`), AreaError{Problem: AreaRange, Polygon: 1, Ring: 1, Point: 1}},
		"a short ring":              {poly(`[[114,22],[115,22],[114,22]]`), AreaError{Problem: AreaShort, Polygon: 1, Ring: 1}},
		"an open ring":              {poly(square + `,[[114.01,22.51],[114.02,22.51],[114.02,22.52],[114.01,22.52]]`), AreaError{Problem: AreaOpen, Polygon: 1, Ring: 2, Point: 4}},
		"a bow tie":                 {poly(`[[114,22],[115,23],[115,22],[114,23],[114,22]]`), AreaError{Problem: AreaCrosses, Polygon: 1, Ring: 1, Point: 1, Other: 3}},
		"there and back":            {poly(`[[114,22],[115,22],[116,22],[115,22],[114,22]]`), AreaError{Problem: AreaCrosses, Polygon: 1, Ring: 1, Point: 1, Other: 3}},
		"a spike":                   {poly(`[[114,22],[116,22],[115,22],[115,23],[114,22]]`), AreaError{Problem: AreaCrosses, Polygon: 1, Ring: 1, Point: 1, Other: 2}},
		"all points the same":       {poly(`[[114,22],[114,22],[114,22],[114,22]]`), AreaError{Problem: AreaCrosses, Polygon: 1, Ring: 1, Point: 1, Other: 2}},
		"a hole outside":            {poly(square + `,` + farSquare), AreaError{Problem: AreaHoles, Polygon: 1, Ring: 2}},
		"a hole that sticks out":    {poly(square + `,[[114.05,22.55],[114.2,22.55],[114.2,22.57],[114.05,22.55]]`), AreaError{Problem: AreaHoles, Polygon: 1, Ring: 2}},
		"a hole in a hole":          {poly(square + `,` + hole + `,[[114.045,22.545],[114.055,22.545],[114.055,22.555],[114.045,22.545]]`), AreaError{Problem: AreaHoles, Polygon: 1, Ring: 3}},
		"polygons that overlap":     {multi(`[` + farSquare + `],[` + square + `],[[[114.05,22.55],[114.2,22.55],[114.2,22.7],[114.05,22.55]]]`), AreaError{Problem: AreaOverlap, Polygon: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			area, err := ParseArea(c.text, WGS84)
			if area != nil {
				t.Errorf("it is the area %s", area.GeoJSON())
			}
			wantAreaError(t, err, c.want)
		})
	}
}

func wantAreaError(t *testing.T, err error, want AreaError) {
	t.Helper()
	var got *AreaError
	if !errors.As(err, &got) {
		t.Fatalf("error %v, want %v", err, &want)
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkParseArea(b *testing.B) {
	text := starText(rand.New(rand.NewPCG(1, 2)), MaxAreaPoints-1)
	for b.Loop() {
		if _, err := ParseArea(text, WGS84); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAreaContains(b *testing.B) {
	area := parsed(b, starText(rand.New(rand.NewPCG(1, 2)), 500))
	for b.Loop() {
		area.Contains(Position{22.55, 114.05})
	}
}
