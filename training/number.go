package training

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"

	"github.com/musterhq/muster/fault"
)

// A certificate's number is a serial of 11 digits, the first not 0 (so that
// spreadsheets keep it), and a check digit by ISO/IEC 7064 MOD 11,10, which
// finds every single wrong digit and most that are swapped. Serials are drawn
// at random: from one number nobody can tell another.
const (
	serialDigits = 11
	numberDigits = serialDigits + 1
)

// RandomSerial draws a serial from the system's source of randomness.
func RandomSerial() (string, error) {
	low := new(big.Int).Exp(big.NewInt(10), big.NewInt(serialDigits-1), nil)
	n, err := rand.Int(rand.Reader, new(big.Int).Mul(low, big.NewInt(9)))
	if err != nil {
		return "", fmt.Errorf("drawing a serial: %w", err)
	}
	return n.Add(n, low).String(), nil
}

// checkDigit computes the check digit of a string of digits: the hybrid system
// MOD 11,10 of ISO/IEC 7064.
func checkDigit(digits string) byte {
	p := 10
	for i := range len(digits) {
		s := (p + int(digits[i]-'0')) % 10
		if s == 0 {
			s = 10
		}
		p = s * 2 % 11
	}
	return byte('0' + (11-p)%10)
}

// parseNumber reads a number as people type it, with spaces and hyphens
// anywhere, and in full-width digits as Chinese keyboards have them.
func parseNumber(text string) (string, error) {
	if len(text) > 8*numberDigits { // no more than so many runes and gaps
		return "", fault.Invalid("number", "certificate_number")
	}
	digits := strings.Map(plainDigit, text)
	if len(digits) != numberDigits || strings.Trim(digits, "0123456789") != "" ||
		checkDigit(digits[:serialDigits]) != digits[serialDigits] {
		return "", fault.Invalid("number", "certificate_number")
	}
	return digits, nil
}

func plainDigit(r rune) rune {
	switch {
	case r == ' ' || r == '-' || r == '\u3000':
		return -1
	case r >= '０' && r <= '９':
		return r - '０' + '0'
	default:
		return r
	}
}
