package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Grace is how long after a refresh the token that it used may be used again:
// by a client that lost the answer, or by another of its tabs.
const Grace = 20 * time.Second

const (
	familySize  = 16
	refreshSize = 32 // 256 bits
)

// refreshToken is the content of a refresh token. There is no String, so that
// it is not printed by accident.
type refreshToken struct {
	session string
	// family is the same in all of the session's tokens. It tells an old token,
	// which somebody has stolen, from an invention, by which nobody may end a
	// session whose id he knows.
	family []byte
	secret []byte // used once
}

func newRefreshToken(session string) refreshToken {
	return refreshToken{session: session, family: randomBytes(familySize), secret: randomBytes(refreshSize)}
}

func (r refreshToken) text() string {
	return r.session + "." + base64.RawURLEncoding.EncodeToString(append(append([]byte{}, r.family...), r.secret...))
}

func parseRefreshToken(text string) (refreshToken, bool) {
	session, encoded, _ := strings.Cut(text, ".")
	if !strings.HasPrefix(session, "ses_") || len(text) > maxToken {
		return refreshToken{}, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) != familySize+refreshSize {
		return refreshToken{}, false
	}
	return refreshToken{session: session, family: raw[:familySize], secret: raw[familySize:]}, true
}

// next returns the token that follows this one. It is derived, so that all who
// use one token within the grace get the same next one, and none of them is
// left with a token that another's has made old. Without the keyring's secret
// it cannot be guessed.
func (r refreshToken) next(k *Keyring) refreshToken {
	r.secret = k.mac("next refresh token", []byte(r.session), r.family, r.secret)
	return r
}

// remember keeps what it takes to recognise the token, and not the token.
func (x *Session) remember(r refreshToken) {
	x.FamilyHash, x.SecretHash = hash(r.family), hash(r.secret)
}

func hash(secret []byte) []byte {
	sum := sha256.Sum256(secret)
	return sum[:]
}

func matches(secret, stored []byte) bool {
	return subtle.ConstantTimeCompare(hash(secret), stored) == 1
}

// renewal is how a use of a refresh token ended.
type renewal struct {
	session *Session
	account *Account
	next    refreshToken
	stolen  bool // the session has ended, and that is committed
}

// Refresh uses a refresh token up, and returns the next pair. The last one
// that was used up is good for Grace longer, for the same next one; any older
// one has been stolen, by this client or from it, and ends the session. It
// fails with UNAUTHENTICATED.
func (s *Service) Refresh(ctx context.Context, token string) (*Tokens, *Account, error) {
	used, ok := parseRefreshToken(token)
	if !ok {
		return nil, nil, fault.Unauthenticated("token")
	}
	var r renewal
	err := s.DB.Atomically(ctx, func(tx *store.Tx) (err error) {
		r, err = s.renew(ctx, tx, used)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("refreshing a session: %w", err)
	}
	if r.stolen {
		s.Log.Warn("an old refresh token was used again; the session has ended", "session", r.session.ID, "account", r.session.AccountID)
		return nil, nil, fault.Unauthenticated("token")
	}
	return s.issue(r.session, r.account, r.next)
}

func (s *Service) renew(ctx context.Context, tx *store.Tx, used refreshToken) (renewal, error) {
	session, account, err := s.live(ctx, tx, used.session)
	if err != nil {
		return renewal{}, err
	}
	now := s.Now()
	switch {
	case !matches(used.family, session.FamilyHash):
		return renewal{}, fault.Unauthenticated("token")
	case matches(used.secret, session.SecretHash):
		session.PreviousHash, session.RefreshedAt = session.SecretHash, now
	case !session.graceful(used, now):
		return renewal{session: session, stolen: true}, s.end(ctx, tx, session)
	}
	next := used.next(s.Keyring)
	session.SecretHash = hash(next.secret)
	session.extend(now)
	return renewal{session: session, account: account, next: next}, sessions.Replace(ctx, tx, session)
}

// graceful reports whether the token is the one used last, and not long ago.
func (x *Session) graceful(used refreshToken, now time.Time) bool {
	return matches(used.secret, x.PreviousHash) && now.Sub(x.RefreshedAt) <= Grace
}

// live returns a session and its account if it has not ended, expired or been
// barred. It fails with UNAUTHENTICATED.
func (s *Service) live(ctx context.Context, on store.Conn, sessionID string) (*Session, *Account, error) {
	session, err := sessions.Get(ctx, on, sessionID)
	if err != nil {
		return nil, nil, tokenFault("reading a session", err)
	}
	account, err := accounts.Get(ctx, on, session.AccountID)
	if err != nil {
		return nil, nil, tokenFault("reading a session's account", err)
	}
	if account.Suspended() || session.expired(s.Now()) {
		return nil, nil, fault.Unauthenticated("token")
	}
	return session, account, nil
}

// tokenFault says of what is not there no more than that the token is no good.
func tokenFault(doing string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fault.Unauthenticated("token")
	}
	return fmt.Errorf("%s: %w", doing, err)
}
