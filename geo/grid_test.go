package geo

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestLocate_endsOfTheRanges(t *testing.T) {
	t.Parallel()
	last := int32(columns(gridRows/2) - 1)
	tests := map[string]struct {
		p    Position
		want cell
	}{
		"north pole":            {Position{90, -180}, cell{gridRows - 1, 0}},
		"south pole":            {Position{-90, -180}, cell{0, 0}},
		"180 east":              {Position{0, 180}, cell{gridRows / 2, 0}},
		"180 west":              {Position{0, -180}, cell{gridRows / 2, 0}},
		"west of the last line": {Position{0, 179.9999}, cell{gridRows / 2, last}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, _ := locate(tt.p); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestReach_holdsEveryPlaceWithinTheDistance(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o, p := newOrigin(anywhere(t, "origin")), anywhere(t, "place")
		c, _ := locate(p)
		n, found := columns(int(c.row)), 0
		reach := o.reach(int(c.row), o.distance(p))
		for col := reach.west; col <= reach.east; col++ {
			if int32(wrap(col, n)) == c.col {
				found++
			}
		}
		if found != 1 {
			t.Fatalf("%v lies in %v, which is %d times in the reach of %v", p, c, found, o.Position)
		}
	})
}

func TestSpread_aRowsColumnsOnceEach(t *testing.T) {
	t.Parallel()
	for n := 1; n < 8; n++ {
		for lng := -180.0; lng <= 180; lng += 7 {
			for degrees := 0.0; degrees <= 180; degrees += 5 {
				got := newOrigin(Position{89.99, lng}).spread(n, degrees)
				if got.east < got.west || got.east-got.west >= n {
					t.Fatalf("%v degrees around %v in a row of %d: %v", degrees, lng, n, got)
				}
			}
		}
	}
}

func TestFlat_withinItsStatedBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := newOrigin(Position{rapid.Float64Range(-89, 89).Draw(t, "lat"), rapid.Float64Range(-180, 180).Draw(t, "lng")})
		p := Position{
			Latitude:  o.Latitude + rapid.Float64Range(-1, 1).Draw(t, "north"),
			Longitude: math.Remainder(o.Longitude+rapid.Float64Range(-1, 1).Draw(t, "east"), 360),
		}
		c, at := locate(p)
		f, ok := o.flatten(c)
		if !ok {
			t.Skip("too near a pole")
		}
		exact := o.distance(p)
		if f.square(at) > flatLimit(exact) {
			t.Fatalf("%v to %v: flat %v is beyond the limit of exact %v", o.Position, p, math.Sqrt(f.square(at)), exact)
		}
		if short := exact*0.999 - flatSlack; math.Abs(p.Latitude) < 60 && math.Abs(o.Latitude) < 60 && math.Sqrt(f.square(at)) < short {
			t.Fatalf("%v to %v: flat %v, exact %v", o.Position, p, math.Sqrt(f.square(at)), exact)
		}
	})
}
