package geo

import "math"

// The ellipsoid of the GCJ-02 formula (Krasovsky 1940).
const (
	krasovskyAxis = 6_378_245.0               // semi-major axis in metres
	krasovskyEcc2 = 0.006_693_421_622_965_943 // eccentricity squared
)

// gcj02Rounds is how often the inverse is refined. Three leave at most 0.24 mm
// on a grid over the whole box, two leave centimetres.
const gcj02Rounds = 3

func wgs84ToGCJ02(lat, lng float64) (float64, float64) {
	if !inChina(lat, lng) {
		return lat, lng
	}
	dLat, dLng := gcj02Offset(lat, lng)
	return lat + dLat, lng + dLng
}

// gcj02ToWGS84 finds the place whose offset leads to the given coordinates, by
// fixed-point iteration: the formula has no closed inverse.
func gcj02ToWGS84(lat, lng float64) (float64, float64) {
	if !inChina(lat, lng) {
		return lat, lng
	}
	wLat, wLng := lat, lng
	for range gcj02Rounds {
		dLat, dLng := gcj02Offset(wLat, wLng)
		wLat, wLng = lat-dLat, lng-dLng
	}
	return wLat, wLng
}

// gcj02Offset returns the degrees that GCJ-02 adds to WGS-84: the commonly
// published formula, metres of shift as a polynomial and sines around 35° N
// 105° E, turned to degrees on the Krasovsky ellipsoid.
func gcj02Offset(lat, lng float64) (dLat, dLng float64) {
	north, east := gcj02Shift(lng-105, lat-35)
	s := math.Sin(lat * radian)
	w := 1 - krasovskyEcc2*s*s
	meridian := krasovskyAxis * (1 - krasovskyEcc2) / (w * math.Sqrt(w))
	parallel := krasovskyAxis / math.Sqrt(w) * math.Cos(lat*radian)
	return north / (meridian * radian), east / (parallel * radian)
}

// gcj02Shift returns the shift in metres at x degrees east and y degrees north
// of the formula's centre.
func gcj02Shift(x, y float64) (north, east float64) {
	root := math.Sqrt(math.Abs(x))
	ripple := 20*sinPi(6*x) + 20*sinPi(2*x)
	north = -100 + 2*x + 3*y + 0.2*y*y + 0.1*x*y + 0.2*root
	north += (ripple + 20*sinPi(y) + 40*sinPi(y/3) + 160*sinPi(y/12) + 320*sinPi(y/30)) * 2 / 3
	east = 300 + x + 2*y + 0.1*x*x + 0.1*x*y + 0.1*root
	east += (ripple + 20*sinPi(x) + 40*sinPi(x/3) + 150*sinPi(x/12) + 300*sinPi(x/30)) * 2 / 3
	return north, east
}

func sinPi(x float64) float64 { return math.Sin(x * math.Pi) }
