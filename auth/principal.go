package auth

import (
	"slices"
	"strings"

	"github.com/musterhq/muster/fault"
)

// Role is what an account is trusted with, within a scope.
type Role string

// The roles. ADMIN includes DISPATCHER and TRAINER.
const (
	RoleVolunteer  Role = "VOLUNTEER"
	RoleTrainer    Role = "TRAINER"
	RoleDispatcher Role = "DISPATCHER"
	RoleAdmin      Role = "ADMIN"
)

// Grant gives a role on an org unit and its subtree.
type Grant struct {
	Role Role `bson:"role"`
	// UnitPath is the org unit's path: the ids from the root down to it, each
	// followed by a slash, so that a unit is in the subtree of another if its
	// path begins with the other's.
	UnitPath string `bson:"unitPath"`
}

// LastUnit returns the id of the org unit that the path leads to.
func LastUnit(unitPath string) string {
	trimmed := strings.TrimSuffix(unitPath, "/")
	return trimmed[strings.LastIndexByte(trimmed, '/')+1:]
}

// Principal is who is asking: an account in one of its sessions.
type Principal struct {
	AccountID string
	SessionID string
	Grants    []Grant
}

// May reports whether the principal has one of the roles on the org unit with
// that path.
func (p Principal) May(unitPath string, roles ...Role) bool {
	return unitPath != "" && slices.ContainsFunc(p.Grants, func(g Grant) bool {
		return g.UnitPath != "" && strings.HasPrefix(unitPath, g.UnitPath) && g.Role.includes(roles)
	})
}

// Has reports whether the principal has one of the roles anywhere.
func (p Principal) Has(roles ...Role) bool {
	return slices.ContainsFunc(p.Grants, func(g Grant) bool { return g.Role.includes(roles) })
}

// Require returns a FORBIDDEN fault unless the principal May.
func (p Principal) Require(unitPath string, roles ...Role) error {
	if !p.May(unitPath, roles...) {
		return fault.Forbidden()
	}
	return nil
}

// Scopes returns the paths of the org units on which the principal has one of
// the roles, without those that lie within another.
func (p Principal) Scopes(roles ...Role) []string {
	var paths []string
	for _, g := range p.Grants {
		if g.UnitPath != "" && g.Role.includes(roles) {
			paths = append(paths, g.UnitPath)
		}
	}
	slices.Sort(paths) // a unit directly before its subtree
	var widest []string
	for _, path := range paths {
		if n := len(widest); n == 0 || !strings.HasPrefix(path, widest[n-1]) {
			widest = append(widest, path)
		}
	}
	return widest
}

// has reports whether the principal has all the grants.
func (p Principal) has(grants []Grant) bool {
	return !slices.ContainsFunc(grants, func(g Grant) bool { return !slices.Contains(p.Grants, g) })
}

// known reports whether the role is one of the roles above.
func (r Role) known() bool {
	return slices.Contains([]Role{RoleVolunteer, RoleTrainer, RoleDispatcher, RoleAdmin}, r)
}

func (r Role) includes(roles []Role) bool {
	return slices.Contains(roles, r) ||
		r == RoleAdmin && (slices.Contains(roles, RoleDispatcher) || slices.Contains(roles, RoleTrainer))
}
