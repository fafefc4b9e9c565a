package geo

import "math"

// EarthRadius is the mean radius of the Earth in metres, (2a + b) / 3 of the
// reference ellipsoid as the International Union of Geodesy and Geophysics
// defines it.
const EarthRadius = 6_371_008.8

const radian = math.Pi / 180 // radians in a degree

// Distance returns the metres from a to b along the great circle, by the
// haversine formula on a sphere of EarthRadius. A sphere differs from the
// ellipsoid by at most about 0.6 %. Both positions must be valid.
func Distance(a, b Position) float64 {
	return newOrigin(a).distance(b)
}

// origin is a position from which many distances are measured.
type origin struct {
	Position
	cos float64 // of the latitude
}

func newOrigin(p Position) origin {
	return origin{Position: p, cos: math.Cos(p.Latitude * radian)}
}

func (o origin) distance(p Position) float64 {
	cos := math.Cos(p.Latitude * radian)
	h := haversine((p.Latitude-o.Latitude)*radian) +
		o.cos*cos*haversine((p.Longitude-o.Longitude)*radian)
	// Rounding can lift h above 1 for opposite ends of the Earth.
	return 2 * EarthRadius * math.Asin(math.Sqrt(min(h, 1)))
}

// haversine returns sin²(angle / 2) of an angle in radians.
func haversine(angle float64) float64 {
	s := math.Sin(angle / 2)
	return s * s
}
