package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

// seal encrypts a text with AES-256-GCM, by a key derived (RFC 5869) from the
// keyring's secret for the purpose. What it belongs to has to be named again to
// open it, so that nothing sealed can be put in the place of another.
func (k *Keyring) seal(purpose, owner, text string) ([]byte, error) {
	aead, err := k.aead(purpose)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, []byte(text), []byte(owner)), nil // the nonce is random, and put in front
}

// open is the reverse of seal.
func (k *Keyring) open(purpose, owner string, sealed []byte) (string, error) {
	aead, err := k.aead(purpose)
	if err != nil {
		return "", err
	}
	text, err := aead.Open(nil, nil, sealed, []byte(owner))
	if err != nil {
		return "", errors.New("opening what was sealed: it is not whole, or the keyring is another one")
	}
	return string(text), nil
}

func (k *Keyring) aead(purpose string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, k.secret, nil, "muster "+purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("deriving a key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("making a cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}
