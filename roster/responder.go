package roster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Responder is an account's place on the roster.
type Responder struct {
	store.Meta `bson:",inline"`
	// Due is when its duty changes by itself, or its presence is to be looked at
	// (see Service.TurnDuties).
	store.Due `bson:",inline"`
	AccountID string `bson:"accountId"`
	Name      string `bson:"name"`
	Phone     string `bson:"phone"` // the account's, E.164
	UnitID    string `bson:"unitId"`
	UnitPath  string `bson:"unitPath"` // the unit's path
	// Memberships are the other org units whose team it belongs to.
	Memberships  []Membership `bson:"memberships,omitempty"`
	Status       Status       `bson:"status"`
	StatusAt     time.Time    `bson:"statusAt"`               // since when
	StatusReason string       `bson:"statusReason,omitempty"` // why, as staff or the responder said
	// LeftSuspended says that it left while it was suspended, and has not been
	// approved since.
	LeftSuspended bool          `bson:"leftSuspended,omitempty"`
	TransportMode TransportMode `bson:"transportMode"`
	Equipment     []string      `bson:"equipment"`    // what is carried, as staff call it
	Availability  Availability  `bson:"availability"` // what it has set
	Duty          Duty          `bson:"duty"`         // what follows from it
	Consents      Consents      `bson:"consents"`
	// Qualifications are what training has told of (see SetQualification).
	Qualifications []Qualification `bson:"qualifications,omitempty"`
	EnrolledAt     time.Time       `bson:"enrolledAt"`
}

// Membership is the belonging to the team of an org unit besides one's own.
type Membership struct {
	UnitID   string    `bson:"unitId"`
	UnitPath string    `bson:"unitPath"`
	Since    time.Time `bson:"since"`
}

// Qualification is a course for which the responder holds a certificate that
// is valid until just before Until.
type Qualification struct {
	CourseID string    `bson:"courseId"`
	Until    time.Time `bson:"until"`
}

// Consents are what a responder has agreed to.
type Consents struct {
	// Privacy is to being on the roster at all.
	Privacy Consent `bson:"privacy"`
	// Position is to its position being known while it is on duty.
	Position Consent `bson:"position"`
}

// Consent is an agreement to one version of a text. The zero Consent is none.
type Consent struct {
	Version     string    `bson:"version,omitempty"`
	GivenAt     time.Time `bson:"givenAt,omitempty"`
	WithdrawnAt time.Time `bson:"withdrawnAt,omitempty"` // zero while it holds
}

// Agreed returns both consents, to one version of the texts and given at one
// time.
func Agreed(version string, at time.Time) Consents {
	c := Consent{Version: version, GivenAt: at}
	return Consents{Privacy: c, Position: c}
}

// Holds reports whether the consent was given and not withdrawn.
func (c Consent) Holds() bool { return !c.GivenAt.IsZero() && c.WithdrawnAt.IsZero() }

// UnitPaths returns the paths of all org units whose teams the responder belongs
// to, its own first.
func (r *Responder) UnitPaths() []string {
	paths := make([]string, 1, 1+len(r.Memberships))
	paths[0] = r.UnitPath
	for _, m := range r.Memberships {
		paths = append(paths, m.UnitPath)
	}
	return paths
}

var responders = store.Define[Responder]("responders",
	store.Index{Name: "account", Fields: []string{"accountId"}, Unique: true},
	store.Index{Name: "unit", Fields: []string{"unitPath"}},
	store.Index{Name: "status", Fields: []string{"status", "unitPath"}},
	store.Index{Name: "duty", Fields: []string{"duty.onDuty", "unitPath"}},
	store.Index{Name: "left", Fields: []string{"status", "statusAt"}},
	store.DueIndex,
)

// OnDutyAt reports whether the responder may be called out at t, as far as the
// roster knows: active, and on duty by its stored Duty. Ends are exact, Until
// itself being off duty; a duty that begins by itself is known as soon as a
// worker has stored it, within a second, or a few where thousands begin at once;
// or the responder reports its position, without which nobody calls it anyway.
func (r *Responder) OnDutyAt(t time.Time) bool {
	return r.Status == StatusActive && r.Duty.OnDuty && (r.Duty.Until.IsZero() || t.Before(r.Duty.Until))
}

// OfAccount returns the account's responder, or NOT_FOUND. It asks for no
// actor: the account is the caller's to choose.
func (s *Service) OfAccount(ctx context.Context, accountID string) (*Responder, error) {
	return ofAccount(ctx, s.db, accountID)
}

func ofAccount(ctx context.Context, on store.Conn, accountID string) (*Responder, error) {
	r, err := responders.First(ctx, on, store.Where(store.Eq("accountId", accountID)))
	return known(r, err, "responder")
}

// LoadResponders returns those of the responders that exist, by id, to
// services that have decided themselves who may see them: it asks for no
// actor. Within an atomic step, on is its Tx.
func (s *Service) LoadResponders(ctx context.Context, on store.Conn, ids []string) (map[string]*Responder, error) {
	return responders.GetMany(ctx, on, ids)
}

// LoadScope returns whose the responder is and where it stands, or NOT_FOUND,
// to services that decide by that who may see what belongs to it: it asks for
// no actor.
func (s *Service) LoadScope(ctx context.Context, responderID string) (accountID, unitPath string, err error) {
	r, err := responders.Get(ctx, s.db, responderID)
	if r, err = known(r, err, "responder"); err != nil {
		return "", "", err
	}
	return r.AccountID, r.UnitPath, nil
}

// NewResponder is who is put on the roster.
type NewResponder struct {
	AccountID     string
	Name          string
	Phone         string // the account's, E.164
	UnitID        string
	Status        Status
	TransportMode TransportMode
	Equipment     []string
	Consents      Consents
	EnrolledAt    time.Time // zero for now
}

// Enrol puts somebody on the roster, off duty. It is for start-up and demo
// data, and asks for no actor; callers with many put several hundred into one
// atomic step, with its Tx as on. It fails with INVALID, with NOT_FOUND for the
// unit, or with CONFLICT if that is closed or the account is on the roster already.
func (s *Service) Enrol(ctx context.Context, on store.Conn, n NewResponder) (*Responder, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	u, err := openUnit(ctx, on, n.UnitID)
	if err != nil {
		return nil, err
	}
	r := &Responder{
		Meta: store.Meta{ID: s.newID("rsp")}, AccountID: n.AccountID, Name: strings.TrimSpace(n.Name), Phone: n.Phone,
		UnitID: u.ID, UnitPath: u.Path, Status: n.Status, StatusAt: s.now(), TransportMode: n.TransportMode,
		Equipment: n.Equipment, Consents: n.Consents, EnrolledAt: n.EnrolledAt,
	}
	if r.EnrolledAt.IsZero() {
		r.EnrolledAt = s.now()
	}
	r.Duty, _ = r.dutyAt(s.Zone(ctx, u.Path), s.now())
	err = responders.Insert(ctx, on, r)
	if errors.Is(err, store.ErrDuplicate) {
		return nil, fault.Conflict("on_roster")
	}
	if err != nil {
		return nil, fmt.Errorf("enrolling a responder: %w", err)
	}
	return r, nil
}

func (n NewResponder) check() error {
	switch {
	case n.AccountID == "":
		return fault.Invalid("accountId", "required")
	case strings.TrimSpace(n.Name) == "":
		return fault.Invalid("name", "required")
	case n.Phone == "":
		return fault.Invalid("phone", "required")
	case !n.Status.Valid():
		return fault.Invalid("status", "responder_status")
	case !n.TransportMode.Valid():
		return fault.Invalid("transportMode", "transport_mode")
	}
	return nil
}
