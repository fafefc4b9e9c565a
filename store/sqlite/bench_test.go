//go:build unix

package sqlite_test

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster/store"
	enginepkg "github.com/musterhq/muster/store/sqlite"
	"go.mongodb.org/mongo-driver/v2/bson"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// crowd is how many documents the reads are measured among.
const crowd = 100_000

// openBench returns a database in a directory of the benchmark, which must be
// on a real disk for the commits to mean anything: set TMPDIR if it is not.
func openBench(b *testing.B) (*store.DB, string) {
	b.Helper()
	dir := b.TempDir()
	engine, err := enginepkg.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	db, err := store.Open(b.Context(), engine, people)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	return db, filepath.Join(dir, "muster.db")
}

// openBare returns a connection of the driver itself.
func openBare(b *testing.B, path string) *sqlite.Conn {
	b.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := conn.Close(); err != nil {
			b.Error(err)
		}
	})
	return conn
}

// BenchmarkRead measures reads among 100,000 documents, through the store with
// its decoding, and as the same statement on the bare driver.
func BenchmarkRead(b *testing.B) {
	db, path := openBench(b)
	fill(b, db)
	bare := openBare(b, path)
	ctx := b.Context()

	next := 0
	random := func() int { next = (next + 7919) % crowd; return next }
	b.Run("get/store", func(b *testing.B) {
		defer reportCPU(b)()
		for b.Loop() {
			n := random()
			p, err := people.Get(ctx, db, personID(n))
			if err != nil || p.Phone != phone(n) {
				b.Fatal(p, err)
			}
		}
	})
	b.Run("get/bare", func(b *testing.B) {
		defer reportCPU(b)()
		for b.Loop() {
			selectRows(b, bare, `SELECT _doc FROM people WHERE _id IN (?)`, 1, personID(random()))
		}
	})
	b.Run("lookup/store", func(b *testing.B) {
		defer reportCPU(b)()
		for b.Loop() {
			n := random()
			p, err := people.First(ctx, db, store.Where(store.Eq("phone", phone(n))))
			if err != nil || p.ID != personID(n) {
				b.Fatal(p, err)
			}
		}
	})
	b.Run("lookup/bare", func(b *testing.B) {
		defer reportCPU(b)()
		for b.Loop() {
			selectRows(b, bare, `SELECT _doc FROM people INDEXED BY "people.phone" WHERE phone=? LIMIT 2`, 1, phone(random()))
		}
	})
	benchmarkPages(ctx, b, db, bare)
	b.Run("count/store", func(b *testing.B) {
		defer reportCPU(b)()
		for b.Loop() {
			n, err := people.Count(ctx, db, store.Where(store.Eq("unit", unit(random()))))
			if err != nil || n != crowd/1000 {
				b.Fatal(n, err)
			}
		}
	})
}

// benchmarkPages measures a page of 50 in the middle of a list.
func benchmarkPages(ctx context.Context, b *testing.B, db *store.DB, bare *sqlite.Conn) {
	q := store.Query{}.SortDescending("unit")
	middle, err := people.List(ctx, db, store.Where(store.AtMost("unit", unit(500))).SortDescending("unit"), 30, "")
	if err != nil {
		b.Fatal(err)
	}
	last := middle.Items[29]
	b.Run("page/store", func(b *testing.B) {
		defer reportCPU(b)()
		for b.Loop() {
			page, err := people.List(ctx, db, q, 50, middle.EndCursor)
			if err != nil || len(page.Items) != 50 || !page.HasNext {
				b.Fatal(len(page.Items), err)
			}
		}
	})
	b.Run("page/bare", func(b *testing.B) {
		defer reportCPU(b)()
		for b.Loop() {
			selectRows(b, bare, `SELECT _doc FROM people INDEXED BY "people.unit" WHERE (unit, at, _id)<(?,?,?)
				ORDER BY unit DESC, at DESC, _id DESC LIMIT 51`, 51, last.Unit, last.At.UnixMilli(), last.ID)
		}
	})
	units := make([]string, 8)
	for i := range units {
		units[i] = unit(i * 100)
	}
	merged := store.Where(store.In("unit", units...)).Sort("at")
	b.Run("merged-page-of-8/store", func(b *testing.B) {
		defer reportCPU(b)()
		for b.Loop() {
			page, err := people.List(ctx, db, merged, 50, "")
			if err != nil || len(page.Items) != 50 {
				b.Fatal(len(page.Items), err)
			}
		}
	})
}

func selectRows(b *testing.B, conn *sqlite.Conn, text string, want int, args ...any) {
	stmt, err := conn.Prepare(text)
	if err != nil {
		b.Fatal(err)
	}
	for i, v := range args {
		switch v := v.(type) {
		case string:
			stmt.BindText(i+1, v)
		case int64:
			stmt.BindInt64(i+1, v)
		}
	}
	n := 0
	for {
		more, err := stmt.Step()
		if err != nil {
			b.Fatal(err)
		}
		if !more {
			break
		}
		doc := make([]byte, stmt.ColumnLen(0))
		stmt.ColumnBytes(0, doc)
		n++
	}
	if n != want {
		b.Fatalf("%d rows, want %d", n, want)
	}
}

func fill(b *testing.B, db *store.DB) {
	b.Helper()
	const step = 1000
	for first := 0; first < crowd; first += step {
		err := db.Atomically(b.Context(), func(tx *store.Tx) error {
			for n := first; n < first+step; n++ {
				if err := people.Insert(b.Context(), tx, newPerson(n)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// reportCPU begins to count the CPU time of the process, all threads of it, and
// returns what reports it per operation as CPU-ns/op. Beside other processes it
// says more than the time on the wall.
func reportCPU(b *testing.B) func() {
	began := usedCPU(b)
	return func() { b.ReportMetric(float64(usedCPU(b)-began)/float64(b.N), "CPU-ns/op") }
}

func usedCPU(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// writers is how many clients commit at the same time.
const writers = 64

// BenchmarkCommit measures durable commits, each acknowledged to its writer
// alone: commits/s is the figure. The bare driver does the same statements in
// groups of 64 from one goroutine, which nobody else could be waiting for.
func BenchmarkCommit(b *testing.B) {
	b.Run("insert-64-writers/store", func(b *testing.B) {
		db, _ := openBench(b)
		commits(b, func(n int) error { return people.Insert(b.Context(), db, newPerson(n)) })
	})
	b.Run("insert-groups-of-64/bare", benchmarkBareInserts)
	b.Run("replace-64-writers/store", func(b *testing.B) {
		db, _ := openBench(b)
		docs := make([]*person, writers*16)
		for n := range docs {
			docs[n] = newPerson(n)
			if err := people.Insert(b.Context(), db, docs[n]); err != nil {
				b.Fatal(err)
			}
		}
		commitsBy(b, func(w, n int) error {
			doc := docs[w*16+n%16]
			doc.At = doc.At.Add(time.Second)
			return people.Replace(b.Context(), db, doc)
		})
	})
	b.Run("atomically-64-writers/store", func(b *testing.B) {
		db, _ := openBench(b)
		commits(b, func(n int) error {
			return db.Atomically(b.Context(), func(tx *store.Tx) error { return people.Insert(b.Context(), tx, newPerson(n)) })
		})
	})
	b.Run("insert-1-writer/store", func(b *testing.B) {
		db, _ := openBench(b)
		defer reportCPU(b)()
		n := 0
		for b.Loop() {
			if err := people.Insert(b.Context(), db, newPerson(n)); err != nil {
				b.Fatal(err)
			}
			n++
		}
	})
}

// commits shares out b.N writes among the writers.
func commits(b *testing.B, write func(n int) error) {
	var next atomic.Int64
	commitsBy(b, func(int, int) error { return write(int(next.Add(1))) })
}

func commitsBy(b *testing.B, write func(writer, n int) error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	defer reportCPU(b)()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := 0; left.Add(-1) >= 0; n++ {
				if err := write(w, n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}

func benchmarkBareInserts(b *testing.B) {
	_, path := openBench(b) // for its tables and its settings
	conn := openBare(b, path)
	if err := sqlitex.ExecuteTransient(conn, "PRAGMA synchronous=FULL", nil); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	defer reportCPU(b)()
	for n := 0; n < b.N; {
		err := sqlitex.Execute(conn, "BEGIN IMMEDIATE", nil)
		for i := 0; i < writers && n < b.N && err == nil; i++ {
			err = insertBare(conn, newPerson(n))
			n++
		}
		if err == nil {
			err = sqlitex.Execute(conn, "COMMIT", nil)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}

func insertBare(conn *sqlite.Conn, p *person) error {
	p.Rev = 1
	doc, err := bson.Marshal(p)
	if err != nil {
		return err
	}
	stmt, err := conn.Prepare(`INSERT INTO people (_doc, _rev, phone, unit, at, _id) VALUES (?,?,?,?,?,?)`)
	if err != nil {
		return err
	}
	stmt.BindBytes(1, doc)
	stmt.BindInt64(2, p.Rev)
	stmt.BindText(3, p.Phone)
	stmt.BindText(4, p.Unit)
	stmt.BindInt64(5, p.At.UnixMilli())
	stmt.BindText(6, p.ID)
	_, err = stmt.Step()
	return err
}
