package roster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Application is what somebody says who wants to be on the roster.
type Application struct {
	Name string // 1 to MaxName characters
	// Phone is the account's, in E.164 form. The caller vouches for it.
	Phone         string
	UnitID        string // where
	TransportMode TransportMode
	Equipment     []string // at most MaxEquipment of at most 50 characters each
	// PrivacyVersion is the version of the privacy notice that the applicant
	// agreed to, which is required; PositionVersion the same of the one on
	// positions, "" if the applicant has not agreed to that.
	PrivacyVersion, PositionVersion string
	Key                             string `json:"-"` // makes a repetition safe (see store.Once); optional
}

func (in Application) check() error {
	if err := checkLine("name", in.Name, MaxName); err != nil {
		return err
	}
	switch {
	case in.Phone == "":
		return fault.Invalid("phone", "required")
	case !in.TransportMode.Valid():
		return fault.Invalid("transportMode", "transport_mode")
	case strings.TrimSpace(in.PrivacyVersion) == "":
		return fault.Invalid("privacyConsentVersion", "privacy_consent")
	}
	if err := checkLine("privacyConsentVersion", in.PrivacyVersion, maxVersion); err != nil {
		return err
	}
	if err := fault.CheckText("positionConsentVersion", in.PositionVersion, maxVersion); err != nil {
		return err
	}
	return checkEquipment(in.Equipment)
}

// Apply puts the actor on the roster as an applicant, off duty, or there again
// if it was rejected or has retired: then it keeps its id, and everything that
// belongs to that. It fails with INVALID, with NOT_FOUND for the unit, and with
// CONFLICT if the actor is on the roster already or has applied.
func (s *Service) Apply(ctx context.Context, actor auth.Principal, in Application) (*Responder, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	var r *Responder
	err := s.db.Atomically(ctx, func(tx *store.Tx) error {
		again := asked{actor, "applying", in.Key, in}.step()
		id, _, err := store.Once(ctx, tx, s.now(), again, func() (string, error) { return s.apply(ctx, tx, actor, in) })
		if err != nil {
			return err
		}
		r, err = responders.Get(ctx, tx, id)
		return err
	})
	if errors.Is(err, store.ErrDuplicate) {
		return nil, fault.Conflict("on_roster")
	}
	if err != nil {
		return nil, fmt.Errorf("applying: %w", err)
	}
	return r, nil
}

func (s *Service) apply(ctx context.Context, tx *store.Tx, actor auth.Principal, in Application) (string, error) {
	unit, err := openUnit(ctx, tx, in.UnitID)
	if err != nil {
		return "", err
	}
	r, put, err := s.applicant(ctx, tx, actor)
	if err != nil {
		return "", err
	}
	r.Name, r.Phone, r.UnitID, r.UnitPath = strings.TrimSpace(in.Name), in.Phone, unit.ID, unit.Path
	r.Status, r.StatusAt, r.StatusReason = StatusApplied, s.now(), ""
	r.TransportMode, r.Equipment = in.TransportMode, trimmed(in.Equipment)
	if err := s.giveConsent(ctx, tx, r, ConsentPrivacy, in.PrivacyVersion); err != nil {
		return "", err
	}
	if err := s.applyPosition(ctx, tx, r, in.PositionVersion); err != nil {
		return "", err
	}
	if err := units.Replace(ctx, tx, unit); err != nil { // which must be open still
		return "", err
	}
	return r.ID, put(ctx, tx, r)
}

// applicant returns the responder that the actor becomes, and how to store it.
func (s *Service) applicant(ctx context.Context, tx *store.Tx, actor auth.Principal) (*Responder, func(context.Context, store.Conn, *Responder) error, error) {
	r, err := ofAccount(ctx, tx, actor.AccountID)
	if fault.CodeOf(err) == fault.CodeNotFound {
		r = &Responder{Meta: store.Meta{ID: s.newID("rsp")}, AccountID: actor.AccountID, EnrolledAt: s.now()}
		return r, responders.Insert, nil
	}
	if err == nil && r.Status.Enlisted() {
		return nil, nil, fault.Conflict("on_roster", fault.Args{"status": string(r.Status)})
	}
	return r, responders.Replace, err
}

// applyPosition takes what the applicant says of positions for its last word:
// who applies without that consent withdraws one from before.
func (s *Service) applyPosition(ctx context.Context, tx *store.Tx, r *Responder, version string) error {
	if strings.TrimSpace(version) == "" {
		return s.withdrawConsent(ctx, tx, r, ConsentPosition)
	}
	return s.giveConsent(ctx, tx, r, ConsentPosition, version)
}

// Leaving is what a responder says who leaves the roster.
type Leaving struct {
	Reason string // at most MaxReason characters; optional
	Key    string // makes a repetition safe (see store.Once); optional
}

// Leave takes the actor off the roster and out of all teams, or withdraws its
// application. It may apply again. It fails with NOT_FOUND if the actor is not
// on the roster, with INVALID, and with CONFLICT if it has left or was rejected.
func (s *Service) Leave(ctx context.Context, actor auth.Principal, in Leaving) (*Responder, error) {
	if err := fault.CheckText("reason", in.Reason, MaxReason); err != nil {
		return nil, err
	}
	return s.changeOwn(ctx, asked{actor, "leaving the roster", in.Key, in.Reason}, func(tx *store.Tx, r *Responder) error {
		return s.become(ctx, tx, r, StatusRetired, in.Reason)
	})
}
