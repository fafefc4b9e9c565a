package geo

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Points that hop between two places, both within the radius, are found by
// every query, once each, at one of the two.
func TestWithin_movingPointsAreNeverMissedOrDoubled(t *testing.T) {
	t.Parallel()
	const points, queries = 8, 3_000
	ix := NewIndex()
	a, b := Position{22.5483, 114.1315}, Position{22.5550, 114.1400}
	for i := range points {
		ix.Set(fmt.Sprint(i), a, 0)
	}
	stop := hop(t, ix, points, a, b)
	defer stop()
	for range queries {
		hits := ix.Within(a, 2_000, 0)
		if len(hits) != points {
			t.Fatalf("%d hits of %d points: %v", len(hits), points, hits)
		}
		if ids := distinct(hits); len(ids) != points {
			t.Fatalf("only %d ids among %d hits", len(ids), len(hits))
		}
		for _, h := range hits {
			if h.Meters != 0 && h.Meters != Distance(a, b) {
				t.Fatalf("%s is %v m away, at neither place", h.ID, h.Meters)
			}
		}
	}
}

// Beyond what is read in one piece a hopping point may be left out, but none
// comes twice and none that stays is missed.
func TestWithin_largeAnswersWhilePointsMoveHoldNoneTwice(t *testing.T) {
	t.Parallel()
	const points, hopping = maxHeld + 1_000, 8
	ix, city := NewIndex(), newCity(3_000, 5)
	for i := range points {
		ix.Set(fmt.Sprint(i), city.position(), 0)
	}
	stop := hop(t, ix, hopping, city.position(), city.position())
	defer stop()
	for range 10 {
		hits := ix.Within(Position{22.55, 114.13}, 50_000, 0)
		if kept := len(distinct(hits)); kept != len(hits) {
			t.Fatalf("%d hits of %d ids", len(hits), kept)
		}
		if len(hits) < points-hopping {
			t.Fatalf("%d hits, want at least the %d that stay", len(hits), points-hopping)
		}
	}
}

func TestWithin_stillAnswersAsAlways(t *testing.T) {
	t.Parallel()
	ix, city := NewIndex(), newCity(3_000, 6)
	for i := range 2_000 {
		ix.Set(fmt.Sprint(i), city.position(), 0)
	}
	for _, radius := range []float64{500, 1e7} {
		center := city.position()
		if diff := cmp.Diff(ix.Within(center, radius, 50), ix.withinStill(center, radius, 50)); diff != "" {
			t.Errorf("radius %v (-moving +still):\n%s", radius, diff)
		}
	}
	ix.Set("after", Position{}, 0) // every lock is free again
}

func TestDistinct_keepsTheNearestOfEach(t *testing.T) {
	t.Parallel()
	hits := []Hit{{"a", 1, 0}, {"b", 2, 0}, {"a", 3, 0}, {"c", 4, 0}, {"b", 5, 0}}
	want := []Hit{{"a", 1, 0}, {"b", 2, 0}, {"c", 4, 0}}
	if diff := cmp.Diff(want, distinct(hits)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// hop moves the points to and fro until stopped.
func hop(t *testing.T, ix *Index, points int, places ...Position) (stop func()) {
	t.Helper()
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			default:
				ix.Set(fmt.Sprint(n%points), places[n/points%len(places)], 0)
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

// Writers own an id each and know what it must be; readers ask throughout.
func TestIndex_manyReadersAndWriters(t *testing.T) {
	t.Parallel()
	const writers, readers, rounds = 4, 3, 2_000
	ix := NewIndex()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() { churn(t, ix, w, rounds) })
	}
	for r := range readers {
		wg.Go(func() { browse(t, ix, r, rounds/20) })
	}
	wg.Wait()
	if got, want := ix.Len(), writers*10; got != want {
		t.Errorf("Len = %d, want %d", got, want)
	}
	if got := ix.Within(Position{22.55, 114.13}, 50_000, 0); len(got) != writers*10 {
		t.Errorf("%d hits, want %d", len(got), writers*10)
	}
}

func churn(t *testing.T, ix *Index, writer, rounds int) {
	city := newCity(3_000, uint64(writer))
	for n := range rounds {
		id, p := fmt.Sprintf("%d-%d", writer, n%10), city.position()
		if n%7 == 0 {
			ix.Remove(id)
			if _, _, ok := ix.Get(id); ok {
				t.Errorf("%s is there after Remove", id)
			}
		}
		ix.Set(id, p, uint8(n))
		if at, tag, ok := ix.Get(id); !ok || at != p || tag != uint8(n) {
			t.Errorf("Get(%s) = %v, %d, %v; want %v, %d", id, at, tag, ok, p, uint8(n))
		}
	}
}

func browse(t *testing.T, ix *Index, reader, rounds int) {
	city := newCity(3_000, uint64(100+reader))
	for n := range rounds {
		hits := ix.Within(city.position(), 2_000, n%20)
		for i, h := range hits {
			if h.ID == "" || h.Meters > 2_000 || i > 0 && compareHits(hits[i-1], h) >= 0 {
				t.Errorf("hit %d of %v is out of place", i, hits)
				return
			}
		}
	}
}
