package roster

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
)

// treeFeed is how many changes of units may wait between two uses of the tree;
// more make it load afresh.
const treeFeed = 256

// tree holds the units, of which there are some hundreds, and their boundaries
// in memory. It has no goroutine: each use first takes in what has changed since
// the last.
type tree struct {
	mu   sync.Mutex
	feed *store.Feed // ends with the database
	now  *forest
	log  *slog.Logger
}

// forest is all units at one time. It never changes once it is made, but for
// its units being somebody else's: whoever hands one out copies it.
type forest struct {
	units map[string]*Unit
	areas map[string]*geo.Area
	zones map[string]*time.Location // of the districts that have one
	log   *slog.Logger
}

// copyOf keeps callers from changing what others read.
func copyOf(u *Unit) *Unit {
	c := *u
	if u.Center != nil {
		center := *u.Center
		c.Center = &center
	}
	c.FormerNames = slices.Clone(u.FormerNames)
	return &c
}

// current brings the tree up to date.
func (t *tree) current(ctx context.Context, db *store.DB) (*forest, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	changes, err := t.waiting()
	if t.feed == nil || errors.Is(err, store.ErrLagged) {
		return t.load(ctx, db)
	}
	if err != nil || len(changes) == 0 {
		return t.now, err
	}
	next := t.now.clone()
	for _, c := range changes {
		if err := next.take(c); err != nil {
			return nil, err
		}
	}
	t.now = next
	return next, nil
}

// waiting returns the changes that are in the feed already.
func (t *tree) waiting() ([]store.Change, error) {
	if t.feed == nil {
		return nil, nil
	}
	return drain(t.feed)
}

// load reads all units. The feed begins before, so that nothing is missed.
func (t *tree) load(ctx context.Context, db *store.DB) (*forest, error) {
	feed := db.Watch(treeFeed, units, boundaries)
	loaded := &forest{units: map[string]*Unit{}, areas: map[string]*geo.Area{}, zones: map[string]*time.Location{}, log: t.log}
	if err := loaded.load(ctx, db); err != nil {
		feed.Close()
		return nil, err
	}
	if t.feed != nil {
		t.feed.Close()
	}
	t.feed, t.now = feed, loaded
	return loaded, nil
}

func (f *forest) load(ctx context.Context, db *store.DB) error {
	for u, err := range units.All(ctx, db, store.Query{}) {
		if err != nil {
			return err
		}
		f.put(u)
	}
	for b, err := range boundaries.All(ctx, db, store.Query{}) {
		if err != nil {
			return err
		}
		f.enclose(b)
	}
	return nil
}

// open returns the units that are not closed.
func (f *forest) open() []*Unit {
	return slices.DeleteFunc(slices.Collect(maps.Values(f.units)), (*Unit).Closed)
}

func (f *forest) clone() *forest {
	return &forest{units: maps.Clone(f.units), areas: maps.Clone(f.areas), zones: maps.Clone(f.zones), log: f.log}
}

func (f *forest) take(c store.Change) error {
	switch {
	case c.Collection == boundaries.Spec().Name && c.Op == store.Deleted:
		delete(f.areas, c.ID)
	case c.Collection == boundaries.Spec().Name:
		b, err := boundaries.Decode(c)
		if err != nil {
			return err
		}
		f.enclose(b)
	case c.Op == store.Deleted:
		delete(f.units, c.ID)
		delete(f.zones, c.ID)
	default:
		u, err := units.Decode(c)
		if err != nil {
			return err
		}
		f.put(u)
	}
	return nil
}

// put takes the unit in. A time zone that this machine does not know is no
// reason to shut everybody out.
func (f *forest) put(u *Unit) {
	f.units[u.ID] = u
	delete(f.zones, u.ID)
	if u.TimeZone == "" {
		return
	}
	zone, err := time.LoadLocation(u.TimeZone)
	if err != nil {
		f.log.Error("loading a district's time zone", "unit", u.ID, "error", err)
		return
	}
	f.zones[u.ID] = zone
}

// enclose takes the boundary in. One that cannot be read counts as none.
func (f *forest) enclose(b *boundary) {
	area, err := geo.ParseArea(b.GeoJSON, geo.WGS84)
	if err != nil {
		f.log.Error("reading a boundary", "unit", b.ID, "error", err)
		delete(f.areas, b.ID)
		return
	}
	f.areas[b.ID] = area
}
