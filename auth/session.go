package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// SessionLifetime is how long a session lives after it was last refreshed.
const SessionLifetime = 60 * 24 * time.Hour

// Session is one sign-in of an account on one device. When it ends, in
// whatever way, it is deleted.
type Session struct {
	store.Meta `bson:",inline"`
	store.Due  `bson:",inline"` // when it is deleted
	AccountID  string           `bson:"accountId"`
	DeviceName string           `bson:"deviceName"` // "" if the client gave none
	CreatedAt  time.Time        `bson:"createdAt"`
	// RefreshedAt is when the last refresh token was used up: at first
	// CreatedAt. Repetitions within the grace do not count.
	RefreshedAt time.Time `bson:"refreshedAt"`
	// ExpiresAt is when it ends unless it is refreshed before.
	ExpiresAt time.Time `bson:"expiresAt"`
	// FamilyHash, SecretHash and PreviousHash are the SHA-256 of what all its
	// refresh tokens share, of the current one's secret, and of the secret
	// used before.
	FamilyHash   []byte `bson:"familyHash"`
	SecretHash   []byte `bson:"secretHash"`
	PreviousHash []byte `bson:"previousHash,omitempty"`
}

var sessions = store.Define[Session]("sessions",
	store.Index{Name: "account", Fields: []string{"accountId", "createdAt"}}, store.DueIndex)

// maxDeviceName is how many characters of a device's name are kept.
const maxDeviceName = 100

// openSession makes a session, and returns it with its first refresh token.
func (s *Service) openSession(ctx context.Context, tx *store.Tx, accountID, deviceName string) (*Session, refreshToken, error) {
	if name := []rune(deviceName); len(name) > maxDeviceName {
		deviceName = string(name[:maxDeviceName])
	}
	now := s.Now()
	session := &Session{
		Meta: store.Meta{ID: s.NewID("ses")}, AccountID: accountID, DeviceName: deviceName,
		CreatedAt: now, RefreshedAt: now,
	}
	session.extend(now)
	refresh := newRefreshToken(session.ID)
	session.remember(refresh)
	return session, refresh, sessions.Insert(ctx, tx, session)
}

func (x *Session) extend(now time.Time) {
	x.ExpiresAt = now.Add(SessionLifetime)
	x.SetDue(x.ExpiresAt)
}

// Authenticate returns who has the access token, which is given without the
// scheme of its header. The session must be live, and the account not
// suspended; the grants are the account's of this moment. It fails with
// UNAUTHENTICATED and no more detail.
func (s *Service) Authenticate(ctx context.Context, bearer string) (Principal, error) {
	c, err := s.verify(bearer)
	if err != nil {
		return Principal{}, err
	}
	session, account, err := s.live(ctx, s.DB, c.Session)
	if err != nil {
		return Principal{}, err
	}
	if account.ID != c.Subject {
		return Principal{}, fault.Unauthenticated("token")
	}
	return Principal{AccountID: account.ID, SessionID: session.ID, Grants: account.Grants}, nil
}

// Check reports whether what Authenticate said still holds, for those who rely
// on it longer than one request: the session is live, the account not
// suspended, and none of the principal's grants has been revoked. It fails
// with UNAUTHENTICATED, whereupon the client authenticates again.
func (s *Service) Check(ctx context.Context, p Principal) error {
	session, account, err := s.live(ctx, s.DB, p.SessionID)
	if err != nil {
		return err
	}
	if session.AccountID != p.AccountID || !account.has(p.Grants) {
		return fault.Unauthenticated("token")
	}
	return nil
}

// Sessions returns the actor's live sessions, oldest first.
func (s *Service) Sessions(ctx context.Context, actor Principal) ([]*Session, error) {
	var live []*Session
	now := s.Now()
	for session, err := range sessions.All(ctx, s.DB, ofAccount(actor.AccountID)) {
		if err != nil {
			return nil, fmt.Errorf("listing sessions: %w", err)
		}
		if now.Before(session.ExpiresAt) {
			live = append(live, session)
		}
	}
	return live, nil
}

// SignOut ends the actor's session. One that has ended already is fine.
func (s *Service) SignOut(ctx context.Context, actor Principal) error {
	err := s.RevokeSession(ctx, actor, actor.SessionID)
	if errors.Is(err, fault.NotFound("sign_in")) {
		return nil
	}
	return err
}

// RevokeSession ends one of the actor's sessions. It fails with NOT_FOUND,
// also for a session of somebody else's.
func (s *Service) RevokeSession(ctx context.Context, actor Principal, id string) error {
	err := s.DB.Atomically(ctx, func(tx *store.Tx) error {
		session, err := sessions.Get(ctx, tx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && session.AccountID != actor.AccountID {
			return fault.NotFound("sign_in")
		}
		if err != nil {
			return err
		}
		return s.end(ctx, tx, session)
	})
	if err != nil {
		return fmt.Errorf("ending a session: %w", err)
	}
	return nil
}

// endSessions ends all sessions of the account.
func (s *Service) endSessions(ctx context.Context, tx *store.Tx, accountID string) error {
	for {
		// Page by page from the start, since a page that has been ended is gone.
		page, err := sessions.List(ctx, tx, ofAccount(accountID), 100, "")
		if err != nil || len(page.Items) == 0 {
			return err
		}
		for _, session := range page.Items {
			if err := s.end(ctx, tx, session); err != nil {
				return err
			}
		}
	}
}

// end deletes the session and tells those who hold something of it. Every end
// of a session comes through here.
func (s *Service) end(ctx context.Context, tx *store.Tx, session *Session) error {
	if err := sessions.Delete(ctx, tx, session); err != nil {
		return fmt.Errorf("ending a session: %w", err)
	}
	if s.OnSignOut == nil {
		return nil
	}
	return s.OnSignOut(ctx, tx, session.ID)
}

// sessionWorker returns the worker that ends idle sessions.
func (s *Service) sessionWorker() *store.Worker[Session] {
	w := expiry(s, sessions)
	w.Handle = func(ctx context.Context, session *Session) error {
		return unlessChanged(s.DB.Atomically(ctx, func(tx *store.Tx) error { return s.end(ctx, tx, session) }))
	}
	return w
}

func ofAccount(id string) store.Query {
	return store.Where(store.Eq("accountId", id)).Sort("createdAt")
}
