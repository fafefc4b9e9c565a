package roster

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
)

// importChunk is how many units are written in one atomic step, so that others
// need not wait long for theirs.
const importChunk = 500

// ImportUnits makes the stored units like those given, which are as
// ReadDivisions returns them, with centres added where they are known. It adds,
// renames and moves (see Move); it never deletes or closes, leaves what was
// closed as it is, puts what is listed below a unit that was merged below its
// successor, and keeps what the list does not say: centres, time zones. A second
// import of the same units changes nothing. It is for start-up, and asks for no
// actor. Its errors name the unit.
func (s *Service) ImportUnits(ctx context.Context, list []Unit) error {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Unit) int { // parents first
		return cmp.Or(cmp.Compare(a.Level.depth(), b.Level.depth()), cmp.Compare(a.ID, b.ID))
	})
	for chunk := range slices.Chunk(list, importChunk) {
		err := s.db.Atomically(ctx, func(tx *store.Tx) error { return s.importChunkOf(ctx, tx, chunk) })
		if err != nil {
			return fmt.Errorf("importing units: %w", err)
		}
	}
	return nil
}

func (s *Service) importChunkOf(ctx context.Context, tx *store.Tx, chunk []Unit) error {
	for _, u := range chunk {
		if err := s.importUnit(ctx, tx, u); err != nil {
			return fmt.Errorf("unit %s: %w", u.ID, err)
		}
	}
	return nil
}

func (s *Service) importUnit(ctx context.Context, tx *store.Tx, u Unit) error {
	if u.Path == "" {
		return fmt.Errorf("its place in the tree is not known")
	}
	stored, err := unitIn(ctx, tx, u.ID)
	if err != nil || stored != nil && stored.Closed() {
		return err
	}
	parent, err := importParent(ctx, tx, u)
	if err != nil {
		return err
	}
	if stored == nil {
		u.ParentID, u.Path = "", u.ID+"/"
		if parent != nil {
			u.ParentID, u.Path = parent.ID, parent.Path+u.ID+"/"
		}
		return units.Insert(ctx, tx, &u)
	}
	return s.reimport(ctx, tx, u, stored, parent)
}

// importParent returns the unit that is to be above u; nil for a district.
func importParent(ctx context.Context, tx *store.Tx, u Unit) (*Unit, error) {
	if u.ParentID == "" {
		return nil, nil
	}
	parent, err := successorIn(ctx, tx, u.ParentID)
	switch {
	case err != nil:
		return nil, err
	case parent == nil:
		return nil, fmt.Errorf("its parent %s is unknown", u.ParentID)
	case parent.Closed():
		return nil, fmt.Errorf("its parent %s is closed", parent.ID)
	}
	return parent, nil
}

// reimport changes a stored unit where the list says otherwise.
func (s *Service) reimport(ctx context.Context, tx *store.Tx, u Unit, stored, parent *Unit) error {
	if stored.Level != u.Level {
		return fmt.Errorf("is a %s and cannot become a %s", stored.Level, u.Level)
	}
	if parent != nil && stored.ParentID != parent.ID {
		if err := s.relocate(ctx, tx, stored, parent); err != nil {
			return err
		}
	}
	if u.Center == nil {
		u.Center = stored.Center
	}
	if stored.Name == u.Name && sameCenter(stored.Center, u.Center) {
		return nil
	}
	stored.rename(u.Name, s.now())
	stored.Center = u.Center
	return units.Replace(ctx, tx, stored)
}

func sameCenter(a, b *geo.Position) bool {
	return a == b || a != nil && b != nil && *a == *b
}
