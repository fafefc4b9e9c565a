package roster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
)

// boundary is where a unit ends; its id is the unit's. It is apart from the unit
// because it is large and seldom needed.
type boundary struct {
	store.Meta `bson:",inline"`
	GeoJSON    string    `bson:"geoJson"` // in WGS-84, as geo.Area writes it
	SetAt      time.Time `bson:"setAt"`
}

var boundaries = store.Define[boundary]("boundaries")

// MaxBoundary is how many bytes a boundary's text may have: what fits into a
// request with room for its escapes.
const MaxBoundary = 200_000

// SetBoundary is where an org unit ends.
type SetBoundary struct {
	UnitID string
	// GeoJSON is as geo.ParseArea reads it, at most MaxBoundary bytes; "" takes
	// the boundary away.
	GeoJSON string
	Datum   geo.Datum // of the coordinates
	Reason  string    // why, at most 500 characters
	Key     string    // makes a repetition safe (see store.Once); optional
}

// SetBoundary gives the unit a boundary, or takes it away, for administrators
// whose scope covers it. It need not lie within the one above, nor keep clear of
// its neighbours: surveys differ. It fails with INVALID, which says what is wrong
// with the text and where; NOT_FOUND; FORBIDDEN; or CONFLICT if the unit is
// closed.
func (s *Service) SetBoundary(ctx context.Context, actor auth.Principal, in SetBoundary) (*Unit, error) {
	text, err := in.wgs84()
	if err != nil {
		return nil, err
	}
	a := amendment{action: audit.SetBoundary, unitID: in.UnitID, reason: in.Reason, key: in.Key, fingerprint: text}
	return s.amend(ctx, actor, a, func(tx *store.Tx, u *Unit) error {
		if err := s.putBoundary(ctx, tx, u.ID, text); err != nil {
			return err
		}
		return units.Replace(ctx, tx, u) // which must be open still
	})
}

// wgs84 returns the boundary's text in the form in which it is stored.
func (in SetBoundary) wgs84() (string, error) {
	if in.GeoJSON == "" {
		return "", nil
	}
	if len(in.GeoJSON) > MaxBoundary {
		return "", fault.Invalid("geoJson", "boundary_size", fault.Args{"max": MaxBoundary})
	}
	area, err := geo.ParseArea(in.GeoJSON, in.Datum)
	var wrong *geo.AreaError
	if errors.As(err, &wrong) {
		return "", boundaryFault(wrong)
	}
	if err != nil {
		return "", err
	}
	return area.GeoJSON(), nil
}

// boundaryFault says what is wrong in words of the catalogue.
func boundaryFault(e *geo.AreaError) error {
	where := fault.Args{
		"problem": string(e.Problem), "polygon": e.Polygon, "ring": e.Ring, "point": e.Point, "other": e.Other, "max": geo.MaxAreaPoints,
	}
	switch e.Problem {
	case geo.AreaType:
		return fault.Invalid("geoJson", "boundary_type", where)
	case geo.AreaEmpty:
		return fault.Invalid("geoJson", "boundary_empty", where)
	case geo.AreaPoints:
		return fault.Invalid("geoJson", "boundary_points", where)
	case geo.AreaPair:
		return fault.Invalid("geoJson", "boundary_pair", where)
	case geo.AreaRange:
		return fault.Invalid("geoJson", "boundary_range", where)
	case geo.AreaShort:
		return fault.Invalid("geoJson", "boundary_short", where)
	case geo.AreaOpen:
		return fault.Invalid("geoJson", "boundary_open", where)
	case geo.AreaCrosses:
		return fault.Invalid("geoJson", "boundary_crosses", where)
	case geo.AreaHoles:
		return fault.Invalid("geoJson", "boundary_holes", where)
	case geo.AreaOverlap:
		return fault.Invalid("geoJson", "boundary_overlaps", where)
	default:
		return fault.Invalid("geoJson", "boundary_syntax", where)
	}
}

func (s *Service) putBoundary(ctx context.Context, tx *store.Tx, unitID, text string) error {
	b, err := boundaries.Get(ctx, tx, unitID)
	missing := errors.Is(err, store.ErrNotFound)
	switch {
	case err != nil && !missing:
		return err
	case missing && text == "":
		return nil
	case text == "":
		return boundaries.Delete(ctx, tx, b)
	case missing:
		return boundaries.Insert(ctx, tx, &boundary{Meta: store.Meta{ID: unitID}, GeoJSON: text, SetAt: s.now()})
	}
	b.GeoJSON, b.SetAt = text, s.now()
	return boundaries.Replace(ctx, tx, b)
}

// MaxBoundaries is how many boundaries are read at a time: they are large.
const MaxBoundaries = 20

// Boundaries returns those boundaries of the units that are known, as GeoJSON in
// WGS-84, by id. Boundaries are public within the programme. More than
// MaxBoundaries units are INVALID.
func (s *Service) Boundaries(ctx context.Context, unitIDs []string) (map[string]string, error) {
	if len(unitIDs) > MaxBoundaries {
		return nil, fault.Invalid("first", "boundaries_at_once", fault.Args{"max": MaxBoundaries})
	}
	found, err := boundaries.GetMany(ctx, s.db, unitIDs)
	if err != nil {
		return nil, fmt.Errorf("reading boundaries: %w", err)
	}
	texts := make(map[string]string, len(found))
	for id, b := range found {
		texts[id] = b.GeoJSON
	}
	return texts, nil
}
