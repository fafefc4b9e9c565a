package graph

import (
	"context"

	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/roster"
)

// centerOf reads the middle of a unit, which may be left out.
func centerOf(in *PositionInput) (*geo.Position, error) {
	if in == nil {
		return nil, nil
	}
	p, err := positionOf("center", in)
	return &p, err
}

// newUnit reads a unit that is to be.
func newUnit(in CreateUnitInput) (roster.NewUnit, error) {
	center, err := centerOf(in.Center)
	if err != nil {
		return roster.NewUnit{}, err
	}
	key, err := keyOf(in.IdempotencyKey)
	return roster.NewUnit{
		Code: in.Code, Name: in.Name, Level: in.Level, ParentID: in.ParentID, Center: center, Reason: in.Reason, Key: key,
	}, err
}

// unitPlace reads where a unit is.
func unitPlace(in LocateUnitInput) (roster.LocateUnit, error) {
	center, err := centerOf(in.Center)
	if err != nil {
		return roster.LocateUnit{}, err
	}
	key, err := keyOf(in.IdempotencyKey)
	return roster.LocateUnit{UnitID: in.OrgUnitID, Center: center, TimeZone: or(in.TimeZone), Reason: in.Reason, Key: key}, err
}

// boundaries loads the boundaries of units in their order.
func (r *Resolver) boundaries(ctx context.Context, list []*roster.Unit) ([]*string, error) {
	found, err := r.Roster.Boundaries(ctx, ids(list, func(u *roster.Unit) string { return u.ID }))
	if err != nil {
		return nil, err
	}
	out := make([]*string, len(list))
	for i, u := range list {
		out[i] = some(found[u.ID])
	}
	return out, nil
}
