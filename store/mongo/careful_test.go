package mongo

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/musterhq/muster/store"
)

func TestHolders(t *testing.T) {
	t.Parallel()
	doc := answer(t, bson.D{{Key: "_id", Value: "a"}, {Key: "kind", Value: "x"}, {Key: "slot", Value: int32(3)}})
	for _, tt := range []struct {
		name  string
		index store.Index
		want  string // "" for none
	}{
		{"unique", bySlot, `{"kind":"x","slot":3,"_id":{"$ne":"a"}}`},
		{"not unique", byName, ""},
		{"unique and sparse, without the field", byCode, ""},
		{"unique, without the field", byPhone, `{"phone":null,"_id":{"$ne":"a"}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			filter, ok := holders(tt.index, "a", doc)
			if ok != (tt.want != "") {
				t.Fatalf("got ok %v", ok)
			}
			if ok && extJSON(t, filter) != tt.want {
				t.Errorf("got %s, want %s", extJSON(t, filter), tt.want)
			}
		})
	}
}

func TestHarmless(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, true}, {store.ErrStale, true}, {store.ErrNotFound, true},
		{&store.DuplicateError{Index: "found by looking"}, true},
		{errGone, false},
	} {
		if got := harmless(tt.err); got != tt.want {
			t.Errorf("%v: got %v", tt.err, got)
		}
	}
}
