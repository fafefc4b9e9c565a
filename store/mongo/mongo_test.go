package mongo

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/storetest"
)

// realURI returns the URI of the replica set to test against, or skips.
func realURI(t *testing.T) string {
	t.Helper()
	uri := os.Getenv("MUSTER_TEST_MONGODB_URI")
	if uri != "" {
		return uri
	}
	const why = "MUSTER_TEST_MONGODB_URI is not set, so nothing here ran against MongoDB: not covered are " +
		"transactions, change streams, majority concerns, unique and partial indexes, query plans and concurrent writers"
	if os.Getenv("MUSTER_REQUIRE_MONGODB") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
	return ""
}

// openReal returns an empty database that is dropped after the test.
func openReal(t *testing.T, uri string, opts []Option, defs ...store.Definition) (*store.DB, *Engine) {
	t.Helper()
	name := store.NewIDs()("muster_test")
	t.Cleanup(func() { drop(t, uri, name) }) // after the database is closed
	return reopen(t, uri, name, opts, defs...)
}

// reopen returns the database of that name.
func reopen(t *testing.T, uri, name string, opts []Option, defs ...store.Definition) (*store.DB, *Engine) {
	t.Helper()
	engine, err := Open(t.Context(), uri, name, opts...)
	if err != nil {
		t.Fatalf("opening the engine: %v", err)
	}
	db, err := store.Open(t.Context(), engine, defs...)
	if err != nil {
		t.Fatalf("opening the database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("closing the database: %v", err)
		}
	})
	return db, engine
}

func drop(t *testing.T, uri, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client, err := driver.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Errorf("dropping %s: %v", name, err)
		return
	}
	if err := errors.Join(client.Database(name).Drop(ctx), client.Disconnect(ctx)); err != nil {
		t.Errorf("dropping %s: %v", name, err)
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	uri := realURI(t)
	storetest.Run(t, func(t *testing.T, defs ...store.Definition) *store.DB {
		db, _ := openReal(t, uri, nil, defs...)
		return db
	})
}

// note is a small document for the tests of this package.
type note struct {
	store.Meta `bson:",inline"`
	Kind       string  `bson:"kind"`
	N          int     `bson:"n"`
	Slot       int     `bson:"slot"`
	Code       *string `bson:"code,omitempty"`
}

var notes = store.Define[note]("notes",
	store.Index{Name: "kind", Fields: []string{"kind", "n"}},
	store.Index{Name: "slot", Fields: []string{"kind", "slot"}, Unique: true},
	store.Index{Name: "code", Fields: []string{"code", "n"}, Sparse: true},
)

// insertNotes stores n notes, of kinds a, b and c in turn; every other one has
// a code.
func insertNotes(t *testing.T, db *store.DB, n int) []*note {
	t.Helper()
	code := "x"
	docs := make([]*note, n)
	for i := range docs {
		docs[i] = &note{Meta: store.Meta{ID: store.NewIDs()("not")}, Kind: string(rune('a' + i%3)), N: i / 6, Slot: i}
		if i%2 == 0 {
			docs[i].Code = &code
		}
		if err := notes.Insert(t.Context(), db, docs[i]); err != nil {
			t.Fatal(err)
		}
	}
	return docs
}

// A collection that is dropped behind the engine's back ends all feeds, since
// no change tells of its documents; later feeds have what comes after.
func TestDroppedCollectionEndsFeeds(t *testing.T) {
	t.Parallel()
	db, engine := openReal(t, realURI(t), nil, notes)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	insertNotes(t, db, 1)
	feed := db.Watch(100, notes)
	if err := engine.db.Collection("notes").Drop(ctx); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := feed.Next(ctx); err != nil {
			if !errors.Is(err, store.ErrLagged) {
				t.Fatalf("got %v, want %v", err, store.ErrLagged)
			}
			break
		}
	}
	later := db.Watch(100, notes)
	defer later.Close()
	want := insertNotes(t, db, 1)[0]
	changes, err := later.Next(ctx)
	if err != nil || len(changes) != 1 || changes[0].ID != want.ID || changes[0].Op != store.Inserted {
		t.Errorf("got %v, %v, want the insertion of %s", changes, err, want.ID)
	}
}

// What another process commits arrives, also while this one is idle.
func TestFeedHearsOtherProcesses(t *testing.T) {
	t.Parallel()
	uri := realURI(t)
	here, engine := openReal(t, uri, nil, notes)
	there, _ := reopen(t, uri, engine.db.Name(), nil, notes)
	feed := here.Watch(100, notes)
	defer feed.Close()
	want := insertNotes(t, there, 1)[0]
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	changes, err := feed.Next(ctx)
	if err != nil || len(changes) != 1 || changes[0].ID != want.ID {
		t.Errorf("got %v, %v, want the insertion of %s", changes, err, want.ID)
	}
}

func TestCloseDoesNotWaitForChanges(t *testing.T) {
	t.Parallel()
	db, _ := openReal(t, realURI(t), nil, notes)
	began := time.Now()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > endPatience {
		t.Errorf("took %v", took)
	}
}
