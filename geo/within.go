package geo

import (
	"maps"
	"math"
	"slices"
)

const (
	attempts = 2       // without stopping writers
	maxHeld  = 1 << 16 // points that may be read while they wait
	batchLen = 16      // points measured together
)

// Within returns the ids at most radius metres from center by Distance,
// nearest first and by id where equal, at most limit of them; all with a limit
// of 0 or less. It returns none if center is not Valid or radius is negative
// or NaN. A radius beyond half the Earth's circumference means everywhere.
//
// The answer is true of one instant, but for positions that change within a
// cell meanwhile, each of which is the former or the new one. Only where a
// query reads more than 65,536 points while others move is a point that
// crosses from cell to cell during it possibly left out; none is given twice.
func (ix *Index) Within(center Position, radius float64, limit int) []Hit {
	if !center.Valid() || !(radius >= 0) {
		return nil
	}
	for range attempts {
		s := newSearch(ix, center, radius, limit)
		s.run()
		if s.undisturbed() {
			return s.best.sorted()
		}
		if s.read > maxHeld {
			return distinct(s.best.sorted())
		}
	}
	return ix.withinStill(center, radius, limit)
}

// withinStill holds every zone still for the query, the last resort of small
// ones that were disturbed again and again.
func (ix *Index) withinStill(center Position, radius float64, limit int) []Hit {
	ix.lockAll()
	defer ix.unlockAll()
	s := newSearch(ix, center, radius, limit)
	s.still = true
	s.run()
	return s.best.sorted()
}

func (ix *Index) lockAll() {
	for i := range ix.zones {
		ix.zones[i].mu.RLock()
	}
}

func (ix *Index) unlockAll() {
	for i := range ix.zones {
		ix.zones[i].mu.RUnlock()
	}
}

// distinct keeps the nearest hit of each id.
func distinct(hits []Hit) []Hit {
	seen := make(map[string]bool, len(hits))
	kept := hits[:0]
	for _, h := range hits {
		if !seen[h.ID] {
			seen[h.ID] = true
			kept = append(kept, h)
		}
	}
	return kept
}

// search is one query under way: a circle around the origin that is just large
// enough, one hopes, to hold the hits wanted, and else a larger one.
type search struct {
	ix     *Index
	from   origin
	radius float64 // metres, of the query; best has that of the circle
	best   nearest
	read   int  // points
	still  bool // the zones are locked already
	met    [zones / 64]uint64
	visits []visit
}

// visit is a zone that a search has met, and its version then.
type visit struct {
	zone    int
	version uint64
}

func newSearch(ix *Index, center Position, radius float64, limit int) *search {
	radius = min(radius, math.Pi*EarthRadius)
	return &search{ix: ix, from: newOrigin(center), radius: radius, best: nearest{limit: limit}}
}

func (s *search) run() {
	for r := s.guess(); ; r *= 2 {
		if s.manyCells(r) {
			s.begin(s.radius)
			s.sweep()
			return
		}
		s.begin(min(r, s.radius))
		s.circle()
		if s.best.full() || r >= s.radius {
			return
		}
	}
}

func (s *search) begin(radius float64) {
	s.best.hits, s.best.radius = s.best.hits[:0], radius
}

// guess returns the radius that would hold half as many hits again as are
// wanted, if points were everywhere as dense as in the origin's cell.
func (s *search) guess() float64 {
	if s.best.limit <= 0 {
		return s.radius
	}
	c, _ := locate(s.from.Position)
	number := zoneOf(c)
	s.lock(number)
	defer s.unlock(number)
	density := float64(max(1, len(s.ix.zones[number].cells[c]))) / (cellHeight * cellHeight)
	return min(s.radius, math.Sqrt(1.5*float64(s.best.limit)/(math.Pi*density)))
}

// manyCells reports whether a circle has more cells than there are to look at.
func (s *search) manyCells(radius float64) bool {
	across := 2*radius/cellHeight + 1
	return across*across > float64(s.ix.cells.Load())+zones
}

// circle visits the cells that reach into the circle, nearest rows first.
func (s *search) circle() {
	degrees := s.best.radius/EarthRadius/radian + edge
	south, north := rowOf(s.from.Latitude-degrees), rowOf(s.from.Latitude+degrees)
	middle := rowOf(s.from.Latitude)
	s.row(middle)
	for d := 1; middle-d >= south || middle+d <= north; d++ {
		if middle-d >= south {
			s.row(middle - d)
		}
		if middle+d <= north {
			s.row(middle + d)
		}
	}
}

// row visits those of a row that may still hold a hit that is wanted.
func (s *search) row(row int) {
	wanted, n := s.from.reach(row, s.best.bound()), columns(row)
	for col := wanted.west; col <= wanted.east; col++ {
		s.cell(cell{int32(row), int32(wrap(col, n))})
	}
}

// sweep visits every cell there is, in place of a circle.
func (s *search) sweep() {
	for i := range s.ix.zones {
		for _, c := range s.list(i) {
			s.cell(c)
		}
	}
}

// list returns the cells of a zone, so that its lock is not held while they
// are scanned.
func (s *search) list(zone int) []cell {
	s.lock(zone)
	defer s.unlock(zone)
	return slices.Collect(maps.Keys(s.ix.zones[zone].cells))
}

func (s *search) cell(c cell) {
	number := zoneOf(c)
	s.lock(number)
	s.scan(c, s.ix.zones[number].cells[c])
	s.unlock(number)
}

// lock locks a zone for reading, unless all are, and notes its version.
func (s *search) lock(zone int) {
	if s.still {
		return
	}
	z := &s.ix.zones[zone]
	z.mu.RLock()
	if bit := uint64(1) << (zone % 64); s.met[zone/64]&bit == 0 {
		s.met[zone/64] |= bit
		s.visits = append(s.visits, visit{zone, z.version.Load()})
	}
}

func (s *search) unlock(zone int) {
	if !s.still {
		s.ix.zones[zone].mu.RUnlock()
	}
}

// undisturbed reports whether no zone that was met has changed since: then
// all were as they were read at the moment between the last visit and now.
func (s *search) undisturbed() bool {
	for _, v := range s.visits {
		if s.ix.zones[v.zone].version.Load() != v.version {
			return false
		}
	}
	return true
}

// scan sorts the entries of a cell out by the flat approximation, and has what
// is left measured exactly.
func (s *search) scan(c cell, entries []entry) {
	if len(entries) == 0 {
		return
	}
	s.read += len(entries)
	f, ok := s.from.flatten(c)
	limit := flatLimit(s.best.bound())
	var batch [batchLen]*point
	n := 0
	for _, e := range entries {
		if ok && f.square(e.offset) > limit {
			continue
		}
		batch[n] = s.ix.point(e.ref)
		if n++; n == batchLen {
			s.measure(batch[:])
			limit, n = flatLimit(s.best.bound()), 0
		}
	}
	s.measure(batch[:n])
}

// measure offers the points within the circle as hits. It reads all positions
// first: they lie far apart in memory, and the processor then fetches them
// together instead of one after the other.
func (s *search) measure(points []*point) {
	var at [batchLen]Position
	for i, p := range points {
		at[i] = p.at
	}
	for i, p := range points {
		if meters := s.from.distance(at[i]); meters <= s.best.radius {
			s.best.add(Hit{ID: p.id, Meters: meters, Tag: p.tag})
		}
	}
}
