package sqlite_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/sqlite"
)

// mustOpen opens a database in the directory; the test closes it.
func mustOpen(t *testing.T, dir string, defs ...store.Definition) (*store.DB, *sqlite.Engine) {
	t.Helper()
	engine, err := sqlite.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), engine, defs...)
	if err != nil {
		t.Fatal(err)
	}
	return db, engine
}

func mustClose(t *testing.T, db *store.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenCreatesPrivateDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	db, _ := mustOpen(t, dir, sheets)
	defer mustClose(t, db)
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o700 {
		t.Errorf("the directory's mode is %o, want 700", got)
	}
}

func TestFilesArePrivateInAnOpenDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	db, _ := mustOpen(t, dir, sheets)
	defer mustClose(t, db)
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s has the mode %o, want 600", f.Name(), got)
		}
	}
}

func TestOpenRefusesWhatIsInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, _ := mustOpen(t, dir, sheets)
	if second, err := sqlite.Open(dir); !errors.Is(err, sqlite.ErrLocked) {
		t.Errorf("second engine: got %v, %v, want %v", second, err, sqlite.ErrLocked)
	}
	if got := childOpens(t, dir); got != "locked\n" {
		t.Errorf("second process while open: %q", got)
	}
	mustClose(t, db)
	if got := childOpens(t, dir); got != "opened\n" {
		t.Errorf("second process after close: %q", got)
	}
}

// childOpens has another process open the directory, and returns what it says.
func childOpens(t *testing.T, dir string) string {
	t.Helper()
	cmd, output := startChild(t, "open", dir)
	line, err := bufio.NewReader(output).ReadString('\n')
	if err := errors.Join(err, cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	return line
}

func openOnce(dir string) {
	engine, err := sqlite.Open(dir)
	switch {
	case errors.Is(err, sqlite.ErrLocked):
		fmt.Println("locked")
	case err != nil:
		fmt.Println(err)
	default:
		fmt.Println("opened")
		if err := engine.Close(); err != nil {
			fmt.Println(err)
		}
	}
}

func TestOpenRefusesWhatIsNoDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "muster.db"), []byte("this is no database, and long enough to tell"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the failure leaves no lock behind
		if engine, err := sqlite.Open(dir); err == nil || errors.Is(err, sqlite.ErrLocked) {
			t.Errorf("got %v, %v", engine, err)
		}
	}
}

func TestReopenKeepsEverything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, _ := mustOpen(t, dir, sheets)
	kept, deleted := newSheet(), newSheet()
	kept.Partner, deleted.Partner = "a", "b"
	for _, s := range []*sheet{kept, deleted} {
		if err := sheets.Insert(t.Context(), db, s); err != nil {
			t.Fatal(err)
		}
	}
	kept.Text = "changed"
	if err := errors.Join(sheets.Replace(t.Context(), db, kept), sheets.Delete(t.Context(), db, deleted)); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	if _, err := os.Stat(filepath.Join(dir, "muster.db-wal")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("close left a log behind: %v", err)
	}

	db, _ = mustOpen(t, dir, sheets)
	defer mustClose(t, db)
	got, err := sheets.First(t.Context(), db, store.Where(store.Eq("partner", "a")))
	if err != nil || got.Text != "changed" || got.Rev != 2 {
		t.Errorf("after reopening: got %+v, %v", got, err)
	}
	if _, err := sheets.Get(t.Context(), db, deleted.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deleted document: %v", err)
	}
	again := newSheet()
	again.Partner = "a"
	if err := sheets.Insert(t.Context(), db, again); !errors.Is(err, store.ErrDuplicate) {
		t.Errorf("taken key: got %v, want %v", err, store.ErrDuplicate)
	}
}

func TestCloseTwiceAndUseAfter(t *testing.T) {
	t.Parallel()
	db, engine := mustOpen(t, t.TempDir(), sheets)
	mustClose(t, db)
	if err := engine.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	s := newSheet()
	s.Rev = 1
	_, getErr := sheets.Get(t.Context(), db, s.ID)
	_, listErr := sheets.List(t.Context(), db, store.Query{}, 1, "")
	_, countErr := sheets.Count(t.Context(), db, store.Query{})
	for name, err := range map[string]error{
		"insert": sheets.Insert(t.Context(), db, s), "replace": sheets.Replace(t.Context(), db, s), "delete": sheets.Delete(t.Context(), db, s),
		"get": getErr, "list": listErr, "count": countErr,
		"atomically": db.Atomically(t.Context(), func(*store.Tx) error { t.Error("it ran"); return nil }),
		"export":     engine.Export(t.Context(), t.TempDir(), "x"),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after close: got %v, want %v", name, err, store.ErrClosed)
		}
	}
}
