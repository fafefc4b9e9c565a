package geo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/peterstace/simplefeatures/geom"
)

// MaxAreaPoints is how many positions an area may have.
const MaxAreaPoints = 20_000

// AreaProblem is what is wrong with a text that should be an area.
type AreaProblem string

// The problems.
const (
	AreaSyntax  AreaProblem = "SYNTAX"   // no GeoJSON
	AreaType    AreaProblem = "TYPE"     // neither a Polygon nor a MultiPolygon
	AreaEmpty   AreaProblem = "EMPTY"    // no polygon, or one without rings
	AreaPoints  AreaProblem = "POINTS"   // more than MaxAreaPoints
	AreaPair    AreaProblem = "PAIR"     // a position that is not two or three numbers
	AreaRange   AreaProblem = "RANGE"    // a position that is not on earth
	AreaShort   AreaProblem = "SHORT"    // a ring of fewer than four positions
	AreaOpen    AreaProblem = "OPEN"     // a ring that does not end where it begins
	AreaCrosses AreaProblem = "CROSSES"  // a ring that crosses or touches itself
	AreaHoles   AreaProblem = "HOLES"    // a hole that is not inside its polygon, or rings that cross
	AreaOverlap AreaProblem = "OVERLAPS" // polygons that overlap
)

// AreaError says what is wrong with an area, and where. Polygons, rings and
// points are counted from 1, and 0 where the problem has none; ring 1 is the
// outer one. The points of a ring that crosses itself are those at which the
// edges begin that meet.
type AreaError struct {
	Problem                     AreaProblem
	Polygon, Ring, Point, Other int
}

// Error describes the problem for logs.
func (e *AreaError) Error() string {
	return fmt.Sprintf("not an area: %s (polygon %d, ring %d, point %d)", e.Problem, e.Polygon, e.Ring, e.Point)
}

// shape is a GeoJSON object as far as areas need it.
type shape struct {
	Type        string          `json:"type"`
	Coordinates json.RawMessage `json:"coordinates"`
	Geometry    *shape          `json:"geometry"` // of a Feature
}

// degrees is a coordinate, which encoding/json would take null for.
type degrees float64

// UnmarshalJSON takes numbers alone.
func (d *degrees) UnmarshalJSON(text []byte) error {
	if bytes.Equal(text, []byte("null")) {
		return errors.New("null is no coordinate")
	}
	return json.Unmarshal(text, (*float64)(d))
}

// ParseArea reads a Polygon or MultiPolygon of RFC 7946, or a Feature of one,
// whose coordinates, longitude first, are in the datum d. It fails with an
// *AreaError.
func ParseArea(text string, d Datum) (*Area, error) {
	polygons, err := decodeArea(text)
	if err != nil {
		return nil, err
	}
	shapes := make([]polygon, len(polygons))
	count := 0
	for i, p := range polygons {
		if len(p) == 0 {
			return nil, &AreaError{Problem: AreaEmpty, Polygon: i + 1}
		}
		for n, r := range p {
			if count += len(r); count > MaxAreaPoints {
				return nil, &AreaError{Problem: AreaPoints}
			}
			closed, where := ringOf(r, d)
			if where != nil {
				where.Polygon, where.Ring = i+1, n+1
				return nil, where
			}
			shapes[i] = append(shapes[i], closed)
		}
	}
	if err := checkShapes(shapes); err != nil {
		return nil, err
	}
	return newArea(shapes), nil
}

func decodeArea(text string) (polygons [][][][]degrees, err error) {
	var s shape
	if json.Unmarshal([]byte(text), &s) != nil {
		return nil, &AreaError{Problem: AreaSyntax}
	}
	if s.Type == "Feature" && s.Geometry != nil {
		s = *s.Geometry
	}
	switch s.Type {
	case "Polygon":
		polygons = make([][][][]degrees, 1)
		err = json.Unmarshal(s.Coordinates, &polygons[0])
	case "MultiPolygon":
		err = json.Unmarshal(s.Coordinates, &polygons)
	default:
		return nil, &AreaError{Problem: AreaType}
	}
	if err != nil {
		return nil, &AreaError{Problem: AreaSyntax}
	}
	if len(polygons) == 0 {
		return nil, &AreaError{Problem: AreaEmpty}
	}
	return polygons, nil
}

// ringOf checks what can be seen from the ring's positions one by one.
func ringOf(in [][]degrees, d Datum) (ring, *AreaError) {
	out := make(ring, len(in))
	for i, pair := range in {
		if len(pair) < 2 || len(pair) > 3 { // the third is a height
			return nil, &AreaError{Problem: AreaPair, Point: i + 1}
		}
		p, ok := ToWGS84(float64(pair[1]), float64(pair[0]), d)
		if !ok {
			return nil, &AreaError{Problem: AreaRange, Point: i + 1}
		}
		out[i] = Position{Latitude: toCentimetres(p.Latitude), Longitude: toCentimetres(p.Longitude)}
	}
	switch {
	case len(out) < 4:
		return nil, &AreaError{Problem: AreaShort}
	case out[0] != out[len(out)-1]:
		return nil, &AreaError{Problem: AreaOpen, Point: len(out)}
	}
	return out, nil
}

// toCentimetres rounds degrees to about 1 cm, so that what is checked is what is
// written.
func toCentimetres(degrees float64) float64 { return math.Round(degrees*1e7) / 1e7 }

// checkShapes checks what only the whole shows. The rules are those of OGC
// Simple Features, and their check is slow for large areas, so that what is
// wrong is looked for only if something is.
func checkShapes(shapes []polygon) error {
	polygons := make([]geom.Polygon, len(shapes))
	for i, s := range shapes {
		polygons[i] = geom.NewPolygon(s.lines())
	}
	if geom.NewMultiPolygon(polygons).Validate() == nil {
		return nil
	}
	for i, s := range shapes {
		if err := s.check(); err != nil {
			err.Polygon = i + 1
			return err
		}
	}
	return &AreaError{Problem: AreaOverlap, Polygon: badPolygon(polygons)}
}

// check says what is wrong with the polygon by itself, if anything is.
func (shape polygon) check() *AreaError {
	lines := shape.lines()
	for n, r := range shape {
		if geom.NewPolygon(lines[n:n+1]).Validate() != nil {
			from, to := r.crossing()
			return &AreaError{Problem: AreaCrosses, Ring: n + 1, Point: from, Other: to}
		}
	}
	if geom.NewPolygon(lines).Validate() != nil {
		return &AreaError{Problem: AreaHoles, Ring: badHole(lines)}
	}
	return nil
}

func (shape polygon) lines() []geom.LineString {
	lines := make([]geom.LineString, len(shape))
	for i, r := range shape {
		lines[i] = r.line()
	}
	return lines
}

func (r ring) line() geom.LineString {
	flat := make([]float64, 0, 2*len(r))
	for _, p := range r {
		flat = append(flat, p.Longitude, p.Latitude)
	}
	return geom.NewLineString(geom.NewSequence(flat, geom.DimXY))
}

// badHole returns the number of the first ring that spoils the polygon.
func badHole(rings []geom.LineString) int {
	for n := 2; n < len(rings); n++ {
		if geom.NewPolygon(rings[:n]).Validate() != nil {
			return n
		}
	}
	return len(rings)
}

// badPolygon returns the number of the first that overlaps one before it.
func badPolygon(polygons []geom.Polygon) int {
	for n := 2; n < len(polygons); n++ {
		if geom.NewMultiPolygon(polygons[:n]).Validate() != nil {
			return n
		}
	}
	return len(polygons)
}

// crossing returns the numbers of the points at which two edges begin that meet
// where they should not, or zeros if it is none of those (an edge of no length).
func (r ring) crossing() (from, to int) {
	last := len(r) - 1
	for i := range last {
		for k := i + 1; k < last; k++ {
			if r.meet(i, k, last) {
				return i + 1, k + 1
			}
		}
	}
	return 0, 0
}

// meet reports whether two edges have more in common than the corner between
// neighbours.
func (r ring) meet(i, k, last int) bool {
	a, b, c, d := r[i], r[i+1], r[k], r[k+1]
	switch {
	case k == i+1:
		return side(a, b, d) == 0 && between(a, b, d) || side(c, d, a) == 0 && between(c, d, a)
	case i == 0 && k == last-1:
		return side(c, d, b) == 0 && between(c, d, b) || side(a, b, c) == 0 && between(a, b, c)
	}
	return touch(a, b, c, d)
}

func touch(a, b, c, d Position) bool {
	s1, s2, s3, s4 := side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b)
	if s1*s2 < 0 && s3*s4 < 0 {
		return true
	}
	return s1 == 0 && between(a, b, c) || s2 == 0 && between(a, b, d) ||
		s3 == 0 && between(c, d, a) || s4 == 0 && between(c, d, b)
}

// side is 1, 0 or -1: on which side of the line from a to b the position is.
func side(a, b, p Position) int {
	v := (b.Longitude-a.Longitude)*(p.Latitude-a.Latitude) - (b.Latitude-a.Latitude)*(p.Longitude-a.Longitude)
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}

// between reports whether p, which is on the line through a and b, is between
// them.
func between(a, b, p Position) bool {
	return p.Longitude >= min(a.Longitude, b.Longitude) && p.Longitude <= max(a.Longitude, b.Longitude) &&
		p.Latitude >= min(a.Latitude, b.Latitude) && p.Latitude <= max(a.Latitude, b.Latitude)
}
