package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Action is what an administrator changed about an account.
type Action string

// The actions.
const (
	ActionGrantRole           Action = "GRANT_ROLE"
	ActionRevokeRole          Action = "REVOKE_ROLE"
	ActionSuspendAccount      Action = "SUSPEND_ACCOUNT"
	ActionReinstateAccount    Action = "REINSTATE_ACCOUNT"
	ActionRequireSecondFactor Action = "REQUIRE_SECOND_FACTOR"
	ActionResetSecondFactor   Action = "RESET_SECOND_FACTOR"
)

// Change is a change by an administrator, as it is recorded.
type Change struct {
	Action    Action
	SubjectID string // an account
	UnitPath  string // where it belongs; "" for nowhere
	Reason    string
	Role      Role  // that was granted or revoked; "" for other actions
	Required  *bool // whether a second factor is, from now on; nil for other actions
}

func (s *Service) record(ctx context.Context, tx *store.Tx, actor Principal, c Change) error {
	if s.Record == nil {
		return nil
	}
	return s.Record(ctx, tx, actor, c)
}

// step is one change by an administrator.
type step struct {
	action, key, print string
	path               string // of the unit that the actor must administer; "" if take looks
}

// administered takes the step once, as an actor who is an administrator when it
// is taken, and returns the account that it was about.
func (s *Service) administered(ctx context.Context, actor Principal, st step, take func(tx *store.Tx) (*Account, error)) (account *Account, err error) {
	err = s.atomically(ctx, func(tx *store.Tx) error {
		if err := s.confirm(ctx, tx, actor, st.path); err != nil {
			return err
		}
		again := store.Step{Actor: actor.AccountID, Action: st.action, Key: st.key, Fingerprint: st.print}
		id, _, err := store.Once(ctx, tx, s.Now(), again, func() (string, error) {
			done, err := take(tx)
			if err != nil {
				return "", err
			}
			return done.ID, nil
		})
		if err != nil {
			return err
		}
		account, err = accounts.Get(ctx, tx, id)
		return err
	})
	return account, accountFault("administering an account", err)
}

// confirm makes sure that the actor still is an administrator of the unit, or
// of any if path is "". It writes to the actor's account, so that of two
// administrators who dismiss each other at once one is too late.
func (s *Service) confirm(ctx context.Context, tx *store.Tx, actor Principal, path string) error {
	session, account, err := s.live(ctx, tx, actor.SessionID)
	if err != nil {
		return err
	}
	now, err := s.principal(ctx, session, account)
	if err != nil {
		return err
	}
	if path == "" && !now.Has(RoleAdmin) || path != "" && !now.May(path, RoleAdmin) || !now.has(actor.Grants) {
		return fault.Forbidden()
	}
	return accounts.Replace(ctx, tx, account)
}

// Order is what an administrator wants done to another's account.
type Order struct {
	AccountID string
	Reason    string // 1 to 500 characters
	Key       string // makes a repetition safe (see store.Once); optional
}

// SuspendAccount bars an account from signing in, and ends its sessions. It is
// for those who administer all that the account is staff of, and the unit that
// it belongs to on the roster, if any. It fails with INVALID, FORBIDDEN,
// NOT_FOUND, and with CONFLICT for one's own.
func (s *Service) SuspendAccount(ctx context.Context, actor Principal, o Order) (*Account, error) {
	return s.order(ctx, actor, "suspend account", o, func(tx *store.Tx, account *Account, c Change) (*Account, error) {
		if account.Suspended() {
			return account, nil
		}
		c.Action = ActionSuspendAccount
		account, err := s.Suspend(ctx, tx, account.ID)
		return account, errors.Join(err, s.record(ctx, tx, actor, c))
	})
}

// ReinstateAccount lets a suspended account sign in again. For whom it is, and
// how it fails, is as for SuspendAccount.
func (s *Service) ReinstateAccount(ctx context.Context, actor Principal, o Order) (*Account, error) {
	return s.order(ctx, actor, "reinstate account", o, func(tx *store.Tx, account *Account, c Change) (*Account, error) {
		if !account.Suspended() {
			return account, nil
		}
		c.Action = ActionReinstateAccount
		account, err := s.Reinstate(ctx, tx, account.ID)
		return account, errors.Join(err, s.record(ctx, tx, actor, c))
	})
}

// order carries an order out on an account of which the actor is in charge.
// take gets the account as it is, and what to record but for the action.
func (s *Service) order(
	ctx context.Context, actor Principal, action string, o Order, take func(*store.Tx, *Account, Change) (*Account, error),
) (*Account, error) {
	if err := fault.CheckRequired("reason", o.Reason, maxReason); err != nil {
		return nil, err
	}
	return s.charge(ctx, actor, step{action: action, key: o.Key, print: fmt.Sprint(o.AccountID, " ", o.Reason)}, o.AccountID,
		func(tx *store.Tx, account *Account, path string) (*Account, error) {
			return take(tx, account, Change{SubjectID: account.ID, UnitPath: path, Reason: o.Reason})
		})
}

// charge takes a step on an account that is not the actor's own, and of which
// the actor is in charge.
func (s *Service) charge(
	ctx context.Context, actor Principal, st step, accountID string, take func(tx *store.Tx, account *Account, path string) (*Account, error),
) (*Account, error) {
	if !actor.Has(RoleAdmin) {
		return nil, fault.Forbidden()
	}
	if accountID == actor.AccountID {
		return nil, fault.Conflict("own_account")
	}
	home, err := s.place(ctx, accountID)
	if err != nil {
		return nil, err
	}
	return s.administered(ctx, actor, st, func(tx *store.Tx) (*Account, error) {
		account, err := accounts.Get(ctx, tx, accountID)
		if err != nil {
			return nil, err
		}
		path, err := s.inCharge(ctx, actor, account, home)
		if err != nil {
			return nil, err
		}
		return take(tx, account, path)
	})
}

func (s *Service) place(ctx context.Context, accountID string) (string, error) {
	if s.Place == nil {
		return "", nil
	}
	path, err := s.Place(ctx, accountID)
	if err != nil {
		return "", fmt.Errorf("finding where an account belongs: %w", err)
	}
	return path, nil
}

// inCharge returns where an account belongs if the actor administers all that
// it is staff of, and where it belongs; otherwise FORBIDDEN. The first alone
// would not do: anybody can be made staff by whoever knows the phone, and would
// then be at the mercy of a stranger. home is the unit that it belongs to, ""
// for none.
func (s *Service) inCharge(ctx context.Context, actor Principal, account *Account, home string) (string, error) {
	grants, err := s.effective(ctx, account.Grants)
	if err != nil {
		return "", err
	}
	path, staff := home, false
	if home != "" && !actor.May(home, RoleAdmin) {
		return "", fault.Forbidden()
	}
	for _, g := range grants {
		if g.Role == RoleVolunteer {
			continue
		}
		if !actor.May(g.UnitPath, RoleAdmin) {
			return "", fault.Forbidden()
		}
		if !staff {
			path, staff = g.UnitPath, true
		}
	}
	if !staff && path == "" && len(grants) > 0 {
		path = grants[0].UnitPath
	}
	return path, actor.Require(path, RoleAdmin)
}
