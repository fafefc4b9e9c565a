package roster

import (
	"context"
	"slices"
	"time"

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
// division code, which is never used again. Units are public within the
// programme.
type Unit struct {
	store.Meta `bson:",inline"`
	Name       string `bson:"name"`
	Level      Level  `bson:"level"`
	ParentID   string `bson:"parentId"` // "" for a root
	// Path is the ids from the root down to this unit, each followed by a
	// slash. That of a closed unit says where it was last.
	Path string `bson:"path"`
	// Center is roughly the middle of the unit, where it is known.
	Center *geo.Position `bson:"center,omitempty"`
	// TimeZone is a district's, by its IANA name; "" for the usual one.
	TimeZone string `bson:"timeZone,omitempty"`
	// FormerNames are those that it has had, oldest first: the last 50.
	FormerNames []FormerName `bson:"formerNames,omitempty"`
	// ClosedAt is when the unit was closed; zero while it is open. A closed
	// unit can be read, and takes in nobody and nothing.
	ClosedAt time.Time `bson:"closedAt,omitempty"`
	// MergedInto is the unit that took over all that belonged to this one when
	// it was closed; "" if it was closed empty.
	MergedInto string `bson:"mergedInto,omitempty"`
}

// FormerName is a name that a unit had until it was renamed.
type FormerName struct {
	Name  string    `bson:"name"`
	Until time.Time `bson:"until"`
}

// maxFormerNames is how many names of a unit are kept.
const maxFormerNames = 50

// Closed reports whether the unit was closed.
func (u *Unit) Closed() bool { return !u.ClosedAt.IsZero() }

// rename gives the unit another name, and keeps the one it had.
func (u *Unit) rename(name string, now time.Time) {
	if u.Name != name {
		u.FormerNames = append(u.FormerNames, FormerName{Name: u.Name, Until: now})
		u.FormerNames = u.FormerNames[max(0, len(u.FormerNames)-maxFormerNames):]
		u.Name = name
	}
}

var units = store.Define[Unit]("units",
	store.Index{Name: "parent", Fields: []string{"parentId"}},
	store.Index{Name: "path", Fields: []string{"path"}},
)

// Unit returns the unit, or NOT_FOUND.
func (s *Service) Unit(ctx context.Context, id string) (*Unit, error) {
	return findUnit(ctx, s.db, id)
}

func findUnit(ctx context.Context, on store.Conn, id string) (*Unit, error) {
	u, err := units.Get(ctx, on, id)
	return known(u, err, "unit")
}

// openUnit returns the unit for something new to belong to it: NOT_FOUND, or
// CONFLICT if it is closed.
func openUnit(ctx context.Context, on store.Conn, id string) (*Unit, error) {
	u, err := findUnit(ctx, on, id)
	if err != nil {
		return nil, err
	}
	return u, u.mustBeOpen()
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
