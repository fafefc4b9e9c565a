package roster

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
)

// treeFeed is how many changes of units may wait between two uses of the tree;
// more make it load afresh.
const treeFeed = 256

// tree holds the units, of which there are some hundreds, in memory. It has no
// goroutine: each use first takes in what has changed since the last.
type tree struct {
	mu    sync.Mutex
	feed  *store.Feed // ends with the database
	units map[string]*Unit
	all   []*Unit // the same; never changed once it is made
}

// nearest returns the unit that Service.NearestWithin describes, or
// store.ErrNotFound.
func (t *tree) nearest(ctx context.Context, db *store.DB, p geo.Position, path string) (*Unit, float64, error) {
	all, err := t.current(ctx, db)
	if err != nil {
		return nil, 0, err
	}
	spots := spotsOf(all, path)
	if len(spots) == 0 {
		return nil, 0, store.ErrNotFound
	}
	nearest := slices.MinFunc(spots, func(a, b *Unit) int {
		return cmp.Or(cmp.Compare(a.distance(p), b.distance(p)), cmp.Compare(a.ID, b.ID))
	})
	return copyOf(nearest), nearest.distance(p), nil
}

// distance is 0 for a unit whose centre is not known.
func (u *Unit) distance(p geo.Position) float64 {
	if u.Center == nil {
		return 0
	}
	return geo.Distance(p, *u.Center)
}

// copyOf keeps callers from changing what others read.
func copyOf(u *Unit) *Unit {
	c := *u
	if u.Center != nil {
		center := *u.Center
		c.Center = &center
	}
	return &c
}

// current brings the tree up to date. The slice that it returns never changes.
func (t *tree) current(ctx context.Context, db *store.DB) ([]*Unit, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	changes, err := t.waiting()
	if t.feed == nil || errors.Is(err, store.ErrLagged) {
		err := t.load(ctx, db)
		return t.all, err
	}
	if err != nil || len(changes) == 0 {
		return t.all, err
	}
	for _, c := range changes {
		if c.Op == store.Deleted {
			delete(t.units, c.ID)
			continue
		}
		u, err := units.Decode(c)
		if err != nil {
			return nil, err
		}
		t.units[u.ID] = u
	}
	t.all = slices.Collect(maps.Values(t.units))
	return t.all, nil
}

// waiting returns the changes that are in the feed already.
func (t *tree) waiting() ([]store.Change, error) {
	if t.feed == nil {
		return nil, nil
	}
	return drain(t.feed)
}

// load reads all units. The feed begins before, so that nothing is missed.
func (t *tree) load(ctx context.Context, db *store.DB) error {
	feed := db.Watch(treeFeed, units)
	all := map[string]*Unit{}
	for u, err := range units.All(ctx, db, store.Query{}) {
		if err != nil {
			feed.Close()
			return err
		}
		all[u.ID] = u
	}
	if t.feed != nil {
		t.feed.Close()
	}
	t.feed, t.units, t.all = feed, all, slices.Collect(maps.Values(all))
	return nil
}

// spotsOf returns, of the subtree with that path ("" for all), the units with a
// centre of the lowest level that has any, or else the top of the subtree alone.
func spotsOf(all []*Unit, path string) []*Unit {
	var spots []*Unit
	var top *Unit
	for _, u := range all {
		if !strings.HasPrefix(u.Path, path) {
			continue
		}
		if top == nil || cmp.Or(cmp.Compare(u.Level.depth(), top.Level.depth()), cmp.Compare(u.ID, top.ID)) < 0 {
			top = u
		}
		if u.Center == nil {
			continue
		}
		if len(spots) > 0 && u.Level.depth() > spots[0].Level.depth() {
			spots = nil
		}
		if len(spots) == 0 || u.Level == spots[0].Level {
			spots = append(spots, u)
		}
	}
	if len(spots) == 0 && top != nil {
		spots = []*Unit{top}
	}
	return spots
}
