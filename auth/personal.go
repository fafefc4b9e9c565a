package auth

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
)

// erasedPhone begins what an erased account has in the place of its phone. No
// phone begins like that, so that nobody can sign in as it, and the number is
// free for a stranger.
const erasedPhone = "erased:"

// Erased reports whether the account was erased: then it is but an id, which
// what the law makes us keep refers to.
func (a *Account) Erased() bool { return strings.HasPrefix(a.Phone, erasedPhone) }

// personalAccount is the account in a copy of everything about it.
type personalAccount struct {
	ID          string          `json:"id"`
	Phone       string          `json:"phone"`
	Name        string          `json:"name"`
	Locale      locale.Tag      `json:"locale"`
	Grants      []personalGrant `json:"grants"`
	CreatedAt   time.Time       `json:"createdAt"`
	SuspendedAt time.Time       `json:"suspendedAt,omitzero"`
	// SecondFactorAt is when a second factor was confirmed; its secret is not
	// copied.
	SecondFactorAt       time.Time `json:"secondFactorAt,omitzero"`
	SecondFactorRequired bool      `json:"secondFactorRequired"`
}

type personalGrant struct {
	Role        Role   `json:"role"`
	OrgUnitPath string `json:"orgUnitPath"`
}

// personalSession is a session in a copy, without what its tokens are
// recognised by.
type personalSession struct {
	ID          string    `json:"id"`
	DeviceName  string    `json:"deviceName"`
	CreatedAt   time.Time `json:"createdAt"`
	RefreshedAt time.Time `json:"refreshedAt"`
	ExpiresAt   time.Time `json:"expiresAt"`
	Proved      bool      `json:"proved"` // by the second factor
}

// CopyPersonal writes the account (section "account") and its sessions
// ("sessions"). It asks for no actor.
func (s *Service) CopyPersonal(ctx context.Context, accountID string, write func(section string, doc any) error) error {
	a, err := s.Account(ctx, accountID)
	if err != nil {
		return err
	}
	p := personalAccount{
		ID: a.ID, Phone: a.Phone, Name: a.Name, Locale: a.Locale, Grants: []personalGrant{},
		CreatedAt: a.CreatedAt, SuspendedAt: a.SuspendedAt,
		SecondFactorAt: a.SecondFactorAt, SecondFactorRequired: a.SecondFactorRequired,
	}
	for _, g := range a.Grants {
		p.Grants = append(p.Grants, personalGrant{g.Role, g.UnitPath})
	}
	if err := write("account", p); err != nil {
		return err
	}
	for x, err := range sessions.All(ctx, s.DB, ofAccount(accountID)) {
		if err == nil {
			err = write("sessions", personalSession{x.ID, x.DeviceName, x.CreatedAt, x.RefreshedAt, x.ExpiresAt, x.Proved})
		}
		if err != nil {
			return fmt.Errorf("copying sessions: %w", err)
		}
	}
	return nil
}

// BeginErasure ends the account's sessions and leaves nothing of it but its id,
// its language and when it was made. It fails with NOT_FOUND.
func (s *Service) BeginErasure(ctx context.Context, tx *store.Tx, accountID string) error {
	a, err := accounts.Get(ctx, tx, accountID)
	if err != nil {
		return accountFault("erasing an account", err)
	}
	// Whatever else an account has is gone, since it is not written down here.
	erased := &Account{
		Meta: a.Meta, Phone: erasedPhone + a.ID, Locale: a.Locale, CreatedAt: a.CreatedAt, SuspendedAt: s.Now(),
	}
	if err := accounts.Replace(ctx, tx, erased); err != nil {
		return fmt.Errorf("erasing an account: %w", err)
	}
	if err := s.appoint(ctx, tx, a.Grants, erased); err != nil {
		return err
	}
	if err := s.forgetFactor(ctx, tx, accountID); err != nil {
		return fmt.Errorf("erasing a second factor: %w", err)
	}
	return s.endSessions(ctx, tx, accountID)
}

func (s *Service) forgetFactor(ctx context.Context, tx *store.Tx, accountID string) error {
	f, err := s.loadFactor(ctx, tx, accountID)
	if err != nil || f.Rev == 0 {
		return err
	}
	return secondFactors.Delete(ctx, tx, f)
}

// ErasePersonal ends the sessions of an account whose erasure has begun once
// more: another process may have opened one at that very moment. Codes and
// counted attempts are kept by hashes, for minutes, and go by themselves.
func (s *Service) ErasePersonal(ctx context.Context, accountID string) (more bool, err error) {
	err = s.DB.Atomically(ctx, func(tx *store.Tx) error { return s.endSessions(ctx, tx, accountID) })
	if err != nil {
		return false, fmt.Errorf("erasing sessions: %w", err)
	}
	return false, nil
}

// GrantsOf returns what the account may do, where its org units are now, to
// services that have decided themselves who may know. Within an atomic step, on is its Tx. It fails with
// NOT_FOUND.
func (s *Service) GrantsOf(ctx context.Context, on store.Conn, accountID string) ([]Grant, error) {
	a, err := accounts.Get(ctx, on, accountID)
	if err != nil {
		return nil, accountFault("reading an account's roles", err)
	}
	return s.effective(ctx, a.Grants)
}
