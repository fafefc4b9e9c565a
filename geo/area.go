package geo

import (
	"math"
	"slices"
	"strconv"
)

// Area is a part of the earth's surface: one or more polygons, which may have
// holes. It never changes, and may be used from any goroutine. Make one with
// ParseArea.
type Area struct {
	polygons   []polygon
	low, high  Position // the corners of the box around it
	size       float64
	pointCount int
}

// polygon is its outer ring, and then its holes.
type polygon []ring

// ring is closed: its last position is the first again.
type ring []Position

func newArea(polygons []polygon) *Area {
	a := &Area{polygons: polygons, low: Position{90, 180}, high: Position{-90, -180}}
	for _, p := range polygons {
		for i, r := range p {
			p[i] = r.turned(i == 0)
			a.pointCount += len(r)
		}
		a.stretch(p[0])
		a.size += p.size()
	}
	return a
}

func (a *Area) stretch(r ring) {
	for _, p := range r {
		a.low.Latitude, a.high.Latitude = min(a.low.Latitude, p.Latitude), max(a.high.Latitude, p.Latitude)
		a.low.Longitude, a.high.Longitude = min(a.low.Longitude, p.Longitude), max(a.high.Longitude, p.Longitude)
	}
}

// Contains reports whether p lies in the area. Of two areas that share an edge,
// one contains what lies exactly on it.
func (a *Area) Contains(p Position) bool {
	if p.Latitude < a.low.Latitude || p.Latitude > a.high.Latitude || p.Longitude < a.low.Longitude || p.Longitude > a.high.Longitude {
		return false
	}
	return slices.ContainsFunc(a.polygons, func(shape polygon) bool { return shape.contains(p) })
}

// contains counts the edges of all rings that a line from p to the north
// crosses: an odd number means that it begins inside and not in a hole.
func (shape polygon) contains(p Position) bool {
	inside := false
	for _, r := range shape {
		for i := 1; i < len(r); i++ {
			if above(r[i-1], r[i], p) {
				inside = !inside
			}
		}
	}
	return inside
}

// above reports whether the edge from a to b passes north of p. An edge has its
// western end, and not its eastern, so that a corner counts once.
func above(a, b, p Position) bool {
	if (a.Longitude > p.Longitude) == (b.Longitude > p.Longitude) {
		return false
	}
	slope := (b.Latitude - a.Latitude) / (b.Longitude - a.Longitude)
	return p.Latitude < a.Latitude+slope*(p.Longitude-a.Longitude)
}

// Size is about how large the area is, in square metres: as on a plane, which
// is within 1 % for areas of up to 100 km that are no closer to a pole than 60°.
func (a *Area) Size() float64 { return a.size }

func (shape polygon) size() float64 {
	size := 0.0
	for i, r := range shape {
		if i == 0 {
			size += math.Abs(r.turn())
		} else {
			size -= math.Abs(r.turn())
		}
	}
	return size
}

// turn is the area that the ring encloses in square metres, positive if it runs
// against the clock.
func (r ring) turn() float64 {
	meters := EarthRadius * radian
	east := meters * math.Cos(r[0].Latitude*radian)
	sum := 0.0
	for i := 1; i < len(r); i++ {
		ax, ay := (r[i-1].Longitude-r[0].Longitude)*east, (r[i-1].Latitude-r[0].Latitude)*meters
		bx, by := (r[i].Longitude-r[0].Longitude)*east, (r[i].Latitude-r[0].Latitude)*meters
		sum += ax*by - bx*ay
	}
	return sum / 2
}

// turned returns the ring against the clock if it is an outer one, and with it
// if it is a hole, as RFC 7946 (3.1.6) wants it.
func (r ring) turned(outer bool) ring {
	if (r.turn() > 0) != outer {
		r = slices.Clone(r)
		slices.Reverse(r)
	}
	return r
}

// GeoJSON returns the area as a Polygon or a MultiPolygon of RFC 7946, in WGS-84
// with seven decimals at most, which is about 1 cm.
func (a *Area) GeoJSON() string {
	out := make([]byte, 0, 26*a.pointCount+64)
	if len(a.polygons) == 1 {
		out = append(out, `{"type":"Polygon","coordinates":`...)
		out = a.polygons[0].appendTo(out)
	} else {
		out = append(out, `{"type":"MultiPolygon","coordinates":`...)
		out = appendList(out, a.polygons, func(out []byte, p polygon) []byte { return p.appendTo(out) })
	}
	return string(append(out, '}'))
}

func (shape polygon) appendTo(out []byte) []byte {
	return appendList(out, shape, func(out []byte, r ring) []byte {
		return appendList(out, r, func(out []byte, p Position) []byte {
			out = strconv.AppendFloat(append(out, '['), p.Longitude, 'f', -1, 64)
			out = strconv.AppendFloat(append(out, ','), p.Latitude, 'f', -1, 64)
			return append(out, ']')
		})
	})
}

func appendList[T any](out []byte, list []T, add func([]byte, T) []byte) []byte {
	out = append(out, '[')
	for i, item := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = add(out, item)
	}
	return append(out, ']')
}
