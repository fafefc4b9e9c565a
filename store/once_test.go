package store_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/storetest"
)

// counted is a document that a step changes.
type counted struct {
	store.Meta `bson:",inline"`
	N          int `bson:"n"`
}

var counts = store.Define[counted]("counts")

func newCounts(t *testing.T) *store.DB {
	t.Helper()
	db := storetest.Open(t, store.Steps, counts)
	if err := counts.Insert(t.Context(), db, &counted{Meta: store.Meta{ID: "c"}}); err != nil {
		t.Fatal(err)
	}
	return db
}

// take adds one to the count, once for each step, and fails with refuse.
func take(ctx context.Context, db *store.DB, now time.Time, s store.Step, refuse error) (result string, repeated bool, err error) {
	err = db.Atomically(ctx, func(tx *store.Tx) error {
		result, repeated, err = store.Once(ctx, tx, now, s, func() (string, error) {
			doc, err := counts.Get(ctx, tx, "c")
			if err != nil {
				return "", err
			}
			doc.N++
			return "made", errors.Join(counts.Replace(ctx, tx, doc), refuse)
		})
		return err
	})
	return result, repeated, err
}

func countOf(t *testing.T, db *store.DB) int {
	t.Helper()
	doc, err := counts.Get(t.Context(), db, "c")
	if err != nil {
		t.Fatal(err)
	}
	return doc.N
}

var step = store.Step{Actor: "acc_1", Action: "accept", Key: "k", Fingerprint: "f"}

func TestOnce(t *testing.T) {
	t.Parallel()
	now := store.Now()
	with := func(change func(*store.Step)) store.Step {
		s := step
		change(&s)
		return s
	}
	for name, c := range map[string]struct {
		again    store.Step
		repeated bool
		err      error
		count    int
	}{
		"the same step":             {step, true, nil, 1},
		"another key":               {with(func(s *store.Step) { s.Key = "k2" }), false, nil, 2},
		"another actor":             {with(func(s *store.Step) { s.Actor = "acc_2" }), false, nil, 2},
		"another action":            {with(func(s *store.Step) { s.Action = "decline" }), false, nil, 2},
		"no key":                    {with(func(s *store.Step) { s.Key = "" }), false, nil, 2},
		"the same key, other input": {with(func(s *store.Step) { s.Fingerprint = "g" }), false, store.ErrOtherStep, 1},
		"parts that run together":   {with(func(s *store.Step) { s.Actor, s.Action = "acc_1a", "ccept" }), false, nil, 2},
		"a key of any length":       {with(func(s *store.Step) { s.Key = strings.Repeat("k", 10_000) }), false, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := newCounts(t)
			if result, repeated, err := take(t.Context(), db, now, step, nil); result != "made" || repeated || err != nil {
				t.Fatalf("first: %q, %t, %v", result, repeated, err)
			}
			result, repeated, err := take(t.Context(), db, now, c.again, nil)
			if repeated != c.repeated || !errors.Is(err, c.err) || (err == nil && result != "made") {
				t.Errorf("again: %q, %t, %v", result, repeated, err)
			}
			if got := countOf(t, db); got != c.count {
				t.Errorf("it was done %d times, want %d", got, c.count)
			}
		})
	}
}

func TestOnceWithoutAKeyIsDoneEachTime(t *testing.T) {
	t.Parallel()
	db := newCounts(t)
	for range 3 {
		if _, repeated, err := take(t.Context(), db, store.Now(), store.Step{Actor: "acc_1", Action: "accept"}, nil); repeated || err != nil {
			t.Fatal(repeated, err)
		}
	}
	if got := countOf(t, db); got != 3 {
		t.Errorf("it was done %d times", got)
	}
}

func TestOnceForgetsWhatFailed(t *testing.T) {
	t.Parallel()
	db := newCounts(t)
	refusal := errors.New("refused")
	if _, _, err := take(t.Context(), db, store.Now(), step, refusal); !errors.Is(err, refusal) {
		t.Fatalf("error %v", err)
	}
	if got := countOf(t, db); got != 0 {
		t.Errorf("a refused step counts %d", got)
	}
	if _, repeated, err := take(t.Context(), db, store.Now(), step, nil); repeated || err != nil {
		t.Errorf("then: %t, %v", repeated, err)
	}
}

func TestOnceAmongMany(t *testing.T) {
	t.Parallel()
	db := newCounts(t)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if result, _, err := take(t.Context(), db, store.Now(), step, nil); result != "made" || err != nil {
				t.Errorf("%q, %v", result, err)
			}
		})
	}
	all.Wait()
	if got := countOf(t, db); got != 1 {
		t.Errorf("it was done %d times", got)
	}
}

func TestForgetSteps(t *testing.T) {
	t.Parallel()
	db := newCounts(t)
	begin := store.Now()
	if _, _, err := take(t.Context(), db, begin, step, nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after     time.Duration
		forgotten int
		repeated  bool
	}{{24*time.Hour - time.Millisecond, 0, true}, {24 * time.Hour, 1, false}} {
		now := begin.Add(c.after)
		n, err := store.ForgetSteps(db, func() time.Time { return now }, slog.New(slog.DiscardHandler)).RunDue(t.Context())
		if n != c.forgotten || err != nil {
			t.Errorf("after %s: forgot %d, %v", c.after, n, err)
		}
		if _, repeated, err := take(t.Context(), db, now, step, nil); repeated != c.repeated || err != nil {
			t.Errorf("after %s: repeated %t, %v", c.after, repeated, err)
		}
	}
}
