package roster

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/musterhq/muster/store"
)

// directoryFeed is how many changes of responders may wait between two uses of
// the directory; more make it load afresh.
const directoryFeed = 1 << 15

// directory holds of all responders what they are searched and sorted by, and
// all orders, so that any combination of filters is answered in any order
// without an index for it. Each use first takes in what has changed since the
// last. It proposes, and the documents decide what is shown.
type directory struct {
	mu     sync.RWMutex
	feed   *store.Feed // ends with the database
	c      *columns
	orders map[SortKey]*order
}

// hit is a responder that the directory has found.
type hit struct {
	id  string
	rev int64 // as which it was found
}

// find returns the first hits behind the place, whether there are more, and the
// places of the first and the last.
func (d *directory) find(q query, by Sort, after *standing, first int) (hits []hit, more bool, ends [2]standing) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	found, n := d.c.matching(q)
	if n == 0 {
		return nil, false, ends
	}
	o := d.orders[by.Key]
	for i, step := o.from(after, by.Descending); i >= 0 && i < len(o.slots); i += step {
		slot := o.slots[i]
		if !found.has(slot) {
			continue
		}
		if len(hits) == first {
			return hits, true, ends
		}
		if ends[1] = o.place(slot); len(hits) == 0 {
			ends[0] = ends[1]
		}
		hits = append(hits, hit{d.c.ids[slot], d.c.revs[slot]})
	}
	return hits, false, ends
}

// count returns how many are found altogether.
func (d *directory) count(q query) int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	_, n := d.c.matching(q)
	return n
}

// finds reports whether the query is for the responder as it is in its
// document, which is newer than what the directory knows.
func (q query) finds(r *Responder) bool {
	c := newColumns()
	slot := c.slot(r.ID)
	c.set(slot, listingOf(r))
	return c.matcher(q).matches(slot)
}

// current brings the directory up to date.
func (d *directory) current(ctx context.Context, db *store.DB) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.feed == nil {
		return d.load(ctx, db)
	}
	changes, err := drain(d.feed)
	if errors.Is(err, store.ErrLagged) {
		return d.load(ctx, db)
	}
	if err == nil {
		err = d.take(changes)
	}
	if err != nil { // what was not taken in is gone
		d.feed.Close()
		d.feed = nil
	}
	return err
}

// load reads all responders. The feed begins before, so that nothing is missed.
func (d *directory) load(ctx context.Context, db *store.DB) error {
	fresh := &directory{feed: db.Watch(directoryFeed, responders)}
	fresh.empty()
	all, err := fresh.read(ctx, db)
	if err != nil {
		fresh.feed.Close()
		return fmt.Errorf("loading the directory: %w", err)
	}
	fresh.apply(all)
	if d.feed != nil {
		d.feed.Close()
	}
	d.feed, d.c, d.orders = fresh.feed, fresh.c, fresh.orders
	return nil
}

func (d *directory) empty() {
	d.c, d.orders = newColumns(), map[SortKey]*order{}
	for _, key := range sortKeys {
		d.orders[key] = &order{place: d.c.place(key)}
	}
}

// read returns the listings of all documents, with what was changed meanwhile.
func (d *directory) read(ctx context.Context, db *store.DB) (map[string]*listing, error) {
	all := map[string]*listing{}
	for r, err := range responders.All(ctx, db, store.Query{}) {
		if err != nil {
			return nil, err
		}
		all[r.ID] = listingOf(r)
	}
	changes, err := drain(d.feed)
	if err != nil {
		return nil, err
	}
	return all, gather(changes, all)
}

// take takes in changes in the order of their commits.
func (d *directory) take(changes []store.Change) error {
	if len(changes) == 0 {
		return nil
	}
	latest := map[string]*listing{}
	if err := gather(changes, latest); err != nil {
		return err
	}
	d.apply(latest)
	return nil
}

// gather puts what the changes leave of each responder into latest, nil for
// those that are deleted. The last change of a responder settles it, but for
// those that a load has overtaken: they are told by their revision.
func gather(changes []store.Change, latest map[string]*listing) error {
	for _, c := range changes {
		if c.Op == store.Deleted {
			latest[c.ID] = nil
			continue
		}
		r, err := responders.Decode(c)
		if err != nil {
			return err
		}
		if known := latest[c.ID]; known == nil || known.rev < r.Rev {
			latest[c.ID] = listingOf(r)
		}
	}
	return nil
}

// moving is the slots that leave or come to an order.
type moving struct{ leaving, coming []uint32 }

// apply makes the directory say what latest says. Besides one pass over the
// orders that change, it costs as much as there is in latest.
func (d *directory) apply(latest map[string]*listing) {
	moved := map[SortKey]*moving{}
	for _, key := range sortKeys {
		moved[key] = &moving{}
	}
	for id, e := range latest {
		if !d.plan(id, e, moved) {
			delete(latest, id)
		}
	}
	for key, m := range moved {
		d.orders[key].remove(m.leaving)
	}
	for id, e := range latest {
		if slot := d.c.slots[id]; e == nil {
			d.c.clear(slot)
		} else {
			d.c.set(slot, e)
		}
	}
	d.c.tidy()
	for key, m := range moved {
		d.orders[key].add(m.coming)
	}
}

// plan finds a slot for the listing and says which orders it changes. It reports
// whether there is anything to do.
func (d *directory) plan(id string, e *listing, moved map[SortKey]*moving) bool {
	slot, known := d.c.slots[id]
	switch {
	case e == nil && !known:
		return false
	case !known:
		slot = d.c.slot(id)
	}
	for key, m := range moved {
		if known && e != nil && d.orders[key].place(slot) == e.place(key) {
			continue
		}
		if known {
			m.leaving = append(m.leaving, slot)
		}
		if e != nil {
			m.coming = append(m.coming, slot)
		}
	}
	return true
}
