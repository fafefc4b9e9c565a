package roster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
)

// personalResponder is a place on the roster in a copy of everything about an
// account.
type personalResponder struct {
	ID             string                  `json:"id"`
	Name           string                  `json:"name"`
	Phone          string                  `json:"phone"`
	OrgUnitID      string                  `json:"orgUnitId"`
	Memberships    []personalMembership    `json:"memberships"`
	Status         Status                  `json:"status"`
	StatusAt       time.Time               `json:"statusAt"`
	StatusReason   string                  `json:"statusReason"`
	LeftSuspended  bool                    `json:"leftSuspended"`
	TransportMode  TransportMode           `json:"transportMode"`
	Equipment      []string                `json:"equipment"`
	Availability   personalAvailability    `json:"availability"`
	Consents       personalConsents        `json:"consents"`
	Qualifications []personalQualification `json:"qualifications"`
	EnrolledAt     time.Time               `json:"enrolledAt"`
}

type personalMembership struct {
	OrgUnitID string    `json:"orgUnitId"`
	Since     time.Time `json:"since"`
}

type personalAvailability struct {
	Toggle     ToggleState     `json:"toggle,omitempty"`
	Until      time.Time       `json:"until,omitzero"`
	Schedule   []personalShift `json:"schedule"`
	QuietHours []personalHours `json:"quietHours"`
	Leaves     []personalLeave `json:"leaves"`
	SignedOut  bool            `json:"signedOut"`
	OnDuty     bool            `json:"onDuty"`
	Reason     DutyReason      `json:"reason,omitempty"`
}

type personalShift struct {
	Weekday string `json:"weekday"`
	personalHours
}

type personalHours struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type personalLeave struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Reason string    `json:"reason"`
}

type personalConsents struct {
	Privacy  personalConsent `json:"privacy"`
	Position personalConsent `json:"position"`
}

type personalConsent struct {
	Version     string    `json:"version"`
	GivenAt     time.Time `json:"givenAt,omitzero"`
	WithdrawnAt time.Time `json:"withdrawnAt,omitzero"`
}

type personalQualification struct {
	CourseID string    `json:"courseId"`
	Until    time.Time `json:"until"`
}

// personalPresence is where a responder was seen last, in a copy.
type personalPresence struct {
	Position       personalPosition `json:"position"`
	AccuracyMeters float64          `json:"accuracyMeters"`
	RecordedAt     time.Time        `json:"recordedAt"`
	ReceivedAt     time.Time        `json:"receivedAt"`
}

type personalPosition struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Datum     string  `json:"datum"`
}

// PersonalID returns the id of the account's responder, and "" if it is not on
// the roster, to those who copy or erase what belongs to it. It is the same
// after the erasure.
func (s *Service) PersonalID(ctx context.Context, on store.Conn, accountID string) (string, error) {
	r, err := ofAccount(ctx, on, accountID)
	if fault.CodeOf(err) == fault.CodeNotFound {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("finding an account's responder: %w", err)
	}
	return r.ID, nil
}

// PersonalUnit returns the path of the org unit that the account's responder
// belongs to, and "" if it is not on the roster, to services that decide by that
// who may do something about it.
func (s *Service) PersonalUnit(ctx context.Context, on store.Conn, accountID string) (unitPath string, err error) {
	r, err := ofAccount(ctx, on, accountID)
	if fault.CodeOf(err) == fault.CodeNotFound {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("finding an account's responder: %w", err)
	}
	return r.UnitPath, nil
}

// CopyPersonal writes the account's place on the roster (section "responder"),
// where it was seen last ("presence"), and its papers. It asks for no actor.
func (s *Service) CopyPersonal(ctx context.Context, accountID string, write func(section string, doc any) error) error {
	r, err := ofAccount(ctx, s.db, accountID)
	if fault.CodeOf(err) == fault.CodeNotFound {
		return nil
	}
	if err == nil {
		err = write("responder", r.personal())
	}
	if err != nil {
		return fmt.Errorf("copying a responder: %w", err)
	}
	p, err := presences.Get(ctx, s.db, r.ID)
	if err == nil {
		err = write("presence", p.personal())
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("copying a presence: %w", err)
	}
	return s.copyPapers(ctx, accountID, r.ID, write)
}

func (r *Responder) personal() personalResponder {
	p := personalResponder{
		ID: r.ID, Name: r.Name, Phone: r.Phone, OrgUnitID: r.UnitID, Memberships: []personalMembership{},
		Status: r.Status, StatusAt: r.StatusAt, StatusReason: r.StatusReason, LeftSuspended: r.LeftSuspended, TransportMode: r.TransportMode, Equipment: r.Equipment,
		Availability:   r.Availability.personal(r.Duty),
		Consents:       personalConsents{personalConsent(r.Consents.Privacy), personalConsent(r.Consents.Position)},
		Qualifications: []personalQualification{}, EnrolledAt: r.EnrolledAt,
	}
	for _, m := range r.Memberships {
		p.Memberships = append(p.Memberships, personalMembership{m.UnitID, m.Since})
	}
	for _, q := range r.Qualifications {
		p.Qualifications = append(p.Qualifications, personalQualification(q))
	}
	return p
}

func (a Availability) personal(d Duty) personalAvailability {
	p := personalAvailability{
		Toggle: a.Toggle.State, Until: a.Toggle.Until, SignedOut: a.SignedOut, OnDuty: d.OnDuty, Reason: d.Reason,
		Schedule: []personalShift{}, QuietHours: []personalHours{}, Leaves: []personalLeave{},
	}
	for _, f := range a.Schedule {
		p.Schedule = append(p.Schedule, personalShift{f.Weekday.String(), f.Hours.personal()})
	}
	for _, h := range a.Quiet {
		p.QuietHours = append(p.QuietHours, h.personal())
	}
	for _, l := range a.Leaves {
		p.Leaves = append(p.Leaves, personalLeave{l.From, l.To, l.Reason})
	}
	return p
}

func (h Hours) personal() personalHours { return personalHours{h.From.String(), h.To.String()} }

func (p *Presence) personal() personalPresence {
	return personalPresence{
		Position:       personalPosition{p.Position.Latitude, p.Position.Longitude, string(geo.WGS84)},
		AccuracyMeters: p.AccuracyMeters, RecordedAt: p.RecordedAt, ReceivedAt: p.ReceivedAt,
	}
}

// Erased reports whether the account that the responder belonged to was erased.
func (r *Responder) Erased() bool { return r.Phone == "" }

// BeginErasure retires the account's responder, off duty, and leaves nothing of
// it but what statistics are made of: its org unit, how it moved, and since
// when it was there. It is no fault if there is none.
func (s *Service) BeginErasure(ctx context.Context, tx *store.Tx, accountID string) error {
	r, err := ofAccount(ctx, tx, accountID)
	if fault.CodeOf(err) == fault.CodeNotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("erasing a responder: %w", err)
	}
	// Whatever else a responder has is gone, since it is not written down here.
	erased := &Responder{
		Meta: r.Meta, AccountID: r.AccountID, UnitID: r.UnitID, UnitPath: r.UnitPath, Status: StatusRetired, StatusAt: s.now(),
		TransportMode: r.TransportMode, Equipment: []string{}, Duty: r.Duty, EnrolledAt: r.EnrolledAt,
	}
	if err := s.turn(ctx, tx, erased); err != nil {
		return fmt.Errorf("erasing a responder: %w", err)
	}
	return nil
}

// eraseLate erases a responder of whom the beginning of the erasure did not know:
// its application was on its way. It returns the responder's id, "" for none.
func (s *Service) eraseLate(ctx context.Context, accountID string) (responderID string, err error) {
	r, err := ofAccount(ctx, s.db, accountID)
	if fault.CodeOf(err) == fault.CodeNotFound {
		return "", nil
	}
	if err == nil && !r.Erased() {
		err = s.db.Atomically(ctx, func(tx *store.Tx) error { return s.BeginErasure(ctx, tx, accountID) })
	}
	if err != nil {
		return "", fmt.Errorf("erasing a responder: %w", err)
	}
	return r.ID, nil
}

// ErasePersonal erases what is kept about the account besides its responder,
// whose erasure has begun.
func (s *Service) ErasePersonal(ctx context.Context, accountID string) (more bool, err error) {
	responderID, err := s.eraseLate(ctx, accountID)
	if err != nil || responderID == "" {
		return false, err
	}
	// A position that was on its way when the erasure began.
	err = s.db.Atomically(ctx, func(tx *store.Tx) error {
		_, err := s.keepPresence(ctx, tx, &Responder{Meta: store.Meta{ID: responderID}}, s.now())
		return err
	})
	if err != nil {
		return false, fmt.Errorf("erasing a presence: %w", err)
	}
	return s.erasePapers(ctx, responderID)
}
