package auth

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"
)

// Keyring holds the Ed25519 keys that sign and verify access tokens, and a
// secret that keys hashes. One that was loaded from a file follows the file:
// a rotation takes effect in every process at once. It may be used from any
// goroutine.
type Keyring struct {
	path string // "" if it is in memory only

	mu     sync.Mutex
	loaded os.FileInfo // the file that keys come from
	keys   []signingKey
	secret []byte // never changes
}

// signingKey is one key pair. Its id is the public key's thumbprint (RFC 7638,
// RFC 8037 appendix A.3).
type signingKey struct {
	id        string
	private   ed25519.PrivateKey
	retiredAt time.Time // zero for the one that signs
}

// NewKeyring returns a keyring with a new key, in memory only.
func NewKeyring() *Keyring {
	f := newKeyFile()
	return &Keyring{keys: f.signingKeys(), secret: f.Secret}
}

// signing returns the key that signs now. An error says that the file could
// not be read again; the key is the last that was known.
func (k *Keyring) signing() (signingKey, error) {
	err := k.follow()
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys[0], err
}

// verifying returns the public key with the id.
func (k *Keyring) verifying(id string) (ed25519.PublicKey, bool) {
	if public, ok := k.find(id); ok {
		return public, true
	}
	if k.follow() != nil {
		return nil, false // signing reports it
	}
	return k.find(id)
}

func (k *Keyring) find(id string) (ed25519.PublicKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.keys {
		if key.id == id {
			return key.public(), true
		}
	}
	return nil, false
}

// JWKS returns the public keys as a JSON Web Key Set (RFC 7517, RFC 8037),
// the one that signs first. It fails if the file has changed and is no good:
// those who cache the set then keep what they have.
func (k *Keyring) JWKS() ([]byte, error) {
	if err := k.follow(); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	for _, key := range k.keys {
		set.Keys = append(set.Keys, jwk{
			KeyType: "OKP", Curve: "Ed25519", X: key.x(),
			ID: key.id, Use: "sig", Algorithm: "EdDSA",
		})
	}
	return json.Marshal(set)
}

type jwk struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	ID        string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
}

func newSigningKey(seed []byte, retiredAt time.Time) signingKey {
	key := signingKey{private: ed25519.NewKeyFromSeed(seed), retiredAt: retiredAt}
	thumbprint := sha256.Sum256(fmt.Appendf(nil, `{"crv":"Ed25519","kty":"OKP","x":"%s"}`, key.x()))
	key.id = base64.RawURLEncoding.EncodeToString(thumbprint[:])
	return key
}

func (key signingKey) public() ed25519.PublicKey {
	return key.private.Public().(ed25519.PublicKey) // an Ed25519 key's always is
}

func (key signingKey) x() string { return base64.RawURLEncoding.EncodeToString(key.public()) }

// mac returns a keyed hash of the parts, which no other purpose and no other
// division into parts shares.
func (k *Keyring) mac(purpose string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, k.secret)
	for _, part := range append([][]byte{[]byte(purpose)}, parts...) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	return h.Sum(nil)
}

// opaque returns an id that stands for a key without giving it away.
func (k *Keyring) opaque(purpose, key string) string {
	return base64.RawURLEncoding.EncodeToString(k.mac("id "+purpose, []byte(key)))
}

// randomBytes returns n bytes from the system's generator.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: the program ends first
	return b
}
