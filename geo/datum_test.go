package geo

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestFromWGS84_publishedBeijingVector(t *testing.T) {
	t.Parallel()
	lat, lng, ok := FromWGS84(Position{Latitude: 39.90105, Longitude: 116.42079}, GCJ02)
	if !ok || math.Abs(lat-39.90245) > 1e-5 || math.Abs(lng-116.42703) > 1e-5 {
		t.Errorf("got %.6f, %.6f, %v; want 39.90245, 116.42703", lat, lng, ok)
	}
}

func TestDatums_roundTripWithinOneMillimetre(t *testing.T) {
	t.Parallel()
	for _, d := range []Datum{WGS84, GCJ02, BD09} {
		t.Run(string(d), rapid.MakeCheck(func(t *rapid.T) {
			// The margin keeps clear of the jump at the edge of the box.
			want := Position{
				Latitude:  rapid.Float64Range(0.8293+0.02, 55.8271-0.02).Draw(t, "lat"),
				Longitude: rapid.Float64Range(72.004+0.02, 137.8347-0.02).Draw(t, "lng"),
			}
			lat, lng, ok := FromWGS84(want, d)
			got, back := ToWGS84(lat, lng, d)
			if off := Distance(want, got); !ok || !back || off > 0.001 {
				t.Fatalf("%v comes back as %v, %.3g m off (%v, %v)", want, got, off, ok, back)
			}
		}))
	}
}

// A wide sample that is always the same, and denser than rapid's.
func TestDatums_gridOverTheBoxRoundTrips(t *testing.T) {
	t.Parallel()
	for _, d := range []Datum{GCJ02, BD09} {
		worst := 0.0
		for lat := 0.85; lat < 55.80; lat += 0.0931 {
			for lng := 72.03; lng < 137.81; lng += 0.0937 {
				p := Position{lat, lng}
				x, y, _ := FromWGS84(p, d)
				q, _ := ToWGS84(x, y, d)
				worst = max(worst, Distance(p, q))
			}
		}
		t.Logf("%s: worst %.3g mm", d, worst*1000)
		if worst > 0.001 {
			t.Errorf("%s: worst round trip %.3g m, want at most 1 mm", d, worst)
		}
	}
}

func TestDatums_outsideChinaNothingMoves(t *testing.T) {
	t.Parallel()
	places := map[string]Position{
		"Stockholm": {59.33, 18.07}, "Sydney": {-33.87, 151.21},
		"antimeridian": {30, 180}, "north pole": {90, 0},
	}
	for name, p := range places {
		for _, d := range []Datum{WGS84, GCJ02, BD09} {
			t.Run(name+" "+string(d), func(t *testing.T) {
				t.Parallel()
				lat, lng, ok := FromWGS84(p, d)
				got, back := ToWGS84(lat, lng, d)
				if !ok || !back || lat != p.Latitude || lng != p.Longitude || got != p {
					t.Errorf("%v moved to %v, %v and back to %v", p, lat, lng, got)
				}
			})
		}
	}
}

func TestDatums_offsetsAreOfThePublishedSize(t *testing.T) {
	t.Parallel()
	luohu := Position{22.5483, 114.1315}
	tests := map[Datum][2]float64{WGS84: {0, 0}, GCJ02: {300, 800}, BD09: {500, 2000}}
	for d, want := range tests {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			lat, lng, _ := FromWGS84(luohu, d)
			if m := Distance(luohu, Position{lat, lng}); m < want[0] || m > want[1] {
				t.Errorf("offset %.0f m, want %v", m, want)
			}
		})
	}
}

func TestToWGS84_refusesWhatIsNoPosition(t *testing.T) {
	t.Parallel()
	nan, inf := math.NaN(), math.Inf(1)
	tests := []struct {
		name     string
		lat, lng float64
		datum    Datum
	}{
		{"NaN latitude", nan, 114, GCJ02}, {"NaN longitude", 22, nan, BD09},
		{"infinite latitude", inf, 114, WGS84}, {"infinite longitude", 22, -inf, GCJ02},
		{"latitude above 90", 90.0001, 114, WGS84}, {"longitude below -180", 22, -180.1, WGS84},
		{"no datum", 22, 114, ""}, {"unknown datum", 22, 114, "CGCS2000"}, {"lower case", 22, 114, "wgs84"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if p, ok := ToWGS84(tt.lat, tt.lng, tt.datum); ok || p != (Position{}) {
				t.Errorf("ToWGS84 = %v, %v; want refused", p, ok)
			}
			if _, _, ok := FromWGS84(Position{tt.lat, tt.lng}, tt.datum); ok {
				t.Error("FromWGS84 accepted it")
			}
		})
	}
}

func FuzzToWGS84(f *testing.F) {
	f.Add(22.5483, 114.1315, "GCJ02")
	f.Add(math.NaN(), 114.0, "BD09")
	f.Add(22.0, math.Inf(-1), "GCJ02")
	f.Add(0.8293, 137.8347, "BD09")
	f.Add(90.0, 180.0, "WGS84")
	f.Fuzz(func(t *testing.T, lat, lng float64, datum string) {
		p, ok := ToWGS84(lat, lng, Datum(datum))
		if ok && !p.Valid() {
			t.Fatalf("ToWGS84(%v, %v, %q) = %v, which is not valid", lat, lng, datum, p)
		}
		if !ok && p != (Position{}) {
			t.Fatalf("refused, yet answered %v", p)
		}
	})
}
