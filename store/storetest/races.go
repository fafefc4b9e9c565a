package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/musterhq/muster/store"
)

func testRaces(t *testing.T, open Opener) {
	each(t, open, []test{
		{"increments by many writers are all there", testIncrements},
		{"guarded decrements stop at nothing left", testDecrements},
		{"one of many inserts of a key wins", testInsertRace},
		{"one of many inserts of an id wins", testInsertIDRace},
		{"one of many replaces of a revision wins", testReplaceRace},
		{"transfers between two documents keep the sum", testTransfers},
		{"a read after a write sees it", testReadAfterWrite},
	})
}

// increments returns how many each of the writers makes: 6,400 together, and
// fewer where they would take minutes.
func increments() int {
	if raceDetector || testing.Short() {
		return 10
	}
	return 100
}

func testIncrements(t *testing.T, db *store.DB) {
	insertCounter(t, db, "ctr_1", 0)
	perWriter := increments()
	errs := together(width, func(int) error {
		for range perWriter {
			if _, err := counters.Change(t.Context(), db, "ctr_1", func(c *counter) error { c.N++; return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if n := successes(t, errs, nil); n != width {
		t.Errorf("%d of %d writers finished", n, width)
	}
	got := getCounter(t, db, "ctr_1")
	if got.N != width*perWriter || got.Rev != int64(width*perWriter+1) {
		t.Errorf("got %d at revision %d, want %d increments", got.N, got.Rev, width*perWriter)
	}
}

func testDecrements(t *testing.T, db *store.DB) {
	insertCounter(t, db, "ctr_1", 10)
	errs := together(width, func(int) error {
		_, err := counters.Change(t.Context(), db, "ctr_1", func(c *counter) error {
			if c.N == 0 {
				return errRefused
			}
			c.N--
			return nil
		})
		return err
	})
	if n := successes(t, errs, errRefused); n != 10 {
		t.Errorf("%d decrements succeeded, want 10", n)
	}
	if got := getCounter(t, db, "ctr_1"); got.N != 0 || got.Rev != 11 {
		t.Errorf("got %d at revision %d, want 0 at 11", got.N, got.Rev)
	}
}

func testInsertRace(t *testing.T, db *store.DB) {
	errs := together(width, func(i int) error {
		doc := newThing(i)
		doc.Code = "C-1"
		return things.Insert(t.Context(), db, doc)
	})
	if n := successes(t, errs, store.ErrDuplicate); n != 1 {
		t.Errorf("%d inserts succeeded, want 1", n)
	}
	wantCount(t, db, store.Query{}, 1)
	wantCount(t, db, store.Where(store.Eq("code", "C-1")), 1)
}

func testInsertIDRace(t *testing.T, db *store.DB) {
	errs := together(width, func(i int) error {
		doc := newThing(i)
		doc.ID = "thg_one"
		return things.Insert(t.Context(), db, doc)
	})
	if n := successes(t, errs, store.ErrDuplicate); n != 1 {
		t.Errorf("%d inserts succeeded, want 1", n)
	}
	wantCount(t, db, store.Query{}, 1)
}

func testReplaceRace(t *testing.T, db *store.DB) {
	insertSome(t, db, 1)
	errs := together(width, func(i int) error {
		doc := newThing(0)
		doc.Rev, doc.Name = 1, fmt.Sprintf("writer %d", i)
		return things.Replace(t.Context(), db, doc)
	})
	if n := successes(t, errs, store.ErrStale); n != 1 {
		t.Errorf("%d replaces succeeded, want 1", n)
	}
	for i, err := range errs {
		if err == nil {
			wantList(t, db, store.Where(store.Eq("name", fmt.Sprintf("writer %d", i))), "thg_0000")
		}
	}
}

// testTransfers moves amounts between two documents from both sides at once;
// who looks, inside an atomic step or when all is done, sees the same sum.
func testTransfers(t *testing.T, db *store.DB) {
	insertCounter(t, db, "ctr_1", 100)
	insertCounter(t, db, "ctr_2", 100)
	errs := together(width, func(i int) error {
		from, to := "ctr_1", "ctr_2"
		if i%2 == 0 {
			from, to = to, from
		}
		return db.Atomically(t.Context(), func(tx *store.Tx) error { return transfer(t, tx, from, to, i%7) })
	})
	if n := successes(t, errs, nil); n != width {
		t.Errorf("%d of %d transfers succeeded", n, width)
	}
	one, two := getCounter(t, db, "ctr_1"), getCounter(t, db, "ctr_2")
	if one.N+two.N != 200 || one.Rev+two.Rev != 2+2*width {
		t.Errorf("got %d + %d at revisions %d and %d", one.N, two.N, one.Rev, two.Rev)
	}
}

func transfer(t *testing.T, tx *store.Tx, from, to string, amount int) error {
	a, err := counters.Get(t.Context(), tx, from)
	if err != nil {
		return err
	}
	b, err := counters.Get(t.Context(), tx, to)
	if err != nil {
		return err
	}
	if a.N+b.N != 200 {
		t.Errorf("inside: %d + %d", a.N, b.N)
	}
	a.N, b.N = a.N-amount, b.N+amount
	if err := counters.Replace(t.Context(), tx, a); err != nil {
		return err
	}
	return counters.Replace(t.Context(), tx, b)
}

func testReadAfterWrite(t *testing.T, db *store.DB) {
	errs := together(width, func(i int) error {
		id := fmt.Sprintf("ctr_%d", i)
		if err := counters.Insert(t.Context(), db, &counter{Meta: store.Meta{ID: id}}); err != nil {
			return err
		}
		for n := range 5 {
			c, err := counters.Get(t.Context(), db, id)
			if err != nil {
				return err
			}
			if c.N != n {
				return fmt.Errorf("%s: read %d after writing %d", id, c.N, n)
			}
			c.N++
			if err := counters.Replace(t.Context(), db, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

func insertCounter(t *testing.T, db *store.DB, id string, n int) {
	t.Helper()
	if err := counters.Insert(t.Context(), db, &counter{Meta: store.Meta{ID: id}, N: n}); err != nil {
		t.Fatal(err)
	}
}

func getCounter(t *testing.T, db *store.DB, id string) *counter {
	t.Helper()
	c, err := counters.Get(t.Context(), db, id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
