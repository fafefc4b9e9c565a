package mongo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/musterhq/muster/store"
)

func TestChangeOfEvent(t *testing.T) {
	t.Parallel()
	doc := bson.D{{Key: "_id", Value: "a"}, {Key: "rev", Value: int64(2)}}
	raw := answer(t, doc)
	event := func(op string, full any) bson.D {
		return bson.D{
			{Key: "_id", Value: bson.D{{Key: "_data", Value: "82"}}},
			{Key: "operationType", Value: op},
			{Key: "fullDocument", Value: full},
			{Key: "ns", Value: bson.D{{Key: "db", Value: "m"}, {Key: "coll", Value: "things"}}},
			{Key: "documentKey", Value: bson.D{{Key: "_id", Value: "a"}}},
		}
	}
	for _, tt := range []struct {
		name  string
		event bson.D
		want  store.Change
		ok    bool
		err   error
	}{
		{"insert", event("insert", doc), store.Change{Collection: "things", ID: "a", Op: store.Inserted, Doc: raw}, true, nil},
		{"replace", event("replace", doc), store.Change{Collection: "things", ID: "a", Op: store.Replaced, Doc: raw}, true, nil},
		{"an update by hand", event("update", doc), store.Change{Collection: "things", ID: "a", Op: store.Replaced, Doc: raw}, true, nil},
		{"an update of what is gone", event("update", nil), store.Change{Collection: "things", ID: "a", Op: store.Replaced}, false, nil},
		{"delete", event("delete", nil), store.Change{Collection: "things", ID: "a", Op: store.Deleted}, true, nil},
		{"drop", event("drop", nil)[:2], store.Change{}, false, errGone},
		{"rename", event("rename", nil)[:2], store.Change{}, false, errGone},
		{"dropDatabase", event("dropDatabase", nil)[:2], store.Change{}, false, errGone},
		{"invalidate", event("invalidate", nil)[:2], store.Change{}, false, errGone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok, err := changeOf(answer(t, tt.event))
			if !errors.Is(err, tt.err) || ok != tt.ok {
				t.Errorf("got ok %v, error %v", ok, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestChangeDoesNotShareTheStreamsBuffer(t *testing.T) {
	t.Parallel()
	raw := answer(t, bson.D{
		{Key: "operationType", Value: "insert"},
		{Key: "fullDocument", Value: bson.D{{Key: "_id", Value: "a"}}},
	})
	change, _, err := changeOf(raw)
	if err != nil {
		t.Fatal(err)
	}
	clear(raw)
	if err := change.Doc.Validate(); err != nil {
		t.Error(err)
	}
}

func TestWatchedPipeline(t *testing.T) {
	t.Parallel()
	want := `{"p":[{"$match":{"$or":[` +
		`{"operationType":{"$in":["insert","replace","update","delete","drop"]},"ns.coll":{"$in":["things","others"]}},` +
		`{"operationType":{"$in":["rename","dropDatabase","invalidate"]}}]}}]}`
	if diff := cmp.Diff(want, extJSON(t, bson.D{{Key: "p", Value: watched([]string{"things", "others"})}})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestResumable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"the network", io.ErrUnexpectedEOF, true},
		{"the network, by label", driver.CommandError{Labels: []string{"NetworkError"}}, true},
		{"no server found in time", fmt.Errorf("server selection: %w", context.DeadlineExceeded), true},
		{"another member's turn", driver.CommandError{Code: 189}, true},
		{"an operator killed the cursor", driver.CommandError{Code: 237}, true},
		{"said to be resumable", driver.CommandError{Code: 1, Labels: []string{"ResumableChangeStreamError"}}, true},
		{"ChangeStreamHistoryLost", driver.CommandError{Code: 286, Labels: []string{"NonResumableChangeStreamError"}}, false},
		{"ChangeStreamFatalError", driver.CommandError{Code: 280}, false},
		{"InvalidResumeToken", driver.CommandError{Code: 260}, false},
		{"BSONObjectTooLarge", driver.CommandError{Code: 10334}, false},
		{"dropped", errGone, false},
	} {
		if got := resumable(tt.err); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	var b backoff
	for range 3 {
		if !b.wait(t.Context()) {
			t.Fatal("gave up")
		}
	}
	if b.pause != 4*firstPause {
		t.Errorf("got a pause of up to %v after three", b.pause)
	}
	b.pause = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if b.wait(ctx) {
		t.Error("went on after the context's end")
	}
	if b.pause != longestPause {
		t.Errorf("got a pause of up to %v", b.pause)
	}
}
