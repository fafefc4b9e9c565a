package mongo

import (
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/musterhq/muster/store"
)

// Every shape of query walks its index: no collection is scanned, nothing is
// sorted in memory unless said so, and no more keys are touched than the
// answer and a seek for each value need.
func TestQueriesWalkTheirIndexes(t *testing.T) {
	t.Parallel()
	db, engine := openReal(t, realURI(t), nil, notes)
	insertNotes(t, db, 300)
	kind, slot, code := &notes.Spec().Indexes[0], &notes.Spec().Indexes[1], &notes.Spec().Indexes[2]
	for _, tt := range []struct {
		name  string
		scan  store.Scan
		sorts bool
		keys  int64 // at most
	}{
		{"all by id", store.Scan{Index: &primary}, false, 11},
		{"by id behind a cursor", store.Scan{Index: &primary, After: []any{"m"}}, false, 12},
		{"one value", store.Scan{Index: kind, Equal: [][]any{{"a"}}}, false, 12},
		{"one value, descending", store.Scan{Index: kind, Equal: [][]any{{"a"}}, Descending: true}, false, 12},
		{"a range", store.Scan{Index: kind, Equal: [][]any{{"a"}}, Low: &store.Bound{Value: int64(20)}}, false, 12},
		{"behind a cursor", store.Scan{Index: kind, Equal: [][]any{{"a"}}, After: []any{int64(20), "m"}}, false, 20},
		{"behind a cursor on the first field", store.Scan{Index: kind, After: []any{"b", int64(20), "m"}}, false, 150},
		{"several values, merged", store.Scan{Index: kind, Equal: [][]any{{"a", "b", "c"}}}, false, 20},
		{"unique, one value of the first field", store.Scan{Index: slot, Equal: [][]any{{"a"}}}, false, 12},
		{"unique, behind a cursor", store.Scan{Index: slot, Equal: [][]any{{"a"}}, After: []any{int64(60), "m"}}, false, 20},
		{"unique, all fields", store.Scan{Index: slot, Equal: [][]any{{"a"}, {int64(3)}}}, false, 2},
		{"unique, several values", store.Scan{Index: slot, Equal: [][]any{{"a", "b"}}}, true, 220},
		{"sparse, everything", store.Scan{Index: code}, false, 12},
		{"sparse, one value", store.Scan{Index: code, Equal: [][]any{{"x"}}}, false, 12},
		{"sparse, range", store.Scan{Index: code, Equal: [][]any{{"x"}}, High: &store.Bound{Value: int64(9)}}, false, 12},
		{"sparse, behind a cursor", store.Scan{Index: code, Equal: [][]any{{"x"}}, After: []any{int64(20), "m"}}, false, 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stages, keys := explainScan(t, engine, tt.scan)
			if !slices.Contains(stages, "IXSCAN") || slices.Contains(stages, "COLLSCAN") {
				t.Errorf("the plan is %v", stages)
			}
			if slices.Contains(stages, "SORT") != tt.sorts {
				t.Errorf("sorts in memory: the plan is %v", stages)
			}
			if keys > tt.keys {
				t.Errorf("%d keys were touched, want at most %d; the plan is %v", keys, tt.keys, stages)
			}
		})
	}
}

// explainScan returns the stages of the plan for the first ten documents, and
// how many index keys were touched.
func explainScan(t *testing.T, engine *Engine, s store.Scan) ([]string, int64) {
	t.Helper()
	find := bson.D{
		{Key: "find", Value: "notes"}, {Key: "filter", Value: filterOf(&s)},
		{Key: "hint", Value: hintOf(s.Index)}, {Key: "limit", Value: 10},
	}
	if order := sortOf(&s); len(order) > 0 {
		find = append(find, bson.E{Key: "sort", Value: order})
	}
	raw, err := engine.db.RunCommand(t.Context(), bson.D{{Key: "explain", Value: find}, {Key: "verbosity", Value: "executionStats"}}).Raw()
	if err != nil {
		t.Fatal(err)
	}
	stages := stagesIn(raw.Lookup("queryPlanner", "winningPlan"))
	keys, ok := raw.Lookup("executionStats", "totalKeysExamined").AsInt64OK()
	if !ok {
		t.Fatalf("no count of keys in %v", raw)
	}
	return stages, keys
}

// stagesIn returns the stages anywhere in a plan.
func stagesIn(v bson.RawValue) []string {
	var elements []bson.RawElement
	if doc, ok := v.DocumentOK(); ok {
		elements, _ = doc.Elements()
	} else if array, ok := v.ArrayOK(); ok {
		elements, _ = bson.Raw(array).Elements()
	}
	var stages []string
	for _, e := range elements {
		if name, ok := e.Value().StringValueOK(); ok && e.Key() == "stage" {
			stages = append(stages, name)
		}
		stages = append(stages, stagesIn(e.Value())...)
	}
	return stages
}

func TestStagesIn(t *testing.T) {
	t.Parallel()
	raw := answer(t, bson.D{{Key: "plan", Value: bson.D{
		{Key: "stage", Value: "FETCH"},
		{Key: "inputStages", Value: bson.A{bson.D{{Key: "stage", Value: "IXSCAN"}}, bson.D{{Key: "stage", Value: "SORT"}}}},
	}}})
	if got := stagesIn(raw.Lookup("plan")); !slices.Equal(got, []string{"FETCH", "IXSCAN", "SORT"}) {
		t.Errorf("got %v", got)
	}
}

// An index whose declaration changed is built anew; the others stay, and so do
// those that nobody declares.
func TestChangedIndexIsBuiltAnew(t *testing.T) {
	t.Parallel()
	uri := realURI(t)
	for _, tt := range []struct {
		name string
		now  store.Index
	}{
		{"other fields", store.Index{Name: "slot", Fields: []string{"slot", "kind"}, Unique: true}},
		{"no longer unique", store.Index{Name: "slot", Fields: []string{"kind", "slot"}}},
		{"another name", store.Index{Name: "place", Fields: []string{"kind", "slot"}, Unique: true}},
		{"sparse now", store.Index{Name: "slot", Fields: []string{"kind", "slot"}, Unique: true, Sparse: true}},
		{"the same", notes.Spec().Indexes[1]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db, engine := openReal(t, uri, nil, notes)
			insertNotes(t, db, 6)
			changed := store.Define[note]("notes", notes.Spec().Indexes[0], tt.now)
			again, _ := reopen(t, uri, engine.db.Name(), nil, changed)
			page, err := changed.List(t.Context(), again, store.Where(store.Eq("kind", "a"), store.Eq("slot", 3)), 10, "")
			if err != nil || len(page.Items) != 1 {
				t.Errorf("got %d documents, %v, want 1", len(page.Items), err)
			}
			for name, want := range map[string]bool{tt.now.Name: true, "kind": true, "code": true} {
				if got := hasIndex(t, engine, name); got != want {
					t.Errorf("index %s: got %v, want %v", name, got, want)
				}
			}
		})
	}
}

func hasIndex(t *testing.T, engine *Engine, name string) bool {
	t.Helper()
	there, err := engine.db.Collection("notes").Indexes().ListSpecifications(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, ix := range there {
		if ix.Name == name {
			return true
		}
	}
	return false
}
