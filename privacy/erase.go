package privacy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// EraseOwn erases the actor's account. confirmation is its phone, typed again,
// so that nobody does it by accident. It fails with INVALID if that is another
// phone, and with CONFLICT while the actor is responding to an alert: others
// count on it, so it withdraws first.
func (s *Service) EraseOwn(ctx context.Context, actor auth.Principal, confirmation string) (e *Erasure, err error) {
	err = s.DB.Atomically(ctx, func(tx *store.Tx) error {
		// One answer for every phone but one's own: it tells nothing of others.
		account, err := s.Auth.AccountByPhone(ctx, tx, confirmation)
		code := fault.CodeOf(err)
		if code == fault.CodeInvalid || code == fault.CodeNotFound || err == nil && account.ID != actor.AccountID {
			return fault.Invalid("confirmation", "erasure_confirmation")
		}
		if err == nil {
			e, err = s.begin(ctx, tx, actor.AccountID, Requested)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("erasing one's own account: %w", err)
	}
	return e, nil
}

// EraseAccount is what an administrator says to erase somebody's account.
type EraseAccount struct {
	AccountID string
	// Reason is kept in the audit log: what it rests on, 1 to 500 characters,
	// and not who the person was.
	Reason string
	Key    string // makes a repetition safe (see store.Once); optional
}

// maxReason is how many characters a reason may have.
const maxReason = 500

// Erase erases an account for an administrator of the org unit that it belongs
// to, who must also be one wherever the account has a role. One that neither is
// on the roster nor has a role is nobody's but its owner's. It fails with
// INVALID; with FORBIDDEN for other staff of that unit; with NOT_FOUND for
// everybody else, or if there is none; and with CONFLICT while it is responding
// to an alert, or if it was erased before.
func (s *Service) Erase(ctx context.Context, actor auth.Principal, in EraseAccount) (e *Erasure, err error) {
	in.Reason = strings.TrimSpace(in.Reason)
	if err := fault.CheckRequired("reason", in.Reason, maxReason); err != nil {
		return nil, err
	}
	err = s.DB.Atomically(ctx, func(tx *store.Tx) error {
		step := store.Step{Actor: actor.AccountID, Action: "erase", Key: in.Key, Fingerprint: in.AccountID + " " + in.Reason}
		_, _, err := store.Once(ctx, tx, s.Now(), step, func() (string, error) {
			return in.AccountID, s.erase(ctx, tx, actor, in)
		})
		if err == nil {
			e, err = erasures.Get(ctx, tx, in.AccountID)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("erasing an account: %w", err)
	}
	return e, nil
}

func (s *Service) erase(ctx context.Context, tx *store.Tx, actor auth.Principal, in EraseAccount) error {
	grants, err := s.Auth.GrantsOf(ctx, tx, in.AccountID)
	if err != nil {
		return err
	}
	unitPath, err := s.UnitOf(ctx, tx, in.AccountID)
	if err != nil {
		return err
	}
	if unitPath == "" && len(grants) > 0 { // staff need not be on the roster
		unitPath = grants[0].UnitPath
	}
	if err := mayErase(actor, unitPath); err != nil {
		return err
	}
	for _, g := range grants {
		if err := actor.Require(g.UnitPath, auth.RoleAdmin); err != nil {
			return err
		}
	}
	change := audit.Change{Action: audit.EraseAccount, SubjectID: in.AccountID, UnitPath: unitPath, Reason: in.Reason}
	if err := s.Audit.Changed(ctx, tx, actor, change); err != nil {
		return err
	}
	_, err = s.begin(ctx, tx, in.AccountID, ByStaff)
	return err
}

// mayErase asks for an administrator of the unit. To who has no role there the
// account is not there either.
func mayErase(actor auth.Principal, unitPath string) error {
	switch {
	case actor.May(unitPath, auth.RoleAdmin):
		return nil
	case actor.May(unitPath, auth.RoleDispatcher, auth.RoleTrainer):
		return fault.Forbidden()
	}
	return fault.NotFound("account")
}

// Expire erases an account that has been kept for long enough, if holds still
// says so within the step. Who is responding to an alert, or was erased before,
// is left alone.
func (s *Service) Expire(ctx context.Context, accountID string, holds func(*store.Tx) (bool, error)) error {
	err := s.DB.Atomically(ctx, func(tx *store.Tx) error {
		expired, err := holds(tx)
		if err != nil || !expired {
			return err
		}
		_, err = s.begin(ctx, tx, accountID, Retention)
		return err
	})
	if fault.CodeOf(err) == fault.CodeConflict || errors.Is(err, store.ErrStale) {
		return nil // the next round looks again
	}
	return err
}
