package notify

// DistanceBand says roughly how far away something is: all that a push may
// tell of a place.
type DistanceBand string

// The bands.
const (
	Within500M DistanceBand = "WITHIN_500M"
	Within1KM  DistanceBand = "WITHIN_1KM"
	Within2KM  DistanceBand = "WITHIN_2KM"
	Within5KM  DistanceBand = "WITHIN_5KM"
	Over5KM    DistanceBand = "OVER_5KM"
)

// BandOf returns the band of a distance in metres, limits included.
func BandOf(meters float64) DistanceBand {
	switch {
	case meters <= 500:
		return Within500M
	case meters <= 1000:
		return Within1KM
	case meters <= 2000:
		return Within2KM
	case meters <= 5000:
		return Within5KM
	}
	return Over5KM
}
