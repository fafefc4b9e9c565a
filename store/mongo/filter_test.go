package mongo

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/musterhq/muster/store"
)

// extJSON returns a document as relaxed extended JSON, which shows the type of
// each value that matters.
func extJSON(t *testing.T, doc any) string {
	t.Helper()
	raw, err := bson.MarshalExtJSON(doc, false, false)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

var (
	primary = store.Index{Name: "_id", Unique: true}
	byName  = store.Index{Name: "name", Fields: []string{"name"}}
	byGroup = store.Index{Name: "group", Fields: []string{"group", "kind", "at"}}
	byPhone = store.Index{Name: "phone", Fields: []string{"phone"}, Unique: true}
	bySlot  = store.Index{Name: "slot", Fields: []string{"kind", "slot"}, Unique: true}
	byOwner = store.Index{Name: "owner", Fields: []string{"holder.id", "at"}, Sparse: true}
	byCode  = store.Index{Name: "code", Fields: []string{"code"}, Unique: true, Sparse: true}
)

func TestFindCommand(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name               string
		scan               store.Scan
		hint, filter, sort string
	}{
		{
			"all by id",
			store.Scan{Index: &primary},
			"_id_", `{}`, `{"_id":1}`,
		},
		{
			"by id behind a cursor, descending",
			store.Scan{Index: &primary, Descending: true, After: []any{"a"}},
			"_id_", `{"_id":{"$lt":"a"}}`, `{"_id":-1}`,
		},
		{
			"one value",
			store.Scan{Index: &byName, Equal: [][]any{{"x"}}},
			"name", `{"name":"x"}`, `{"_id":1}`,
		},
		{
			"an injected operator stays a string",
			store.Scan{Index: &byName, Equal: [][]any{{"$where"}}},
			"name", `{"name":"$where"}`, `{"_id":1}`,
		},
		{
			"several values, in the order of the rest",
			store.Scan{Index: &byGroup, Equal: [][]any{{"a", "b"}}},
			"group", `{"group":{"$in":["a","b"]}}`, `{"kind":1,"at":1,"_id":1}`,
		},
		{
			"a range with both ends",
			store.Scan{Index: &byName, Low: &store.Bound{Value: "p", Inclusive: true}, High: &store.Bound{Value: "q"}},
			"name", `{"name":{"$gte":"p","$lt":"q"}}`, `{"name":1,"_id":1}`,
		},
		{
			"times are dates",
			store.Scan{Index: &byGroup, Equal: [][]any{{"a"}, {"k"}}, Low: &store.Bound{Value: noon}, High: &store.Bound{Value: noon, Inclusive: true}},
			"group",
			`{"group":"a","kind":"k","at":{"$gt":{"$date":"2026-05-01T12:00:00Z"},"$lte":{"$date":"2026-05-01T12:00:00Z"}}}`,
			`{"at":1,"_id":1}`,
		},
		{
			"behind a cursor the first field's range stands beside the comparison",
			store.Scan{Index: &byGroup, Equal: [][]any{{"a"}}, After: []any{"k", int64(5), "id"}},
			"group",
			`{"group":"a","$and":[{"kind":{"$gte":"k"}},{"$or":[` +
				`{"kind":{"$gt":"k"}},` +
				`{"kind":"k","at":{"$gt":5}},` +
				`{"kind":"k","at":5,"_id":{"$gt":"id"}}]}]}`,
			`{"kind":1,"at":1,"_id":1}`,
		},
		{
			"a cursor does not widen the range",
			store.Scan{Index: &byName, Low: &store.Bound{Value: "m", Inclusive: true}, Descending: true, After: []any{"p", "id"}},
			"name",
			`{"name":{"$gte":"m"},"$and":[{"name":{"$lte":"p"}},{"$or":[` +
				`{"name":{"$lt":"p"}},{"name":"p","_id":{"$lt":"id"}}]}]}`,
			`{"name":-1,"_id":-1}`,
		},
		{
			"equality on all fields behind a cursor",
			store.Scan{Index: &byName, Equal: [][]any{{"x"}}, After: []any{"id"}},
			"name", `{"name":"x","_id":{"$gt":"id"}}`, `{"_id":1}`,
		},
		{
			"a unique index gives the order without the id",
			store.Scan{Index: &byPhone, After: []any{"+86", "id"}},
			"phone",
			`{"$and":[{"phone":{"$gte":"+86"}},{"$or":[{"phone":{"$gt":"+86"}},{"phone":"+86","_id":{"$gt":"id"}}]}]}`,
			`{"phone":1}`,
		},
		{
			"one value of a unique index needs no order",
			store.Scan{Index: &byPhone, Equal: [][]any{{"+86"}}},
			"phone", `{"phone":"+86"}`, `{}`,
		},
		{
			"several values of a unique index need the id",
			store.Scan{Index: &bySlot, Equal: [][]any{{"x", "y"}}},
			"slot", `{"kind":{"$in":["x","y"]}}`, `{"slot":1,"_id":1}`,
		},
		{
			"a sparse index is implied: nothing asked for",
			store.Scan{Index: &byOwner},
			"owner", `{"holder.id":{"$exists":true},"at":{"$exists":true}}`, `{"holder.id":1,"at":1,"_id":1}`,
		},
		{
			"a sparse index is implied: by equality and existence",
			store.Scan{Index: &byOwner, Equal: [][]any{{"acc"}}},
			"owner", `{"holder.id":"acc","at":{"$exists":true}}`, `{"at":1,"_id":1}`,
		},
		{
			"a sparse index is implied: by equality and range",
			store.Scan{Index: &byOwner, Equal: [][]any{{"acc"}}, Low: &store.Bound{Value: noon}},
			"owner", `{"holder.id":"acc","at":{"$gt":{"$date":"2026-05-01T12:00:00Z"}}}`, `{"at":1,"_id":1}`,
		},
		{
			"a sparse index is implied: behind a cursor",
			store.Scan{Index: &byCode, After: []any{"c", "id"}},
			"code",
			`{"code":{"$exists":true},"$and":[{"code":{"$gte":"c"}},{"$or":[{"code":{"$gt":"c"}},{"code":"c","_id":{"$gt":"id"}}]}]}`,
			`{"code":1}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := []string{hintOf(tt.scan.Index), extJSON(t, filterOf(&tt.scan)), extJSON(t, sortOf(&tt.scan))}
			if diff := cmp.Diff([]string{tt.hint, tt.filter, tt.sort}, got); diff != "" {
				t.Errorf("hint, filter, sort (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIntegersGoAsInt64(t *testing.T) {
	t.Parallel()
	scan := store.Scan{Index: &byName, Equal: [][]any{{int64(1), int64(2)}}}
	raw, err := bson.Marshal(filterOf(&scan))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []string{"0", "1"} {
		if got := bson.Raw(raw).Lookup("name", "$in", i).Type; got != bson.TypeInt64 {
			t.Errorf("value %s: got a %s", i, got)
		}
	}
}

func TestCountByPipeline(t *testing.T) {
	t.Parallel()
	scan := store.Scan{Index: &byGroup, Equal: [][]any{{"a"}}}
	want := `{"p":[{"$match":{"group":"a"}},{"$group":{"_id":"$kind","n":{"$sum":1}}}]}`
	if diff := cmp.Diff(want, extJSON(t, bson.D{{Key: "p", Value: countBy(&scan, "kind")}})); diff != "" {
		t.Errorf("pipeline (-want +got):\n%s", diff)
	}
}

func TestOneBatchHoldsAllAndEndsTheCursor(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int32{1: 2, 500: 501, 1 << 40: 1<<31 - 1} {
		if got := oneBatch(n); got != want {
			t.Errorf("%d documents: got %d, want %d", n, got, want)
		}
	}
}
