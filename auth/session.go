package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	// Proved says that the account's second factor was shown in it.
	Proved bool `bson:"proved,omitempty"`
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

// SignOut is the end of a session.
type SignOut struct {
	SessionID, AccountID string
	// Last says that the account has no other live session.
	Last bool
}

// newSession is what a session begins with.
type newSession struct {
	account    *Account
	deviceName string
	proved     bool
}

// openSession makes a session, and returns it with its first refresh token. It
// writes to the account, so that it comes before or after the end of the last
// session, or a suspension, at the same time, and those that hear of both hear of
// them in that order.
func (s *Service) openSession(ctx context.Context, tx *store.Tx, n newSession) (*Session, refreshToken, error) {
	if name := []rune(n.deviceName); len(name) > maxDeviceName {
		n.deviceName = string(name[:maxDeviceName])
	}
	now := s.Now()
	session := &Session{
		Meta: store.Meta{ID: s.NewID("ses")}, AccountID: n.account.ID, DeviceName: n.deviceName,
		CreatedAt: now, RefreshedAt: now, Proved: n.proved,
	}
	session.extend(now)
	refresh := newRefreshToken(session.ID)
	session.remember(refresh)
	if err := sessions.Insert(ctx, tx, session); err != nil {
		return nil, refresh, err
	}
	if err := accounts.Replace(ctx, tx, n.account); err != nil {
		return nil, refresh, err
	}
	if s.OnSignIn == nil {
		return session, refresh, nil
	}
	return session, refresh, s.OnSignIn(ctx, tx, n.account.ID)
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
	return s.principal(ctx, session, account)
}

// Check reports whether what Authenticate said still holds, for those who rely
// on it longer than one request: the session is live, the account not
// suspended, and none of the principal's grants has been revoked, moved with its
// unit or become too little without a second factor. It fails with
// UNAUTHENTICATED, whereupon the client authenticates again.
func (s *Service) Check(ctx context.Context, p Principal) error {
	session, account, err := s.live(ctx, s.DB, p.SessionID)
	if err != nil {
		return err
	}
	now, err := s.principal(ctx, session, account)
	if err != nil {
		return err
	}
	moved, err := s.effective(ctx, p.Grants)
	if err != nil {
		return err
	}
	if now.AccountID != p.AccountID || !now.has(p.Grants) || !p.has(moved) {
		return fault.Unauthenticated("token")
	}
	return nil
}

// Sessions lists the actor's live sessions, oldest first.
func (s *Service) Sessions(ctx context.Context, actor Principal, first int, after string) (store.Page[Session], error) {
	page, err := sessions.List(ctx, s.DB, ofAccount(actor.AccountID), first, after)
	if err != nil {
		return page, fmt.Errorf("listing sessions: %w", err)
	}
	// What has expired is about to be deleted, so few are left out here.
	page.Items = slices.DeleteFunc(page.Items, func(x *Session) bool { return x.expired(s.Now()) })
	return page, nil
}

func (x *Session) expired(now time.Time) bool { return !now.Before(x.ExpiresAt) }

// SignOut ends the actor's session. One that has ended already is fine.
func (s *Service) SignOut(ctx context.Context, actor Principal) error {
	err := s.RevokeSession(ctx, actor, actor.SessionID, "")
	if errors.Is(err, fault.NotFound("sign_in")) {
		return nil
	}
	return err
}

// RevokeSession ends one of the actor's sessions. key makes a repetition safe
// (see store.Once); it is optional. It fails with NOT_FOUND, also for a session
// of somebody else's.
func (s *Service) RevokeSession(ctx context.Context, actor Principal, id, key string) error {
	err := s.atomically(ctx, func(tx *store.Tx) error {
		again := store.Step{Actor: actor.AccountID, Action: "revoke session", Key: key, Fingerprint: id}
		_, _, err := store.Once(ctx, tx, s.Now(), again, func() (string, error) {
			return id, s.endOwn(ctx, tx, actor, id)
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("ending a session: %w", err)
	}
	return nil
}

func (s *Service) endOwn(ctx context.Context, tx *store.Tx, actor Principal, id string) error {
	session, err := sessions.Get(ctx, tx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && session.AccountID != actor.AccountID {
		return fault.NotFound("sign_in")
	}
	if err != nil {
		return err
	}
	return s.end(ctx, tx, session)
}

// RevokeOtherSessions ends all of the actor's sessions but the one that asks,
// and returns how many those were.
func (s *Service) RevokeOtherSessions(ctx context.Context, actor Principal) (n int, err error) {
	err = s.DB.Atomically(ctx, func(tx *store.Tx) (err error) {
		n, err = s.endSessionsBut(ctx, tx, actor.AccountID, actor.SessionID)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("ending sessions: %w", err)
	}
	return n, nil
}

// endSessions ends all sessions of the account.
func (s *Service) endSessions(ctx context.Context, tx *store.Tx, accountID string) error {
	_, err := s.endSessionsBut(ctx, tx, accountID, "")
	return err
}

// endSessionsBut ends all sessions of the account except one, and returns how
// many those were.
func (s *Service) endSessionsBut(ctx context.Context, tx *store.Tx, accountID, except string) (n int, err error) {
	for {
		// Page by page from the start, since a page that has been ended is gone.
		page, err := sessions.List(ctx, tx, ofAccount(accountID), 100, "")
		if err != nil {
			return n, err
		}
		doomed := slices.DeleteFunc(page.Items, func(x *Session) bool { return x.ID == except })
		if len(doomed) == 0 {
			return n, nil
		}
		for _, session := range doomed {
			if err := s.end(ctx, tx, session); err != nil {
				return n, err
			}
			n++
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
	last, err := s.isSignedOut(ctx, tx, session.AccountID)
	if err != nil {
		return fmt.Errorf("looking for other sessions: %w", err)
	}
	return s.OnSignOut(ctx, tx, SignOut{SessionID: session.ID, AccountID: session.AccountID, Last: last})
}

// isSignedOut reports whether the account has no live session. It writes to the
// account, so that of two sessions that end at once one sees that it is the
// last.
func (s *Service) isSignedOut(ctx context.Context, tx *store.Tx, accountID string) (bool, error) {
	_, err := accounts.Change(ctx, tx, accountID, func(*Account) error { return nil })
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	for session, err := range sessions.All(ctx, tx, ofAccount(accountID)) {
		if err != nil {
			return false, err
		}
		if !session.expired(s.Now()) {
			return false, nil
		}
	}
	return true, nil
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
