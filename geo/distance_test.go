package geo

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestDistance_knownArcs(t *testing.T) {
	t.Parallel()
	degree := EarthRadius * math.Pi / 180
	tests := []struct {
		name string
		a, b Position
		want float64
	}{
		{"same place", Position{22.5, 114.1}, Position{22.5, 114.1}, 0},
		{"a degree of latitude", Position{22, 114}, Position{23, 114}, degree},
		{"a degree on the equator", Position{0, 10}, Position{0, 11}, degree},
		{"across the antimeridian", Position{0, 179.5}, Position{0, -179.5}, degree},
		{"180 east is 180 west", Position{10, 180}, Position{10, -180}, 0},
		{"over the pole", Position{89.5, 20}, Position{89.5, -160}, degree},
		{"longitude means nothing at the pole", Position{90, 20}, Position{90, -77}, 0},
		{"opposite ends", Position{0, 0}, Position{0, 180}, EarthRadius * math.Pi},
		{"pole to pole", Position{90, 5}, Position{-90, 70}, EarthRadius * math.Pi},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Distance(tt.a, tt.b); math.Abs(got-tt.want) > 1e-6 {
				t.Errorf("got %.9f m, want %.9f m", got, tt.want)
			}
		})
	}
}

func TestDistance_symmetricAndBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := anywhere(t, "a"), anywhere(t, "b")
		there, back := Distance(a, b), Distance(b, a)
		if there != back || !(there >= 0 && there <= math.Pi*EarthRadius) {
			t.Fatalf("%v to %v is %v, back %v", a, b, there, back)
		}
	})
}

func TestPosition_Valid(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		p    Position
		want bool
	}{
		"Luohu": {Position{22.55, 114.13}, true}, "the corners": {Position{-90, 180}, true},
		"zero": {Position{}, true}, "NaN": {Position{math.NaN(), 0}, false},
		"infinite": {Position{0, math.Inf(1)}, false}, "too far north": {Position{90.1, 0}, false},
		"too far west": {Position{0, -180.1}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.p.Valid(); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
