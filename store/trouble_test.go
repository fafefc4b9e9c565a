package store_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/sqlite"
	"github.com/musterhq/muster/store/storetest"
)

// full is an engine that takes no more claims.
type full struct {
	store.Engine
	tries atomic.Int64
}

func (f *full) Replace(context.Context, *store.Spec, string, int64, bson.Raw) error {
	f.tries.Add(1)
	return errors.New("the disk is full")
}

func TestWorkerRestsWhenClaimsFail(t *testing.T) {
	t.Parallel()
	engine, err := sqlite.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := &full{Engine: engine}
	db, err := store.Open(t.Context(), f, chores)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	addChore(t, db, "a", store.Now())
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	w := store.Worker[chore]{
		DB: db, Collection: chores, Now: store.Now, Log: slog.New(slog.DiscardHandler), Lease: time.Minute, Width: 4,
		Handle: func(context.Context, *chore) error { t.Error("handled what was not claimed"); return nil },
	}
	w.Run(ctx)
	if n := f.tries.Load(); n < 1 || n > 3 {
		t.Errorf("%d claims tried in half a second, want 1, or one more for each change", n)
	}
}

func TestClaimPassesOverWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	engine, err := sqlite.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), engine, chores)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	now := store.Now()
	for _, id := range []string{"bad1", "bad2", "bad3"} {
		raw, err := bson.Marshal(bson.M{"_id": id, "rev": int64(1), "dueAt": now.Add(-time.Hour), "done": "many"})
		if err != nil {
			t.Fatal(err)
		}
		if err := engine.Insert(t.Context(), chores.Spec(), id, raw); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"a", "b", "c"} {
		addChore(t, db, id, now)
	}
	claimed, err := store.Claim(t.Context(), db, chores, now, time.Minute, 2)
	if err == nil {
		t.Error("no word of what cannot be read")
	}
	var got []string
	for _, c := range claimed {
		got = append(got, c.ID)
	}
	if !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("claimed %v, want a and b", got)
	}
	if next, err := store.NextDue(t.Context(), db, chores); err != nil || !next.Equal(now.Add(-time.Hour)) {
		t.Errorf("next due %v, %v", next, err)
	}
}

func TestOpenReleasesWhatADeadProcessClaimed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func() *store.DB {
		engine, err := sqlite.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		db, err := store.Open(t.Context(), engine, chores, plain)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	shut := func(db *store.DB) {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	db := open()
	now := store.Now()
	addChore(t, db, "claimed", now.Add(-time.Minute))
	addChore(t, db, "later", now.Add(30*time.Second))
	if claimed, err := store.Claim(t.Context(), db, chores, now, 50*time.Second, 10); err != nil || len(claimed) != 1 {
		t.Fatal(claimed, err)
	}
	shut(db)
	db = open()
	defer shut(db)
	again, err := store.Claim(t.Context(), db, chores, now, 50*time.Second, 10)
	if err != nil || len(again) != 1 || again[0].ID != "claimed" || again[0].Claims != 2 {
		t.Errorf("%v, %v", again, err)
	}
	if c, err := chores.Get(t.Context(), db, "later"); err != nil || !c.DueAt.Equal(now.Add(30*time.Second)) {
		t.Errorf("what nobody had claimed is due at %v, %v", c.DueAt, err)
	}
}

// plain is a collection in which nothing is ever due.
var plain = store.Define[struct {
	store.Meta `bson:",inline"`
}]("plain")

func TestWorkerFinishesWhatItHasBegun(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, chores)
	addChore(t, db, "a", store.Now())
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	h := newHand(db, 1, func(ctx context.Context, c *chore) error {
		stop()
		return finish(db)(ctx, c)
	})
	h.got = make(chan string, 1)
	h.Run(ctx)
	if c, err := chores.Get(t.Context(), db, "a"); err != nil || c.Done != 1 || !c.DueAt.IsZero() {
		t.Errorf("%+v, %v", c, err)
	}
}
