package ferrettest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/storetest"
)

// thing has the fields that the suite's queries ask about.
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
	Place      struct {
		City  string `bson:"city"`
		Floor int32  `bson:"floor"`
	} `bson:"place"`
	Code   string  `bson:"code,omitempty"`
	Holder *string `bson:"holder,omitempty"`
	Slot   int     `bson:"slot"`
}

var things = store.Define[thing]("things",
	store.Index{Name: "name", Fields: []string{"name"}},
	store.Index{Name: "group", Fields: []string{"group", "kind", "size"}},
	store.Index{Name: "weight", Fields: []string{"weight"}},
	store.Index{Name: "open", Fields: []string{"open", "at"}},
	store.Index{Name: "city", Fields: []string{"place.city", "place.floor"}},
	store.Index{Name: "code", Fields: []string{"code"}, Unique: true, Sparse: true},
	store.Index{Name: "slot", Fields: []string{"kind", "slot"}, Unique: true},
	store.Index{Name: "holder", Fields: []string{"holder", "at"}, Sparse: true},
	store.DueIndex,
)

// queries are of every kind, on every kind of value and index.
var queries = map[string]store.Query{
	"everything by id":                  {},
	"everything by id, descending":      store.Query{}.SortDescending(""),
	"by text":                           store.Query{}.Sort("name"),
	"by text, descending":               store.Query{}.SortDescending("name"),
	"text is":                           store.Where(store.Eq("name", "深圳")),
	"text is one of":                    store.Where(store.In("name", "a", "😀", "none")),
	"text begins":                       store.Where(store.Prefix("name", "深")),
	"text from and below":               store.Where(store.AtLeast("name", "9"), store.Below("name", "é")),
	"float is an int":                   store.Where(store.Eq("weight", 1)),
	"float above, descending":           store.Where(store.Above("weight", -0.5)).SortDescending("weight"),
	"bool is, range of time":            store.Where(store.Eq("open", true), store.AtMost("at", epoch)),
	"any bool, by time, descending":     store.Where(store.In("open", true, false)).SortDescending("at"),
	"nested":                            store.Where(store.Eq("place.city", "é")),
	"by nested, descending":             store.Query{}.SortDescending("place.city"),
	"first of three fields":             store.Where(store.Eq("group", "a")),
	"first of three fields, descending": store.Where(store.Eq("group", "a")).SortDescending("kind"),
	"two of three fields":               store.Where(store.Eq("group", "b"), store.Eq("kind", "深")),
	"all fields":                        store.Where(store.In("group", "a", "b", "c"), store.Eq("kind", "x"), store.In("size", 0, 1, 2)),
	"several, in the order of the rest": store.Where(store.In("group", "c", "a")).Sort("kind"),
	"several of two, and a range":       store.Where(store.In("group", "c", "a"), store.In("kind", "z", "x"), store.AtLeast("size", -1), store.Below("size", 3)),
	"unique":                            store.Where(store.Eq("kind", "x")).Sort("slot"),
	"unique, several, descending":       store.Where(store.In("kind", "x", "y")).SortDescending("slot"),
	"unique, range":                     store.Where(store.Eq("kind", "x"), store.Above("slot", 40)),
	"unique and sparse, everything":     store.Query{}.Sort("code"),
	"unique and sparse, one of":         store.Where(store.In("code", "C-10", "C-11", "C-15")),
	"sparse, everything":                store.Query{}.Sort("holder"),
	"sparse, descending":                store.Query{}.SortDescending("holder"),
	"sparse is":                         store.Where(store.Eq("holder", "")),
	"sparse, below":                     store.Where(store.Below("holder", "B")),
	"due":                               store.Where(store.AtMost("dueAt", epoch.Add(4*time.Hour))).Sort("dueAt"),
}

var epoch = time.Date(2024, 2, 29, 23, 59, 59, 123_000_000, time.UTC)

// crowd returns few documents, with ties in every field.
func crowd() []*thing {
	rng := rand.New(rand.NewPCG(3, 4))
	names := []string{"", "9", "10", "B", "a", "é", "深圳", "😀"}
	docs := make([]*thing, 40)
	for i := range docs {
		d := &thing{
			Meta: store.Meta{ID: fmt.Sprintf("thg_%04d", rng.IntN(100)*100+i)},
			Name: names[rng.IntN(len(names))], Group: []string{"a", "b", "c"}[rng.IntN(3)],
			Kind: []string{"x", "y", "z", "深"}[rng.IntN(4)],
			Size: rng.IntN(8) - 3, Weight: float64(rng.IntN(9)-4) / 4, Open: rng.IntN(2) == 0,
			At: epoch.Add(time.Duration(rng.IntN(9)-4) * time.Millisecond), Slot: i * 5,
		}
		d.Place.City, d.Place.Floor = names[rng.IntN(len(names))], int32(rng.IntN(3)-1)
		if i%5 == 0 {
			d.Code = fmt.Sprintf("C-%d", i)
		}
		if i%3 == 0 {
			d.Holder = &names[rng.IntN(4)]
		}
		if i%4 == 0 {
			d.DueAt = epoch.Add(time.Duration(rng.IntN(9)) * time.Hour)
		}
		docs[i] = d
	}
	return docs
}

// walk returns the ids of all documents of the query, page by page.
func walk(t *testing.T, db *store.DB, q store.Query, size int) []string {
	t.Helper()
	var ids []string
	for after := ""; ; {
		page, err := things.List(t.Context(), db, q, size, after)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Items {
			ids = append(ids, d.ID)
		}
		if !page.HasNext {
			return ids
		}
		after = page.EndCursor
	}
}

func TestQueriesAnswerAsOnSQLite(t *testing.T) {
	t.Parallel()
	here, there := storetest.Open(t, things), open(t, serve(t), "test", things)
	for _, db := range []*store.DB{here, there} {
		for _, d := range crowd() {
			if err := things.Insert(t.Context(), db, d); err != nil {
				t.Fatal(err)
			}
		}
	}
	found := 0
	for name, q := range queries {
		t.Run(name, func(t *testing.T) {
			want := walk(t, here, q, 100)
			found += len(want)
			for _, size := range []int{100, 3} {
				if diff := cmp.Diff(want, walk(t, there, q, size)); diff != "" {
					t.Errorf("pages of %d (-want +got):\n%s", size, diff)
				}
			}
			n, err := things.Count(t.Context(), there, q)
			if err != nil || n != int64(len(want)) {
				t.Errorf("count: got %d, %v, want %d", n, err, len(want))
			}
		})
	}
	if found < 400 {
		t.Errorf("the queries found %d documents in all: too few to tell anything", found)
	}
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	db := open(t, serve(t), "test", things)
	docs := crowd()
	if err := things.Insert(t.Context(), db, docs[0]); err != nil {
		t.Fatal(err)
	}
	sameID, sameCode, sameSlot := *docs[1], *docs[1], *docs[1]
	sameID.ID = docs[0].ID
	sameCode.Code = docs[0].Code
	sameSlot.Kind, sameSlot.Slot = docs[0].Kind, docs[0].Slot
	for name, d := range map[string]*thing{"id": &sameID, "code": &sameCode, "slot": &sameSlot} {
		if err := things.Insert(t.Context(), db, d); !errors.Is(err, store.ErrDuplicate) {
			t.Errorf("the same %s: got %v, want %v", name, err, store.ErrDuplicate)
		}
	}
	if n, err := things.Count(t.Context(), db, store.Query{}); err != nil || n != 1 {
		t.Errorf("got %d documents, %v", n, err)
	}
}

func TestClaim(t *testing.T) {
	t.Parallel()
	db := open(t, serve(t), "test", things)
	for _, d := range crowd()[:9] { // three of them due some time
		if err := things.Insert(t.Context(), db, d); err != nil {
			t.Fatal(err)
		}
	}
	now := epoch.Add(9 * time.Hour)
	for try, want := range []int{3, 0} {
		claimed, err := store.Claim(t.Context(), db, things, now, time.Minute, 10)
		if err != nil || len(claimed) != want {
			t.Errorf("claim %d: got %d documents, %v, want %d", try, len(claimed), err, want)
		}
	}
	next, err := store.NextDue(t.Context(), db, things)
	if err != nil || !next.Equal(now.Add(time.Minute)) {
		t.Errorf("next due: got %v, %v, want %v", next, err, now.Add(time.Minute))
	}
}
