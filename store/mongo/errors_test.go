package mongo

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/musterhq/muster/store"
)

// answer returns what a server said, as the driver keeps it.
func answer(t *testing.T, doc bson.D) bson.Raw {
	t.Helper()
	raw, err := bson.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestDuplicateNamesTheIndex(t *testing.T) {
	t.Parallel()
	spec := &store.Spec{Name: "things", Indexes: []store.Index{byName, bySlot, byCode}}
	pattern := func(fields ...string) bson.Raw {
		keys := bson.D{}
		for _, f := range fields {
			keys = append(keys, bson.E{Key: f, Value: 1})
		}
		return answer(t, bson.D{{Key: "code", Value: 11000}, {Key: "keyPattern", Value: keys}})
	}
	message := func(index string) string {
		return "E11000 duplicate key error collection: db.things index: " + index + ` dup key: { kind: " index: x dup key" }`
	}
	write := func(raw bson.Raw, message string) error {
		return driver.WriteException{WriteErrors: driver.WriteErrors{{Code: 11000, Raw: raw, Message: message}}}
	}
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"by key pattern", write(pattern("kind", "slot"), ""), "slot"},
		{"by the id's key pattern", write(pattern("_id"), ""), "_id"},
		{"by message", write(nil, message("slot")), "slot"},
		{"by the id's message", write(nil, message("_id_")), "_id"},
		{"by message when the pattern is no declared index's", write(pattern("other"), message("theirs")), "theirs"},
		{"of a unique index, not of another with those fields", write(pattern("name"), message("mine")), "mine"},
		{"as a command's error", driver.CommandError{Code: 11000, Raw: pattern("code")}, "code"},
		{"as a command's error by message", driver.CommandError{Code: 11000, Message: message("code")}, "code"},
		{"wrapped", fmt.Errorf("inserting: %w", write(pattern("code"), "")), "code"},
		{"not said", write(nil, "E11000 duplicate key error collection: db.things"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got *store.DuplicateError
			if err := explain(t.Context(), spec, tt.err); !errors.As(err, &got) {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(store.DuplicateError{Collection: "things", Index: tt.want}, *got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("connection reset")
	for _, tt := range []struct {
		name  string
		ctx   context.Context
		err   error
		wants []error
	}{
		{"nothing", cancelled, nil, nil},
		{"after disconnecting", t.Context(), driver.ErrClientDisconnected, []error{store.ErrClosed}},
		{"the context's end shows beside the driver's error", cancelled, broken, []error{context.Canceled, broken}},
		{"stale is as it is", t.Context(), store.ErrStale, []error{store.ErrStale}},
		{"others are as they are", t.Context(), broken, []error{broken}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := explain(tt.ctx, &store.Spec{}, tt.err)
			if tt.err == nil && got != nil {
				t.Errorf("got %v", got)
			}
			for _, want := range tt.wants {
				if !errors.Is(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
			}
		})
	}
}

func TestLabelled(t *testing.T) {
	t.Parallel()
	conflict := driver.CommandError{Code: 112, Labels: []string{"TransientTransactionError"}}
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"no error", nil, false},
		{"a write conflict", conflict, true},
		{"wrapped, as fn may return it", fmt.Errorf("accepting: %w", conflict), true},
		{"a write's error", driver.WriteException{Labels: conflict.Labels}, true},
		{"another label", driver.CommandError{Labels: []string{"RetryableWriteError"}}, false},
		{"a domain's error", store.ErrStale, false},
	} {
		if got := labelled(tt.err, labelTransient); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}
