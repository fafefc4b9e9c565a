package store

import (
	"context"
	"slices"
	"sync"
)

// Feed is a stream of committed changes in the order of their commits. One
// goroutine reads it.
type Feed struct {
	hub   *hub
	names []string
	limit int

	mu    sync.Mutex
	queue []Change
	err   error // set once; ends the feed
	wake  chan struct{}
}

// Watch returns a feed of all changes of the collections that are committed
// after it returns. At most buffer changes wait in it; when there are more,
// the feed fails with ErrLagged rather than hold up anyone. Close it.
func (db *DB) Watch(buffer int, collections ...Definition) *Feed {
	f := &Feed{hub: db.hub, limit: buffer, wake: make(chan struct{}, 1)}
	for _, c := range collections {
		f.names = append(f.names, c.Spec().Name)
	}
	db.hub.add(f)
	return f
}

// Next waits for changes and returns all that are there. It fails with
// ErrLagged when some were missed, ErrClosed when the database or the feed is
// closed, or the context's error.
func (f *Feed) Next(ctx context.Context) ([]Change, error) {
	for {
		f.mu.Lock()
		changes, err := f.queue, f.err
		f.queue = nil
		f.mu.Unlock()
		if err != nil {
			return nil, err
		}
		if len(changes) > 0 {
			return changes, nil
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close ends the feed.
func (f *Feed) Close() {
	f.hub.remove(f)
	f.end(ErrClosed)
}

func (f *Feed) push(changes []Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return
	}
	for _, c := range changes {
		if !slices.Contains(f.names, c.Collection) {
			continue
		}
		if len(f.queue) == f.limit {
			f.err, f.queue = ErrLagged, nil
			break
		}
		f.queue = append(f.queue, c)
	}
	if len(f.queue) > 0 || f.err != nil {
		f.signal()
	}
}

func (f *Feed) end(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err, f.queue = err, nil
		f.signal()
	}
}

func (f *Feed) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// hub hands each commit's changes to the feeds.
type hub struct {
	mu     sync.RWMutex
	feeds  map[*Feed]struct{}
	closed bool
}

func newHub() *hub { return &hub{feeds: map[*Feed]struct{}{}} }

func (h *hub) add(f *Feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		f.end(ErrClosed)
		return
	}
	h.feeds[f] = struct{}{}
}

func (h *hub) remove(f *Feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.feeds, f)
}

func (h *hub) publish(changes []Change) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for f := range h.feeds {
		f.push(changes)
	}
}

func (h *hub) lose() { h.endAll(ErrLagged, false) }

func (h *hub) close() { h.endAll(ErrClosed, true) }

func (h *hub) endAll(err error, forGood bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = h.closed || forGood
	for f := range h.feeds {
		f.end(err)
	}
	clear(h.feeds)
}
