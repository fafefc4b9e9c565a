package auth

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
)

// forger makes tokens that differ from a good one as a case says.
type forger struct {
	w      *world
	header map[string]any
	claims jwt.MapClaims
	method jwt.SigningMethod
	key    any
}

func (w *world) forger(t *testing.T) *forger {
	t.Helper()
	tokens, account := w.signIn(t, phone)
	key, err := w.Keyring.signing()
	must(t, err)
	now := w.Now().Unix()
	return &forger{
		w: w, header: map[string]any{"typ": "at+jwt", "kid": key.id}, method: jwt.SigningMethodEdDSA, key: key.private,
		claims: jwt.MapClaims{
			"iss": w.Issuer, "aud": w.Audience, "sub": account.ID, "sid": w.principal(t, tokens).SessionID,
			"iat": now, "exp": now + 300,
		},
	}
}

func (f *forger) token(t *testing.T) string {
	t.Helper()
	token := jwt.NewWithClaims(f.method, f.claims)
	maps.Copy(token.Header, f.header)
	signed, err := token.SignedString(f.key)
	must(t, err)
	return signed
}

func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	_, stranger, err := ed25519.GenerateKey(nil)
	must(t, err)
	tests := map[string]func(*forger){
		"not signed":                func(f *forger) { f.method, f.key = jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType },
		"HS256 with the public key": func(f *forger) { f.method, f.key = jwt.SigningMethodHS256, publicKey(f) },
		"HS256 with its text": func(f *forger) {
			f.method, f.key = jwt.SigningMethodHS256, []byte(base64.RawURLEncoding.EncodeToString(publicKey(f)))
		},
		"a stranger's key":         func(f *forger) { f.key = stranger },
		"a stranger's key and kid": func(f *forger) { f.key = stranger; f.header["kid"] = "mine" },
		"a stranger's key in jwk":  func(f *forger) { f.key = stranger; f.header["jwk"] = jwkOf(stranger) },
		"a stranger's jku": func(f *forger) {
			f.key = stranger
			f.header["jku"] = "http://127.0.0.1:1/jwks"
			delete(f.header, "kid")
		},
		"no kid":                       func(f *forger) { delete(f.header, "kid") },
		"a kid that is no text":        func(f *forger) { f.header["kid"] = 7 },
		"a kid that is a path":         func(f *forger) { f.header["kid"] = "../../dev/null" },
		"no typ":                       func(f *forger) { f.header["typ"] = nil },
		"another typ":                  func(f *forger) { f.header["typ"] = "JWT" },
		"another issuer":               func(f *forger) { f.claims["iss"] = "https://evil.example" },
		"no issuer":                    func(f *forger) { delete(f.claims, "iss") },
		"another audience":             func(f *forger) { f.claims["aud"] = "other-app" },
		"no audience":                  func(f *forger) { delete(f.claims, "aud") },
		"no expiry":                    func(f *forger) { delete(f.claims, "exp") },
		"an expiry that is no number":  func(f *forger) { f.claims["exp"] = "never" },
		"issued in the future":         func(f *forger) { f.claims["iat"] = f.w.Now().Unix() + 31 },
		"not valid yet":                func(f *forger) { f.claims["nbf"] = f.w.Now().Unix() + 31 },
		"no session":                   func(f *forger) { delete(f.claims, "sid") },
		"an unknown session":           func(f *forger) { f.claims["sid"] = "ses_none" },
		"no account":                   func(f *forger) { delete(f.claims, "sub") },
		"another account":              func(f *forger) { f.claims["sub"] = "acc_other" },
		"expired by more than leeway":  func(f *forger) { f.claims["exp"] = f.w.Now().Add(-Leeway).Unix() },
		"a claim of very many letters": func(f *forger) { f.claims["x"] = strings.Repeat("x", maxToken) },
	}
	for name, forge := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t).forger(t)
			_, err := f.w.Authenticate(t.Context(), f.token(t))
			must(t, err) // before the forgery it is good
			forge(f)
			p, err := f.w.Authenticate(t.Context(), f.token(t))
			if diff := cmp.Diff(Principal{}, p); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(fault.Unauthenticated("token"), err); diff != "" {
				t.Error(diff) // no more detail than that
			}
		})
	}
}

func publicKey(f *forger) []byte {
	key, _ := f.w.Keyring.signing()
	return key.public()
}

func jwkOf(private ed25519.PrivateKey) map[string]any {
	key := newSigningKey(private.Seed(), time.Time{})
	return map[string]any{"kty": "OKP", "crv": "Ed25519", "x": key.x(), "kid": key.id}
}

func TestHeadersThatPointToKeysAreIgnored(t *testing.T) {
	t.Parallel()
	f := open(t).forger(t)
	f.header["jku"], f.header["x5u"] = "http://127.0.0.1:1/jwks", "http://127.0.0.1:1/cert"
	_, err := f.w.Authenticate(t.Context(), f.token(t))
	must(t, err)
}

func TestTextsThatAreNoTokensAreRefused(t *testing.T) {
	t.Parallel()
	w := open(t)
	tokens, _ := w.signIn(t, phone)
	tests := map[string]string{
		"nothing":               "",
		"dots":                  "..",
		"a word":                "token",
		"the refresh token":     tokens.RefreshToken,
		"with its scheme":       "Bearer " + tokens.AccessToken,
		"without its signature": tokens.AccessToken[:strings.LastIndex(tokens.AccessToken, ".")+1],
		"with padding":          tokens.AccessToken + "==",
		"with a fourth part":    tokens.AccessToken + ".x",
		"another payload":       swapPayload(tokens.AccessToken),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := w.Authenticate(t.Context(), text)
			if diff := cmp.Diff(fault.Unauthenticated("token"), err); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func swapPayload(token string) string {
	parts := strings.Split(token, ".")
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"acc_other"}`))
	return strings.Join(parts, ".")
}

func TestAnAccessTokenExpiresAfterItsLeeway(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lifetime, last time.Duration
	}{
		"of five minutes by default": {0, 5*time.Minute + Leeway},
		"of the configured time":     {time.Minute, time.Minute + Leeway},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, func(c *Config) { c.AccessLifetime = tt.lifetime })
			tokens, _ := w.signIn(t, phone)
			w.clock.Advance(tt.last - time.Millisecond)
			w.principal(t, tokens)
			w.clock.Advance(time.Millisecond)
			_, err := w.Authenticate(t.Context(), tokens.AccessToken)
			wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.token")
		})
	}
}

func TestNewRefusesAConfigurationThatWouldCheckNothing(t *testing.T) {
	t.Parallel()
	w := open(t)
	for name, spoil := range map[string]func(*Config){
		"no issuer":           func(c *Config) { c.Issuer = "" },
		"no audience":         func(c *Config) { c.Audience = "" },
		"no keyring":          func(c *Config) { c.Keyring = nil },
		"no clock":            func(c *Config) { c.Now = nil },
		"no sender":           func(c *Config) { c.Sender = nil },
		"no generator":        func(c *Config) { c.NewCode = nil },
		"a long lifetime":     func(c *Config) { c.AccessLifetime = MaxAccessLifetime + time.Second },
		"a negative lifetime": func(c *Config) { c.AccessLifetime = -time.Minute },
	} {
		c := w.Config
		spoil(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTokensPrintAsTheirExpiryOnly(t *testing.T) {
	t.Parallel()
	tokens := &Tokens{AccessToken: "eyJsecret", RefreshToken: "ses_secret", ExpiresAt: time.Unix(0, 0).UTC()}
	var printed bytes.Buffer
	fmt.Fprintf(&printed, "%v %+v %#v %s %v", tokens, tokens, *tokens, tokens, *tokens)
	slog.New(slog.NewTextHandler(&printed, nil)).Info("x", "pointer", tokens, "value", *tokens)
	slog.New(slog.NewJSONHandler(&printed, nil)).Info("x", "pointer", tokens, "value", *tokens)
	if strings.Contains(printed.String(), "secret") || !strings.Contains(printed.String(), "1970-01-01T00:00:00Z") {
		t.Errorf("printed as %s", &printed)
	}
}
