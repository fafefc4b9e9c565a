package geo

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestIndex_setMoveRemove(t *testing.T) {
	t.Parallel()
	ix := NewIndex()
	home, away := Position{22.5483, 114.1315}, Position{22.5600, 114.1500}

	ix.Set("a", home, 1)
	wantGet(t, ix, "a", home, 1)
	ix.Set("a", away, 2)
	wantGet(t, ix, "a", away, 2)
	if got := ix.Within(home, 100, 0); len(got) != 0 {
		t.Errorf("still found where it was: %v", got)
	}
	if got := ix.Len(); got != 1 {
		t.Errorf("Len after a move is %d, want 1", got)
	}

	ix.Remove("a")
	ix.Remove("a")
	ix.Remove("never there")
	if _, _, ok := ix.Get("a"); ok || ix.Len() != 0 {
		t.Errorf("there after Remove: %v, Len %d", ok, ix.Len())
	}
	if got := ix.Within(away, math.Inf(1), 0); len(got) != 0 {
		t.Errorf("found after Remove: %v", got)
	}
}

func wantGet(t *testing.T, ix *Index, id string, p Position, tag uint8) {
	t.Helper()
	gotP, gotTag, ok := ix.Get(id)
	if !ok || gotP != p || gotTag != tag {
		t.Errorf("Get(%q) = %v, %d, %v; want %v, %d", id, gotP, gotTag, ok, p, tag)
	}
}

func TestIndex_invalidPositionChangesNothing(t *testing.T) {
	t.Parallel()
	ix := NewIndex()
	home := Position{22.5483, 114.1315}
	ix.Set("a", home, 1)
	for _, p := range []Position{{math.NaN(), 114}, {22, math.Inf(1)}, {91, 0}, {0, -181}} {
		ix.Set("a", p, 9)
		ix.Set("b", p, 9)
	}
	wantGet(t, ix, "a", home, 1)
	if got := ix.Len(); got != 1 {
		t.Errorf("Len = %d, want 1", got)
	}
}

func TestIndex_emptyIDIsAnIDLikeAnyOther(t *testing.T) {
	t.Parallel()
	ix := NewIndex()
	ix.Set("", Position{1, 2}, 3)
	wantGet(t, ix, "", Position{1, 2}, 3)
	ix.Remove("")
	if ix.Len() != 0 {
		t.Error("not removed")
	}
}

func TestWithin_questionsWithoutAnswer(t *testing.T) {
	t.Parallel()
	ix := NewIndex()
	ix.Set("a", Position{22.5, 114.1}, 0)
	tests := map[string]struct {
		center Position
		radius float64
	}{
		"NaN centre": {Position{math.NaN(), 114}, 1000}, "centre out of range": {Position{22, 200}, 1000},
		"negative radius": {Position{22.5, 114.1}, -1}, "NaN radius": {Position{22.5, 114.1}, math.NaN()},
		"nobody there": {Position{22.6, 114.1}, 1000},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ix.Within(tt.center, tt.radius, 0); len(got) != 0 {
				t.Errorf("got %v, want nothing", got)
			}
		})
	}
}

func TestWithin_sameDistanceOrderedByID(t *testing.T) {
	t.Parallel()
	ix := NewIndex()
	p := Position{22.5, 114.1}
	for _, id := range []string{"d", "b", "e", "a", "c"} {
		ix.Set(id, p, 0)
	}
	want := []Hit{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	if diff := cmp.Diff(want, ix.Within(p, 0, 3)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWithin_acrossAntimeridianAndPoles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		center, near, far Position
	}{
		"from the west":      {Position{16, 179.999}, Position{16, -179.999}, Position{16, -179.9}},
		"from the east":      {Position{-16, -179.999}, Position{-16, 179.999}, Position{-16, 179.9}},
		"on the line":        {Position{0, 180}, Position{0, -180}, Position{0, 0}},
		"over the north":     {Position{89.997, 10}, Position{89.997, -170}, Position{89.9, -170}},
		"over the south":     {Position{-89.997, 100}, Position{-89.997, -80}, Position{-89.9, -80}},
		"at the north pole":  {Position{90, 0}, Position{89.995, 123}, Position{89.99, 123}},
		"at the south pole":  {Position{-90, 0}, Position{-90, 77}, Position{-89.99, 77}},
		"high and far round": {Position{89.9999, 0}, Position{89.9999, 91}, Position{89.99, 180}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ix := NewIndex()
			ix.Set("near", tt.near, 1)
			ix.Set("far", tt.far, 2)
			want := []Hit{{ID: "near", Meters: Distance(tt.center, tt.near), Tag: 1}}
			if diff := cmp.Diff(want, ix.Within(tt.center, 1000, 0)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Found by the property test: nanometres at a pole, where all longitudes meet.
func TestWithin_atThePoleLongitudeDoesNotSeparate(t *testing.T) {
	t.Parallel()
	for _, lat := range []float64{90, -90} {
		ix := NewIndex()
		for lng := -180; lng < 180; lng++ {
			ix.Set(fmt.Sprint(lng), Position{lat, float64(lng)}, 0)
		}
		for _, radius := range []float64{7.9e-10, 1e-6, 1} {
			if got := ix.Within(Position{lat, 0.5}, radius, 0); len(got) != 360 {
				t.Errorf("latitude %v, radius %v: %d hits, want 360", lat, radius, len(got))
			}
		}
	}
}

// Whatever is done, and wherever, the index answers as a plain map would.
func TestIndex_answersLikeBruteForce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := model{ix: NewIndex(), points: map[string]held{}, origin: anchors.Draw(t, "anchor"),
			scale: rapid.SampledFrom([]float64{1e-6, 0.001, 0.02, 0.5, 20}).Draw(t, "degrees")}
		t.Repeat(map[string]func(*rapid.T){
			"set": m.set, "set many": m.setMany, "remove": m.remove, "within": m.within, "": m.check,
		})
	})
}

// anchors are where the grid, the map or the sphere have their seams.
var anchors = rapid.SampledFrom([]Position{
	{22.5483, 114.1315}, {59.33, 18.07}, {0, 0}, {0, 180}, {-16.5, -179.9999}, {70, 179.9999},
	{90, 0}, {-90, 0}, {89.99, 45}, {-89.9995, -120}, {85, 180}, {22.5, 114.12},
})

type held struct {
	at  Position
	tag uint8
}

// model is an index beside a map of what it should hold.
type model struct {
	ix     *Index
	points map[string]held
	origin Position
	scale  float64
}

func (m *model) near(t *rapid.T) Position {
	north := rapid.Float64Range(-m.scale, m.scale).Draw(t, "north")
	east := rapid.Float64Range(-m.scale, m.scale).Draw(t, "east")
	if math.Abs(m.origin.Latitude) > 80 && rapid.Bool().Draw(t, "round the pole") {
		east = rapid.Float64Range(-180, 180).Draw(t, "east")
	}
	return Position{
		Latitude:  max(-90, min(90, m.origin.Latitude+north)),
		Longitude: math.Remainder(m.origin.Longitude+east, 360),
	}
}

func (m *model) set(t *rapid.T) {
	m.put(rapid.StringMatching(`[a-f]{0,2}`).Draw(t, "id"), m.near(t), rapid.Uint8().Draw(t, "tag"))
}

func (m *model) setMany(t *rapid.T) {
	for range 20 {
		m.put(fmt.Sprint("many", rapid.IntRange(0, 200).Draw(t, "id")), m.near(t), 7)
	}
}

func (m *model) put(id string, p Position, tag uint8) {
	m.ix.Set(id, p, tag)
	m.points[id] = held{p, tag}
}

func (m *model) remove(t *rapid.T) {
	ids := append(m.ids(), "stranger")
	id := rapid.SampledFrom(ids).Draw(t, "id")
	m.ix.Remove(id)
	delete(m.points, id)
}

func (m *model) within(t *rapid.T) {
	center := m.near(t)
	radius := m.scale * radian * EarthRadius * rapid.Float64Range(0, 3).Draw(t, "scales")
	limit := rapid.IntRange(-1, 30).Draw(t, "limit")
	got := m.ix.Within(center, radius, limit)
	if diff := cmp.Diff(m.brute(center, radius, limit), slices.Clone(got)); diff != "" {
		t.Fatalf("Within(%v, %v, %d) (-want +got):\n%s", center, radius, limit, diff)
	}
}

func (m *model) brute(center Position, radius float64, limit int) []Hit {
	var hits []Hit
	for id, h := range m.points {
		if d := Distance(center, h.at); d <= radius {
			hits = append(hits, Hit{ID: id, Meters: d, Tag: h.tag})
		}
	}
	slices.SortFunc(hits, compareHits)
	if limit > 0 && len(hits) > limit {
		hits = hits[:limit]
	}
	return hits
}

func (m *model) ids() []string {
	var ids []string
	for id := range m.points {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (m *model) check(t *rapid.T) {
	if m.ix.Len() != len(m.points) {
		t.Fatalf("Len = %d, want %d", m.ix.Len(), len(m.points))
	}
	for id, want := range m.points {
		if at, tag, ok := m.ix.Get(id); !ok || at != want.at || tag != want.tag {
			t.Fatalf("Get(%q) = %v, %d, %v; want %v", id, at, tag, ok, want)
		}
	}
}

// A city's worth of points, so that cells are full, rings stop early, ledgers
// and cells grow and shrink.
func TestIndex_cityAnswersLikeBruteForce(t *testing.T) {
	t.Parallel()
	const points = 20_000
	city := newCity(8_000, 1)
	m := model{ix: NewIndex(), points: map[string]held{}}
	for i := range points {
		m.put(fmt.Sprint(i), city.position(), uint8(i))
	}
	for i := range points / 2 {
		m.put(fmt.Sprint(i), city.position(), uint8(i+1))
		m.ix.Remove(fmt.Sprint(points - 1 - i/2))
		delete(m.points, fmt.Sprint(points-1-i/2))
	}
	for _, radius := range []float64{0, 30, 500, 2_000, 9_000, math.Inf(1)} {
		for _, limit := range []int{0, 1, 50, 5_000} {
			center := city.position()
			if diff := cmp.Diff(m.brute(center, radius, limit), m.ix.Within(center, radius, limit)); diff != "" {
				t.Fatalf("radius %v, limit %d (-want +got):\n%s", radius, limit, diff)
			}
		}
	}
}

func TestIndex_emptiedAndFilledAgainReusesRoom(t *testing.T) {
	t.Parallel()
	ix, city := NewIndex(), newCity(4_000, 2)
	for range 3 {
		for i := range 5_000 {
			ix.Set(fmt.Sprint(i), city.position(), 0)
		}
		for i := range 5_000 {
			ix.Remove(fmt.Sprint(i))
		}
	}
	if ix.Len() != 0 || ix.cells.Load() != 0 {
		t.Errorf("Len %d and %d cells left, want none", ix.Len(), ix.cells.Load())
	}
	used := 0
	for i := range ix.ledgers {
		used += int(ix.ledgers[i].used)
	}
	if used != 5_000 {
		t.Errorf("%d slots given out for 5,000 ids at a time", used)
	}
}
