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

// chore is a document with something to do.
type chore struct {
	store.Meta `bson:",inline"`
	store.Due  `bson:",inline"`
	Done       int `bson:"done"`
}

var chores = store.Define[chore]("chores", store.DueIndex)

func addChore(t *testing.T, db *store.DB, id string, at time.Time) {
	t.Helper()
	c := &chore{Meta: store.Meta{ID: id}}
	c.SetDue(at)
	if err := chores.Insert(t.Context(), db, c); err != nil {
		t.Fatal(err)
	}
}

// hand is a worker that tells which chores it was given.
type hand struct {
	store.Worker[chore]
	got chan string
	log *storetest.Log
}

// newHand handles chores with do, after it has told.
func newHand(db *store.DB, width int, do func(context.Context, *chore) error) *hand {
	h := &hand{got: make(chan string, 1000), log: &storetest.Log{}}
	h.Worker = store.Worker[chore]{
		DB: db, Collection: chores, Now: store.Now, Log: slog.New(slog.NewTextHandler(h.log, nil)), Lease: time.Minute, Width: width,
		Handle: func(ctx context.Context, c *chore) error {
			h.got <- c.ID
			return do(ctx, c)
		},
	}
	return h
}

// finish is a chore well done.
func finish(db *store.DB) func(context.Context, *chore) error {
	return func(ctx context.Context, c *chore) error {
		c.Done++
		c.SetDue(time.Time{})
		return chores.Replace(ctx, db, c)
	}
}

// run runs the worker until the test ends.
func (h *hand) run(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); h.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
}

func (h *hand) next(t *testing.T) string {
	t.Helper()
	select {
	case id := <-h.got:
		return id
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was handled")
		return ""
	}
}

func TestWorkerHandlesWhatIsAndBecomesDue(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, chores)
	addChore(t, db, "overdue", store.Now().Add(-time.Hour))
	addChore(t, db, "far", store.Now().Add(time.Hour))
	h := newHand(db, 4, finish(db))
	h.run(t)
	if got := h.next(t); got != "overdue" {
		t.Errorf("first %s", got)
	}
	addChore(t, db, "at once", store.Now())
	if got := h.next(t); got != "at once" {
		t.Errorf("then %s", got)
	}
	soon := store.Now().Add(50 * time.Millisecond)
	addChore(t, db, "soon", soon)
	if got := h.next(t); got != "soon" || store.Now().Before(soon) {
		t.Errorf("then %s, %s early", got, time.Until(soon))
	}
	select {
	case id := <-h.got:
		t.Errorf("also %s", id)
	default:
	}
}

func TestWorkersShareTheWork(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, chores)
	const n = 60
	for i := range n {
		addChore(t, db, "c"+string(rune('A'+i)), store.Now())
	}
	both := make(chan string, 10*n)
	for range 2 {
		h := newHand(db, 8, finish(db))
		h.got = both
		inner := h.Handle
		h.Handle = func(ctx context.Context, c *chore) error { return inner(ctx, c) }
		h.run(t)
	}
	seen := map[string]int{}
	for len(seen) < n {
		select {
		case id := <-both:
			seen[id]++
		case <-time.After(20 * time.Second):
			t.Fatalf("only %d of %d were handled", len(seen), n)
		}
	}
	for id, times := range seen {
		if times != 1 {
			t.Errorf("%s was handled %d times", id, times)
		}
	}
}

func TestWorkerGoesOnAfterErrorsAndPanics(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, chores)
	h := newHand(db, 1, func(ctx context.Context, c *chore) error {
		switch c.ID {
		case "bad":
			return errors.New("it is broken")
		case "worse":
			panic("it is on fire")
		}
		return finish(db)(ctx, c)
	})
	now := store.Now()
	addChore(t, db, "bad", now.Add(-3*time.Second))
	addChore(t, db, "worse", now.Add(-2*time.Second))
	addChore(t, db, "good", now.Add(-time.Second))
	h.run(t)
	for _, want := range []string{"bad", "worse", "good"} {
		if got := h.next(t); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for _, text := range []string{"it is broken", "it is on fire"} {
		if !strings.Contains(h.log.String(), text) {
			t.Errorf("the log lacks %q", text)
		}
	}
	for id, claims := range map[string]int{"bad": 1, "worse": 1} {
		c, err := chores.Get(t.Context(), db, id)
		if err != nil || c.Claims != claims || !c.DueAt.After(now.Add(50*time.Second)) {
			t.Errorf("%s: %+v, %v: not due again when the lease ends", id, c, err)
		}
	}
}

func TestWorkerHandlesNoMoreThanItsWidthAtATime(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, chores)
	release := make(chan struct{})
	open := sync.OnceFunc(func() { close(release) })
	defer open() // or the worker would not end
	h := newHand(db, 2, func(ctx context.Context, c *chore) error {
		<-release
		return finish(db)(ctx, c)
	})
	for _, id := range []string{"a", "b", "c"} {
		addChore(t, db, id, store.Now())
	}
	h.run(t)
	h.next(t)
	h.next(t)
	unclaimed := 0
	for c, err := range chores.All(t.Context(), db, store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Claims == 0 {
			unclaimed++
		}
	}
	if unclaimed != 1 || len(h.got) != 0 {
		t.Errorf("%d are unclaimed and %d more begun", unclaimed, len(h.got))
	}
	open()
	h.next(t)
}

// What the first claimant did not finish is another's when the lease ends, and
// the first can then not store what it has done.
func TestClaimsRunOut(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, chores)
	now := store.Now()
	addChore(t, db, "c", now)
	claim := func(at time.Time) []*chore {
		t.Helper()
		got, err := store.Claim(t.Context(), db, chores, at, time.Minute, 10)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first := claim(now)
	if len(first) != 1 || len(claim(now)) != 0 || len(claim(now.Add(time.Minute-time.Millisecond))) != 0 {
		t.Fatal("the claim does not hold")
	}
	if next, err := store.NextDue(t.Context(), db, chores); err != nil || !next.Equal(now.Add(time.Minute)) {
		t.Errorf("next due at %s, %v", next, err)
	}
	second := claim(now.Add(time.Minute))
	if len(second) != 1 || second[0].Claims != 2 {
		t.Fatalf("second claim: %+v", second)
	}
	if err := finish(db)(t.Context(), first[0]); !errors.Is(err, store.ErrStale) {
		t.Errorf("the first claimant stores: %v", err)
	}
	if err := finish(db)(t.Context(), second[0]); err != nil {
		t.Error(err)
	}
	if next, err := store.NextDue(t.Context(), db, chores); err != nil || !next.IsZero() {
		t.Errorf("next due at %s, %v", next, err)
	}
}
