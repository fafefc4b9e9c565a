package geo

// Datum names what a pair of coordinates is measured against.
type Datum string

// The datums that clients may send. GCJ-02 is what maps published in mainland
// China must use (Amap, Tencent); it lies up to 700 m off. BD-09 is Baidu's
// further offset upon it.
const (
	WGS84 Datum = "WGS84"
	GCJ02 Datum = "GCJ02"
	BD09  Datum = "BD09"
)

// ToWGS84 converts degrees in the datum d. It reports false if the coordinates
// are not finite and in range, or the datum is none of the three.
//
// It undoes FromWGS84 to within 1 mm for both offset datums (the worst on a
// grid over China is 0.24 mm), except within 2 km of the edge of the box where
// they apply: the offset begins there at once, so that some places have two
// names and some have none. Neither formula is official, and they have not
// been compared with the map makers' own services.
func ToWGS84(lat, lng float64, d Datum) (Position, bool) {
	if !validDegrees(lat, lng) {
		return Position{}, false
	}
	switch d {
	case WGS84:
	case GCJ02:
		lat, lng = gcj02ToWGS84(lat, lng)
	case BD09:
		lat, lng = gcj02ToWGS84(bd09ToGCJ02(lat, lng))
	default:
		return Position{}, false
	}
	return Position{Latitude: lat, Longitude: lng}, true
}

// FromWGS84 converts p to degrees in the datum d. It reports false if p is not
// valid or the datum is none of the three. Positions outside the box around
// China have the same coordinates in all three.
func FromWGS84(p Position, d Datum) (lat, lng float64, ok bool) {
	if !p.Valid() {
		return 0, 0, false
	}
	lat, lng = p.Latitude, p.Longitude
	switch d {
	case WGS84:
	case GCJ02:
		lat, lng = wgs84ToGCJ02(lat, lng)
	case BD09:
		lat, lng = gcj02ToBD09(wgs84ToGCJ02(lat, lng))
	default:
		return 0, 0, false
	}
	return lat, lng, true
}

// inChina is the box in which GCJ-02 applies, as every published version of
// the formula has it. It covers Taiwan, Mongolia, Korea and parts of others,
// and is all that tells inside from outside.
func inChina(lat, lng float64) bool {
	return lat >= 0.8293 && lat <= 55.8271 && lng >= 72.004 && lng <= 137.8347
}
