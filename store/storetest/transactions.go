package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/musterhq/muster/store"
)

// errRefused is an error of a test's own.
var errRefused = errors.New("storetest: refused")

func testTransactions(t *testing.T, open Opener) {
	each(t, open, []test{
		{"all is committed together", testAtomicCommit},
		{"an error undoes everything and is returned as it is", testAtomicError},
		{"a panic undoes everything and reaches the caller", testAtomicPanic},
		{"it reads its own writes, and nobody else does", testAtomicReads},
		{"a taken key can be handled inside", testAtomicDuplicate},
		{"stale and not found can be handled inside", testAtomicStale},
		{"two collections are one step", testAtomicCollections},
		{"change works inside", testAtomicChange},
		{"a cancelled context does nothing", testAtomicCancelled},
	})
}

func testAtomicCommit(t *testing.T, db *store.DB) {
	docs := insertSome(t, db, 3)
	err := db.Atomically(t.Context(), func(tx *store.Tx) error {
		doc := *docs[0]
		doc.Name = "changed"
		fresh := newThing(9)
		return errors.Join(
			things.Insert(t.Context(), tx, fresh),
			things.Replace(t.Context(), tx, &doc),
			things.Delete(t.Context(), tx, docs[1]))
	})
	if err != nil {
		t.Fatal(err)
	}
	wantList(t, db, store.Query{}, docs[0].ID, docs[2].ID, newThing(9).ID)
	wantList(t, db, store.Where(store.Eq("name", "changed")), docs[0].ID)
}

func testAtomicError(t *testing.T, db *store.DB) {
	docs := insertSome(t, db, 2)
	err := db.Atomically(t.Context(), func(tx *store.Tx) error {
		undone(t, tx, docs)
		return errRefused
	})
	if err != errRefused {
		t.Errorf("got %v, want %v itself", err, errRefused)
	}
	wantUntouched(t, db, docs)
}

func testAtomicPanic(t *testing.T, db *store.DB) {
	docs := insertSome(t, db, 2)
	func() {
		defer func() {
			if got := recover(); got != "boom" {
				t.Errorf("recovered %v, want boom", got)
			}
		}()
		_ = db.Atomically(t.Context(), func(tx *store.Tx) error {
			undone(t, tx, docs)
			panic("boom")
		})
	}()
	wantUntouched(t, db, docs)
	insert(t, db, newThing(9)) // writers go on
}

// undone makes changes that are to be undone.
func undone(t *testing.T, tx *store.Tx, docs []*thing) {
	first, second := *docs[0], *docs[1]
	first.Name = "changed"
	err := errors.Join(
		things.Replace(t.Context(), tx, &first),
		things.Delete(t.Context(), tx, &second),
		things.Insert(t.Context(), tx, newThing(7)))
	if err != nil {
		t.Errorf("inside: %v", err)
	}
}

func wantUntouched(t *testing.T, db *store.DB, docs []*thing) {
	t.Helper()
	for _, d := range docs {
		wantStored(t, db, d)
	}
	wantList(t, db, store.Query{}, ids(docs)...)
	wantList(t, db, store.Where(store.Eq("name", "changed")))
}

func testAtomicReads(t *testing.T, db *store.DB) {
	insertSome(t, db, 2)
	fresh := newThing(7)
	fresh.Group = "new"
	err := db.Atomically(t.Context(), func(tx *store.Tx) error {
		fresh := *fresh
		if err := things.Insert(t.Context(), tx, &fresh); err != nil {
			return err
		}
		wantStored(t, tx, &fresh)
		wantList(t, tx, store.Where(store.Eq("group", "new")), fresh.ID)
		wantCount(t, tx, store.Query{}, 3)
		counts, err := things.CountBy(t.Context(), tx, store.Query{}, "group")
		if err == nil && counts["new"] != 1 {
			t.Errorf("count by inside: got %v", counts)
		}
		wantAbsent(t, db, fresh.ID) // a read of another connection
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	fresh.Rev = 1
	wantStored(t, db, fresh)
}

func testAtomicDuplicate(t *testing.T, db *store.DB) {
	taken := newThing(1)
	taken.Code = "C-1"
	insert(t, db, taken)
	after := newThing(3)
	err := db.Atomically(t.Context(), func(tx *store.Tx) error {
		if err := things.Insert(t.Context(), tx, newThing(0)); err != nil {
			return err
		}
		double := newThing(2)
		double.Code = "C-1"
		wantTaken(t, things.Insert(t.Context(), tx, double), "code")
		wantTaken(t, things.Insert(t.Context(), tx, newThing(0)), "_id")
		mine := *taken
		mine.Kind, mine.Slot = "x", 0
		wantTaken(t, things.Replace(t.Context(), tx, &mine), "slot")
		return things.Insert(t.Context(), tx, newThing(3))
	})
	if err != nil {
		t.Fatal(err)
	}
	wantList(t, db, store.Query{}, newThing(0).ID, taken.ID, after.ID)
	wantStored(t, db, taken)
}

func testAtomicStale(t *testing.T, db *store.DB) {
	doc := insertSome(t, db, 1)[0]
	err := db.Atomically(t.Context(), func(tx *store.Tx) error {
		now := *doc
		if err := things.Replace(t.Context(), tx, &now); err != nil {
			return err
		}
		old, none := *doc, newThing(5)
		wantError(t, "replace", things.Replace(t.Context(), tx, &old), store.ErrStale)
		wantError(t, "delete", things.Delete(t.Context(), tx, &old), store.ErrStale)
		wantError(t, "replace", things.Replace(t.Context(), tx, none), store.ErrNotFound)
		now.Name = "changed"
		return things.Replace(t.Context(), tx, &now)
	})
	if err != nil {
		t.Fatal(err)
	}
	doc.Name, doc.Rev = "changed", 3
	wantStored(t, db, doc)
}

func testAtomicCollections(t *testing.T, db *store.DB) {
	insert := func(fail error) error {
		return db.Atomically(t.Context(), func(tx *store.Tx) error {
			c := &counter{Meta: store.Meta{ID: "ctr_1"}, N: 1}
			return errors.Join(things.Insert(t.Context(), tx, newThing(1)), counters.Insert(t.Context(), tx, c), fail)
		})
	}
	wantError(t, "atomically", insert(errRefused), errRefused)
	wantAbsent(t, db, newThing(1).ID)
	_, err := counters.Get(t.Context(), db, "ctr_1")
	wantError(t, "get", err, store.ErrNotFound)

	if err := insert(nil); err != nil {
		t.Fatal(err)
	}
	got, err := counters.Get(t.Context(), db, "ctr_1")
	if err != nil || got.N != 1 {
		t.Errorf("got %v, %v", got, err)
	}
	wantCount(t, db, store.Query{}, 1)
}

func testAtomicChange(t *testing.T, db *store.DB) {
	doc := insertSome(t, db, 1)[0]
	err := db.Atomically(t.Context(), func(tx *store.Tx) error {
		for range 3 {
			if _, err := things.Change(t.Context(), tx, doc.ID, func(d *thing) error { d.Size++; return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	doc.Size, doc.Rev = 3, 4
	wantStored(t, db, doc)
}

func testAtomicCancelled(t *testing.T, db *store.DB) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := db.Atomically(ctx, func(tx *store.Tx) error { return things.Insert(ctx, tx, newThing(1)) })
	wantError(t, "atomically", err, context.Canceled)
	wantError(t, "insert", things.Insert(ctx, db, newThing(2)), context.Canceled)
	wantCount(t, db, store.Query{}, 0)
}
