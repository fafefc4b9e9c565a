package roster

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
)

// NearestWithin returns the unit, of the subtree with that path, that p belongs
// to: the one whose boundary contains p, of the lowest level, and of several the
// smallest; within it, if units below it have a centre and no boundary, the one
// of those whose centre is nearest. If no boundary contains p, it is the unit
// whose centre is nearest, of the lowest level at which any unit has one; if none
// has, the first district by id. With no units at all it is NOT_FOUND. Where there
// are no boundaries it is no test of whether p lies within the unit, or within the
// programme's area at all. Closed units count as what they were merged into, or
// not at all. The path "" is that of the whole tree.
//
// It also returns how far the unit's centre is from p in metres: 0 if its boundary
// contains p, or if no unit of the subtree has a centre, since nothing is known to
// be nearer.
func (s *Service) NearestWithin(ctx context.Context, p geo.Position, path string) (*Unit, float64, error) {
	f, err := s.tree.current(ctx, s.db)
	if err != nil {
		return nil, 0, err
	}
	u, distance := f.nearest(p, path)
	if u == nil {
		return nil, 0, fault.NotFound("unit")
	}
	return copyOf(u), distance, nil
}

func (f *forest) nearest(p geo.Position, path string) (*Unit, float64) {
	home := f.containing(p, path)
	if home == nil {
		return closest(p, f.spots(path, func(*Unit) bool { return true }))
	}
	u, distance := closest(p, f.spots(home.Path, func(u *Unit) bool {
		return u.Center != nil && u.ID != home.ID && f.areas[u.ID] == nil
	}))
	if u == nil {
		return home, 0
	}
	return u, distance
}

// containing returns the unit of the subtree whose boundary, or that of a unit
// which was merged into it, contains p: of the lowest level, and of those the
// one with the smallest area, or nil.
func (f *forest) containing(p geo.Position, path string) *Unit {
	var found *Unit
	var smallest float64
	for id, area := range f.areas {
		if !area.Contains(p) {
			continue
		}
		u := f.successor(id)
		if u == nil || u.Closed() || !strings.HasPrefix(u.Path, path) {
			continue
		}
		if found == nil || cmp.Or(
			-cmp.Compare(u.Level.depth(), found.Level.depth()), cmp.Compare(area.Size(), smallest), cmp.Compare(u.ID, found.ID),
		) < 0 {
			found, smallest = u, area.Size()
		}
	}
	return found
}

// closest returns the unit whose centre is nearest, and how far it is; the
// first by id of equals, and nil of none.
func closest(p geo.Position, spots []*Unit) (*Unit, float64) {
	if len(spots) == 0 {
		return nil, 0
	}
	nearest := slices.MinFunc(spots, func(a, b *Unit) int {
		return cmp.Or(cmp.Compare(a.distance(p), b.distance(p)), cmp.Compare(a.ID, b.ID))
	})
	return nearest, nearest.distance(p)
}

// distance is 0 for a unit whose centre is not known.
func (u *Unit) distance(p geo.Position) float64 {
	if u.Center == nil {
		return 0
	}
	return geo.Distance(p, *u.Center)
}

// spots returns, of the open units of the subtree with that path ("" for all)
// that are wanted, those with a centre of the lowest level that has any, or else
// the top one alone.
func (f *forest) spots(path string, wanted func(*Unit) bool) []*Unit {
	var spots []*Unit
	var top *Unit
	for _, u := range f.units {
		if u.Closed() || !strings.HasPrefix(u.Path, path) || !wanted(u) {
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
