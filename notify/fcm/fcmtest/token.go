package fcmtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	grantType     = "urn:ietf:params:oauth:grant-type:jwt-bearer" // RFC 7523
	keyID         = "fcmtest-key"
	tokenLifetime = time.Hour
	// maxForm is more than any assertion needs, in bytes.
	maxForm = 16 << 10
)

// scopes are those with which Google lets one send.
var scopes = []string{
	"https://www.googleapis.com/auth/firebase.messaging",
	"https://www.googleapis.com/auth/cloud-platform",
}

func (s *Server) clientEmail() string {
	return "fcmtest@" + s.project + ".iam.gserviceaccount.com"
}

func (s *Server) tokenURL() string { return s.URL() + "/token" }

// CredentialsJSON returns the key file of the service account with which to
// send. Its token_uri is this server's.
func (s *Server) CredentialsJSON() []byte {
	der, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil { // an RSA key of our own making always can be
		panic("fcmtest: " + err.Error())
	}
	file, err := json.Marshal(map[string]string{
		"type":           "service_account",
		"project_id":     s.project,
		"private_key_id": keyID,
		"private_key":    string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"client_email":   s.clientEmail(),
		"client_id":      "100000000000000000000",
		"token_uri":      s.tokenURL(),
	})
	if err != nil {
		panic("fcmtest: " + err.Error())
	}
	return file
}

// serveToken is Google's token endpoint: it hands out access tokens to who
// shows an assertion that the service account's key has signed.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil || r.PostForm.Get("grant_type") != grantType {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "unsupported_grant_type"})
		return
	}
	if err := s.checkAssertion(r.PostForm.Get("assertion")); err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant", "error_description": err.Error()})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": s.accessToken(time.Now().Add(tokenLifetime)),
		"token_type":   "Bearer",
		"expires_in":   int(tokenLifetime / time.Second),
	})
}

type assertion struct {
	jwt.RegisteredClaims
	Scope string `json:"scope"`
}

func (s *Server) checkAssertion(signed string) error {
	var claims assertion
	_, err := jwt.ParseWithClaims(signed, &claims,
		func(*jwt.Token) (any, error) { return &s.key.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}),
		jwt.WithIssuer(s.clientEmail()),
		jwt.WithAudience(s.tokenURL()),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(time.Minute),
	)
	if err != nil {
		return err
	}
	asked := strings.Fields(claims.Scope)
	if !slices.ContainsFunc(scopes, func(scope string) bool { return slices.Contains(asked, scope) }) {
		return errors.New("no scope that allows to send")
	}
	return nil
}

// accessToken returns a token that says itself until when it is valid, so that
// none need be remembered.
func (s *Server) accessToken(until time.Time) string {
	expiry := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))
	return "ya29." + base64.RawURLEncoding.EncodeToString(append(expiry, s.sign(expiry)...))
}

func (s *Server) sign(data []byte) []byte {
	mac := hmac.New(sha256.New, s.secret[:])
	mac.Write(data)
	return mac.Sum(nil)
}

// authorized reports whether the request has a token of ours that is valid.
func (s *Server) authorized(r *http.Request) bool {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ya29.")
	if !ok {
		return false
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) < 8 || !hmac.Equal(raw[8:], s.sign(raw[:8])) {
		return false
	}
	return time.Now().Before(time.Unix(int64(binary.BigEndian.Uint64(raw)), 0))
}
