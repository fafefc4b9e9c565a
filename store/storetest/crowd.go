package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/musterhq/muster/store"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// names sort by their UTF-8 bytes: not by case, not by language, and not by
// UTF-16, in which the emoji would come before the two above it.
var names = []string{
	"", " ", "10", "9", "A", "B", "Z", "a", "ab", "abc", "b", "Ä", "e\u0301", "é", "ä",
	"中心", "深圳", "深圳市", "罗湖", "\uff21", "\ufffd", "😀",
}

// crowd returns documents with many ties in every field, in no order.
func crowd() []*thing {
	rng := rand.New(rand.NewPCG(1, 2))
	docs := make([]*thing, 180)
	for i := range docs {
		d := newThing(i)
		d.Name = names[rng.IntN(len(names))]
		d.Group = []string{"a", "b", "c"}[rng.IntN(3)]
		d.Kind = []string{"x", "y", "z", "深"}[rng.IntN(4)]
		d.Size = rng.IntN(12) - 6
		d.Weight = float64(rng.IntN(16)-8) / 4
		d.Open = rng.IntN(2) == 0
		d.At = epoch.Add(time.Duration(rng.IntN(40)-20) * time.Millisecond)
		d.Place = place{City: names[rng.IntN(len(names))], Floor: int32(rng.IntN(5) - 2)}
		if i%5 == 0 {
			d.Code = fmt.Sprintf("C-%d", i)
		}
		if i%3 == 0 {
			d.Holder = &names[rng.IntN(4)]
		}
		if i%4 == 0 {
			d.DueAt = epoch.Add(time.Duration(rng.IntN(10)) * time.Hour)
		}
		docs[i] = d
	}
	rng.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
	return docs
}

// expected returns the ids of the documents that match and have all fields of
// the order, sorted by them and the id.
func expected(t *testing.T, docs []*thing, match func(*thing) bool, order []string, descending bool) []string {
	t.Helper()
	type entry struct {
		id  string
		key []any
	}
	var entries []entry
	for _, d := range docs {
		raw, err := bson.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		e := entry{id: d.ID}
		for _, f := range append(slices.Clone(order), "_id") {
			e.key = append(e.key, store.Value(raw, f))
		}
		if match(d) && !slices.Contains(e.key, nil) {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		c := slices.CompareFunc(a.key, b.key, compare)
		if descending {
			c = -c
		}
		return c
	})
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.id
	}
	return out
}

func compare(a, b any) int {
	switch a := a.(type) {
	case string:
		return cmp.Compare(a, b.(string))
	case int64:
		return cmp.Compare(a, b.(int64))
	case float64:
		return cmp.Compare(a, b.(float64))
	case time.Time:
		return a.Compare(b.(time.Time))
	case bool:
		return cmp.Compare(number(a), number(b.(bool)))
	default:
		panic(fmt.Sprintf("storetest: a value of type %T", a))
	}
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
