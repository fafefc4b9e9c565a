package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/musterhq/muster/store"
)

func testFeed(t *testing.T, open Opener) {
	each(t, open, []test{
		{"insert, replace and delete arrive in order", testFeedOps},
		{"nothing before Watch and everything after", testFeedFromNow},
		{"other collections are not in it", testFeedCollections},
		{"each document's changes arrive in order and whole", testFeedOrder},
		{"an atomic step arrives together", testFeedAtomic},
		{"what is undone or refused never arrives", testFeedUndone},
		{"a slow reader is told and holds up nobody", testFeedLagged},
		{"close of the feed ends it", testFeedClose},
		{"close of the database ends it", testFeedDatabaseClose},
		{"next gives up with its context", testFeedContext},
	})
}

// patience is how long a change may take to arrive before a test fails.
const patience = 30 * time.Second

// arrived reads exactly n changes.
func arrived(t *testing.T, f *store.Feed, n int) []store.Change {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all []store.Change
	for len(all) < n {
		changes, err := f.Next(ctx)
		if err != nil {
			t.Fatalf("after %d of %d changes: %v", len(all), n, err)
		}
		all = append(all, changes...)
	}
	if len(all) > n {
		t.Fatalf("got %d changes, want %d: %v", len(all), n, describe(all))
	}
	return all
}

// describe says what the changes did, to which document.
func describe(changes []store.Change) []string {
	verbs := map[store.Op]string{store.Inserted: "insert", store.Replaced: "replace", store.Deleted: "delete"}
	out := make([]string, len(changes))
	for i, c := range changes {
		out[i] = fmt.Sprintf("%s %s %s", verbs[c.Op], c.Collection, c.ID)
	}
	return out
}

func wantChanges(t *testing.T, got []store.Change, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, describe(got)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func testFeedOps(t *testing.T, db *store.DB) {
	feed := db.Watch(100, things)
	defer feed.Close()
	doc := insertSome(t, db, 1)[0]
	doc.Name = "changed"
	if err := things.Replace(t.Context(), db, doc); err != nil {
		t.Fatal(err)
	}
	if err := things.Delete(t.Context(), db, doc); err != nil {
		t.Fatal(err)
	}
	got := arrived(t, feed, 3)
	wantChanges(t, got, "insert things thg_0000", "replace things thg_0000", "delete things thg_0000")
	if got[2].Doc != nil {
		t.Errorf("a deleted document came along: %v", got[2].Doc)
	}
	changed, err := things.Decode(got[1])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(doc, changed); diff != "" {
		t.Errorf("document of the change (-want +got):\n%s", diff)
	}
}

func testFeedFromNow(t *testing.T, db *store.DB) {
	insertSome(t, db, 20)
	feed := db.Watch(100, things)
	defer feed.Close()
	insert(t, db, newThing(50))
	wantChanges(t, arrived(t, feed, 1), "insert things thg_0050")
}

func testFeedCollections(t *testing.T, db *store.DB) {
	both, one := db.Watch(100, things, counters), db.Watch(100, counters)
	defer both.Close()
	defer one.Close()
	insertSome(t, db, 1)
	insertCounter(t, db, "ctr_1", 0)
	wantChanges(t, arrived(t, both, 2), "insert things thg_0000", "insert counters ctr_1")
	wantChanges(t, arrived(t, one, 1), "insert counters ctr_1")
}

// testFeedOrder has writers at a few documents and compares the feed with the
// revisions: each must come, in order.
func testFeedOrder(t *testing.T, db *store.DB) {
	feed := db.Watch(10_000, counters)
	defer feed.Close()
	const documents, writers = 4, 16
	for i := range documents {
		insertCounter(t, db, fmt.Sprintf("ctr_%d", i), 0)
	}
	errs := together(writers, func(w int) error {
		for i := range 10 {
			id := fmt.Sprintf("ctr_%d", (w+i)%documents)
			if _, err := counters.Change(t.Context(), db, id, func(c *counter) error { c.N++; return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	next := map[string]int64{}
	for _, change := range arrived(t, feed, documents+writers*10) {
		c, err := counters.Decode(change)
		if err != nil {
			t.Fatal(err)
		}
		if next[c.ID]++; c.Rev != next[c.ID] {
			t.Fatalf("%s: revision %d came where %d was due", c.ID, c.Rev, next[c.ID])
		}
	}
	for id, rev := range next {
		if now := getCounter(t, db, id); now.Rev != rev {
			t.Errorf("%s: the feed ended at %d, the document is at %d", id, rev, now.Rev)
		}
	}
}

func testFeedAtomic(t *testing.T, db *store.DB) {
	doc := insertSome(t, db, 1)[0]
	feed := db.Watch(1000, things, counters)
	defer feed.Close()
	errs := together(8, func(i int) error {
		return db.Atomically(t.Context(), func(tx *store.Tx) error {
			for n := range 3 {
				c := &counter{Meta: store.Meta{ID: fmt.Sprintf("ctr_%d_%d", i, n)}}
				if err := counters.Insert(t.Context(), tx, c); err != nil {
					return err
				}
			}
			_, err := things.Change(t.Context(), tx, doc.ID, func(d *thing) error { d.Size++; return nil })
			return err
		})
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	got := describe(arrived(t, feed, 8*4))
	for first := 0; first < len(got); first += 4 {
		var i int
		if _, err := fmt.Sscanf(got[first], "insert counters ctr_%d_0", &i); err != nil {
			t.Fatalf("%q begins a step: %v", got[first], err)
		}
		want := []string{
			fmt.Sprintf("insert counters ctr_%d_0", i), fmt.Sprintf("insert counters ctr_%d_1", i),
			fmt.Sprintf("insert counters ctr_%d_2", i), "replace things " + doc.ID,
		}
		if diff := cmp.Diff(want, got[first:first+4]); diff != "" {
			t.Errorf("step (-want +got):\n%s", diff)
		}
	}
}

func testFeedUndone(t *testing.T, db *store.DB) {
	docs := insertSome(t, db, 2)
	feed := db.Watch(100, things)
	defer feed.Close()
	err := db.Atomically(t.Context(), func(tx *store.Tx) error {
		undone(t, tx, docs)
		return errRefused
	})
	wantError(t, "atomically", err, errRefused)
	wantTaken(t, things.Insert(t.Context(), db, newThing(0)), "_id")
	old := *docs[0]
	old.Rev = 7
	wantError(t, "replace", things.Replace(t.Context(), db, &old), store.ErrStale)
	err = db.Atomically(t.Context(), func(tx *store.Tx) error {
		wantTaken(t, things.Insert(t.Context(), tx, newThing(1)), "_id")
		return things.Insert(t.Context(), tx, newThing(8))
	})
	if err != nil {
		t.Fatal(err)
	}
	insert(t, db, newThing(9))
	wantChanges(t, arrived(t, feed, 2), "insert things thg_0008", "insert things thg_0009")
}

func testFeedLagged(t *testing.T, db *store.DB) {
	slow, fast := db.Watch(5, things), db.Watch(100, things)
	defer slow.Close()
	defer fast.Close()
	insertSome(t, db, 50) // returns: nobody waits for the slow reader
	if got := arrived(t, fast, 50); len(got) != 50 {
		t.Errorf("the fast reader got %d changes", len(got))
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		// The reader may have been given some before it fell behind.
		if _, err := slow.Next(ctx); err != nil {
			wantError(t, "next", err, store.ErrLagged)
			break
		}
	}
	_, err := slow.Next(ctx)
	wantError(t, "next again", err, store.ErrLagged)
}

func testFeedClose(t *testing.T, db *store.DB) {
	feed := db.Watch(100, things)
	ended := make(chan error, 1)
	go func() {
		_, err := feed.Next(t.Context())
		ended <- err
	}()
	feed.Close()
	wantError(t, "next under way", <-ended, store.ErrClosed)
	feed.Close()
	insert(t, db, newThing(1)) // goes nowhere, and harms nothing
	_, err := feed.Next(t.Context())
	wantError(t, "next", err, store.ErrClosed)
}

func testFeedDatabaseClose(t *testing.T, db *store.DB) {
	feed := db.Watch(100, things)
	defer feed.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := feed.Next(t.Context())
		ended <- err
	}()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	wantError(t, "next under way", <-ended, store.ErrClosed)
	_, err := db.Watch(100, things).Next(t.Context())
	wantError(t, "next of a feed begun after", err, store.ErrClosed)
	wantError(t, "insert", things.Insert(t.Context(), db, newThing(1)), store.ErrClosed)
	_, err = things.Get(t.Context(), db, "thg_0001")
	wantError(t, "get", err, store.ErrClosed)
	wantError(t, "atomically", db.Atomically(t.Context(), func(*store.Tx) error { return nil }), store.ErrClosed)
}

func testFeedContext(t *testing.T, db *store.DB) {
	feed := db.Watch(100, things)
	defer feed.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := feed.Next(ctx)
	wantError(t, "next", err, context.Canceled)
	insert(t, db, newThing(1))
	wantChanges(t, arrived(t, feed, 1), "insert things thg_0001")
}
