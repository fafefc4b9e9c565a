package geo

import (
	"hash/maphash"
	"sync/atomic"
)

// Index holds the last position of any number of ids and finds those near a
// place. Any number of goroutines may use it at once; readers do not stop
// writers elsewhere, nor writers readers. It starts none of its own.
//
// Points lie in the cells of a grid (see grid.go) as small offsets, which a
// query scans, and in ledgers, which find them by id and keep them exactly.
// Locks are taken in this order: one ledger, then zones by rising number.
type Index struct {
	seed    maphash.Seed
	ledgers [ledgers]ledger
	zones   [zones]zone
	cells   atomic.Int64 // that are not empty
	size    atomic.Int64
}

// NewIndex returns an empty index.
func NewIndex() *Index {
	ix := &Index{seed: maphash.MakeSeed()}
	for i := range ix.ledgers {
		ix.ledgers[i].hash = ix.hash
	}
	return ix
}

// Set puts id at p with a tag that queries hand back, or moves it there. A p
// that is not Valid changes nothing. The index keeps the string id.
func (ix *Index) Set(id string, p Position, tag uint8) {
	if !p.Valid() {
		return
	}
	h := ix.hash(id)
	number, l := ix.ledgerOf(h)
	l.mu.Lock()
	defer l.mu.Unlock()
	if slot, ok := l.find(id, h); ok {
		ix.move(refTo(number, slot), p, tag)
		return
	}
	ix.place(refTo(number, l.add(id, h)), p, tag)
	ix.size.Add(1)
}

// Remove takes id out. It does nothing if id is not there.
func (ix *Index) Remove(id string) {
	h := ix.hash(id)
	number, l := ix.ledgerOf(h)
	l.mu.Lock()
	defer l.mu.Unlock()
	slot, ok := l.find(id, h)
	if !ok {
		return
	}
	ix.lift(refTo(number, slot))
	l.drop(id, h)
	ix.size.Add(-1)
}

// Get returns the position and tag that id was last set to, and whether it is
// there.
func (ix *Index) Get(id string) (Position, uint8, bool) {
	h := ix.hash(id)
	_, l := ix.ledgerOf(h)
	l.mu.RLock()
	defer l.mu.RUnlock()
	slot, ok := l.find(id, h)
	if !ok {
		return Position{}, 0, false
	}
	p := l.point(slot)
	return p.at, p.tag, true
}

// Len returns the number of ids.
func (ix *Index) Len() int {
	return int(ix.size.Load())
}

func (ix *Index) hash(id string) uint64 {
	return maphash.String(ix.seed, id)
}

func (ix *Index) ledgerOf(h uint64) (int, *ledger) {
	number := int(h % ledgers)
	return number, &ix.ledgers[number]
}

func refTo(ledger int, slot uint32) ref {
	return ref(slot<<ledgerBits | uint32(ledger))
}

func (ix *Index) point(r ref) *point {
	return ix.ledgers[r%ledgers].point(uint32(r >> ledgerBits))
}

// place puts a new point into its cell.
func (ix *Index) place(r ref, p Position, tag uint8) {
	c, at := locate(p)
	z := &ix.zones[zoneOf(c)]
	z.mu.Lock()
	defer z.mu.Unlock()
	ix.arrive(z, c, at, r, p, tag)
}

// lift takes a point out of its cell.
func (ix *Index) lift(r ref) {
	c, _ := locate(ix.point(r).at)
	z := &ix.zones[zoneOf(c)]
	z.mu.Lock()
	defer z.mu.Unlock()
	ix.depart(z, c, r)
}

// move puts a point elsewhere. It is in one cell at every instant, because the
// zones of both are locked.
func (ix *Index) move(r ref, p Position, tag uint8) {
	from, _ := locate(ix.point(r).at)
	to, at := locate(p)
	a, b := zoneOf(from), zoneOf(to)
	ix.lockPair(a, b)
	defer ix.unlockPair(a, b)
	if from == to {
		ix.nudge(&ix.zones[a], to, at, r, p, tag)
		return
	}
	ix.depart(&ix.zones[a], from, r)
	ix.arrive(&ix.zones[b], to, at, r, p, tag)
}

// nudge moves a point within its cell.
func (ix *Index) nudge(z *zone, c cell, at offset, r ref, p Position, tag uint8) {
	pt := ix.point(r)
	z.cells[c][pt.place].offset = at
	pt.at, pt.tag = p, tag
}

func (ix *Index) arrive(z *zone, c cell, at offset, r ref, p Position, tag uint8) {
	pt := ix.point(r)
	place, opened := z.enter(c, entry{offset: at, ref: r})
	pt.at, pt.tag, pt.place = p, tag, place
	if opened {
		ix.cells.Add(1)
	}
}

func (ix *Index) depart(z *zone, c cell, r ref) {
	place := ix.point(r).place
	moved, ok, closed := z.leave(c, place)
	if ok {
		ix.point(moved).place = place
	}
	if closed {
		ix.cells.Add(-1)
	}
}

func (ix *Index) lockPair(a, b int) {
	ix.zones[min(a, b)].mu.Lock()
	if a != b {
		ix.zones[max(a, b)].mu.Lock()
	}
}

func (ix *Index) unlockPair(a, b int) {
	ix.zones[a].mu.Unlock()
	if a != b {
		ix.zones[b].mu.Unlock()
	}
}
