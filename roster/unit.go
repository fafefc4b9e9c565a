package roster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
)

// Level is how high a unit stands in the tree.
type Level string

// The levels, from the root down.
const (
	LevelDistrict    Level = "DISTRICT"
	LevelSubdistrict Level = "SUBDISTRICT" // 街道
	LevelCommunity   Level = "COMMUNITY"   // 社区
)

// depth is 1 for the root's level, and 0 for what is no level.
func (l Level) depth() int {
	return 1 + slices.Index([]Level{LevelDistrict, LevelSubdistrict, LevelCommunity}, l)
}

// Unit is an org unit: a node of the tree. Its id is its 12-digit national
// division code. Units are public within the programme.
type Unit struct {
	store.Meta `bson:",inline"`
	Name       string `bson:"name"`
	Level      Level  `bson:"level"`
	ParentID   string `bson:"parentId"` // "" for a root
	// Path is the ids from the root down to this unit, each followed by a
	// slash.
	Path string `bson:"path"`
	// Center is roughly the middle of the unit, where it is known.
	Center *geo.Position `bson:"center,omitempty"`
}

var units = store.Define[Unit]("units",
	store.Index{Name: "parent", Fields: []string{"parentId"}},
)

// importChunk is how many units are written in one atomic step, so that others
// need not wait long for theirs.
const importChunk = 500

// ImportUnits makes the stored units like those given, which are as
// ReadDivisions returns them, with centres added where they are known. It adds
// and renames; it never deletes, a unit without a centre keeps the one that is
// stored, and a second import of the same units changes nothing. A unit that
// would move in the tree is an error, because grants and responders hold its
// path. It is for start-up, and asks for no actor.
func (s *Service) ImportUnits(ctx context.Context, list []Unit) error {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Unit) int { return strings.Compare(a.Path, b.Path) })
	for chunk := range slices.Chunk(list, importChunk) {
		err := s.db.Atomically(ctx, func(tx *store.Tx) error { return importChunkOf(ctx, tx, chunk) })
		if err != nil {
			return fmt.Errorf("importing units: %w", err)
		}
	}
	return nil
}

func importChunkOf(ctx context.Context, tx *store.Tx, chunk []Unit) error {
	ids := make([]string, len(chunk))
	for i, u := range chunk {
		ids[i] = u.ID
	}
	stored, err := units.GetMany(ctx, tx, ids)
	if err != nil {
		return err
	}
	for _, u := range chunk {
		if err := importUnit(ctx, tx, u, stored[u.ID]); err != nil {
			return fmt.Errorf("unit %s: %w", u.ID, err)
		}
	}
	return nil
}

func importUnit(ctx context.Context, tx *store.Tx, u Unit, stored *Unit) error {
	if !strings.HasSuffix("/"+u.Path, "/"+u.ID+"/") {
		return fmt.Errorf("the path %q does not end in the id", u.Path)
	}
	if stored == nil {
		return units.Insert(ctx, tx, &u)
	}
	if stored.Path != u.Path {
		return fmt.Errorf("is at %s and cannot move to %s", stored.Path, u.Path)
	}
	if u.Center == nil {
		u.Center = stored.Center
	}
	if stored.Name == u.Name && stored.Level == u.Level && sameCenter(stored.Center, u.Center) {
		return nil
	}
	u.Meta = stored.Meta
	return units.Replace(ctx, tx, &u)
}

func sameCenter(a, b *geo.Position) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// Unit returns the unit, or NOT_FOUND.
func (s *Service) Unit(ctx context.Context, id string) (*Unit, error) {
	return findUnit(ctx, s.db, id)
}

func findUnit(ctx context.Context, on store.Conn, id string) (*Unit, error) {
	u, err := units.Get(ctx, on, id)
	return known(u, err, "unit")
}

// Units returns those of the units that exist, by id.
func (s *Service) Units(ctx context.Context, ids []string) (map[string]*Unit, error) {
	return units.GetMany(ctx, s.db, ids)
}

// Children lists the units directly below the parent, by id; "" lists the
// roots. A parent that does not exist is NOT_FOUND.
func (s *Service) Children(ctx context.Context, parentID string, first int, after string) (store.Page[Unit], error) {
	if parentID != "" {
		if _, err := s.Unit(ctx, parentID); err != nil {
			return store.Page[Unit]{}, err
		}
	}
	return units.List(ctx, s.db, store.Where(store.Eq("parentId", parentID)), first, after)
}
