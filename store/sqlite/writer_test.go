package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/musterhq/muster/store"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// These tests look at the writer from inside: at who shares a commit, and at
// commits that fail.

var spec = &store.Spec{Name: "docs", Indexes: []store.Index{{Name: "key", Fields: []string{"key"}, Unique: true}}}

func doc(t *testing.T, id string) bson.Raw {
	t.Helper()
	raw, err := bson.Marshal(bson.D{{Key: "_id", Value: id}, {Key: "rev", Value: int64(1)}, {Key: "key", Value: id}})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// published is what the engine has published, commit by commit.
type published struct {
	mu      sync.Mutex
	commits [][]string
}

func (p *published) add(changes []store.Change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ids []string
	for _, c := range changes {
		ids = append(ids, c.ID)
	}
	p.commits = append(p.commits, ids)
}

func (p *published) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ids []string
	for _, c := range p.commits {
		ids = append(ids, c...)
	}
	return ids
}

func openPublished(t *testing.T) (*Engine, *published) {
	t.Helper()
	e, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &published{}
	if err := e.Prepare(t.Context(), []*store.Spec{spec}, p.add, func() {}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e, p
}

func wantDocs(t *testing.T, e *Engine, want ...string) {
	t.Helper()
	docs, err := e.Find(t.Context(), spec, store.Scan{Index: &store.Index{Name: "_id", Unique: true}, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, d := range docs {
		got = append(got, d.Lookup("_id").StringValue())
	}
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
}

// hold keeps the writer busy in a step of its own, waits until n more requests
// wait, and lets it go on; all then are one group.
func hold(t *testing.T, e *Engine, n int, start func(), end error) error {
	t.Helper()
	return e.Atomically(t.Context(), func(store.Ops) error {
		start()
		for e.writer.queued() < n {
			runtime.Gosched()
		}
		return end
	})
}

func (w *writer) queued() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting)
}

func TestGroupSharesOneCommit(t *testing.T) {
	t.Parallel()
	e, p := openPublished(t)
	const n = 20
	errs := make([]error, n)
	var wg sync.WaitGroup
	err := hold(t, e, n, func() {
		for i := range n {
			wg.Go(func() {
				id := fmt.Sprintf("d%02d", i/2) // every id twice: half of them fail
				errs[i] = e.Insert(t.Context(), spec, id, doc(t, id))
			})
		}
	}, nil)
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, store.ErrDuplicate) {
			t.Errorf("got %v, want %v", err, store.ErrDuplicate)
		}
	}
	if won != n/2 || len(p.commits) != 1 || len(p.all()) != n/2 {
		t.Errorf("%d won, published %v, want %d in one commit", won, p.commits, n/2)
	}
}

func TestFailedStepsLeaveTheGroupAlone(t *testing.T) {
	t.Parallel()
	e, p := openPublished(t)
	failure := errors.New("refused")
	errs := make(chan error, 3)
	err := hold(t, e, 3, func() {
		for i := range 3 {
			go func() {
				errs <- e.Atomically(t.Context(), func(o store.Ops) error {
					id := fmt.Sprintf("d%d", i)
					if err := o.Insert(t.Context(), spec, id, doc(t, id)); err != nil {
						return err
					}
					if i == 1 {
						return failure
					}
					return nil
				})
			}()
		}
	}, failure)
	if !errors.Is(err, failure) {
		t.Errorf("the holder: got %v", err)
	}
	if err := errors.Join(<-errs, <-errs, <-errs); !errors.Is(err, failure) || err.Error() != failure.Error() {
		t.Errorf("got %v, want only %v", err, failure)
	}
	wantDocs(t, e, "d0", "d2")
	if got := p.all(); len(got) != 2 {
		t.Errorf("published %v", got)
	}
}

func TestCancelledWhileWaitingNeverRuns(t *testing.T) {
	t.Parallel()
	e, p := openPublished(t)
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 2)
	err := hold(t, e, 2, func() {
		go func() { errs <- e.Insert(ctx, spec, "a", doc(t, "a")) }()
		go func() {
			errs <- e.Atomically(ctx, func(store.Ops) error { t.Error("it ran"); return nil })
		}()
		for e.writer.queued() < 2 {
			runtime.Gosched()
		}
		cancel()
		for range 2 { // they return while the writer is still busy
			if err := <-errs; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want %v", err, context.Canceled)
			}
		}
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantDocs(t, e)
	if got := p.all(); len(got) != 0 {
		t.Errorf("published %v", got)
	}
}

func TestCancelledWhenBegunIsReportedAsItIs(t *testing.T) {
	t.Parallel()
	e, _ := openPublished(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := e.Atomically(ctx, func(o store.Ops) error {
		err := o.Insert(ctx, spec, "a", doc(t, "a"))
		cancel()
		return err
	})
	if err != nil {
		t.Errorf("got %v, want success", err)
	}
	wantDocs(t, e, "a")
}

func TestGoexitInStepIsUndone(t *testing.T) {
	t.Parallel()
	e, p := openPublished(t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = e.Atomically(t.Context(), func(o store.Ops) error {
			if err := o.Insert(t.Context(), spec, "a", doc(t, "a")); err != nil {
				t.Error(err)
			}
			runtime.Goexit() // as t.FailNow does
			return nil
		})
	}()
	<-ended
	if err := e.Insert(t.Context(), spec, "b", doc(t, "b")); err != nil {
		t.Fatal(err)
	}
	wantDocs(t, e, "b")
	if diff := cmp.Diff([]string{"b"}, p.all()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

func TestTransactionUsedAfterItsEnd(t *testing.T) {
	t.Parallel()
	e, _ := openPublished(t)
	var kept store.Ops
	if err := e.Atomically(t.Context(), func(o store.Ops) error { kept = o; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := kept.Insert(t.Context(), spec, "a", doc(t, "a")); !errors.Is(err, errOver) {
		t.Errorf("got %v, want %v", err, errOver)
	}
	wantDocs(t, e)
}

// TestCommitFails breaks a constraint that SQLite checks only at the commit:
// all who shared it must hear of it, and nobody else of their changes.
func TestCommitFails(t *testing.T) {
	t.Parallel()
	e, p := openPublished(t)
	conn := e.writer.conn
	for _, text := range []string{
		"PRAGMA foreign_keys=ON",
		`CREATE TABLE child (parent TEXT REFERENCES docs(_id) DEFERRABLE INITIALLY DEFERRED)`,
	} {
		if err := exec(conn, text); err != nil {
			t.Fatal(err)
		}
	}
	errs := make(chan error, 2)
	err := e.writer.atomically(t.Context(), func(tx *transaction) error {
		go func() { errs <- e.Insert(t.Context(), spec, "a", doc(t, "a")) }()
		go func() {
			errs <- e.Atomically(t.Context(), func(o store.Ops) error { return o.Insert(t.Context(), spec, "b", doc(t, "b")) })
		}()
		for e.writer.queued() < 2 {
			runtime.Gosched()
		}
		return exec(tx.conn, "INSERT INTO child VALUES ('nobody')")
	})
	for _, err := range []error{err, <-errs, <-errs} {
		if err == nil {
			t.Error("a write of a failed commit succeeded")
		}
	}
	wantDocs(t, e)
	if got := p.all(); len(got) != 0 {
		t.Errorf("published %v", got)
	}
	if err := e.Insert(t.Context(), spec, "c", doc(t, "c")); err != nil {
		t.Errorf("the next write: %v", err)
	}
	wantDocs(t, e, "c")
}

// TestDiskFull has SQLite roll back by itself in the middle of a step that
// does not care: nothing that follows may be committed on its own.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	e, p := openPublished(t)
	big, err := bson.Marshal(bson.D{{Key: "_id", Value: "big"}, {Key: "rev", Value: int64(1)}, {Key: "key", Value: "big"}, {Key: "text", Value: make([]byte, 1<<20)}})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := integer(e.writer.conn, "PRAGMA page_count")
	if err != nil {
		t.Fatal(err)
	}
	if err := exec(e.writer.conn, fmt.Sprintf("PRAGMA max_page_count=%d", pages+8)); err != nil {
		t.Fatal(err)
	}
	if err := e.Insert(t.Context(), spec, "big", big); err == nil {
		t.Error("a document found room on a full disk")
	}
	err = e.Atomically(t.Context(), func(o store.Ops) error {
		first := o.Insert(t.Context(), spec, "a", doc(t, "a"))
		full := o.Insert(t.Context(), spec, "big", big)
		if full == nil {
			t.Error("a document found room on a full disk")
		}
		then := o.Insert(t.Context(), spec, "b", doc(t, "b"))
		t.Logf("before %v, full %v, after %v", first, full, then)
		if e.writer.conn.AutocommitEnabled() && !errors.Is(then, errLost) {
			t.Errorf("behind the loss: got %v, want %v", then, errLost)
		}
		return full
	})
	if err == nil {
		t.Error("the step succeeded")
	}
	wantDocs(t, e)
	if err := e.Insert(t.Context(), spec, "c", doc(t, "c")); err != nil {
		t.Errorf("a small document: %v", err)
	}
	wantDocs(t, e, "c")
	if diff := cmp.Diff([]string{"c"}, p.all()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

// TestCloseWaitsForWhatIsUnderWay closes while writers wait: what was taken in
// is done, the rest hears that it is closed, and nothing is in between.
func TestCloseWaitsForWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	e, p := openPublished(t)
	const n = 50
	errs := make([]error, n)
	var wg sync.WaitGroup
	closed := make(chan error, 1)
	err := hold(t, e, n/2, func() {
		for i := range n / 2 {
			wg.Go(func() { errs[i] = e.Insert(t.Context(), spec, fmt.Sprint(i), doc(t, fmt.Sprint(i))) })
		}
		for e.writer.queued() < n/2 {
			runtime.Gosched()
		}
		go func() { closed <- e.Close() }()
		for i := n / 2; i < n; i++ {
			wg.Go(func() { errs[i] = e.Insert(t.Context(), spec, fmt.Sprint(i), doc(t, fmt.Sprint(i))) })
		}
	}, nil)
	wg.Wait()
	if err := errors.Join(err, <-closed); err != nil {
		t.Fatal(err)
	}
	done := 0
	for i, err := range errs {
		switch {
		case err == nil:
			done++
		case i < n/2 || !errors.Is(err, store.ErrClosed):
			t.Errorf("write %d: %v", i, err)
		}
	}
	if got := len(p.all()); got != done {
		t.Errorf("%d succeeded and %d were published", done, got)
	}
}
