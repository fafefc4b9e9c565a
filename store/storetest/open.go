package storetest

import (
	"testing"

	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/sqlite"
)

// Open returns a fresh database of its own on the embedded engine, in a
// directory that goes with the test. It is closed when the test ends. Every
// atomic step runs twice, of which the first run is undone, since on MongoDB
// it may.
func Open(t testing.TB, defs ...store.Definition) *store.DB {
	t.Helper()
	engine, err := sqlite.Open(t.TempDir())
	if err != nil {
		t.Fatalf("opening the engine: %v", err)
	}
	db, err := store.Open(t.Context(), rerun{engine}, defs...)
	if err != nil {
		t.Fatalf("opening the database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("closing the database: %v", err)
		}
	})
	return db
}
