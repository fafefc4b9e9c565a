package geo

import "math"

// The flat approximation, which sorts out most points of a cell without
// trigonometry: for a cell within flatAngle radians of the origin both ways
// (127 km north and south, and as much at the equator east and west), the
// distance by it is at most flatSlack metres more than Distance, and at most
// 0.1 % less below 60° of latitude. So what it puts beyond a bound plus
// flatSlack is surely beyond the bound; all others are measured by Distance.
//
// Why: 2R√hav(d) ≤ d, the row's narrowest cosine is never more than the true
// one, and sin t ≥ t (1 - t²/6), which for half of flatAngle leaves 1.7e-5,
// squared less than flatShort. flatSlack is above the offsets' rounding.
const (
	flatAngle = 0.02
	flatShort = 1e-4
	flatSlack = 0.02 // metres
)

// flat turns the offsets within one cell to metres from an origin.
type flat struct {
	north, northStep float64
	east, eastStep   float64
}

// flatten prepares the approximation for a cell, and reports false if the cell
// is too far for it, or too wide, as cells around the poles are.
func (o origin) flatten(c cell) (flat, bool) {
	height := rowDegrees * radian
	width := 2 * math.Pi / float64(columns(int(c.row)))
	north := (southOf(int(c.row)) - o.Latitude) * radian
	east := math.Remainder(float64(c.col)*width-(o.Longitude+180)*radian, 2*math.Pi)
	if max(math.Abs(north), math.Abs(north+height), math.Abs(east), math.Abs(east+width)) > flatAngle {
		return flat{}, false
	}
	scale := EarthRadius * math.Sqrt(o.cos*narrowest(int(c.row)))
	f := flat{northStep: EarthRadius * height / cellSteps, eastStep: scale * width / cellSteps}
	f.north = EarthRadius*north + f.northStep/2
	f.east = scale*east + f.eastStep/2
	return f, true
}

// square returns the square of the approximate metres to an offset.
func (f flat) square(o offset) float64 {
	north := f.north + float64(o.north)*f.northStep
	east := f.east + float64(o.east)*f.eastStep
	return north*north + east*east
}

// flatLimit returns the square above which a point is surely farther than
// meters.
func flatLimit(meters float64) float64 {
	return (meters + flatSlack) * (meters + flatSlack) / (1 - flatShort)
}
