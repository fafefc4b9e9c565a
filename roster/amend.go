package roster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
)

// amendment is what all changes of one unit by an administrator have in common.
type amendment struct {
	action      audit.Action
	unitID      string
	reason, key string
	fingerprint string // of the rest of the input
}

func (a amendment) step(actor auth.Principal) store.Step {
	return store.Step{
		Actor: actor.AccountID, Action: string(a.action), Key: a.key,
		Fingerprint: strings.Join([]string{a.unitID, a.reason, a.fingerprint}, "\x00"),
	}
}

// amend changes the unit, which must be open and within the actor's scope, in a
// step that the audit log tells of, and returns it as it is then.
func (s *Service) amend(ctx context.Context, actor auth.Principal, a amendment, change func(tx *store.Tx, u *Unit) error) (*Unit, error) {
	return s.amendOnce(ctx, actor, a, func(tx *store.Tx) (string, error) {
		u, err := administered(ctx, tx, actor, a.unitID)
		if err != nil {
			return "", err
		}
		if err := change(tx, u); err != nil {
			return "", err
		}
		return u.ID, s.audit.Changed(ctx, tx, actor, audit.Change{Action: a.action, SubjectID: u.ID, UnitPath: u.Path, Reason: a.reason})
	})
}

// amendOnce takes the step, unless it is a repetition, and returns the unit that
// it was about.
func (s *Service) amendOnce(ctx context.Context, actor auth.Principal, a amendment, take func(tx *store.Tx) (string, error)) (*Unit, error) {
	if err := fault.CheckRequired("reason", a.reason, MaxReason); err != nil {
		return nil, err
	}
	var u *Unit
	err := s.db.Atomically(ctx, func(tx *store.Tx) error {
		id, _, err := store.Once(ctx, tx, s.now(), a.step(actor), func() (string, error) { return take(tx) })
		if err != nil {
			return err
		}
		u, err = findUnit(ctx, tx, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("changing an org unit: %w", err)
	}
	return u, nil
}

// administered returns an open unit to an administrator of it.
func administered(ctx context.Context, tx *store.Tx, actor auth.Principal, id string) (*Unit, error) {
	u, err := findUnit(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if err := actor.Require(u.Path, auth.RoleAdmin); err != nil {
		return nil, err
	}
	return u, u.mustBeOpen()
}

// mustBeOpen returns a CONFLICT if the unit is closed.
func (u *Unit) mustBeOpen() error {
	if u.Closed() {
		return fault.Conflict("unit_closed", fault.Args{"unit": u.ID, "state": "CLOSED", "mergedInto": u.MergedInto})
	}
	return nil
}

// NewUnit is an org unit that is to be.
type NewUnit struct {
	Code     string // 12 digits, used by no other, not even a closed one
	Name     string // at most 100 characters
	Level    Level  // one below the parent's
	ParentID string
	Center   *geo.Position // nil if it is not known
	Reason   string        // why, at most 500 characters
	Key      string        // makes a repetition safe (see store.Once); optional
}

// CreateUnit adds a unit below another, for administrators of that one. It fails
// with INVALID; NOT_FOUND for the parent; FORBIDDEN; or CONFLICT if the code is
// taken or the parent is closed. Districts are for ImportUnits alone.
func (s *Service) CreateUnit(ctx context.Context, actor auth.Principal, in NewUnit) (*Unit, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	a := amendment{
		action: audit.CreateUnit, unitID: in.Code, reason: in.Reason, key: in.Key,
		fingerprint: fmt.Sprint(in.Name, "\x00", in.Level, in.ParentID, spot(in.Center)),
	}
	return s.amendOnce(ctx, actor, a, func(tx *store.Tx) (string, error) {
		u, err := in.create(ctx, tx, actor)
		if err != nil {
			return "", err
		}
		return u.ID, s.audit.Changed(ctx, tx, actor, audit.Change{Action: a.action, SubjectID: u.ID, UnitPath: u.Path, Reason: a.reason})
	})
}

func (in NewUnit) check() error {
	switch {
	case !divisionCode.MatchString(in.Code):
		return fault.Invalid("code", "unit_code")
	case in.Level.depth() <= LevelDistrict.depth():
		return fault.Invalid("level", "unit_level")
	case in.Center != nil && !in.Center.Valid():
		return fault.Invalid("center", "position")
	}
	return unitName(in.Name)
}

// unitName checks the name of a unit.
func unitName(name string) error {
	if strings.ContainsFunc(name, disguises) {
		return fault.Invalid("name", "text")
	}
	return fault.CheckRequired("name", name, MaxName)
}

func (in NewUnit) create(ctx context.Context, tx *store.Tx, actor auth.Principal) (*Unit, error) {
	parent, err := administered(ctx, tx, actor, in.ParentID)
	if err != nil {
		return nil, err
	}
	if parent.Level.depth() != in.Level.depth()-1 {
		return nil, fault.Invalid("level", "unit_level")
	}
	u := &Unit{
		Meta: store.Meta{ID: in.Code}, Name: strings.TrimSpace(in.Name), Level: in.Level,
		ParentID: parent.ID, Path: parent.Path + in.Code + "/", Center: in.Center,
	}
	if err := free(ctx, tx, u.ID); err != nil {
		return nil, err
	}
	if err := units.Insert(ctx, tx, u); err != nil {
		return nil, err
	}
	return u, units.Replace(ctx, tx, parent) // which must be open still
}

// free returns a CONFLICT if the code is taken.
func free(ctx context.Context, tx *store.Tx, code string) error {
	u, err := units.Get(ctx, tx, code)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case u.Closed():
		return fault.Conflict("unit_code_taken", fault.Args{"unit": code, "state": "CLOSED"})
	}
	return fault.Conflict("unit_code_taken", fault.Args{"unit": code, "state": "OPEN"})
}

// RenameUnit is a new name for an org unit.
type RenameUnit struct {
	UnitID string
	Name   string // at most 100 characters
	Reason string // why, at most 500 characters
	Key    string // makes a repetition safe (see store.Once); optional
}

// RenameUnit gives the unit another name, for its administrators, and keeps the
// one it had among its FormerNames. It fails with INVALID, NOT_FOUND, FORBIDDEN,
// or CONFLICT if the unit is closed.
func (s *Service) RenameUnit(ctx context.Context, actor auth.Principal, in RenameUnit) (*Unit, error) {
	if err := unitName(in.Name); err != nil {
		return nil, err
	}
	a := amendment{action: audit.RenameUnit, unitID: in.UnitID, reason: in.Reason, key: in.Key, fingerprint: in.Name}
	return s.amend(ctx, actor, a, func(tx *store.Tx, u *Unit) error {
		u.rename(strings.TrimSpace(in.Name), s.now())
		return units.Replace(ctx, tx, u)
	})
}

// LocateUnit says where an org unit is.
type LocateUnit struct {
	UnitID string
	Center *geo.Position // roughly its middle; nil leaves it as it is
	// TimeZone is a district's, by its IANA name; "" leaves it as it is.
	TimeZone string
	Reason   string // why, at most 500 characters
	Key      string // makes a repetition safe (see store.Once); optional
}

// LocateUnit sets the centre or the time zone of the unit, for its
// administrators. Duties follow the new clock within moments (see Reorganise). It fails with INVALID, NOT_FOUND, FORBIDDEN, or CONFLICT if the
// unit is closed.
func (s *Service) LocateUnit(ctx context.Context, actor auth.Principal, in LocateUnit) (*Unit, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	a := amendment{
		action: audit.LocateUnit, unitID: in.UnitID, reason: in.Reason, key: in.Key,
		fingerprint: fmt.Sprint(spot(in.Center), in.TimeZone),
	}
	return s.amend(ctx, actor, a, func(tx *store.Tx, u *Unit) error {
		if in.TimeZone != "" && u.Level != LevelDistrict {
			return fault.Invalid("timeZone", "time_zone_of_district")
		}
		if in.TimeZone != "" && in.TimeZone != u.TimeZone {
			u.TimeZone = in.TimeZone
			if err := s.reorganise(ctx, tx, zoneSweep+u.Path, u.Path); err != nil {
				return err
			}
		}
		if in.Center != nil {
			u.Center = in.Center
		}
		return units.Replace(ctx, tx, u)
	})
}

func (in LocateUnit) check() error {
	if in.Center == nil && in.TimeZone == "" {
		return fault.Invalid("center", "required")
	}
	if in.Center != nil && !in.Center.Valid() {
		return fault.Invalid("center", "position")
	}
	if in.TimeZone == "Local" { // which is this machine's, wherever that is
		return fault.Invalid("timeZone", "time_zone")
	}
	if _, err := time.LoadLocation(in.TimeZone); err != nil {
		return fault.Invalid("timeZone", "time_zone")
	}
	return nil
}

// spot writes a position that may be missing.
func spot(p *geo.Position) string {
	if p == nil {
		return ""
	}
	return fmt.Sprint(*p)
}
