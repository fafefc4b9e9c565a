package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
)

// IDTokens verifies the tokens in which another identity service says that
// somebody has proved a phone.
type IDTokens interface {
	// Verify returns the phone. It fails with UNAUTHENTICATED for a token that
	// is no good, and with any other error if that could not be found out.
	Verify(ctx context.Context, token string) (phone string, err error)
}

// IDTokenInput is what someone signs in with who has an identity token.
type IDTokenInput struct {
	IDToken string
	// SecondFactor, From, DeviceName and Locale are as in SignInInput.
	SecondFactor string
	From         string
	DeviceName   string
	Locale       locale.Tag
}

// maxIDToken is how many bytes an identity token may have; Firebase's have
// about 1,200.
const maxIDToken = 8 << 10

// SignInWithIDToken opens a session for whoever has proved a phone elsewhere,
// as SignIn does for whoever has its code. It fails with UNAUTHENTICATED for a
// token that is no good, with RATE_LIMITED after too many of those from one
// address, and with UNAVAILABLE if no such service is set up or it cannot be
// reached.
func (s *Service) SignInWithIDToken(ctx context.Context, in IDTokenInput) (*Tokens, *Account, error) {
	if s.IDTokens == nil {
		return nil, nil, fault.Unavailable("id_token")
	}
	if err := s.mayShowIDToken(ctx, in.From, false); err != nil {
		return nil, nil, err
	}
	phone, err := s.phoneOf(ctx, in.IDToken)
	if fault.CodeOf(err) == fault.CodeUnauthenticated {
		return nil, nil, errors.Join(s.mayShowIDToken(ctx, in.From, true), err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("verifying an identity token: %w", err)
	}
	return s.enterWith(ctx, func(tx *store.Tx) (entry, error) {
		return s.admit(ctx, tx, SignInInput{
			Phone: phone, SecondFactor: in.SecondFactor, From: in.From, DeviceName: in.DeviceName, Locale: in.Locale,
		})
	})
}

// mayShowIDToken fails with RATE_LIMITED if too many bad ones came from the
// address, and counts one more if this one was.
func (s *Service) mayShowIDToken(ctx context.Context, from string, bad bool) error {
	return s.atomically(ctx, func(tx *store.Tx) error {
		failures, err := s.turnstile(ctx, tx, "sign_in", quota{"failure/address", addressKey(from), s.Limits.FailuresPerAddress})
		if err != nil || !bad {
			return err
		}
		return failures.count(ctx, tx)
	})
}

// phoneOf returns the phone that a token proves.
func (s *Service) phoneOf(ctx context.Context, token string) (string, error) {
	if token == "" || len(token) > maxIDToken {
		return "", fault.Unauthenticated("id_token")
	}
	claimed, err := s.IDTokens.Verify(ctx, token)
	if err != nil {
		return "", err
	}
	phone, err := ParsePhone(claimed)
	if err != nil {
		return "", fault.Unauthenticated("id_token")
	}
	return phone, nil
}
