package roster

import (
	"context"
	"slices"
	"strings"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// MoveUnit puts an org unit below another.
type MoveUnit struct {
	UnitID   string
	ParentID string // one level above the unit
	Reason   string // why, at most 500 characters
	Key      string // makes a repetition safe (see store.Once); optional
}

// MoveUnit puts the unit, with all that is below it, below another parent, for
// those who administer both the old parent and the new. The tree is changed at
// once; what is filed under the old paths follows (see Reorganise). It fails with
// INVALID if the levels do not fit, or the unit is a district; NOT_FOUND;
// FORBIDDEN; or CONFLICT if one of them is closed or the unit is there already.
func (s *Service) MoveUnit(ctx context.Context, actor auth.Principal, in MoveUnit) (*Unit, error) {
	a := amendment{action: audit.MoveUnit, unitID: in.UnitID, reason: in.Reason, key: in.Key, fingerprint: in.ParentID}
	return s.amendOnce(ctx, actor, a, func(tx *store.Tx) (string, error) {
		return in.UnitID, s.move(ctx, tx, actor, in)
	})
}

func (s *Service) move(ctx context.Context, tx *store.Tx, actor auth.Principal, in MoveUnit) error {
	u, err := findUnit(ctx, tx, in.UnitID)
	if err != nil {
		return err
	}
	if u.ParentID == "" {
		return fault.Invalid("orgUnitId", "unit_level")
	}
	if err := actor.Require(above(u.Path), auth.RoleAdmin); err != nil {
		return err
	}
	if err := u.mustBeOpen(); err != nil {
		return err
	}
	parent, err := administered(ctx, tx, actor, in.ParentID)
	if err != nil {
		return err
	}
	switch {
	case parent.Level.depth() != u.Level.depth()-1:
		return fault.Invalid("parentId", "unit_level")
	case parent.ID == u.ParentID:
		return fault.Conflict("unit_there_already", fault.Args{"parent": parent.ID})
	}
	from := u.Path
	if err := s.relocate(ctx, tx, u, parent); err != nil {
		return err
	}
	return s.auditBoth(ctx, tx, actor, audit.MoveUnit, in.Reason, u.ID, from, u.ID, u.Path)
}

// auditBoth tells the staff of both places, who need not be the same.
func (s *Service) auditBoth(ctx context.Context, tx *store.Tx, actor auth.Principal, action audit.Action, reason, fromID, from, toID, to string) error {
	details := []audit.Detail{{Name: "from", Value: from}, {Name: "to", Value: to}}
	err := s.audit.Changed(ctx, tx, actor, audit.Change{Action: action, SubjectID: fromID, UnitPath: from, Reason: reason, Details: details})
	if err != nil {
		return err
	}
	return s.audit.Changed(ctx, tx, actor, audit.Change{Action: action, SubjectID: toID, UnitPath: to, Reason: reason, Details: details})
}

// above returns the path of the unit above; "" above a district.
func above(unitPath string) string {
	return strings.TrimSuffix(unitPath, auth.LastUnit(unitPath)+"/")
}

// relocate puts the unit below the parent, with its subtree, and has what is
// filed under their paths follow. It replaces the parent, which must be open
// still.
func (s *Service) relocate(ctx context.Context, tx *store.Tx, u, parent *Unit) error {
	subtree, err := below(ctx, tx, u.Path)
	if err != nil {
		return err
	}
	from, to := u.Path, parent.Path+u.ID+"/"
	for _, each := range subtree {
		if each.ID == u.ID {
			each = u
			each.ParentID = parent.ID
		}
		old := each.Path
		each.Path = to + strings.TrimPrefix(old, from)
		if err := units.Replace(ctx, tx, each); err != nil {
			return err
		}
		if err := s.follow(ctx, tx, old, each.Path); err != nil {
			return err
		}
	}
	return units.Replace(ctx, tx, parent)
}

// below returns the units of the subtree with that path, its top included.
func below(ctx context.Context, tx *store.Tx, path string) ([]*Unit, error) {
	var list []*Unit
	for u, err := range units.All(ctx, tx, store.Where(store.Prefix("path", path))) {
		if err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	return list, nil
}

// MergeUnit merges an org unit into another.
type MergeUnit struct {
	UnitID string
	IntoID string // of the same level
	Reason string // why, at most 500 characters
	Key    string // makes a repetition safe (see store.Once); optional
}

// MergeUnit closes the unit and gives all that it has to another of its level:
// its responders and their teams, the units below it, and its incidents, which
// keep the name of the unit they were reported in. It is for those who administer
// both. The tree is changed at once, and the rest follows (see Reorganise). It
// fails with INVALID if the levels differ or the units do not; NOT_FOUND;
// FORBIDDEN; or CONFLICT if one of them is closed. It returns the unit that is
// left.
func (s *Service) MergeUnit(ctx context.Context, actor auth.Principal, in MergeUnit) (*Unit, error) {
	a := amendment{action: audit.MergeUnit, unitID: in.UnitID, reason: in.Reason, key: in.Key, fingerprint: in.IntoID}
	return s.amendOnce(ctx, actor, a, func(tx *store.Tx) (string, error) {
		return in.IntoID, s.merge(ctx, tx, actor, in)
	})
}

func (s *Service) merge(ctx context.Context, tx *store.Tx, actor auth.Principal, in MergeUnit) error {
	u, err := administered(ctx, tx, actor, in.UnitID)
	if err != nil {
		return err
	}
	into, err := administered(ctx, tx, actor, in.IntoID)
	if err != nil {
		return err
	}
	if into.ID == u.ID || into.Level != u.Level {
		return fault.Invalid("intoId", "unit_level")
	}
	children, err := childrenIn(ctx, tx, u.ID)
	if err != nil {
		return err
	}
	for _, child := range children {
		if err := s.relocate(ctx, tx, child, into); err != nil {
			return err
		}
	}
	u.ClosedAt, u.MergedInto = s.now(), into.ID
	if err := units.Replace(ctx, tx, u); err != nil {
		return err
	}
	if err := units.Replace(ctx, tx, into); err != nil { // which must be open still
		return err
	}
	if err := s.follow(ctx, tx, u.Path, into.Path); err != nil {
		return err
	}
	return s.auditBoth(ctx, tx, actor, audit.MergeUnit, in.Reason, u.ID, u.Path, into.ID, into.Path)
}

func childrenIn(ctx context.Context, tx *store.Tx, id string) ([]*Unit, error) {
	var list []*Unit
	for u, err := range units.All(ctx, tx, store.Where(store.Eq("parentId", id))) {
		if err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	return list, nil
}

// CloseUnit closes an org unit.
type CloseUnit struct {
	UnitID string
	Reason string // why, at most 500 characters
	Key    string // makes a repetition safe (see store.Once); optional
}

// CloseUnit closes a unit that has no open units below it, and no responders but
// those who have left or were rejected, for its administrators. It stays to be
// read. It fails with INVALID, NOT_FOUND, FORBIDDEN, or CONFLICT, which says what
// is left.
func (s *Service) CloseUnit(ctx context.Context, actor auth.Principal, in CloseUnit) (*Unit, error) {
	a := amendment{action: audit.CloseUnit, unitID: in.UnitID, reason: in.Reason, key: in.Key}
	return s.amend(ctx, actor, a, func(tx *store.Tx, u *Unit) error {
		if err := mustBeEmpty(ctx, tx, u); err != nil {
			return err
		}
		u.ClosedAt = s.now()
		return units.Replace(ctx, tx, u)
	})
}

// mustBeEmpty returns a CONFLICT that says what is left in the unit.
func mustBeEmpty(ctx context.Context, tx *store.Tx, u *Unit) error {
	under, err := arriving(ctx, tx, u.Path)
	if err != nil {
		return err
	}
	if under {
		return fault.Conflict("unit_reorganising", fault.Args{"unit": u.ID})
	}
	children, err := childrenIn(ctx, tx, u.ID)
	if err != nil {
		return err
	}
	children = slices.DeleteFunc(children, (*Unit).Closed)
	people, err := responders.Count(ctx, tx, store.Where(
		store.In("status", StatusApplied, StatusActive, StatusSuspended), store.Prefix("unitPath", u.Path)))
	if err != nil {
		return err
	}
	if len(children) > 0 || people > 0 {
		return fault.Conflict("unit_not_empty", fault.Args{"unit": u.ID, "units": len(children), "responders": people})
	}
	return nil
}
