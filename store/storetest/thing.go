package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/musterhq/muster/store"
)

// thing is a document with a field of every kind that can be indexed.
type thing struct {
	store.Meta `bson:",inline"`
	store.Due  `bson:",inline"`
	Name       string    `bson:"name"`
	Group      string    `bson:"group"`
	Kind       string    `bson:"kind"`
	Size       int       `bson:"size"`
	Weight     float64   `bson:"weight"`
	Open       bool      `bson:"open"`
	At         time.Time `bson:"at"`
	Place      place     `bson:"place"`
	Code       string    `bson:"code,omitempty"`
	Holder     *string   `bson:"holder,omitempty"`
	Slot       int       `bson:"slot"`
	Notes      []string  `bson:"notes"`
}

type place struct {
	City  string `bson:"city"`
	Floor int32  `bson:"floor"`
}

// counter is a small document for writers to fight over.
type counter struct {
	store.Meta `bson:",inline"`
	N          int `bson:"n"`
}

// The collections of the suite: an index of each shape.
var (
	things = store.Define[thing]("things",
		store.Index{Name: "name", Fields: []string{"name"}},
		store.Index{Name: "group", Fields: []string{"group", "kind", "size"}},
		store.Index{Name: "size", Fields: []string{"size"}},
		store.Index{Name: "weight", Fields: []string{"weight"}},
		store.Index{Name: "open", Fields: []string{"open", "at"}},
		store.Index{Name: "at", Fields: []string{"at"}},
		store.Index{Name: "city", Fields: []string{"place.city", "place.floor"}},
		store.Index{Name: "code", Fields: []string{"code"}, Unique: true, Sparse: true},
		store.Index{Name: "slot", Fields: []string{"kind", "slot"}, Unique: true},
		store.Index{Name: "holder", Fields: []string{"holder", "at"}, Sparse: true},
		store.DueIndex,
	)
	counters = store.Define[counter]("counters")
)

// epoch is the time that documents of the suite begin at.
var epoch = time.Date(2024, 2, 29, 23, 59, 59, 123_000_000, time.UTC)

// newThing returns a document that is different from those of other numbers
// in every field that has to be.
func newThing(n int) *thing {
	return &thing{
		Meta:  store.Meta{ID: fmt.Sprintf("thg_%04d", n)},
		Name:  fmt.Sprintf("name %04d", n),
		Group: "a", Kind: "x", Slot: n, Size: n, Weight: float64(n) / 4,
		At:    epoch.Add(time.Duration(n) * time.Millisecond),
		Place: place{City: "深圳", Floor: int32(n)},
		Notes: []string{},
	}
}

// insert stores the documents, many at a time.
func insert(t *testing.T, db *store.DB, docs ...*thing) {
	t.Helper()
	errs := together(len(docs), func(i int) error { return things.Insert(t.Context(), db, docs[i]) })
	for _, err := range errs {
		if err != nil {
			t.Fatalf("inserting: %v", err)
		}
	}
}

// insertSome stores things 0 to n-1 and returns them.
func insertSome(t *testing.T, db *store.DB, n int) []*thing {
	t.Helper()
	docs := make([]*thing, n)
	for i := range docs {
		docs[i] = newThing(i)
	}
	insert(t, db, docs...)
	return docs
}

// width is how many calls together makes at a time.
const width = 64

// together calls do for 0 to n-1, many at a time, and returns its errors when
// all have returned.
func together(n int, do func(i int) error) []error {
	errs := make([]error, n)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(n, width) {
		wg.Go(func() {
			for i := range next {
				errs[i] = do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return errs
}

// successes counts the calls that succeeded, and fails the test if another
// failed with anything but want.
func successes(t *testing.T, errs []error, want error) int {
	t.Helper()
	n := 0
	for _, err := range errs {
		switch {
		case err == nil:
			n++
		case !errors.Is(err, want):
			t.Errorf("got %v, want %v", err, want)
		}
	}
	return n
}

// wantStored fails the test unless the document is stored exactly so.
func wantStored(t *testing.T, on store.Conn, want *thing) {
	t.Helper()
	got, err := things.Get(t.Context(), on, want.ID)
	if err != nil {
		t.Fatalf("getting %s: %v", want.ID, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", want.ID, diff)
	}
}

// wantAbsent fails the test if there is a document with the id.
func wantAbsent(t *testing.T, on store.Conn, id string) {
	t.Helper()
	if doc, err := things.Get(t.Context(), on, id); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("getting %s: got %v, %v, want %v", id, doc, err, store.ErrNotFound)
	}
}

// wantError fails the test unless the error is the wanted one.
func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// wantTaken fails the test unless the error says that the index's key is taken.
func wantTaken(t *testing.T, err error, index string) {
	t.Helper()
	var taken *store.DuplicateError
	if !errors.As(err, &taken) || !errors.Is(err, store.ErrDuplicate) {
		t.Errorf("got %v, want a duplicate in %s", err, index)
		return
	}
	want := store.DuplicateError{Collection: "things", Index: index}
	if diff := cmp.Diff(want, *taken); diff != "" {
		t.Errorf("duplicate (-want +got):\n%s", diff)
	}
}

// ids returns the ids of the documents, in their order.
func ids(docs []*thing) []string {
	out := make([]string, len(docs))
	for i, d := range docs {
		out[i] = d.ID
	}
	return out
}
