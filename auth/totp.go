package auth

import (
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// totpIssuer is what authenticator apps show beside the account.
const totpIssuer = "Muster"

const (
	// totpPeriod is how long one code holds: what every authenticator app
	// supports.
	totpPeriod = 30 * time.Second
	// totpSkew is how many periods before and after the present one are
	// accepted: RFC 6238 recommends one at most.
	totpSkew = 1
)

// newTOTP generates a secret for the account.
func newTOTP(accountName string) (*otp.Key, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: totpIssuer, AccountName: accountName, Period: uint(totpPeriod.Seconds())})
	if err != nil {
		return nil, fmt.Errorf("generating a second factor: %w", err)
	}
	return key, nil
}

// totpStep returns the period (RFC 6238's T) whose code it is, and false if it
// is of none that counts now, or of one up to used.
func totpStep(secret, code string, now time.Time, used int64) (int64, bool, error) {
	found, ok := int64(0), false
	for skew := int64(-totpSkew); skew <= totpSkew; skew++ {
		step := now.Unix()/int64(totpPeriod.Seconds()) + skew
		want, err := totpCode(secret, step)
		if err != nil {
			return 0, false, err
		}
		// All are compared, so that time does not tell which it was.
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && step > used {
			found, ok = step, true
		}
	}
	return found, ok, nil
}

func totpCode(secret string, step int64) (string, error) {
	code, err := totp.GenerateCodeCustom(secret, time.Unix(step*int64(totpPeriod.Seconds()), 0), totp.ValidateOpts{
		Period: uint(totpPeriod.Seconds()), Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1,
	})
	if err != nil {
		return "", fmt.Errorf("computing a second factor's code: %w", err)
	}
	return code, nil
}
