package training

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Certificate is the dated qualification that a course earned a responder. One
// that is renewed is followed by another; it does not change.
type Certificate struct {
	store.Meta   `bson:",inline"`
	Number       string    `bson:"number"` // 12 digits (see RandomSerial); unique
	ResponderID  string    `bson:"responderId"`
	HolderName   string    `bson:"holderName"` // as it was when issued
	CourseID     string    `bson:"courseId"`
	IssuedAt     time.Time `bson:"issuedAt"`
	ExpiresAt    time.Time `bson:"expiresAt"`
	RevokedAt    time.Time `bson:"revokedAt,omitempty"` // zero: not revoked
	RevokeReason string    `bson:"revokeReason,omitempty"`
}

var certificates = store.Define[Certificate]("certificates",
	store.Index{Name: "number", Fields: []string{"number"}, Unique: true},
	store.Index{Name: "holder", Fields: []string{"responderId", "courseId", "expiresAt"}},
)

// ValidAt reports whether the certificate is valid at t: from IssuedAt until
// just before ExpiresAt, and before RevokedAt.
func (c *Certificate) ValidAt(t time.Time) bool {
	return !t.Before(c.IssuedAt) && t.Before(c.ExpiresAt) && (c.RevokedAt.IsZero() || t.Before(c.RevokedAt))
}

// NewCertificate is a certificate to be issued.
type NewCertificate struct {
	ResponderID string // the caller's to have made sure of
	HolderName  string
	CourseID    string
	IssuedAt    time.Time // not in the future
	ExpiresAt   time.Time // after IssuedAt; zero for the course's months
}

// Issue issues a certificate that is valid for the course's months, and tells
// of it (see Config.OnQualified) in the same step. It asks for no actor: whoever
// calls it has decided that it is earned. Callers with many put several hundred
// into one atomic step, with its Tx as on. It fails with INVALID, or with
// NOT_FOUND for the course.
func (s *Service) Issue(ctx context.Context, on store.Conn, n NewCertificate) (c *Certificate, err error) {
	if err := n.check(s.now()); err != nil {
		return nil, err
	}
	tx, within := on.(*store.Tx)
	if within {
		return s.issue(ctx, tx, n)
	}
	err = s.db.Atomically(ctx, func(tx *store.Tx) (err error) {
		c, err = s.issue(ctx, tx, n)
		return err
	})
	return c, err
}

func (s *Service) issue(ctx context.Context, tx *store.Tx, n NewCertificate) (*Certificate, error) {
	course, err := findCourse(ctx, tx, n.CourseID)
	if err != nil {
		return nil, err
	}
	number, err := s.freeNumber(ctx, tx)
	if err != nil {
		return nil, fmt.Errorf("issuing a certificate: %w", err)
	}
	issued, expires := n.IssuedAt.UTC().Truncate(time.Millisecond), n.ExpiresAt.UTC().Truncate(time.Millisecond)
	if n.ExpiresAt.IsZero() {
		expires = addMonths(issued, course.ValidityMonths)
	}
	c := &Certificate{
		Meta: store.Meta{ID: s.newID("crt")}, Number: number, ResponderID: n.ResponderID,
		HolderName: strings.TrimSpace(n.HolderName), CourseID: course.ID,
		IssuedAt: issued, ExpiresAt: expires,
	}
	if err := certificates.Insert(ctx, tx, c); err != nil {
		return nil, fmt.Errorf("issuing a certificate: %w", err)
	}
	return c, s.tell(ctx, tx, c.ResponderID, c.CourseID)
}

// tell tells until when the responder's certificates for the course last.
func (s *Service) tell(ctx context.Context, tx *store.Tx, responderID, courseID string) error {
	var until time.Time
	of := store.Where(store.Eq("responderId", responderID), store.Eq("courseId", courseID))
	for c, err := range certificates.All(ctx, tx, of) {
		if err != nil {
			return err
		}
		if c.RevokedAt.IsZero() && c.ExpiresAt.After(until) {
			until = c.ExpiresAt
		}
	}
	return s.qualified(ctx, tx, responderID, courseID, until)
}

func (n NewCertificate) check(now time.Time) error {
	switch {
	case n.ResponderID == "":
		return fault.Invalid("responderId", "required")
	case strings.TrimSpace(n.HolderName) == "":
		return fault.Invalid("holderName", "required")
	case n.IssuedAt.After(now):
		return fault.Invalid("issuedAt", "issued_in_future")
	case !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(n.IssuedAt):
		return fault.Invalid("expiresAt", "expires_before_issued")
	}
	return nil
}

// maxDraws is how often a number is drawn; of 90,000 million, so many taken
// ones in a row are no chance.
const maxDraws = 10

// freeNumber draws a number that is not taken. It looks before it inserts,
// because on some engines a duplicate ends the atomic step.
func (s *Service) freeNumber(ctx context.Context, tx *store.Tx) (string, error) {
	for range maxDraws {
		serial, err := s.newSerial()
		if err != nil {
			return "", err
		}
		number := serial + string(checkDigit(serial))
		_, err = byNumber(ctx, tx, number)
		if errors.Is(err, store.ErrNotFound) {
			return number, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("%d numbers in a row were taken", maxDraws)
}

func byNumber(ctx context.Context, on store.Conn, number string) (*Certificate, error) {
	return certificates.First(ctx, on, store.Where(store.Eq("number", number)))
}

// addMonths returns the same time of the same day some months later, or of the
// month's last day if it is shorter: 31 January and a month is 28 February.
func addMonths(t time.Time, months int) time.Time {
	later := t.AddDate(0, months, 0)
	if later.Day() != t.Day() {
		later = later.AddDate(0, 0, -later.Day())
	}
	return later
}

// staff are the roles that may read the certificates of the responders within
// their scope. auth.RoleAdmin includes them.
var staff = []auth.Role{auth.RoleDispatcher, auth.RoleTrainer}

// Certificates returns all certificates of the responder, newest first, to
// itself and to staff whose scope covers it. To others the responder is
// NOT_FOUND, as if it did not exist.
func (s *Service) Certificates(ctx context.Context, actor auth.Principal, responderID string) ([]*Certificate, error) {
	accountID, unitPath, err := s.scope(ctx, responderID)
	if err != nil {
		return nil, err
	}
	own := actor.AccountID != "" && accountID == actor.AccountID
	if !own && !actor.May(unitPath, staff...) {
		return nil, fault.NotFound("responder")
	}
	var held []*Certificate
	for c, err := range certificates.All(ctx, s.db, store.Where(store.Eq("responderId", responderID))) {
		if err != nil {
			return nil, err
		}
		held = append(held, c)
	}
	slices.SortFunc(held, newestFirst)
	return held, nil
}

func newestFirst(a, b *Certificate) int {
	return cmp.Or(b.IssuedAt.Compare(a.IssuedAt), cmp.Compare(b.ID, a.ID))
}
