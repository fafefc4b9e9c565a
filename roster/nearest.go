package roster

import (
	"context"

	"github.com/musterhq/muster/geo"
)

// NearestUnit returns the unit whose centre is nearest to p, of the lowest
// level at which any unit has one; if none has, the first district by id. With
// no units at all it is NOT_FOUND. It is no test of whether p lies within the
// unit, or within the programme's area at all.
func (s *Service) NearestUnit(ctx context.Context, p geo.Position) (*Unit, error) {
	u, _, err := s.NearestWithin(ctx, p, "")
	return u, err
}

// NearestWithin is NearestUnit among the units of the subtree with that path,
// and how far its centre is from p in metres. If no unit of the subtree has a
// centre it is the subtree's top, 0 m away: nothing is known to be nearer.
func (s *Service) NearestWithin(ctx context.Context, p geo.Position, path string) (*Unit, float64, error) {
	u, distance, err := s.tree.nearest(ctx, s.db, p, path)
	u, err = known(u, err, "unit")
	return u, distance, err
}
