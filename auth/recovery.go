package auth

import (
	"crypto/hmac"
	"encoding/base32"
	"slices"
	"strings"
)

const (
	// recoveryCodes is how many come with a second factor.
	recoveryCodes = 10
	// recoverySize is how many random bytes one has: 80 bits.
	recoverySize = 10
)

// newRecoveryCodes returns codes as people write them down: four groups of four
// letters and digits.
func newRecoveryCodes() []string {
	codes := make([]string, recoveryCodes)
	for i := range codes {
		text := base32.StdEncoding.EncodeToString(randomBytes(recoverySize))
		codes[i] = text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:]
	}
	return codes
}

// plainCode returns a code without what people put in and leave out.
func plainCode(code string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(code))
}

// recoveryHash is keyed, and of no use to another account.
func (s *Service) recoveryHash(accountID, code string) []byte {
	return s.Keyring.mac("recovery code", []byte(accountID), []byte(plainCode(code)))
}

func (s *Service) recoveryHashes(accountID string, codes []string) [][]byte {
	hashes := make([][]byte, len(codes))
	for i, code := range codes {
		hashes[i] = s.recoveryHash(accountID, code)
	}
	return hashes
}

// useRecovery strikes the code off the list, and reports whether it was on it.
func (s *Service) useRecovery(f *secondFactor, code string) bool {
	given := s.recoveryHash(f.ID, code)
	before := len(f.Recovery)
	f.Recovery = slices.DeleteFunc(f.Recovery, func(h []byte) bool { return hmac.Equal(h, given) })
	return len(f.Recovery) < before
}
