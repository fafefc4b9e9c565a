package geo

import "math"

// edge widens what is computed in degrees against rounding: 0.1 mm.
const edge = 1e-9

// span is a run of columns in a row, from west to east, ends included, none
// twice. It may run over either end of the row: column -1 is the last. With
// east below west it is empty.
type span struct {
	west, east int
}

// reach returns the columns of a row in which a place within the given metres
// of o may lie: never too few, and few too many.
//
// From the haversine formula: sin²(Δλ/2) = (hav(d) - hav(Δφ)) / (cos φ₀ cos φ),
// which is largest where Δφ and cos φ are smallest in the row.
func (o origin) reach(row int, meters float64) span {
	left := haversine(meters/EarthRadius)*(1+edge) - haversine(o.gap(row)*radian)
	if left < 0 {
		return span{east: -1}
	}
	h := left / (o.cos * narrowest(row))
	if !(h < 1) { // also where a cosine is 0, at a pole
		return span{east: columns(row) - 1}
	}
	return o.spread(columns(row), 2*math.Asin(math.Sqrt(h))/radian+edge)
}

// spread returns the columns within so many degrees of longitude, of n.
func (o origin) spread(n int, degrees float64) span {
	perDegree := float64(n) / 360
	west := int(math.Floor((o.Longitude + 180 - degrees) * perDegree))
	east := int(math.Floor((o.Longitude + 180 + degrees) * perDegree))
	if east-west+1 >= n {
		return span{east: n - 1}
	}
	return span{west: west, east: east}
}

// gap returns the degrees of latitude between o and a row, 0 within it.
func (o origin) gap(row int) float64 {
	south := southOf(row)
	return max(0, max(south-o.Latitude, o.Latitude-south-rowDegrees)-edge)
}

// wrap returns the column in the row, of n, that a span means by col.
func wrap(col, n int) int {
	return (col%n + n) % n
}
