package sqlite_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/sqlite"
)

// note is what the declarations below are about.
type note struct {
	store.Meta `bson:",inline"`
	Title      string  `bson:"title"`
	Rank       int     `bson:"rank"`
	Tag        *string `bson:"tag,omitempty"`
}

var (
	byTitle     = store.Index{Name: "first", Fields: []string{"title"}}
	byRank      = store.Index{Name: "first", Fields: []string{"rank"}}
	byTag       = store.Index{Name: "tag", Fields: []string{"tag"}, Sparse: true}
	uniqueTitle = store.Index{Name: "first", Fields: []string{"title"}, Unique: true}
)

func notes(indexes ...store.Index) *store.Collection[note] {
	return store.Define[note]("notes", indexes...)
}

// fillNotes makes a database with 1,203 notes under the indexes: more than are
// filled in one go.
func fillNotes(t *testing.T, indexes ...store.Index) (dir string) {
	t.Helper()
	dir = t.TempDir()
	c := notes(indexes...)
	db, _ := mustOpen(t, dir, c)
	defer mustClose(t, db)
	err := db.Atomically(t.Context(), func(tx *store.Tx) error {
		for i := range 1203 {
			n := &note{Meta: store.Meta{ID: fmt.Sprintf("n%04d", i)}, Title: fmt.Sprintf("title %d", i%600), Rank: -i}
			if i%100 == 0 {
				n.Tag = &n.Title
			}
			if err := c.Insert(t.Context(), tx, n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPrepareAgainChangesNothing(t *testing.T) {
	t.Parallel()
	dir := fillNotes(t, byTitle, byTag)
	before := schema(t, dir)
	db, _ := mustOpen(t, dir, notes(byTitle, byTag))
	mustClose(t, db)
	if diff := cmp.Diff(before, schema(t, dir)); diff != "" {
		t.Errorf("schema (-before +after):\n%s", diff)
	}
	if len(before) != 3 {
		t.Errorf("got %q, want a table and two indexes", before)
	}
}

func TestPrepareFillsNewIndexes(t *testing.T) {
	t.Parallel()
	dir := fillNotes(t, byTitle)
	c := notes(byTitle, byTag, store.Index{Name: "rank", Fields: []string{"rank", "title"}})
	db, _ := mustOpen(t, dir, c)
	defer mustClose(t, db)
	wantFirst(t, db, c, store.Query{}.Sort("rank"), "n1202")
	wantNotes(t, db, c, store.Query{}.Sort("rank"), 1203)
	wantNotes(t, db, c, store.Where(store.AtLeast("tag", "")), 13)
	wantNotes(t, db, c, store.Where(store.Eq("title", "title 2")), 3)
}

func TestPrepareReplacesChangedIndexes(t *testing.T) {
	t.Parallel()
	dir := fillNotes(t, byTitle)
	c := notes(byRank)
	db, _ := mustOpen(t, dir, c)
	wantFirst(t, db, c, store.Query{}.Sort("rank"), "n1202")
	changed, err := c.Change(t.Context(), db, "n0000", func(n *note) error { n.Title = "changed"; return nil })
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	for _, sql := range schema(t, dir) {
		if strings.Contains(sql, "title") {
			t.Errorf("the old index left %q", sql)
		}
	}

	// What was written while the index was not declared must be in it.
	c = notes(byTitle)
	db, _ = mustOpen(t, dir, c)
	defer mustClose(t, db)
	wantFirst(t, db, c, store.Where(store.Eq("title", "changed")), changed.ID)
	wantNotes(t, db, c, store.Where(store.Eq("title", "title 0")), 2)
}

func TestPrepareMakesAnIndexUniqueAndBack(t *testing.T) {
	t.Parallel()
	dir := fillNotes(t, byRank)
	unique := store.Index{Name: "first", Fields: []string{"rank"}, Unique: true}
	c := notes(unique)
	db, _ := mustOpen(t, dir, c)
	twice := &note{Meta: store.Meta{ID: "twice"}, Rank: -7}
	if err := c.Insert(t.Context(), db, twice); !errors.Is(err, store.ErrDuplicate) {
		t.Errorf("under the unique index: got %v, want %v", err, store.ErrDuplicate)
	}
	mustClose(t, db)
	c = notes(byRank)
	db, _ = mustOpen(t, dir, c)
	defer mustClose(t, db)
	if err := c.Insert(t.Context(), db, twice); err != nil {
		t.Errorf("under the plain index: %v", err)
	}
}

func TestPrepareFailsWholeWhenDocumentsBreakTheIndex(t *testing.T) {
	t.Parallel()
	dir := fillNotes(t, byTitle)
	before := schema(t, dir)
	for name, c := range map[string]*store.Collection[note]{
		"unique":   notes(uniqueTitle, byTag),
		"required": store.Define[note]("notes", byTitle, store.Index{Name: "tag", Fields: []string{"tag", "title"}, Sparse: true}),
	} {
		if name == "required" {
			c.Spec().Indexes[1].Sparse = false // as if the field were always there
		}
		engine, err := sqlite.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if db, err := store.Open(t.Context(), engine, c); err == nil {
			t.Errorf("%s: prepared an index that the documents break", name)
			mustClose(t, db)
		}
		if diff := cmp.Diff(before, schema(t, dir)); diff != "" {
			t.Errorf("%s: schema (-before +after):\n%s", name, diff)
		}
	}
	c := notes(byTitle)
	db, _ := mustOpen(t, dir, c)
	defer mustClose(t, db)
	wantNotes(t, db, c, store.Where(store.Eq("title", "title 2")), 3)
}

func TestInsertRefusesMissingIndexedField(t *testing.T) {
	t.Parallel()
	c := store.Define[note]("notes", byTag)
	c.Spec().Indexes[0].Sparse = false
	db, _ := mustOpen(t, t.TempDir(), c)
	defer mustClose(t, db)
	if err := c.Insert(t.Context(), db, &note{Meta: store.Meta{ID: "n1"}}); err == nil {
		t.Error("stored a document that its index cannot hold")
	}
	wantNotes(t, db, c, store.Query{}, 0)
}

func TestNamesThatNeedQuotes(t *testing.T) {
	t.Parallel()
	c := store.Define[note](`or"der select`, store.Index{Name: `group "by"`, Fields: []string{"rank"}, Unique: true})
	db, _ := mustOpen(t, t.TempDir(), c)
	defer mustClose(t, db)
	for i := range 2 {
		err := c.Insert(t.Context(), db, &note{Meta: store.Meta{ID: fmt.Sprint(i)}, Rank: 1})
		var taken *store.DuplicateError
		if i == 1 && (!errors.As(err, &taken) || taken.Index != `group "by"`) || i == 0 && err != nil {
			t.Errorf("insert %d: %v", i, err)
		}
	}
	wantNotes(t, db, c, store.Where(store.Eq("rank", 1)), 1)
}

// schema returns the statements that made the tables and indexes.
func schema(t *testing.T, dir string) []string {
	t.Helper()
	engine, err := sqlite.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	all, err := engine.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func wantFirst(t *testing.T, db *store.DB, c *store.Collection[note], q store.Query, id string) {
	t.Helper()
	got, err := c.First(t.Context(), db, q)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != id {
		t.Errorf("first: got %s, want %s", got.ID, id)
	}
}

func wantNotes(t *testing.T, db *store.DB, c *store.Collection[note], q store.Query, want int64) {
	t.Helper()
	got, err := c.Count(t.Context(), db, q)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("got %d notes, want %d", got, want)
	}
}
