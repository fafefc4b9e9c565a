package mongo

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"

	"github.com/musterhq/muster/store"
)

// recorder keeps the commands that are sent, but for the change stream's.
type recorder struct {
	mu   sync.Mutex
	sent []bson.Raw
}

func (r *recorder) option() Option {
	return func(s *settings) {
		s.monitor = &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if !ofStream(e.Command) {
				r.sent = append(r.sent, append(bson.Raw{}, e.Command...))
			}
		}}
	}
}

func ofStream(command bson.Raw) bool {
	collection, _ := command.Lookup("collection").StringValueOK()
	_, named := command.Lookup("aggregate").StringValueOK()
	whole := command.Lookup("aggregate").Type != 0 && !named
	return whole || collection == "$cmd.aggregate"
}

// take returns the commands since it was called last.
func (r *recorder) take() []bson.Raw {
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := r.sent
	r.sent = nil
	return sent
}

// names returns the commands' names.
func names(t *testing.T, commands []bson.Raw) []string {
	t.Helper()
	out := make([]string, len(commands))
	for i, c := range commands {
		first, err := c.IndexErr(0)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = first.Key()
	}
	return out
}

// Each operation is as many commands as it must be.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	uri := realURI(t)
	var r recorder
	db, _ := openReal(t, uri, []Option{r.option()}, notes)
	docs := insertNotes(t, db, 300)
	ids := make([]string, len(docs))
	for i, d := range docs {
		ids[i] = d.ID
	}
	ctx := t.Context()
	list := func(first int) error {
		_, err := notes.List(ctx, db, store.Where(store.In("kind", "a", "b", "c")).Sort("n"), first, "")
		return err
	}
	for _, tt := range []struct {
		name string
		do   func() error
		err  error
		want []string
	}{
		{"get", func() error { _, err := notes.Get(ctx, db, ids[0]); return err }, nil, []string{"find"}},
		{"get many", func() error { _, err := notes.GetMany(ctx, db, ids[:256]); return err }, nil, []string{"find"}},
		{"a page", func() error { return list(150) }, nil, []string{"find"}},
		{"everything", func() error { return list(300) }, nil, []string{"find"}},
		{"count", func() error { _, err := notes.Count(ctx, db, store.Where(store.Eq("kind", "a"))); return err }, nil, []string{"aggregate"}},
		{"count by", func() error { _, err := notes.CountBy(ctx, db, store.Query{}, "kind"); return err }, nil, []string{"aggregate"}},
		{"replace", func() error { return notes.Replace(ctx, db, docs[0]) }, nil, []string{"update"}},
		{"replace what has changed", func() error { return notes.Replace(ctx, db, &note{Meta: store.Meta{ID: ids[0], Rev: 1}}) }, store.ErrStale, []string{"update", "find"}},
		{"insert what is there", func() error { return notes.Insert(ctx, db, docs[0]) }, store.ErrDuplicate, []string{"insert", "find"}},
		{"delete", func() error { return notes.Delete(ctx, db, docs[1]) }, nil, []string{"delete"}},
		{"atomically", func() error {
			return db.Atomically(ctx, func(tx *store.Tx) error {
				return errors.Join(notes.Delete(ctx, tx, docs[2]), notes.Delete(ctx, tx, docs[3]))
			})
		}, nil, []string{"delete", "delete", "commitTransaction"}},
	} {
		r.take()
		if err := tt.do(); !errors.Is(err, tt.err) {
			t.Fatalf("%s: got %v, want %v", tt.name, err, tt.err)
		}
		sent := r.take()
		if diff := cmp.Diff(tt.want, names(t, sent)); diff != "" {
			t.Errorf("%s: commands (-want +got):\n%s", tt.name, diff)
		}
		if last := sent[len(sent)-1]; tt.err != nil && last.Lookup("readConcern", "afterClusterTime").Type != bson.TypeTimestamp {
			t.Errorf("%s: the look-up does not wait for a majority to have what the write saw: %v", tt.name, last)
		}
	}
}

// Writes ask for a majority and the journal, those of relaxed collections for
// the primary only; so do reads, each in its way.
func TestConcerns(t *testing.T) {
	t.Parallel()
	uri := realURI(t)
	var r recorder
	relaxed := store.Define[note]("relaxed").Relax()
	db, _ := openReal(t, uri, []Option{r.option()}, notes, relaxed)
	for name, c := range map[string]struct {
		notes       *store.Collection[note]
		write, read string
	}{
		"durable": {notes, `{"w":"majority","j":true}`, `majority`},
		"relaxed": {relaxed, `{"w":1}`, `local`},
	} {
		r.take()
		n := &note{Meta: store.Meta{ID: store.NewIDs()("not")}}
		if err := c.notes.Insert(t.Context(), db, n); err != nil {
			t.Fatal(err)
		}
		if _, err := c.notes.Get(t.Context(), db, n.ID); err != nil {
			t.Fatal(err)
		}
		sent := r.take()
		concern := bson.M{}
		if err := sent[0].Lookup("writeConcern").Unmarshal(&concern); err != nil {
			t.Fatal(err)
		}
		want := bson.M{}
		if err := bson.UnmarshalExtJSON([]byte(c.write), false, &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, concern); diff != "" {
			t.Errorf("%s: write concern (-want +got):\n%s", name, diff)
		}
		if got := sent[1].Lookup("readConcern", "level").StringValue(); got != c.read {
			t.Errorf("%s: read concern: got %s, want %s", name, got, c.read)
		}
	}
}
