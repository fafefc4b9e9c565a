package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type item struct {
	Meta  `bson:",inline"`
	Name  string    `bson:"name"`
	Kind  string    `bson:"kind"`
	Size  int       `bson:"size"`
	At    time.Time `bson:"at"`
	Tag   *string   `bson:"tag"`
	Inner struct {
		City string  `bson:"city"`
		Zip  *string `bson:"zip"`
	} `bson:"inner"`
	Plain string
}

var items = Define[item]("items",
	Index{Name: "kind", Fields: []string{"kind", "size"}},
	Index{Name: "kind-name", Fields: []string{"kind", "name", "size"}},
	Index{Name: "at", Fields: []string{"at"}},
)

var someTime = time.Date(2024, 5, 1, 8, 0, 0, 123_456_789, time.FixedZone("CST", 8*3600))

func TestPlan(t *testing.T) {
	t.Parallel()
	canonicalTime := time.Date(2024, 5, 1, 0, 0, 0, 123_000_000, time.UTC)
	for name, tt := range map[string]struct {
		query Query
		want  Scan
	}{
		"nothing goes by id": {Query{}, Scan{Index: &byID}},
		"one equality takes the first index declared": {
			Where(Eq("kind", "a")), Scan{Index: &items.spec.Indexes[0], Equal: [][]any{{"a"}}}},
		"the order chooses the index": {
			Where(Eq("kind", "a")).SortDescending("name"),
			Scan{Index: &items.spec.Indexes[1], Equal: [][]any{{"a"}}, Descending: true}},
		"equalities come in the index's order": {
			Where(Eq("name", "n"), In("kind", "b", "a", "b")),
			Scan{Index: &items.spec.Indexes[1], Equal: [][]any{{"b", "a"}, {"n"}}}},
		"a range is on the next field": {
			Where(Eq("kind", "a"), AtLeast("size", 3), Below("size", int8(9))),
			Scan{Index: &items.spec.Indexes[0], Equal: [][]any{{"a"}}, Low: &Bound{int64(3), true}, High: &Bound{int64(9), false}}},
		"times are whole milliseconds in UTC": {
			Where(Above("at", someTime)), Scan{Index: &items.spec.Indexes[2], Low: &Bound{canonicalTime, false}}},
		"a prefix is a range": {
			Where(Eq("kind", "a"), Prefix("name", "深")),
			Scan{Index: &items.spec.Indexes[1], Equal: [][]any{{"a"}}, Low: &Bound{"深", true}, High: &Bound{"深\U0010FFFF", false}}},
		"named types are their kind": {
			Where(Eq("kind", Op(2))), Scan{Index: &items.spec.Indexes[0], Equal: [][]any{{int64(2)}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := items.spec.plan(tt.query)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("scan (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	many := make([]int, 17)
	for i := range many {
		many[i] = i
	}
	for name, q := range map[string]Query{
		"field of no index":            Where(Eq("plain", "x")),
		"gap in the index":             Where(Eq("kind", "a"), Eq("size", 1), AtLeast("name", "x")),
		"order behind a gap":           Where(Eq("kind", "a")).Sort("at"),
		"range and another order":      Where(AtLeast("at", someTime)).Sort("kind"),
		"ranges on two fields":         Where(AtLeast("at", someTime), AtMost("size", 1)),
		"two conditions on one field":  Where(Eq("kind", "a"), In("kind", "b")),
		"equality and range on one":    Where(Eq("size", 1), AtLeast("size", 1)),
		"too many combinations":        Where(In("kind", many...), In("size", many...)),
		"value that cannot be indexed": Where(Eq("kind", []byte("a"))),
		"nil":                          Where(Eq("kind", nil)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if scan, err := items.spec.plan(q); !errors.Is(err, ErrNoIndex) {
				t.Errorf("got %+v, %v, want %v", scan, err, ErrNoIndex)
			}
		})
	}
}

func TestQueryIsAValue(t *testing.T) {
	t.Parallel()
	q := Where(Eq("kind", "a"))
	_ = q.SortDescending("name")
	if q.sort != "" || q.descending {
		t.Error("sorting a copy changed the query")
	}
}

func TestDefinePanics(t *testing.T) {
	t.Parallel()
	for name, ix := range map[string]Index{
		"unknown field":                  {Name: "x", Fields: []string{"nothing"}},
		"unknown inner field":            {Name: "x", Fields: []string{"inner.nothing"}},
		"field of a scalar":              {Name: "x", Fields: []string{"name.inner"}},
		"field of a time":                {Name: "x", Fields: []string{"at.wall"}},
		"optional and not sparse":        {Name: "x", Fields: []string{"kind", "tag"}},
		"inner optional, and not sparse": {Name: "x", Fields: []string{"inner.zip"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("it was accepted")
				}
			}()
			Define[item]("items", ix)
		})
	}
}

func TestDefineAccepts(t *testing.T) {
	t.Parallel()
	for name, ix := range map[string]Index{
		"inline field":        {Name: "x", Fields: []string{"rev"}},
		"inner field":         {Name: "x", Fields: []string{"inner.city"}},
		"field without a tag": {Name: "x", Fields: []string{"plain"}},
		"optional and sparse": {Name: "x", Fields: []string{"tag", "inner.zip"}, Sparse: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Define[item]("items", ix)
		})
	}
}
