package geo

import (
	"sync"
	"sync/atomic"
)

// zones is how many locks the cells share, so many that a query seldom holds
// the one that a writer wants.
const zones = 1024

// entry is a point as its cell keeps it: where, coarsely, and which.
type entry struct {
	offset offset
	ref    ref
}

// zone owns the cells that hash to it.
type zone struct {
	mu      sync.RWMutex
	version atomic.Uint64 // raised before any point enters or leaves a cell
	cells   map[cell][]entry
	_       [24]byte // to a cache line, against false sharing
}

func zoneOf(c cell) int {
	h := uint64(c.row)*0x9e3779b97f4a7c15 ^ uint64(c.col)*0xc2b2ae3d27d4eb4f
	return int(h * 0x9e3779b97f4a7c15 >> 54)
}

// enter adds an entry to a cell and returns its place there. It reports
// whether the cell was empty.
func (z *zone) enter(c cell, e entry) (place uint32, opened bool) {
	z.version.Add(1)
	if z.cells == nil {
		z.cells = make(map[cell][]entry)
	}
	entries := z.cells[c]
	if len(entries) == cap(entries) {
		entries = resized(entries)
	}
	z.cells[c] = append(entries, e)
	return uint32(len(entries)), len(entries) == 0
}

// leave takes the entry at a place out of a cell, and returns the one that has
// taken its place, if another has. It reports whether the cell is empty now.
func (z *zone) leave(c cell, place uint32) (moved ref, ok, closed bool) {
	z.version.Add(1)
	entries := z.cells[c]
	last := len(entries) - 1
	if last == 0 {
		delete(z.cells, c)
		return 0, false, true
	}
	entries[place] = entries[last]
	entries = entries[:last]
	if last*4 < cap(entries) {
		entries = resized(entries)
	}
	z.cells[c] = entries
	if int(place) == last {
		return 0, false, false
	}
	return entries[place].ref, true, false
}

// resized copies entries with room for a quarter more, where append would
// leave up to half of a growing cell empty.
func resized(entries []entry) []entry {
	return append(make([]entry, 0, len(entries)+len(entries)/4+2), entries...)
}
