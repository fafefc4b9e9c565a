package mongo

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/musterhq/muster/store"
)

func TestIndexModels(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		index  store.Index
		plain  bool
		keys   string
		unique bool
		filter string
	}{
		{"the id makes the order total", byGroup, false, `{"group":1,"kind":1,"at":1,"_id":1}`, false, ""},
		{"a unique index is over its fields only", bySlot, false, `{"kind":1,"slot":1}`, true, ""},
		{"a sparse index is partial over all fields", byOwner, false, `{"holder.id":1,"at":1,"_id":1}`, false,
			`{"holder.id":{"$exists":true},"at":{"$exists":true}}`},
		{"unique and sparse", byCode, false, `{"code":1}`, true, `{"code":{"$exists":true}}`},
		{"not partial where the server has no such thing", byCode, true, `{"code":1}`, true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			model := modelOf(tt.index, !tt.plain)
			var o options.IndexOptions
			for _, set := range model.Options.List() {
				if err := set(&o); err != nil {
					t.Fatal(err)
				}
			}
			if got := extJSON(t, model.Keys); got != tt.keys {
				t.Errorf("keys: got %s, want %s", got, tt.keys)
			}
			if *o.Name != tt.index.Name || (o.Unique != nil && *o.Unique) != tt.unique || o.Sparse != nil {
				t.Errorf("got name %s, unique %v, sparse %v", *o.Name, o.Unique, o.Sparse)
			}
			filter := ""
			if o.PartialFilterExpression != nil {
				filter = extJSON(t, o.PartialFilterExpression)
			}
			if diff := cmp.Diff(tt.filter, filter); diff != "" {
				t.Errorf("partial filter (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIndexesOfTheSameKeysAreRefused(t *testing.T) {
	t.Parallel()
	unique := store.Index{Name: "u", Fields: []string{"name"}, Unique: true}
	again := store.Index{Name: "again", Fields: []string{"name"}, Sparse: true}
	if err := distinct(&store.Spec{Indexes: []store.Index{byName, unique, byGroup}}); err != nil {
		t.Errorf("different keys: %v", err)
	}
	if err := distinct(&store.Spec{Indexes: []store.Index{byName, unique, again}}); err == nil {
		t.Error("the same keys twice were accepted")
	}
}

func TestSameKeys(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		keys bson.D
		want bool
	}{
		{bson.D{{Key: "name", Value: 1}, {Key: "_id", Value: 1}}, true},
		{bson.D{{Key: "name", Value: 1}}, false},
		{bson.D{{Key: "_id", Value: 1}, {Key: "name", Value: 1}}, false},
	} {
		raw, err := bson.Marshal(tt.keys)
		if err != nil {
			t.Fatal(err)
		}
		if got := sameKeys(raw, byName); got != tt.want {
			t.Errorf("%v: got %v", tt.keys, got)
		}
	}
}
