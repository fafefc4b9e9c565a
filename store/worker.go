package store

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// Worker does the due work of one collection: it claims due documents and
// hands each to Handle, in any number of processes.
type Worker[T any] struct {
	DB         *DB
	Collection *Collection[T]
	Now        func() time.Time
	Log        *slog.Logger
	// Lease is how long a claim holds, a minute at most. Handle must be done
	// well before.
	Lease time.Duration
	// Width is how many documents are handled at a time.
	Width int
	// Handle does what is due, and replaces or deletes the document. If it
	// does not, the document is due again when the lease ends. Its error is
	// logged.
	Handle func(ctx context.Context, doc *T) error
}

const (
	// maxIdle is the longest that a worker sleeps: it bounds the delay when a
	// clock steps or another process dies with a claim.
	maxIdle = time.Second
	// minRest is how long a worker waits at least after a failed claim.
	minRest = 100 * time.Millisecond
	// feedBuffer is how many changes may wait for a worker, which only wants
	// to know that there was one.
	feedBuffer = 1024
)

// Run works until the context ends, and returns when what it has begun is done,
// which takes no longer than a lease. It wakes for the next due date and for
// changes of the collection.
func (w *Worker[T]) Run(ctx context.Context) {
	slots := semaphore.NewWeighted(int64(w.Width))
	wake := make(chan struct{}, 1)
	var running sync.WaitGroup
	running.Go(func() { w.listen(ctx, wake) })
	defer running.Wait()
	for ctx.Err() == nil {
		claimed, err := w.claim(ctx, slots)
		if err != nil && ctx.Err() == nil {
			w.Log.Error("claiming due work", "collection", w.Collection.spec.Name, "error", err)
		}
		for _, doc := range claimed {
			running.Go(func() {
				defer notify(wake)
				defer slots.Release(1)
				w.handle(ctx, doc)
			})
		}
		switch {
		case len(claimed) > 0:
		case err != nil:
			w.rest(ctx, wake) // what is due stays due, so idle would not wait
		default:
			w.idle(ctx, wake)
		}
	}
}

// RunDue handles what is due now, one after the other, until nothing is, and
// returns how many that were. Tests call it in place of Run, with a clock of
// their own.
func (w *Worker[T]) RunDue(ctx context.Context) (int, error) {
	for n := 0; ; {
		claimed, err := Claim(ctx, w.DB, w.Collection, w.Now(), w.Lease, w.Width)
		if err != nil || len(claimed) == 0 {
			return n, err
		}
		for _, doc := range claimed {
			if err := w.Handle(ctx, doc); err != nil {
				return n, err
			}
			n++
		}
	}
}

// claim waits for a free slot, takes as many documents as there are, and holds
// one slot for each that it returns.
func (w *Worker[T]) claim(ctx context.Context, slots *semaphore.Weighted) ([]*T, error) {
	if err := slots.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	free := 1
	for free < w.Width && slots.TryAcquire(1) {
		free++
	}
	claimed, err := Claim(ctx, w.DB, w.Collection, w.Now(), w.Lease, free)
	slots.Release(int64(free - len(claimed)))
	return claimed, err
}

// handle does the work for as long as the claim holds, also when the worker is
// told to stop meanwhile: what is left undone waits for the lease to end.
func (w *Worker[T]) handle(ctx context.Context, doc *T) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.Lease)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			w.Log.Error("panic in due work", "collection", w.Collection.spec.Name, "id", metaOf(doc).ID, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	if err := w.Handle(ctx, doc); err != nil {
		w.Log.Error("doing due work", "collection", w.Collection.spec.Name, "id", metaOf(doc).ID, "error", err)
	}
}

// rest keeps a worker in trouble from trying again and again: it waits for a
// while at least, and then as idle does, but for the due date.
func (w *Worker[T]) rest(ctx context.Context, wake <-chan struct{}) {
	sleep(ctx, minRest, nil)
	sleep(ctx, maxIdle-minRest, wake)
}

// idle waits until something may be due.
func (w *Worker[T]) idle(ctx context.Context, wake <-chan struct{}) {
	wait := maxIdle
	if next, err := NextDue(ctx, w.DB, w.Collection); err == nil && !next.IsZero() {
		wait = min(wait, max(next.Sub(w.Now()), time.Millisecond))
	}
	sleep(ctx, wait, wake)
}

// sleep waits until the time is over, something wakes it or the context ends.
func sleep(ctx context.Context, wait time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// listen wakes the worker for every change of the collection.
func (w *Worker[T]) listen(ctx context.Context, wake chan<- struct{}) {
	for ctx.Err() == nil {
		feed := w.DB.Watch(feedBuffer, w.Collection)
		notify(wake) // for what changed before the feed began
		err := listenTo(ctx, feed, wake)
		feed.Close()
		if errors.Is(err, ErrClosed) {
			return
		}
	}
}

func listenTo(ctx context.Context, feed *Feed, wake chan<- struct{}) error {
	for {
		if _, err := feed.Next(ctx); err != nil {
			return err
		}
		notify(wake)
	}
}

func notify(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}
