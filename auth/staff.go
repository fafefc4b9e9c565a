package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Subject is an account that somebody else is shown.
type Subject struct {
	AccountID string
	UnitPath  string // where it is staff
}

// NewStaff is a role for whoever has a phone.
type NewStaff struct {
	Phone string // as people write it, see ParsePhone
	// Name is of whoever has none yet; at most 100 characters.
	Name     string
	Role     Role // TRAINER, DISPATCHER or ADMIN
	UnitPath string
	Key      string // makes a repetition safe (see store.Once); optional
}

// Dismissal takes a role on an org unit from an account.
type Dismissal struct {
	AccountID string
	Role      Role
	UnitPath  string
	Reason    string // 1 to 500 characters
	Key       string // as above
}

// ListStaff lists the appointments to the org unit with that path and to those
// below it, in the order of the tree, to its staff; to others it is FORBIDDEN.
// What is shown of others is recorded first.
func (s *Service) ListStaff(ctx context.Context, actor Principal, unitPath string, first int, after string) (store.Page[Appointment], error) {
	if err := actor.Require(unitPath, RoleDispatcher); err != nil {
		return store.Page[Appointment]{}, err
	}
	page, err := appointments.List(ctx, s.DB, store.Where(store.Prefix("unitPath", unitPath)), first, after)
	if err != nil {
		return page, fmt.Errorf("listing staff: %w", err)
	}
	if err := s.recordRead(ctx, actor, page.Items); err != nil {
		return store.Page[Appointment]{}, err
	}
	return page, nil
}

func (s *Service) recordRead(ctx context.Context, actor Principal, shown []*Appointment) error {
	var others []Subject
	for _, a := range shown {
		if a.AccountID != actor.AccountID {
			others = append(others, Subject{AccountID: a.AccountID, UnitPath: a.UnitPath})
		}
	}
	if s.RecordRead == nil || len(others) == 0 {
		return nil
	}
	return s.RecordRead(ctx, actor, others)
}

// GrantRole gives a role on an org unit to whoever has the phone, and makes an
// account if nobody has. It is for administrators of the unit. It fails with
// FORBIDDEN and INVALID.
func (s *Service) GrantRole(ctx context.Context, actor Principal, in NewStaff) (*Account, error) {
	if err := actor.Require(in.UnitPath, RoleAdmin); err != nil {
		return nil, err
	}
	if in.Role == RoleVolunteer { // the roster is where those come from
		return nil, fault.Invalid("role", "grant")
	}
	phone, err := ParsePhone(in.Phone)
	if err != nil {
		return nil, err
	}
	in.Phone, in.Name = phone, strings.TrimSpace(in.Name)
	return s.administered(ctx, actor, step{
		action: "grant role", key: in.Key, print: fmt.Sprint(in.Phone, in.Name, in.Role, in.UnitPath), path: in.UnitPath,
	}, func(tx *store.Tx) (*Account, error) { return s.recruit(ctx, tx, actor, in) })
}

// recruit finds or makes the account, and gives it the role.
func (s *Service) recruit(ctx context.Context, tx *store.Tx, actor Principal, in NewStaff) (*Account, error) {
	g := Grant{Role: in.Role, UnitPath: in.UnitPath}
	account, err := s.AccountByPhone(ctx, tx, in.Phone)
	switch {
	case fault.CodeOf(err) == fault.CodeNotFound && in.Name == "":
		return nil, fault.Invalid("name", "required")
	case fault.CodeOf(err) == fault.CodeNotFound:
		account, err = s.CreateAccount(ctx, tx, NewAccount{Phone: in.Phone, Name: in.Name, Grants: []Grant{g}})
	case err == nil && slices.Contains(account.Grants, g):
		return account, nil
	case err == nil:
		account, err = s.Grant(ctx, tx, account.ID, g)
	}
	if err != nil {
		return nil, err
	}
	if account, err = s.christen(ctx, tx, account, in.Name); err != nil {
		return nil, err
	}
	return account, s.record(ctx, tx, actor, Change{
		Action: ActionGrantRole, SubjectID: account.ID, UnitPath: in.UnitPath, Role: in.Role,
	})
}

// christen names an account that has no name yet.
func (s *Service) christen(ctx context.Context, tx *store.Tx, account *Account, name string) (*Account, error) {
	if account.Name != "" || name == "" {
		return account, nil
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	account.Name = name
	return account, accounts.Replace(ctx, tx, account)
}

// RevokeRole takes a role on an org unit from an account. It is for
// administrators of the unit. It fails with INVALID, FORBIDDEN, NOT_FOUND if
// the account does not have that role there, and with CONFLICT for one's own
// role as an administrator: since whoever revokes another's is one, no district
// loses its last.
func (s *Service) RevokeRole(ctx context.Context, actor Principal, in Dismissal) (*Account, error) {
	if err := fault.CheckRequired("reason", in.Reason, maxReason); err != nil {
		return nil, err
	}
	if err := actor.Require(in.UnitPath, RoleAdmin); err != nil {
		return nil, err
	}
	if in.AccountID == actor.AccountID && in.Role == RoleAdmin {
		return nil, fault.Conflict("own_role")
	}
	return s.administered(ctx, actor, step{
		action: "revoke role", key: in.Key, print: fmt.Sprint(in.AccountID, in.Role, in.UnitPath, in.Reason), path: in.UnitPath,
	}, func(tx *store.Tx) (*Account, error) { return s.dismiss(ctx, tx, actor, in) })
}

// dismiss takes the role away, under whatever path the unit had when it was
// given.
func (s *Service) dismiss(ctx context.Context, tx *store.Tx, actor Principal, in Dismissal) (*Account, error) {
	target := Grant{Role: in.Role, UnitPath: in.UnitPath}
	account, err := s.regrant(ctx, tx, in.AccountID, func(a *Account) error {
		var kept []Grant
		for _, g := range a.Grants {
			now, err := s.effective(ctx, []Grant{g})
			if err != nil {
				return err
			}
			if !slices.Contains(now, target) {
				kept = append(kept, g)
			}
		}
		if len(kept) == len(a.Grants) {
			return fault.NotFound("role")
		}
		a.Grants = kept
		return nil
	})
	if err != nil {
		return nil, accountFault("revoking a role", err)
	}
	return account, s.record(ctx, tx, actor, Change{
		Action: ActionRevokeRole, SubjectID: account.ID, UnitPath: in.UnitPath, Role: in.Role, Reason: in.Reason,
	})
}

// maxReason is how many characters a reason may have.
const maxReason = 500
