package auth

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/musterhq/muster/fault"
)

const (
	// MaxAccessLifetime is the longest that an access token is valid.
	MaxAccessLifetime = 5 * time.Minute
	// Leeway is how far the clocks of those who sign and verify may differ.
	Leeway = 30 * time.Second
)

const (
	// accessType tells access tokens (RFC 9068) from whatever else is signed.
	accessType = "at+jwt"
	// maxToken is how long a token may be; ours have about 450 bytes.
	maxToken = 4096
)

// Tokens are what a client gets when it signs in or refreshes. They print and
// log as their expiry only.
type Tokens struct {
	AccessToken  string
	RefreshToken string
	ExpiresAt    time.Time // of the access token, in whole seconds
}

// String returns the expiry.
func (t Tokens) String() string { return "tokens until " + t.ExpiresAt.Format(time.RFC3339) }

// GoString is String.
func (t Tokens) GoString() string { return t.String() }

// LogValue is String.
func (t Tokens) LogValue() slog.Value { return slog.StringValue(t.String()) }

// claims are an access token's: the account is the subject.
type claims struct {
	jwt.RegisteredClaims
	Session string `json:"sid"`
}

// issue signs an access token for the session, and returns it with the refresh
// token.
func (s *Service) issue(session *Session, account *Account, refresh refreshToken) (*Tokens, *Account, error) {
	now := s.Now().Truncate(time.Second)
	expires := now.Add(s.AccessLifetime)
	access, err := s.sign(claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: s.Issuer, Subject: account.ID, Audience: jwt.ClaimStrings{s.Audience},
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires),
		},
		Session: session.ID,
	})
	if err != nil {
		return nil, nil, err
	}
	return &Tokens{AccessToken: access, RefreshToken: refresh.text(), ExpiresAt: expires}, account, nil
}

func (s *Service) sign(c claims) (string, error) {
	key, err := s.Keyring.signing()
	if err != nil {
		// The keys that are loaded are good for all but a rotation.
		s.Log.Error("following the keyring's file", "error", err)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
	token.Header["typ"], token.Header["kid"] = accessType, key.id
	signed, err := token.SignedString(key.private)
	if err != nil {
		return "", fmt.Errorf("signing an access token: %w", err)
	}
	return signed, nil
}

// verify returns the claims of an access token that is ours and valid now. It
// fails with UNAUTHENTICATED and no more detail.
func (s *Service) verify(access string) (*claims, error) {
	if len(access) > maxToken {
		return nil, fault.Unauthenticated("token")
	}
	// The library checks nothing that it is not told to.
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithIssuer(s.Issuer), jwt.WithAudience(s.Audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(Leeway),
		jwt.WithTimeFunc(s.Now), jwt.WithStrictDecoding(),
	)
	var c claims
	_, err := parser.ParseWithClaims(access, &c, s.verificationKey)
	if err != nil || c.Subject == "" || c.Session == "" {
		return nil, fault.Unauthenticated("token")
	}
	return &c, nil
}

// verificationKey looks the token's key up among ours. Keys that a token
// brings or points to (jwk, jku, x5c, x5u) are not looked at.
func (s *Service) verificationKey(t *jwt.Token) (any, error) {
	if t.Header["typ"] != accessType {
		return nil, errors.New("not an access token")
	}
	id, _ := t.Header["kid"].(string)
	public, ok := s.Keyring.verifying(id)
	if !ok {
		return nil, errors.New("not a key of ours")
	}
	return public, nil
}
