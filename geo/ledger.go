package geo

import (
	"sync"
	"sync/atomic"
)

// point is one id and where it is. Its writers hold both the lock of its
// ledger and that of its zone, so that either is enough to read it. The id of
// a point does not change while a zone refers to it.
type point struct {
	id    string
	at    Position
	place uint32 // its index among the entries of its cell; the zone's lock alone
	mark  uint16 // of the id's hash, to tell most others apart without reading them
	tag   uint8
}

// ref names a point in the whole index: the ledger in the low bits, the slot
// in that ledger above.
type ref uint32

const (
	ledgerBits = 5
	ledgers    = 1 << ledgerBits
	chunkLen   = 512                    // points allocated at once
	maxSlots   = 1 << (32 - ledgerBits) // in one ledger
)

// ledger owns the points whose ids hash to it, and finds them by id: an open
// hash table of slots with linear probing. Points never move in memory, so
// that queries, which come by way of a zone, need not lock the ledger.
type ledger struct {
	mu     sync.RWMutex
	hash   func(id string) uint64
	table  []uint32 // slot + 1; 0 is free; a power of two long
	chunks atomic.Pointer[[]*[chunkLen]point]
	live   int
	used   uint32   // slots ever given out
	free   []uint32 // of those, given back
}

func (l *ledger) point(slot uint32) *point {
	return &(*l.chunks.Load())[slot/chunkLen][slot%chunkLen]
}

// find returns the slot of id, whose hash is h.
func (l *ledger) find(id string, h uint64) (uint32, bool) {
	i, ok := l.probe(id, h)
	if !ok {
		return 0, false
	}
	return l.table[i] - 1, true
}

// probe returns where in the table id is, or else where it would go.
func (l *ledger) probe(id string, h uint64) (int, bool) {
	if len(l.table) == 0 {
		return 0, false
	}
	i, mark := l.home(h), markOf(h)
	for l.table[i] != 0 {
		if p := l.point(l.table[i] - 1); p.mark == mark && p.id == id {
			return i, true
		}
		i = l.after(i)
	}
	return i, false
}

// The low bits of a hash choose the ledger, those above the place in its
// table, and the highest are the mark.
func (l *ledger) home(h uint64) int {
	return int(h>>ledgerBits) & (len(l.table) - 1)
}

func markOf(h uint64) uint16 { return uint16(h >> 48) }

func (l *ledger) after(i int) int {
	return (i + 1) & (len(l.table) - 1)
}

// add takes in an id that is not there, and returns its slot.
func (l *ledger) add(id string, h uint64) uint32 {
	if (l.live+1)*5 > len(l.table)*4 { // at most 80 % full
		l.resize(max(8, 2*len(l.table)))
	}
	slot := l.allocate()
	p := l.point(slot)
	p.id, p.mark = id, markOf(h)
	i, _ := l.probe(id, h)
	l.table[i] = slot + 1
	l.live++
	return slot
}

func (l *ledger) resize(size int) {
	old := l.table
	l.table = make([]uint32, size)
	for _, entry := range old {
		if entry != 0 {
			id := l.point(entry - 1).id
			i, _ := l.probe(id, l.hash(id))
			l.table[i] = entry
		}
	}
}

func (l *ledger) allocate() uint32 {
	if n := len(l.free); n > 0 {
		slot := l.free[n-1]
		l.free = l.free[:n-1]
		return slot
	}
	if l.used == maxSlots {
		panic("geo: more than 134 million points in one ledger of an index")
	}
	if l.used%chunkLen == 0 {
		l.extend()
	}
	l.used++
	return l.used - 1
}

// extend adds a chunk. Queries that hold the former list never look beyond it.
func (l *ledger) extend() {
	var chunks []*[chunkLen]point
	if former := l.chunks.Load(); former != nil {
		chunks = *former
	}
	chunks = append(chunks, new([chunkLen]point))
	l.chunks.Store(&chunks)
}

// drop forgets an id that is there, once no zone refers to its point.
func (l *ledger) drop(id string, h uint64) {
	i, _ := l.probe(id, h)
	slot := l.table[i] - 1
	l.close(i)
	*l.point(slot) = point{}
	l.free = append(l.free, slot)
	l.live--
}

// close frees place i of the table and moves up those behind it that would
// not be found across the gap.
func (l *ledger) close(i int) {
	for j := l.after(i); l.table[j] != 0; j = l.after(j) {
		home := l.home(l.hash(l.point(l.table[j] - 1).id))
		if (j-home)&(len(l.table)-1) >= (j-i)&(len(l.table)-1) {
			l.table[i] = l.table[j]
			i = j
		}
	}
	l.table[i] = 0
}
