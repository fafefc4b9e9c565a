package auth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
)

func keyringFile(t *testing.T) (string, *Keyring) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyring.json")
	k, err := LoadKeyring(path)
	must(t, err)
	return path, k
}

// ids returns the keys' ids as JWKS lists them.
func ids(t *testing.T, k *Keyring) []string {
	t.Helper()
	raw, err := k.JWKS()
	must(t, err)
	var set struct{ Keys []jwk }
	must(t, json.Unmarshal(raw, &set))
	var ids []string
	for _, key := range set.Keys {
		ids = append(ids, key.ID)
	}
	return ids
}

func TestLoadKeyringMakesAFileOnceThatOnlyItsOwnerCanRead(t *testing.T) {
	t.Parallel()
	path, k := keyringFile(t)
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode() != 0o600 {
		t.Errorf("the mode is %s", info.Mode())
	}
	again, err := LoadKeyring(path)
	must(t, err)
	if diff := cmp.Diff(ids(t, k), ids(t, again)); diff != "" {
		t.Error(diff)
	}
	wantAlone(t, path)
}

// wantAlone fails the test if something was left beside the file.
func wantAlone(t *testing.T, path string) {
	t.Helper()
	beside, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	if len(beside) != 1 {
		t.Errorf("the directory has %v", beside)
	}
}

func TestProcessesThatStartAtOnceShareOneKeyring(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keyring.json")
	var mu sync.Mutex
	secrets := map[string]bool{}
	together(16, func(int) {
		k, err := LoadKeyring(path)
		if err != nil {
			t.Error(err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		secrets[string(k.secret)+k.keys[0].id] = true
	})
	if len(secrets) != 1 {
		t.Errorf("there are %d", len(secrets))
	}
	wantAlone(t, path)
}

func TestLoadKeyringRefuses(t *testing.T) {
	t.Parallel()
	good, err := json.Marshal(newKeyFile())
	must(t, err)
	tests := map[string]struct {
		mode    os.FileMode
		content string
	}{
		"a file that the group can read":  {0o640, string(good)},
		"a file that everybody can read":  {0o604, string(good)},
		"a file that the group can write": {0o620, string(good)},
		"an empty file":                   {0o600, ""},
		"something else":                  {0o600, `{"keys": "topsecret"}`},
		"no keys":                         {0o600, `{"secret":"` + strings.Repeat("A", 43) + `=","keys":[]}`},
		"half a file":                     {0o600, string(good[:len(good)/2])},
		"a short seed":                    {0o600, strings.Replace(string(good), `"seed":"`, `"seed":"AAAA`, 1)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "keyring.json")
			must(t, os.WriteFile(path, []byte(tt.content), 0o600))
			must(t, os.Chmod(path, tt.mode))
			_, err := LoadKeyring(path)
			if err == nil {
				t.Fatal("accepted")
			}
			if tt.content != "" && strings.Contains(err.Error(), tt.content) || strings.Contains(err.Error(), "topsecret") {
				t.Errorf("the error quotes the file: %v", err)
			}
			if after, _ := os.ReadFile(path); string(after) != tt.content {
				t.Error("the file was changed")
			}
		})
	}
	t.Run("a directory", func(t *testing.T) {
		t.Parallel()
		if _, err := LoadKeyring(t.TempDir()); err == nil {
			t.Error("accepted")
		}
	})
}

func TestRotate(t *testing.T) {
	t.Parallel()
	path, k := keyringFile(t)
	start := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	first := ids(t, k)
	must(t, Rotate(path, start))
	second := ids(t, k) // followed without loading it again
	if len(second) != 2 || second[0] == first[0] || second[1] != first[0] {
		t.Fatalf("from %v to %v", first, second)
	}
	must(t, Rotate(path, start.Add(keepRetired-time.Millisecond)))
	third := ids(t, k)
	if diff := cmp.Diff(append(third[:1:1], second...), third); diff != "" {
		t.Error(diff) // all three
	}
	must(t, Rotate(path, start.Add(keepRetired)))
	fourth := ids(t, k)
	if diff := cmp.Diff(append(fourth[:1:1], third[:2]...), fourth); diff != "" {
		t.Error(diff) // the first is gone
	}
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode() != 0o600 {
		t.Errorf("the mode is %s", info.Mode())
	}
	wantAlone(t, path)
}

func TestRotateNeedsAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none.json")
	if err := Rotate(path, time.Now()); err == nil {
		t.Error("rotated nothing")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("made a file")
	}
}

func TestRotationTakesEffectInEveryProcessAndEndsNoSession(t *testing.T) {
	t.Parallel()
	path, k := keyringFile(t)
	w := open(t, func(c *Config) { c.Keyring = k })
	elsewhere := w.Config
	var err error
	elsewhere.Keyring, err = LoadKeyring(path)
	must(t, err)
	b, err := New(elsewhere)
	must(t, err)

	old, _ := w.signIn(t, phone)
	code := w.requestCode(t, other)
	must(t, Rotate(path, w.Now()))
	renewed := w.refresh(t, old.RefreshToken) // signed by the new key
	for _, access := range []string{old.AccessToken, renewed.AccessToken} {
		if _, err := b.Authenticate(t.Context(), access); err != nil {
			t.Errorf("the other process: %v", err)
		}
	}
	if _, _, err := w.try(t, other, code); err != nil {
		t.Errorf("a code from before: %v", err)
	}
	if headerOf(old) == headerOf(renewed) {
		t.Error("the new key does not sign")
	}

	w.clock.Advance(keepRetired)
	must(t, Rotate(path, w.Now()))
	renewed = w.refresh(t, renewed.RefreshToken)
	if _, err := b.Authenticate(t.Context(), renewed.AccessToken); err != nil {
		t.Errorf("the other process: %v", err)
	}
}

func headerOf(tokens *Tokens) string {
	header, _, _ := strings.Cut(tokens.AccessToken, ".")
	return header
}

func TestWhenTheFileGoesBadTheLoadedKeysServeAndTheLogSaysSo(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(path string) error{
		"cut short":            func(path string) error { return os.Truncate(path, 10) },
		"another keyring":      func(path string) error { return writeKeyFile(path, newKeyFile(), os.Rename) },
		"gone":                 os.Remove,
		"readable by everyone": func(path string) error { return errors.Join(Rotate(path, time.Now()), os.Chmod(path, 0o644)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, k := keyringFile(t)
			w := open(t, func(c *Config) { c.Keyring = k })
			must(t, spoil(path))
			tokens, _ := w.signIn(t, phone)
			w.principal(t, tokens)
			if !strings.Contains(w.logs.String(), "following the keyring's file") {
				t.Error("the log says nothing")
			}
			if _, err := k.JWKS(); err == nil {
				t.Error("JWKS says nothing")
			}
		})
	}
}

// The key and thumbprint of RFC 8037, appendix A.1 to A.3.
func TestKeyIDIsItsThumbprint(t *testing.T) {
	t.Parallel()
	seed, err := base64.RawURLEncoding.DecodeString("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
	must(t, err)
	key := newSigningKey(seed, time.Time{})
	if key.x() != "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" || key.id != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("x %s, kid %s", key.x(), key.id)
	}
}

func TestJWKSHasPublicKeysOnly(t *testing.T) {
	t.Parallel()
	k := NewKeyring()
	raw, err := k.JWKS()
	must(t, err)
	var got any
	must(t, json.Unmarshal(raw, &got))
	want := map[string]any{"keys": []any{map[string]any{
		"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": k.keys[0].id, "x": k.keys[0].x(),
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTokensOfAnotherKeyringAreRefused(t *testing.T) {
	t.Parallel()
	w := open(t)
	tokens, _ := w.signIn(t, phone)
	stranger := w.Config
	stranger.Keyring = NewKeyring()
	s, err := New(stranger)
	must(t, err)
	_, err = s.Authenticate(t.Context(), tokens.AccessToken)
	wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.token")
}

func TestMacTellsPurposesAndPartsApart(t *testing.T) {
	t.Parallel()
	k := NewKeyring()
	seen := map[string]bool{}
	for _, mac := range [][]byte{
		k.mac("p", []byte("ab"), []byte("c")), k.mac("p", []byte("a"), []byte("bc")), k.mac("p", []byte("abc")),
		k.mac("q", []byte("abc")), k.mac("pabc"), NewKeyring().mac("p", []byte("abc")),
	} {
		seen[string(mac)] = true
	}
	if len(seen) != 6 {
		t.Errorf("%d of 6 differ", len(seen))
	}
}
