package auth

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	// secretSize is how many bytes the secret has: as many as its hash yields.
	secretSize = 32
	// maxKeyFile is how many bytes a key file may have.
	maxKeyFile = 1 << 20
	// keepRetired is how long after a key's last signature a token of its may
	// still be valid, with clocks that differ by the leeway.
	keepRetired = MaxAccessLifetime + 2*Leeway
)

// keyFile is a keyring as it is stored.
type keyFile struct {
	Secret []byte     `json:"secret"`
	Keys   []keyEntry `json:"keys"` // the one that signs first
}

type keyEntry struct {
	Seed      []byte    `json:"seed"` // of the private key (RFC 8032)
	RetiredAt time.Time `json:"retiredAt,omitzero"`
}

func newKeyFile() *keyFile {
	return &keyFile{Secret: randomBytes(secretSize), Keys: []keyEntry{{Seed: randomBytes(ed25519.SeedSize)}}}
}

func (f *keyFile) signingKeys() []signingKey {
	keys := make([]signingKey, 0, len(f.Keys))
	for _, e := range f.Keys {
		keys = append(keys, newSigningKey(e.Seed, e.RetiredAt))
	}
	return keys
}

// LoadKeyring reads the keyring from the file, which it creates, with mode
// 0600, if there is none. It refuses a file that others may read.
func LoadKeyring(path string) (*Keyring, error) {
	f, info, err := readKeyFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = writeKeyFile(path, newKeyFile(), os.Link); err == nil || errors.Is(err, fs.ErrExist) {
			// Another process may have been first: what counts is the file.
			f, info, err = readKeyFile(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("loading the keyring: %w", err)
	}
	return &Keyring{path: path, loaded: info, keys: f.signingKeys(), secret: f.Secret}, nil
}

// Rotate puts a new key first in the file's keyring, to sign from now on. Older
// keys stay for verification as long as tokens that they signed may be valid.
func Rotate(path string, now time.Time) error {
	f, _, err := readKeyFile(path)
	if err != nil {
		return fmt.Errorf("rotating the keyring: %w", err)
	}
	f.Keys[0].RetiredAt = now.UTC()
	kept := []keyEntry{{Seed: randomBytes(ed25519.SeedSize)}}
	for _, e := range f.Keys {
		if now.Before(e.RetiredAt.Add(keepRetired)) {
			kept = append(kept, e)
		}
	}
	f.Keys = kept
	if err := writeKeyFile(path, f, os.Rename); err != nil {
		return fmt.Errorf("rotating the keyring: %w", err)
	}
	return nil
}

// follow reads the file again if it is no longer the one that was loaded.
func (k *Keyring) follow() error {
	if k.path == "" {
		return nil
	}
	info, err := os.Stat(k.path)
	if err != nil {
		return fmt.Errorf("looking at the keyring: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if sameFile(info, k.loaded) {
		return nil
	}
	f, info, err := readKeyFile(k.path)
	if err != nil {
		return fmt.Errorf("loading the keyring again: %w", err)
	}
	if !bytes.Equal(f.Secret, k.secret) {
		return errors.New("loading the keyring again: it is another one; restart to use it")
	}
	k.keys, k.loaded = f.signingKeys(), info
	return nil
}

func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

func readKeyFile(path string) (*keyFile, fs.FileInfo, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close() // it was only read
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return nil, nil, fmt.Errorf("%s has mode %s: it must be a file that only its owner can read (chmod 600)", path, info.Mode())
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	if err != nil {
		return nil, nil, err
	}
	f, err := parseKeyFile(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, info, nil
}

// parseKeyFile never quotes what it read.
func parseKeyFile(raw []byte) (*keyFile, error) {
	var f keyFile
	if json.Unmarshal(raw, &f) != nil || len(f.Secret) != secretSize || len(f.Keys) == 0 {
		return nil, errors.New("not a keyring")
	}
	for i, e := range f.Keys {
		if len(e.Seed) != ed25519.SeedSize || e.RetiredAt.IsZero() != (i == 0) {
			return nil, errors.New("not a keyring")
		}
	}
	return &f, nil
}

// writeKeyFile writes the file beside its place and then puts it there: with
// os.Rename in place of what is there, with os.Link only if nothing is. After
// a crash there is the old file or the new, never half of one.
func writeKeyFile(path string, f *keyFile, put func(from, to string) error) error {
	raw, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, ".keyring-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // after a rename it is gone
	_, err = temp.Write(raw)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := put(temp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a change of the directory's names durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
