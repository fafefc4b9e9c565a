package geo

import (
	"math"
	"math/rand/v2"

	"pgregory.net/rapid"
)

// anywhere draws a position on Earth.
func anywhere(t *rapid.T, label string) Position {
	return Position{
		Latitude:  rapid.Float64Range(-90, 90).Draw(t, label+" lat"),
		Longitude: rapid.Float64Range(-180, 180).Draw(t, label+" lng"),
	}
}

// city is a square of random positions around Luohu.
type city struct {
	random     *rand.Rand
	half, east float64 // degrees north and east to its edge
}

func newCity(halfMeters float64, seed uint64) city {
	half := halfMeters / EarthRadius / radian
	return city{rand.New(rand.NewPCG(seed, seed)), half, half / math.Cos(22.55*radian)}
}

func (c city) position() Position {
	return Position{
		Latitude:  22.55 + (2*c.random.Float64()-1)*c.half,
		Longitude: 114.13 + (2*c.random.Float64()-1)*c.east,
	}
}
