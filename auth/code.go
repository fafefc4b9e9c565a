package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
)

// CodeLifetime is how long a sign-in code is valid. NIST SP 800-63B allows
// ten minutes at most.
const CodeLifetime = 5 * time.Minute

// codeDigits is how many digits a code has: with FailuresPerPhone, a guess
// succeeds once in 200,000 times.
const codeDigits = 6

// RandomCode returns a code of six random decimal digits, each code as likely
// as any other.
func RandomCode() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000)) // without modulo bias
	if err != nil {
		return "", fmt.Errorf("generating a code: %w", err)
	}
	return fmt.Sprintf("%0*d", codeDigits, n), nil
}

// signInCode is the one code that is valid for a phone. Its id is a keyed hash
// of the phone.
type signInCode struct {
	store.Meta `bson:",inline"`
	store.Due  `bson:",inline"` // when it is deleted
	Salt       []byte           `bson:"salt"`
	Hash       []byte           `bson:"hash"` // of salt, phone and code, keyed by the keyring
	ExpiresAt  time.Time        `bson:"expiresAt"`
}

var signInCodes = store.Define[signInCode]("signInCodes", store.DueIndex)

// RequestCode sends a new code to the phone, in place of the one before,
// whether or not the phone has an account. from is the client's address. It
// fails with INVALID, with RATE_LIMITED, whose retryAfterSeconds says when to
// come back, and with UNAVAILABLE if the code could not be sent.
func (s *Service) RequestCode(ctx context.Context, phone, from string, tag locale.Tag) error {
	phone, err := ParsePhone(phone)
	if err != nil {
		return err
	}
	code, err := s.NewCode()
	if err != nil {
		return err
	}
	err = s.atomically(ctx, func(tx *store.Tx) error {
		t, err := s.turnstile(ctx, tx, "sign_in_code", s.requestQuotas(phone, from)...)
		if err != nil {
			return err
		}
		if err := t.count(ctx, tx); err != nil {
			return err
		}
		return s.putCode(ctx, tx, phone, code)
	})
	if err != nil {
		return fmt.Errorf("requesting a code: %w", err)
	}
	return s.send(ctx, phone, code, knownLocale(tag))
}

func (s *Service) requestQuotas(phone, from string) []quota {
	return []quota{
		{"request/phone", phone, s.Limits.RequestsPerPhone},
		{"request/address", addressKey(from), s.Limits.RequestsPerAddress},
		{"request", "", s.Limits.Requests},
	}
}

func (s *Service) failureQuotas(phone, from string) []quota {
	return []quota{
		{"failure/phone", phone, s.Limits.FailuresPerPhone},
		{"failure/address", addressKey(from), s.Limits.FailuresPerAddress},
	}
}

func (s *Service) send(ctx context.Context, phone, code string, tag locale.Tag) error {
	err := s.Sender.SendCode(ctx, phone, code, tag)
	if err == nil {
		return nil
	}
	s.Log.Error("sending a sign-in code", "phone", MaskPhone(phone), "error", err)
	return fault.Unavailable("sign_in_code")
}

// putCode stores the code in the place of the one before.
func (s *Service) putCode(ctx context.Context, tx *store.Tx, phone, code string) error {
	doc, err := s.loadCode(ctx, tx, phone)
	if err != nil {
		return err
	}
	doc.Salt = randomBytes(16)
	doc.Hash = s.codeHash(doc.Salt, phone, code)
	doc.ExpiresAt = s.Now().Add(CodeLifetime)
	doc.SetDue(doc.ExpiresAt)
	put := signInCodes.Replace
	if doc.Rev == 0 {
		put = signInCodes.Insert
	}
	if err := put(ctx, tx, doc); err != nil {
		return fmt.Errorf("storing a code: %w", err)
	}
	return nil
}

// findCode returns the phone's code, and whether the given one is it.
func (s *Service) findCode(ctx context.Context, tx *store.Tx, phone, code string) (doc *signInCode, right bool, err error) {
	if doc, err = s.loadCode(ctx, tx, phone); err != nil {
		return nil, false, err
	}
	// Where there is no code the comparison is made all the same, so that
	// time does not tell.
	right = hmac.Equal(doc.Hash, s.codeHash(doc.Salt, phone, strings.TrimSpace(code)))
	return doc, right && doc.Rev > 0 && s.Now().Before(doc.ExpiresAt), nil
}

// loadCode returns the phone's code, or one of revision 0 that no code fits.
func (s *Service) loadCode(ctx context.Context, tx *store.Tx, phone string) (*signInCode, error) {
	id := s.Keyring.opaque("code", phone)
	doc, err := signInCodes.Get(ctx, tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return &signInCode{Meta: store.Meta{ID: id}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading a code: %w", err)
	}
	return doc, nil
}

// codeHash is keyed as well as salted: a salt alone would not keep a million
// codes from being tried on a stolen database.
func (s *Service) codeHash(salt []byte, phone, code string) []byte {
	return s.Keyring.mac("code hash", salt, []byte(phone), []byte(code))
}
