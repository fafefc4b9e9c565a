package audit

import (
	"flag"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/sqlite"
	"github.com/musterhq/muster/store/storetest"
)

// logSize is how many entries the benchmarks begin with.
var logSize = flag.Int("entries", 100_000, "how many entries the benchmarks begin with")

// embeddedLog is a log in the store as the program has it.
func embeddedLog(b *testing.B) (*Log, *storetest.Clock) {
	b.Helper()
	engine, err := sqlite.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	db, err := store.Open(b.Context(), engine, Collections()...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	clock := storetest.NewClock(time.Date(2026, 5, 12, 1, 30, 0, 0, time.UTC))
	return New(Config{DB: db, Now: clock.Now, NewID: store.NewIDs(), Log: slog.New(slog.DiscardHandler), Keep: keep}), clock
}

// somebody are n subjects, beginning with the given one.
func somebody(from, n int) []Subject {
	subjects := make([]Subject, n)
	for i := range subjects {
		at := (from + i) * 7919 % 100_000 // as a page in the order of names has them
		subjects[i] = Subject{ID: fmt.Sprintf("rsp_%012d", at), UnitPath: fmt.Sprintf("%s44030300%d000/44030300%d%03d/", district, at%7, at%7, at%11)}
	}
	return subjects
}

// BenchmarkRead measures what it takes to write down that a page of 50 is read,
// by another member of staff each time, and to enter that into the log, which
// happens after the answer.
func BenchmarkRead(b *testing.B) {
	l, clock := embeddedLog(b)
	for i := 0; i < *logSize; i += 50 {
		clock.Advance(time.Second)
		if err := l.Read(b.Context(), staff(fmt.Sprintf("acc_%d", i%37), district), ReadResponder, somebody(i, 50)...); err != nil {
			b.Fatal(err)
		}
		if err := l.settle(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	entering := time.Duration(0)
	for i := 0; b.Loop(); i++ {
		clock.Advance(time.Millisecond)
		if err := l.Read(b.Context(), staff(fmt.Sprintf("fresh_%d", i), district), ReadResponder, somebody(i*50, 50)...); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		begin := time.Now()
		if err := l.settle(b.Context()); err != nil {
			b.Fatal(err)
		}
		entering += time.Since(begin)
		b.StartTimer()
	}
	b.ReportMetric(float64(entering.Microseconds())/float64(b.N)/1000, "ms-to-enter/op")
}
