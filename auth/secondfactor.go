package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// secondFactor is what an account proves itself by besides its phone: codes of
// an authenticator app (TOTP, RFC 6238), or recovery codes on paper. Its id is
// the account's.
type secondFactor struct {
	store.Meta `bson:",inline"`
	Sealed     []byte `bson:"sealed"` // the secret, encrypted
	// Active says that it was confirmed once, and counts.
	Active bool `bson:"active"`
	// UsedStep is the period of the last code that was accepted: no code is
	// accepted twice.
	UsedStep int64 `bson:"usedStep"`
	// Recovery are keyed hashes of the recovery codes that are left.
	Recovery [][]byte `bson:"recovery,omitempty"`
}

var secondFactors = store.Define[secondFactor]("secondFactors")

// sealPurpose is what secrets of second factors are sealed for.
const sealPurpose = "second factor"

// Enrolment is what an authenticator app needs. It prints as nothing.
type Enrolment struct {
	Secret string // base32, for typing
	URL    string // otpauth, for a QR code
}

// String hides the secret from logs.
func (Enrolment) String() string { return "an enrolment" }

// GoString is String.
func (e Enrolment) GoString() string { return e.String() }

// BeginSecondFactor makes a second factor for the actor's account, which does
// not count until it is confirmed, in place of one that has not been. It fails
// with CONFLICT if the account has one that counts.
func (s *Service) BeginSecondFactor(ctx context.Context, actor Principal) (*Enrolment, error) {
	account, err := s.Account(ctx, actor.AccountID)
	if err != nil {
		return nil, err
	}
	key, err := newTOTP(account.Phone)
	if err != nil {
		return nil, err
	}
	sealed, err := s.Keyring.seal(sealPurpose, actor.AccountID, key.Secret())
	if err != nil {
		return nil, err
	}
	err = s.atomically(ctx, func(tx *store.Tx) error {
		f, err := s.loadFactor(ctx, tx, actor.AccountID)
		if err != nil {
			return err
		}
		if f.Active {
			return fault.Conflict("second_factor_active")
		}
		f.Sealed, f.UsedStep = sealed, 0
		return putFactor(ctx, tx, f)
	})
	if err != nil {
		return nil, fmt.Errorf("beginning a second factor: %w", err)
	}
	return &Enrolment{Secret: key.Secret(), URL: key.URL()}, nil
}

// ConfirmSecondFactor makes the second factor that was begun count, if the code
// is of it, and returns recovery codes, of which each serves once in the place
// of a code. They are not shown again. from is the client's address. It fails
// with CONFLICT if none was begun or it counts already, with INVALID for a
// wrong code, and with RATE_LIMITED after too many.
func (s *Service) ConfirmSecondFactor(ctx context.Context, actor Principal, code, from string) ([]string, error) {
	codes := newRecoveryCodes()
	err := s.withFactor(ctx, actor, code, from, func(tx *store.Tx, f *secondFactor) error {
		if f.Active {
			return fault.Conflict("second_factor_active")
		}
		f.Active, f.Recovery = true, s.recoveryHashes(f.ID, codes)
		if err := putFactor(ctx, tx, f); err != nil {
			return err
		}
		if err := s.setFactorAt(ctx, tx, f.ID, s.Now()); err != nil {
			return err
		}
		_, err := sessions.Change(ctx, tx, actor.SessionID, func(x *Session) error {
			x.Proved = true
			return nil
		})
		if err != nil {
			return tokenFault("marking a session", err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("confirming a second factor: %w", err)
	}
	return codes, nil
}

// RemoveSecondFactor makes the actor's account do without a second factor, if
// the code, or recovery code, is of it. Where one is required the account is no
// staff from then on until it has another. It fails as ConfirmSecondFactor
// does.
func (s *Service) RemoveSecondFactor(ctx context.Context, actor Principal, code, from string) error {
	err := s.withFactor(ctx, actor, code, from, func(tx *store.Tx, f *secondFactor) error {
		if err := s.dropFactor(ctx, tx, f); err != nil {
			return err
		}
		return unprove(ctx, tx, f.ID)
	})
	if err != nil {
		return fmt.Errorf("removing a second factor: %w", err)
	}
	return nil
}

// unprove takes from the account's sessions that they have shown a second
// factor: they have not shown the next one, and may be on a phone that is lost.
func unprove(ctx context.Context, tx *store.Tx, accountID string) error {
	var proved []*Session
	for x, err := range sessions.All(ctx, tx, ofAccount(accountID)) {
		if err != nil {
			return err
		}
		if x.Proved {
			proved = append(proved, x)
		}
	}
	for _, x := range proved {
		x.Proved = false
		if err := sessions.Replace(ctx, tx, x); err != nil {
			return err
		}
	}
	return nil
}

// withFactor calls do with the actor's second factor if the code is of it. The
// failure to show one is counted.
func (s *Service) withFactor(ctx context.Context, actor Principal, code, from string, do func(*store.Tx, *secondFactor) error) error {
	var refused error
	err := s.atomically(ctx, func(tx *store.Tx) error {
		f, err := s.loadFactor(ctx, tx, actor.AccountID)
		if err != nil {
			return err
		}
		if f.Rev == 0 {
			return fault.Conflict("no_second_factor")
		}
		var right bool
		if right, err = s.tryFactor(ctx, tx, f, code, from); err != nil {
			return err
		}
		if refused = nil; !right {
			refused = fault.Invalid("code", "second_factor")
			return nil // the failure is counted
		}
		return do(tx, f)
	})
	return errors.Join(err, refused)
}

// prove looks at what somebody who signs in, with the phone proved, shows as the
// account's second factor, and uses it up. refused is UNAUTHENTICATED.
func (s *Service) prove(ctx context.Context, tx *store.Tx, account *Account, given, from string) (proved bool, refused, err error) {
	if !account.HasSecondFactor() {
		return false, nil, nil
	}
	if strings.TrimSpace(given) == "" {
		return false, fault.Unauthenticated("second_factor"), nil
	}
	f, err := s.loadFactor(ctx, tx, account.ID)
	if err != nil {
		return false, nil, err
	}
	right, err := s.tryFactor(ctx, tx, f, given, from)
	if err != nil {
		return false, nil, err
	}
	if !right {
		return false, fault.Unauthenticated("second_factor_code"), nil
	}
	return true, nil, putFactor(ctx, tx, f)
}

// tryFactor reports whether the code is of the second factor, and counts it if
// it is not. A right one is used up in f, which the caller stores or deletes.
func (s *Service) tryFactor(ctx context.Context, tx *store.Tx, f *secondFactor, code, from string) (bool, error) {
	failures, err := s.turnstile(ctx, tx, "second_factor",
		quota{"second factor/account", f.ID, s.Limits.FailuresPerPhone},
		quota{"failure/address", addressKey(from), s.Limits.FailuresPerAddress})
	if err != nil {
		return false, err
	}
	right, err := s.useFactor(f, code)
	if err != nil {
		return false, err
	}
	if !right {
		return false, failures.count(ctx, tx)
	}
	return true, nil
}

func (s *Service) useFactor(f *secondFactor, code string) (bool, error) {
	if len(f.Sealed) == 0 {
		return false, nil
	}
	secret, err := s.Keyring.open(sealPurpose, f.ID, f.Sealed)
	if err != nil {
		return false, err
	}
	step, right, err := totpStep(secret, plainCode(code), s.Now(), f.UsedStep)
	if err != nil {
		return false, err
	}
	if right {
		f.UsedStep = step
		return true, nil
	}
	return s.useRecovery(f, code), nil
}

// loadFactor returns the account's second factor, or one of revision 0 that no
// code fits.
func (s *Service) loadFactor(ctx context.Context, tx *store.Tx, accountID string) (*secondFactor, error) {
	f, err := secondFactors.Get(ctx, tx, accountID)
	if errors.Is(err, store.ErrNotFound) {
		return &secondFactor{Meta: store.Meta{ID: accountID}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading a second factor: %w", err)
	}
	return f, nil
}

func putFactor(ctx context.Context, tx *store.Tx, f *secondFactor) error {
	put := secondFactors.Replace
	if f.Rev == 0 {
		put = secondFactors.Insert
	}
	if err := put(ctx, tx, f); err != nil {
		return fmt.Errorf("storing a second factor: %w", err)
	}
	return nil
}

// dropFactor deletes the second factor, if there is one.
func (s *Service) dropFactor(ctx context.Context, tx *store.Tx, f *secondFactor) error {
	if f.Rev > 0 {
		if err := secondFactors.Delete(ctx, tx, f); err != nil {
			return fmt.Errorf("deleting a second factor: %w", err)
		}
	}
	return s.setFactorAt(ctx, tx, f.ID, time.Time{})
}

func (s *Service) setFactorAt(ctx context.Context, tx *store.Tx, accountID string, at time.Time) error {
	_, err := accounts.Change(ctx, tx, accountID, func(a *Account) error {
		a.SecondFactorAt = at
		return nil
	})
	return err
}
