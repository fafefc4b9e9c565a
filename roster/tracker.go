package roster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
)

// Tracker knows where the responders are who are active and on duty, so that
// those near a place are found in microseconds. It follows the documents by
// the store's feed, whichever process wrote them, and is a moment behind: it
// proposes, and whoever acts on it reads the documents again. In particular it
// does not look at how old a position is.
//
// One goroutine owns it, in Run; Ready and Near may be called from any.
type Tracker struct {
	db   *store.DB
	log  *slog.Logger
	feed *store.Feed           // the owner's
	seen atomic.Pointer[sight] // nil until loaded
}

const (
	// trackerFeed is how many changes may wait for a tracker: several seconds
	// of the busiest store.
	trackerFeed = 1 << 16
	// trackerRetry is how long Run waits after a failed load.
	trackerRetry = time.Second
)

// NewTracker returns a tracker that has loaded nothing yet.
func NewTracker(db *store.DB, log *slog.Logger) *Tracker {
	return &Tracker{db: db, log: log}
}

// Ready reports whether the tracker has been loaded. Until then Near finds
// nobody.
func (t *Tracker) Ready() bool { return t.seen.Load() != nil }

// Near returns up to limit responders within radius metres of center, nearest
// first; with a limit of 0 or less, all. The hits' ids are those of the
// responders, and their tags are for ModeOf.
func (t *Tracker) Near(center geo.Position, radius float64, limit int) []geo.Hit {
	seen := t.seen.Load()
	if seen == nil {
		return nil
	}
	return seen.index.Within(center, radius, limit)
}

// Load reads all documents, and takes the place of what was known when it is
// done; until then Near answers from that. It must not be called while Run
// runs, which begins with it if nobody has.
func (t *Tracker) Load(ctx context.Context) error {
	feed := t.db.Watch(trackerFeed, responders, presences) // before reading, so that nothing is missed
	fresh := newSight()
	if err := t.load(ctx, feed, fresh); err != nil {
		feed.Close()
		return fmt.Errorf("loading the tracker: %w", err)
	}
	if t.feed != nil {
		t.feed.Close()
	}
	t.feed = feed
	t.seen.Store(fresh)
	return nil
}

// load reads the documents and then takes in what changed meanwhile, so that
// they all are of one time.
func (t *Tracker) load(ctx context.Context, feed *store.Feed, into *sight) error {
	onDuty := store.Where(store.Eq("duty.onDuty", true))
	for r, err := range responders.All(ctx, t.db, onDuty) {
		if err != nil {
			return err
		}
		into.sawResponder(r)
	}
	for p, err := range presences.All(ctx, t.db, store.Query{}) {
		if err != nil {
			return err
		}
		into.sawPresence(p)
	}
	changes, err := drain(feed)
	if err != nil {
		return err
	}
	return into.take(changes)
}

// Run follows the documents until the context ends or the store is closed. When
// it has missed changes it loads afresh; when that fails it logs so and tries
// again.
func (t *Tracker) Run(ctx context.Context) {
	defer t.stop()
	for ctx.Err() == nil {
		err := t.follow(ctx)
		switch {
		case errors.Is(err, store.ErrClosed):
			return
		case err != nil && ctx.Err() == nil:
			t.log.Error("following the roster", "error", err)
			pause(ctx, trackerRetry)
		}
	}
}

// follow takes in what has changed, once there is something.
func (t *Tracker) follow(ctx context.Context) error {
	if t.feed == nil {
		return t.Load(ctx)
	}
	changes, err := t.feed.Next(ctx)
	if errors.Is(err, store.ErrLagged) {
		t.log.Warn("changes of the roster were missed, loading afresh")
		t.stop()
		return nil
	}
	if err == nil {
		err = t.seen.Load().take(changes)
	}
	if err != nil {
		t.stop() // what was not taken in is gone
	}
	return err
}

// stop ends the feed; the next follow begins with a load.
func (t *Tracker) stop() {
	if t.feed != nil {
		t.feed.Close()
		t.feed = nil
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
