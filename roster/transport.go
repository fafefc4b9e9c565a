package roster

import "slices"

// TransportMode is how a responder gets to an incident.
type TransportMode string

// The modes.
const (
	OnFoot     TransportMode = "ON_FOOT"
	Bicycle    TransportMode = "BICYCLE"
	EBike      TransportMode = "EBIKE"
	Motorcycle TransportMode = "MOTORCYCLE"
	Car        TransportMode = "CAR"
)

// transportModes are all modes, at the places that are their tags: new ones go
// to the end.
var transportModes = []TransportMode{OnFoot, Bicycle, EBike, Motorcycle, Car}

// Valid reports whether m is one of the modes.
func (m TransportMode) Valid() bool { return slices.Contains(transportModes, m) }

// Speed returns the speed in metres per second along the way, turnout and
// detour not counted. It is that on foot for what is no mode: the slowest, so
// that nobody is promised too early.
//
// On foot is the median of responders' measured movement, 2.3 m/s (1.8 m/s in
// dense areas). The others are assumptions: cautious averages for a dense city
// with its crossings, parking and the last steps on foot, to be replaced as
// soon as own arrivals can be measured. Bicycle 14 km/h; e-bike 18 km/h, below
// the 25 km/h that GB 17761 allows it; motorcycle 22 km/h; car 20 km/h, which
// is slower than the motorcycle for want of a place to stop.
func (m TransportMode) Speed() float64 {
	switch m {
	case Bicycle:
		return 3.9
	case EBike:
		return 5.0
	case Motorcycle:
		return 6.1
	case Car:
		return 5.6
	default:
		return 2.3
	}
}

// tag is the mode in the one byte that a geo.Index has for it.
func (m TransportMode) tag() uint8 { return uint8(max(0, slices.Index(transportModes, m))) }

// ModeOf returns the mode that the tag of one of Tracker's hits says.
func ModeOf(tag uint8) TransportMode {
	if int(tag) < len(transportModes) {
		return transportModes[tag]
	}
	return OnFoot
}
