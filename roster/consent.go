package roster

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Purpose is what a consent is to.
type Purpose string

// The purposes; see Consents.
const (
	ConsentPrivacy  Purpose = "PRIVACY"
	ConsentPosition Purpose = "POSITION"
)

// ConsentRecord is one giving or withdrawing of consent. It is written once and
// never changed; the last of each purpose is also on the responder.
type ConsentRecord struct {
	store.Meta `bson:",inline"`
	AccountID  string    `bson:"accountId"`
	Purpose    Purpose   `bson:"purpose"`
	Version    string    `bson:"version"` // of the text
	Given      bool      `bson:"given"`   // or withdrawn
	At         time.Time `bson:"at"`
}

var consents = store.Define[ConsentRecord]("consents",
	store.Index{Name: "account", Fields: []string{"accountId", "at"}},
)

// NewConsent is what somebody agrees to, or no longer does.
type NewConsent struct {
	Purpose Purpose
	Version string // of the text, at most 50 characters; required
	Given   bool   // or withdrawn
	Key     string `json:"-"` // makes a repetition safe (see store.Once); optional
}

func (in NewConsent) check() error {
	if in.Purpose != ConsentPrivacy && in.Purpose != ConsentPosition {
		return fault.Invalid("purpose", "required")
	}
	return checkLine("version", in.Version, maxVersion)
}

// RecordConsent records that the actor agrees to a version of a text, or does
// not any more. What is so already is not recorded again. Without the consent to
// its position it goes off duty, and its position is forgotten, in the same
// step. The consent to being on the roster cannot be withdrawn from one who is
// there: that is CONFLICT, and to leave is the way. It fails with INVALID, and
// with NOT_FOUND if the actor never was on the roster.
func (s *Service) RecordConsent(ctx context.Context, actor auth.Principal, in NewConsent) (*Responder, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	return s.changeOwn(ctx, asked{actor, "recording a consent", in.Key, in}, func(tx *store.Tx, r *Responder) error {
		if in.Given {
			if err := s.giveConsent(ctx, tx, r, in.Purpose, in.Version); err != nil {
				return err
			}
			return s.turn(ctx, tx, r)
		}
		return s.takeBack(ctx, tx, r, in.Purpose)
	})
}

func (s *Service) takeBack(ctx context.Context, tx *store.Tx, r *Responder, p Purpose) error {
	if p == ConsentPrivacy {
		return fault.Conflict("privacy_consent")
	}
	if err := s.withdrawConsent(ctx, tx, r, p); err != nil {
		return err
	}
	return s.turn(ctx, tx, r)
}

// of returns the consent of a purpose.
func (c *Consents) of(p Purpose) *Consent {
	if p == ConsentPosition {
		return &c.Position
	}
	return &c.Privacy
}

// giveConsent sets a consent and records it. Storing the responder is the
// caller's.
func (s *Service) giveConsent(ctx context.Context, tx *store.Tx, r *Responder, p Purpose, version string) error {
	version = strings.TrimSpace(version)
	c := r.Consents.of(p)
	if c.Holds() && c.Version == version {
		return nil
	}
	*c = Consent{Version: version, GivenAt: s.now()}
	return s.recordConsent(ctx, tx, r, p, true)
}

// withdrawConsent ends a consent if it holds, and records that. Storing the
// responder is the caller's.
func (s *Service) withdrawConsent(ctx context.Context, tx *store.Tx, r *Responder, p Purpose) error {
	c := r.Consents.of(p)
	if !c.Holds() {
		return nil
	}
	c.WithdrawnAt = s.now()
	return s.recordConsent(ctx, tx, r, p, false)
}

func (s *Service) recordConsent(ctx context.Context, tx *store.Tx, r *Responder, p Purpose, given bool) error {
	err := consents.Insert(ctx, tx, &ConsentRecord{
		Meta: store.Meta{ID: s.newID("cst")}, AccountID: r.AccountID, Purpose: p, Version: r.Consents.of(p).Version, Given: given, At: s.now(),
	})
	if err != nil {
		return fmt.Errorf("recording a consent: %w", err)
	}
	return nil
}
