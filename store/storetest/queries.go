package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/musterhq/muster/store"
)

func testQueries(t *testing.T, open Opener) {
	t.Run("conditions and orders", func(t *testing.T) {
		t.Parallel()
		testCases(t, open(t, things, counters))
	})
	each(t, open, []test{
		{"a query without an index is refused", testNoIndex},
		{"a cursor of another list is refused", testForeignCursor},
		{"a cursor stays where it is when documents come and go", testCursorStays},
		{"a cursor of a wider list does not widen a narrower one", testCursorOfWiderList},
		{"cursors and next of a page", testPageEnds},
		{"first returns the first or not found", testFirst},
		{"all goes through everything", testAll},
	})
}

// testCases compares each query with a plain filter and sort, for pages of
// several sizes and both directions.
func testCases(t *testing.T, db *store.DB) {
	docs := crowd()
	insert(t, db, docs...)
	for _, c := range cases {
		for _, descending := range []bool{false, true} {
			q, name := c.query, c.name
			if descending {
				q, name = c.reversed(), c.name+", descending"
			}
			t.Run(name, func(t *testing.T) {
				want := expected(t, docs, c.match, c.order, descending)
				for _, size := range []int{len(docs) + 1, 7, 1} {
					if size == 1 && len(want) > 40 {
						continue // the sizes above have walked it
					}
					if diff := cmp.Diff(want, ids(walk(t, db, q, size))); diff != "" {
						t.Errorf("pages of %d (-want +got):\n%s", size, diff)
					}
				}
				wantCount(t, db, q, int64(len(want)))
			})
		}
	}
}

func testNoIndex(t *testing.T, db *store.DB) {
	insertSome(t, db, 1)
	manyValues := make([]int, 257)
	for i := range manyValues {
		manyValues[i] = i
	}
	for name, q := range map[string]store.Query{
		"field without an index":        store.Where(store.Eq("notes", "x")),
		"second field of an index":      store.Where(store.Eq("size", 1), store.Eq("kind", "x")),
		"order that is not the index's": store.Where(store.Eq("group", "a")).Sort("size"),
		"range and another order":       store.Where(store.AtLeast("size", 1)).Sort("name"),
		"two ranges":                    store.Where(store.AtLeast("size", 1), store.AtLeast("weight", 1)),
		"two conditions on a field":     store.Where(store.Eq("size", 1), store.Eq("size", 2)),
		"too many values":               store.Where(store.In("size", manyValues...)),
		"value of no kind":              store.Where(store.Eq("size", []int{1})),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := things.List(t.Context(), db, q, 10, "")
			wantError(t, "list", err, store.ErrNoIndex)
			_, err = things.Count(t.Context(), db, q)
			wantError(t, "count", err, store.ErrNoIndex)
			_, err = things.CountBy(t.Context(), db, q, "name")
			wantError(t, "count by", err, store.ErrNoIndex)
		})
	}
}

func testForeignCursor(t *testing.T, db *store.DB) {
	insertSome(t, db, 5)
	page, err := things.List(t.Context(), db, store.Query{}.Sort("name"), 2, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		query store.Query
		after string
	}{
		"another index":     {store.Query{}.Sort("size"), page.EndCursor},
		"another direction": {store.Query{}.SortDescending("name"), page.EndCursor},
		"fewer fields":      {store.Where(store.Eq("name", "name 0001")), page.EndCursor},
		"by id":             {store.Query{}, page.EndCursor},
		"no base64":         {store.Query{}.Sort("name"), "?"},
		"cut short":         {store.Query{}.Sort("name"), page.EndCursor[:8]},
		"an id":             {store.Query{}, "thg_0001"},
	} {
		t.Run(name, func(t *testing.T) {
			page, err := things.List(t.Context(), db, tt.query, 2, tt.after)
			wantError(t, "list", err, store.ErrCursor)
			if len(page.Items) > 0 {
				t.Errorf("got %d documents", len(page.Items))
			}
		})
	}
}

func testCursorStays(t *testing.T, db *store.DB) {
	docs := insertSome(t, db, 10)
	q := store.Query{}.Sort("size")
	page, err := things.List(t.Context(), db, q, 4, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := things.Delete(t.Context(), db, docs[3]); err != nil { // the cursor's own
		t.Fatal(err)
	}
	before, behind := newThing(100), newThing(101)
	before.Size, behind.Size = 1, 5
	insert(t, db, before, behind)
	page, err = things.List(t.Context(), db, q, 3, page.EndCursor)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{docs[4].ID, docs[5].ID, behind.ID}, ids(page.Items)); diff != "" {
		t.Errorf("second page (-want +got):\n%s", diff)
	}
}

// testCursorOfWiderList uses the cursor of a list in a narrower one of the
// same index: the cursor is a place, and the conditions still hold.
func testCursorOfWiderList(t *testing.T, db *store.DB) {
	docs := insertSome(t, db, 10)
	wide, err := things.List(t.Context(), db, store.Query{}.Sort("size"), 1, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		query store.Query
		first int
	}{
		"from 5":        {store.Where(store.AtLeast("size", 5)), 5},
		"above 5":       {store.Where(store.Above("size", 5)), 6},
		"from 0":        {store.Where(store.AtLeast("size", 0)), 1},
		"above 0":       {store.Where(store.Above("size", 0)), 1},
		"at most 9":     {store.Where(store.AtMost("size", 9)), 1},
		"from -0.5":     {store.Where(store.AtLeast("size", -0.5)), 1},
		"above a float": {store.Where(store.Above("size", 4.5)), 5},
	} {
		t.Run(name, func(t *testing.T) {
			page, err := things.List(t.Context(), db, tt.query, 100, wide.EndCursor)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(ids(docs[tt.first:]), ids(page.Items)); diff != "" {
				t.Errorf("list (-want +got):\n%s", diff)
			}
		})
	}
}

func testPageEnds(t *testing.T, db *store.DB) {
	docs := insertSome(t, db, 3)
	q := store.Query{}.SortDescending("at")
	full, err := things.List(t.Context(), db, q, 3, "")
	if err != nil {
		t.Fatal(err)
	}
	if full.HasNext {
		t.Error("a page of all documents has a next")
	}
	fromStart, err := things.List(t.Context(), db, q, 1, full.StartCursor)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{docs[1].ID}, ids(fromStart.Items)); diff != "" || !fromStart.HasNext {
		t.Errorf("behind the first, next %t (-want +got):\n%s", fromStart.HasNext, diff)
	}
	for _, size := range []int{0, -1, 5} {
		end, err := things.List(t.Context(), db, q, size, full.EndCursor)
		if err != nil || len(end.Items) != 0 || end.HasNext || end.EndCursor != "" {
			t.Errorf("behind the last, size %d: got %+v, %v", size, end, err)
		}
	}
}

func testFirst(t *testing.T, db *store.DB) {
	docs := insertSome(t, db, 3)
	got, err := things.First(t.Context(), db, store.Query{}.SortDescending("size"))
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != docs[2].ID {
		t.Errorf("got %s, want %s", got.ID, docs[2].ID)
	}
	_, err = things.First(t.Context(), db, store.Where(store.Eq("name", "none")))
	wantError(t, "first", err, store.ErrNotFound)
}

func testAll(t *testing.T, db *store.DB) {
	docs := make([]*thing, 1203)
	for i := range docs {
		docs[i] = newThing(i)
		docs[i].At = epoch.Add(time.Duration(i%3) * time.Second)
	}
	insert(t, db, docs...)
	var seen []string
	for d, err := range things.All(t.Context(), db, store.Query{}.Sort("at")) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, d.ID)
	}
	want := expected(t, docs, all, []string{"at"}, false)
	if !slices.Equal(want, seen) {
		t.Errorf("got %d documents, want %d in order", len(seen), len(want))
	}
	for range things.All(t.Context(), db, store.Query{}) {
		break // must release what it holds, or the next call could not run
	}
	wantCount(t, db, store.Query{}, int64(len(docs)))
}

func testCounts(t *testing.T, open Opener) {
	each(t, open, []test{
		{"count by the field behind the conditions", testCountByNext},
		{"count by a later field", testCountByLater},
		{"count by a field with conditions", testCountByEqual},
		{"count by with a range", testCountByRange},
		{"count by of nothing", testCountByNothing},
	})
}

func testCountByNext(t *testing.T, db *store.DB) {
	wantCountBy(t, db, store.Query{}, "group", all, func(d *thing) string { return d.Group })
	wantCountBy(t, db, store.Where(store.In("group", "a", "c")), "kind",
		func(d *thing) bool { return d.Group != "b" }, func(d *thing) string { return d.Kind })
	wantCountBy(t, db, store.Query{}, "holder",
		func(d *thing) bool { return d.Holder != nil }, func(d *thing) string { return *d.Holder })
}

func testCountByLater(t *testing.T, db *store.DB) {
	wantCountBy(t, db, store.Query{}.Sort("group"), "kind", all, func(d *thing) string { return d.Kind })
}

func testCountByEqual(t *testing.T, db *store.DB) {
	wantCountBy(t, db, store.Where(store.In("group", "a", "c", "none"), store.Eq("kind", "x")).Sort("size"), "group",
		func(d *thing) bool { return d.Group != "b" && d.Kind == "x" }, func(d *thing) string { return d.Group })
}

func testCountByRange(t *testing.T, db *store.DB) {
	wantCountBy(t, db, store.Where(store.AtLeast("name", "a")), "name",
		func(d *thing) bool { return d.Name >= "a" }, func(d *thing) string { return d.Name })
	wantCountBy(t, db, store.Where(store.Prefix("place.city", "深圳")), "place.city",
		func(d *thing) bool { return d.Place.City == "深圳" || d.Place.City == "深圳市" },
		func(d *thing) string { return d.Place.City })
}

func testCountByNothing(t *testing.T, db *store.DB) {
	for name, q := range map[string]store.Query{
		"no match": store.Where(store.Eq("group", "none")), "no values": store.Where(store.In[string]("group")),
	} {
		got, err := things.CountBy(t.Context(), db, q, "kind")
		if err != nil || len(got) != 0 {
			t.Errorf("%s: got %v, %v, want nothing", name, got, err)
		}
	}
}

// wantCountBy compares with a plain count over the crowd, which it stores
// where it is missing.
func wantCountBy(t *testing.T, db *store.DB, q store.Query, field string, match func(*thing) bool, key func(*thing) string) {
	t.Helper()
	docs := crowd()
	if n, err := things.Count(t.Context(), db, store.Query{}); err != nil {
		t.Fatal(err)
	} else if n == 0 {
		insert(t, db, docs...)
	}
	want := map[string]int64{}
	for _, d := range docs {
		if match(d) {
			want[key(d)]++
		}
	}
	got, err := things.CountBy(t.Context(), db, q, field)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("count by %s (-want +got):\n%s", field, diff)
	}
}
