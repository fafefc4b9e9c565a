package geo

// Position is a place on the WGS-84 ellipsoid.
type Position struct {
	Latitude  float64 `bson:"latitude"`  // degrees north, -90 to 90
	Longitude float64 `bson:"longitude"` // degrees east, -180 to 180
}

// Valid reports whether both coordinates are finite and within their ranges,
// ends included.
func (p Position) Valid() bool {
	return validDegrees(p.Latitude, p.Longitude)
}

// validDegrees is false for NaN, which fails every comparison.
func validDegrees(lat, lng float64) bool {
	return lat >= -90 && lat <= 90 && lng >= -180 && lng <= 180
}
