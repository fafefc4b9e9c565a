package sqlite_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/sqlite"
	"go.mongodb.org/mongo-driver/v2/bson"
)

func TestExportIsADump(t *testing.T) {
	t.Parallel()
	data, dump := t.TempDir(), filepath.Join(t.TempDir(), "dump")
	db, _ := mustOpen(t, data, sheets, people)
	want := map[string]*sheet{}
	for i := range 30 {
		s := newSheet()
		s.Partner = fmt.Sprint(i)
		if err := sheets.Insert(t.Context(), db, s); err != nil {
			t.Fatal(err)
		}
		want[s.ID] = s
	}
	mustClose(t, db)
	engine, err := sqlite.Open(data) // and no Prepare
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	if err := engine.Export(t.Context(), dump, "muster"); err != nil {
		t.Fatal(err)
	}

	got := map[string]*sheet{}
	for _, raw := range readDump(t, filepath.Join(dump, "muster", "sheets.bson")) {
		s := &sheet{}
		if err := bson.Unmarshal(raw, s); err != nil {
			t.Fatal(err)
		}
		got[s.ID] = s
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
	if n := len(readDump(t, filepath.Join(dump, "muster", "people.bson"))); n != 0 {
		t.Errorf("%d documents of an empty collection", n)
	}
	wantFiles(t, filepath.Join(dump, "muster"), "people.bson", "people.metadata.json", "sheets.bson", "sheets.metadata.json")
	wantMetadata(t, filepath.Join(dump, "muster", "sheets.metadata.json"), "sheets")
	if err := engine.Export(t.Context(), dump, "muster"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second export into the same place: got %v, want %v", err, fs.ErrExist)
	}
}

// readDump splits a .bson file into its documents.
func readDump(t *testing.T, path string) []bson.Raw {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var docs []bson.Raw
	for len(data) > 0 {
		raw, err := bson.ReadDocument(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := raw.Validate(); err != nil {
			t.Fatal(err)
		}
		docs = append(docs, raw)
		data = data[len(raw):]
	}
	return docs
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func wantMetadata(t *testing.T, path, collection string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"options":        map[string]any{},
		"indexes":        []any{map[string]any{"v": 2.0, "key": map[string]any{"_id": 1.0}, "name": "_id_"}},
		"collectionName": collection,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

// TestExportIsOneMoment exports while pairs are written, each in one step, into
// two collections: no export may have the half of one.
func TestExportIsOneMoment(t *testing.T) {
	t.Parallel()
	db, engine := mustOpen(t, t.TempDir(), sheets, people)
	defer mustClose(t, db)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			if err := insertPair(ctx, db, n); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	defer wg.Wait()
	defer stop()
	for i := range 10 {
		dump := t.TempDir()
		if err := engine.Export(t.Context(), dump, "x"); err != nil {
			t.Fatal(err)
		}
		s, p := readDump(t, filepath.Join(dump, "x", "sheets.bson")), readDump(t, filepath.Join(dump, "x", "people.bson"))
		if len(s) != len(p) {
			t.Errorf("export %d: %d sheets and %d people", i, len(s), len(p))
		}
	}
}

func insertPair(ctx context.Context, db *store.DB, n int) error {
	return db.Atomically(ctx, func(tx *store.Tx) error {
		s := newSheet()
		s.Partner = fmt.Sprint(n)
		return errors.Join(sheets.Insert(ctx, tx, s), people.Insert(ctx, tx, newPerson(n)))
	})
}

// TestExportCutShortHoldsNothing makes sure that an export that fails or is
// cancelled on its way leaves no reader in the past.
func TestExportCutShortHoldsNothing(t *testing.T) {
	t.Parallel()
	unwritable := store.Define[sheet](strings.Repeat("name", 100)) // longer than a file's may be
	db, engine := mustOpen(t, t.TempDir(), sheets, unwritable)
	defer mustClose(t, db)
	for i := range 20 { // each of the readers
		if err := exportAndCancel(t, engine, i%2 == 0); err == nil {
			t.Fatal("an export that could not be written succeeded")
		}
	}
	for n := range 20 {
		s := newSheet()
		s.Partner = fmt.Sprint(n)
		if err := sheets.Insert(t.Context(), db, s); err != nil {
			t.Fatal(err)
		}
		if _, err := sheets.Get(t.Context(), db, s.ID); err != nil {
			t.Fatalf("a reader does not see what was written: %v", err)
		}
	}
}

// exportAndCancel cancels, if asked to, when the export has begun.
func exportAndCancel(t *testing.T, engine *sqlite.Engine, cancelled bool) error {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dump := t.TempDir()
	ended := make(chan error, 1)
	go func() { ended <- engine.Export(ctx, dump, "x") }()
	for cancelled {
		if _, err := os.Stat(filepath.Join(dump, "x")); err == nil {
			cancel()
			break
		}
	}
	return <-ended
}
