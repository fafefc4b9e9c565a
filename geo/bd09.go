package geo

import "math"

// The constants of the published BD-09 formula, in degrees.
const (
	bd09North = 0.006
	bd09East  = 0.0065
	bd09Wave  = math.Pi * 3000 / 180
)

// bd09Rounds is how often the inverse is refined.
const bd09Rounds = 4

func gcj02ToBD09(lat, lng float64) (float64, float64) {
	if !inChina(lat, lng) {
		return lat, lng
	}
	dLat, dLng := bd09Offset(lat, lng)
	return lat + dLat, lng + dLng
}

// bd09ToGCJ02 iterates like gcj02ToWGS84; the closed inverse that is usually
// published is up to 0.24 m off on a grid over the box.
func bd09ToGCJ02(lat, lng float64) (float64, float64) {
	if !inChina(lat, lng) {
		return lat, lng
	}
	gLat, gLng := lat, lng
	for range bd09Rounds {
		dLat, dLng := bd09Offset(gLat, gLng)
		gLat, gLng = lat-dLat, lng-dLng
	}
	return gLat, gLng
}

// bd09Offset returns the degrees that BD-09 adds to GCJ-02: a ripple in polar
// coordinates, then a constant.
func bd09Offset(lat, lng float64) (dLat, dLng float64) {
	z := math.Hypot(lng, lat) + 0.00002*math.Sin(lat*bd09Wave)
	theta := math.Atan2(lat, lng) + 0.000003*math.Cos(lng*bd09Wave)
	return z*math.Sin(theta) + bd09North - lat, z*math.Cos(theta) + bd09East - lng
}
