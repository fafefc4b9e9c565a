package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/sheet"
)

// rollSize is how many rows the benchmark's file has.
const rollSize = 20_000

// longRoll is an .xlsx of so many people, all of them new.
func longRoll(b *testing.B, n int) []byte {
	b.Helper()
	columns := []sheet.Column{{Title: "姓名", Width: 10}, {Title: "手机号", Width: 14}, {Title: "所属社区", Width: 10}, {Title: "装备", Width: 10}, {Title: "加入日期", Width: 12}, {Title: "发证日期", Width: 12}}
	day := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	err := sheet.Write(&out, "名册", columns, func(yield func([]any, error) bool) {
		for i := range n {
			if !yield([]any{fmt.Sprintf("志愿者%d", i), fmt.Sprintf("1370%07d", i), "老围社区", "AED、急救包", day, day}, nil) {
				return
			}
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// latencies are how long something took each time.
type latencies []time.Duration

// at is the latency below which a part of all is, from 0 to 1.
func (l latencies) at(part float64) time.Duration {
	sorted := slices.Sorted(slices.Values(l))
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}

// reporting has an incident reported over and over until stop is called, which
// tells how long each report took.
func (r *resident) reporting(b *testing.B, pace time.Duration) (stop func() latencies) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	var took latencies
	var working sync.WaitGroup
	working.Go(func() {
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			began := time.Now()
			var got vars
			if err := r.Do(b.Context(), reportIncident, report(r.tw.scene()), &got); err != nil {
				b.Error(err)
				return
			}
			took = append(took, time.Since(began))
		}
	})
	return func() latencies {
		cancel()
		working.Wait()
		return took
	}
}

// BenchmarkImportOverHTTP uploads, checks and applies an .xlsx of 20,000 people
// who are new, and uploads it again, on the embedded store, which is on disk
// where TMPDIR is. Meanwhile incidents are reported: ten a second, since one
// would be too few to say much.
func BenchmarkImportOverHTTP(b *testing.B) {
	file := longRoll(b, rollSize)
	for b.Loop() {
		tw := newTown(b, nil)
		idle := tw.guiyuan.reporting(b, 50*time.Millisecond)
		<-time.After(3 * time.Second) // how it is without an import
		b.ReportMetric(idle().at(0.99).Seconds()*1000, "ms/idle-p99")
		busy := tw.guiyuan.reporting(b, 100*time.Millisecond)
		began := time.Now()
		phase := func(name string) {
			b.ReportMetric(time.Since(began).Seconds(), "s/"+name)
		}
		chief := tw.newResident(b, "管理员", auth.RoleAdmin, guiyuanID) // who may import certificates
		id := chief.upload(b, guiyuanID, string(file))
		phase("checked")
		chief.must(b, applyImport, vars{"input": vars{"id": id, "mode": "ALL_OR_NOTHING"}})
		chief.awaitImport(b, id, "DONE")
		phase("applied")
		took := busy()
		for name, part := range map[string]float64{"p50": 0.5, "p99": 0.99, "max": 1} {
			b.ReportMetric(took.at(part).Seconds()*1000, "ms/report-"+name)
		}
		b.Logf("%d reports meanwhile, %d KB", len(took), len(file)>>10)
		began = time.Now()
		again := chief.upload(b, guiyuanID, string(file))
		phase("again")
		if got := dig(chief.must(b, readImport, vars{"id": again}), "rosterImport", "counts", "unchanged"); got != float64(rollSize) {
			b.Fatal(got)
		}
	}
}
