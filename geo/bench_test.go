package geo

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
)

// The measured city: a million points, 187 a km², or all of them in Luohu's
// 78 km².
const million = 1_000_000

var densities = []struct {
	name string
	half float64 // metres
}{{"187perKm2", 36_560}, {"12800perKm2", 4_416}}

func filled(half float64) (*Index, []string) {
	ix, ids, c := NewIndex(), make([]string, million), newCity(half, 7)
	for i := range ids {
		ids[i] = fmt.Sprintf("responder-%07d", i)
		ix.Set(ids[i], c.position(), 0)
	}
	return ix, ids
}

func BenchmarkWithin(b *testing.B) {
	for _, d := range densities {
		ix, _ := filled(d.half)
		for _, limit := range []int{50, 0} {
			b.Run(fmt.Sprintf("%s/2km/limit%d", d.name, limit), func(b *testing.B) {
				c, found := newCity(d.half*0.9, 9), 0
				b.ReportAllocs()
				for b.Loop() {
					found += len(ix.Within(c.position(), 2_000, limit))
				}
				b.ReportMetric(float64(found)/float64(b.N), "hits/op")
			})
		}
	}
}

// Alone, and with a reader that asks for the nearest 50 without pause; near
// moves are of tens of metres, far ones anywhere.
func BenchmarkMove(b *testing.B) {
	for _, d := range densities {
		ix, ids := filled(d.half)
		for _, reading := range []bool{false, true} {
			for _, far := range []bool{false, true} {
				b.Run(fmt.Sprintf("%s/reader=%v/far=%v", d.name, reading, far), func(b *testing.B) {
					if reading {
						defer reader(b, ix, d.half)()
					}
					moves(b, ix, ids, newCity(d.half, 11), far)
				})
			}
		}
	}
}

func moves(b *testing.B, ix *Index, ids []string, c city, far bool) {
	for b.Loop() {
		id := ids[c.random.IntN(len(ids))]
		p := c.position()
		if !far {
			p, _, _ = ix.Get(id)
			p.Latitude += (c.random.Float64() - 0.5) * 0.0005
			p.Longitude += (c.random.Float64() - 0.5) * 0.0005
		}
		ix.Set(id, p, 1)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "moves/s")
}

func reader(b *testing.B, ix *Index, half float64) (stop func()) {
	var stopped atomic.Bool
	queries := make(chan int)
	go func() {
		c, n := newCity(half*0.9, 13), 0
		for ; !stopped.Load(); n++ {
			ix.Within(c.position(), 2_000, 50)
		}
		queries <- n
	}()
	return func() {
		stopped.Store(true)
		b.ReportMetric(float64(<-queries)/b.Elapsed().Seconds(), "queries/s")
	}
}

// Bytes a point, ids' text apart: freshly filled, and after every point has
// moved anywhere once.
func BenchmarkMemory(b *testing.B) {
	for _, d := range densities {
		b.Run(d.name, func(b *testing.B) {
			for b.Loop() {
				measureMemory(b, d.half)
			}
		})
	}
}

func measureMemory(b *testing.B, half float64) {
	ids := make([]string, million)
	for i := range ids {
		ids[i] = fmt.Sprintf("responder-%07d", i)
	}
	before := heap()
	ix, c := NewIndex(), newCity(half, 7)
	for _, id := range ids {
		ix.Set(id, c.position(), 0)
	}
	b.ReportMetric(float64(heap()-before)/million, "B/point")
	for _, id := range ids {
		ix.Set(id, c.position(), 0)
	}
	b.ReportMetric(float64(heap()-before)/million, "B/point-moved")
	runtime.KeepAlive(ids)
	runtime.KeepAlive(ix)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
