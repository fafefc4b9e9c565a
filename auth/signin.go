package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
)

// SignInInput is what someone signs in with.
type SignInInput struct {
	Phone string // as people write it, see ParsePhone
	Code  string
	// SecondFactor is a code of the authenticator app, or a recovery code, of an
	// account that has a second factor.
	SecondFactor string
	From         string // the client's address
	// DeviceName is what the account's owner knows the session by; what is
	// longer than 100 characters is cut off.
	DeviceName string
	Locale     locale.Tag // of a new account
}

// entry is how an attempt at signing in ended.
type entry struct {
	account *Account
	session *Session
	refresh refreshToken
	refused error // counted or used up, so the step is committed all the same
	// unproved says that the second factor was missing or wrong.
	unproved bool
}

// SignIn opens a session for whoever has the phone's code, and makes an
// account without grants if the phone has none. It fails with INVALID, with
// UNAUTHENTICATED, the same for a code that is wrong, expired, used or was
// never sent, another for a suspended account, and another where a second factor
// is missing or wrong, which leaves the code good; and with RATE_LIMITED once
// too many were wrong: then even the right one is not looked at.
func (s *Service) SignIn(ctx context.Context, in SignInInput) (*Tokens, *Account, error) {
	phone, err := ParsePhone(in.Phone)
	if err != nil {
		return nil, nil, err
	}
	in.Phone = phone
	return s.enterWith(ctx, func(tx *store.Tx) (entry, error) { return s.enter(ctx, tx, in) })
}

// enterWith carries an attempt at signing in through.
func (s *Service) enterWith(ctx context.Context, attempt func(tx *store.Tx) (entry, error)) (*Tokens, *Account, error) {
	var e entry
	err := s.atomically(ctx, func(tx *store.Tx) (err error) {
		e, err = attempt(tx)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("signing in: %w", err)
	}
	if e.refused != nil {
		return nil, nil, e.refused
	}
	s.Log.Info("signed in", "account", e.account.ID, "session", e.session.ID)
	return s.issue(e.session, e.account, e.refresh)
}

// enter evaluates one attempt with a code. Attempts for a phone exclude each
// other by what they write, so no two can see the same number of failures.
func (s *Service) enter(ctx context.Context, tx *store.Tx, in SignInInput) (entry, error) {
	failures, err := s.turnstile(ctx, tx, "sign_in", s.failureQuotas(in.Phone, in.From)...)
	if err != nil {
		return entry{}, err
	}
	code, right, err := s.findCode(ctx, tx, in.Phone, in.Code)
	if err != nil {
		return entry{}, err
	}
	if !right {
		return entry{refused: fault.Unauthenticated("code")}, failures.count(ctx, tx)
	}
	e, err := s.admit(ctx, tx, in)
	if err != nil || e.unproved {
		return e, err // the code is kept for the next attempt
	}
	if err := signInCodes.Delete(ctx, tx, code); err != nil {
		return entry{}, fmt.Errorf("using a code up: %w", err)
	}
	return e, nil
}

// admit opens a session for whoever has proved the phone.
func (s *Service) admit(ctx context.Context, tx *store.Tx, in SignInInput) (entry, error) {
	account, err := s.welcome(ctx, tx, in)
	if err != nil {
		return entry{}, err
	}
	if account.Suspended() {
		return entry{refused: fault.Unauthenticated("suspended")}, nil
	}
	proved, refused, err := s.prove(ctx, tx, account, in.SecondFactor, in.From)
	if err != nil || refused != nil {
		return entry{refused: refused, unproved: true}, err
	}
	session, refresh, err := s.openSession(ctx, tx, newSession{account: account, deviceName: in.DeviceName, proved: proved})
	return entry{account: account, session: session, refresh: refresh}, err
}

// welcome returns the phone's account, a new one if it has none.
func (s *Service) welcome(ctx context.Context, tx *store.Tx, in SignInInput) (*Account, error) {
	account, err := accounts.First(ctx, tx, store.Where(store.Eq("phone", in.Phone)))
	if !errors.Is(err, store.ErrNotFound) {
		return account, accountFault("finding an account", err)
	}
	account, err = s.newAccount(NewAccount{Phone: in.Phone, Locale: in.Locale})
	if err != nil {
		return nil, err
	}
	return account, accounts.Insert(ctx, tx, account)
}
