package roster

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/store"
)

// maxMerges is how many mergers in a row are followed. A unit is merged into one
// that is open, so that they cannot go round in a circle.
const maxMerges = 1000

// CurrentPath returns where the unit is now to which the path once led: its
// path, or that of the unit that it was merged into; "" if there is no such unit.
// It answers from memory, and takes changes in as soon as they are committed, or
// on MongoDB as soon as they are told of.
func (s *Service) CurrentPath(ctx context.Context, unitPath string) (string, error) {
	f, err := s.tree.current(ctx, s.db)
	if err != nil {
		return "", err
	}
	return f.path(unitPath), nil
}

// Zone returns the time zone of the unit's district. If nothing is known of the
// unit it is the usual one.
func (s *Service) Zone(ctx context.Context, unitPath string) *time.Location {
	f, err := s.tree.current(ctx, s.db)
	if err != nil {
		s.log.Error("looking up a time zone", "error", err)
		return s.zone
	}
	if zone := f.zones[rootOf(f.path(unitPath))]; zone != nil {
		return zone
	}
	return s.zone
}

// path is CurrentPath in these units.
func (f *forest) path(unitPath string) string {
	u := f.successor(auth.LastUnit(unitPath))
	if u == nil {
		return ""
	}
	return u.Path
}

// successor returns the unit, or what it was merged into; nil if it is unknown.
func (f *forest) successor(id string) *Unit {
	u := f.units[id]
	for n := 0; u != nil && u.MergedInto != "" && n < maxMerges; n++ {
		u = f.units[u.MergedInto]
	}
	return u
}

// successorIn is forest.successor as an atomic step sees it.
func successorIn(ctx context.Context, on store.Conn, id string) (*Unit, error) {
	u, err := unitIn(ctx, on, id)
	for n := 0; err == nil && u != nil && u.MergedInto != "" && n < maxMerges; n++ {
		u, err = unitIn(ctx, on, u.MergedInto)
	}
	return u, err
}

// unitIn returns the unit, or nil if there is none.
func unitIn(ctx context.Context, on store.Conn, id string) (*Unit, error) {
	u, err := units.Get(ctx, on, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return u, err
}

// rootOf returns the id of the district that the path begins with.
func rootOf(unitPath string) string {
	id, _, _ := strings.Cut(unitPath, "/")
	return id
}
