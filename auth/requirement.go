package auth

import (
	"context"
	"fmt"

	"github.com/musterhq/muster/store"
)

// Requirement says whether an account must have a second factor to be staff.
type Requirement struct {
	AccountID string
	Required  bool
	Key       string // makes a repetition safe (see store.Once); optional
}

// RequireSecondFactor makes an account need a second factor, or do without.
// Where it needs one, sessions that have not shown it have no more grants than
// a volunteer, at once. For whom it is, and how it fails, is as for
// SuspendAccount.
func (s *Service) RequireSecondFactor(ctx context.Context, actor Principal, r Requirement) (*Account, error) {
	st := step{action: "require second factor", key: r.Key, print: fmt.Sprint(r.AccountID, " ", r.Required)}
	return s.charge(ctx, actor, st, r.AccountID, func(tx *store.Tx, account *Account, path string) (*Account, error) {
		if account.SecondFactorRequired == r.Required {
			return account, nil
		}
		account.SecondFactorRequired = r.Required
		if err := accounts.Replace(ctx, tx, account); err != nil {
			return nil, err
		}
		return account, s.record(ctx, tx, actor, Change{
			Action: ActionRequireSecondFactor, SubjectID: account.ID, UnitPath: path, Required: &r.Required,
		})
	})
}

// ResetSecondFactor takes away the second factor of an account whose owner has
// lost it, and ends its sessions: whoever has found the phone may have them.
// For whom it is, and how it fails, is as for SuspendAccount.
func (s *Service) ResetSecondFactor(ctx context.Context, actor Principal, o Order) (*Account, error) {
	return s.order(ctx, actor, "reset second factor", o, func(tx *store.Tx, account *Account, c Change) (*Account, error) {
		f, err := s.loadFactor(ctx, tx, account.ID)
		if err != nil {
			return nil, err
		}
		if err := s.dropFactor(ctx, tx, f); err != nil {
			return nil, err
		}
		if err := s.endSessions(ctx, tx, account.ID); err != nil {
			return nil, err
		}
		c.Action = ActionResetSecondFactor
		return account, s.record(ctx, tx, actor, c)
	})
}
