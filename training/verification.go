package training

import (
	"context"
	"time"

	"github.com/musterhq/muster/fault"
)

// State is what a certificate is worth now.
type State string

// The states. One that was revoked and has also expired is REVOKED.
const (
	StateValid   State = "VALID"
	StateExpired State = "EXPIRED"
	StateRevoked State = "REVOKED"
)

// Verification is what anyone who has a certificate's number may know of it.
type Verification struct {
	Number     string
	HolderName string // masked, see MaskName
	CourseID   string
	IssuedAt   time.Time
	ExpiresAt  time.Time
	State      State
}

// Verify checks a certificate by its number, in which spaces and hyphens do not
// matter. It is open to anyone. It fails with INVALID for what cannot be a
// number, its check digit included, and with NOT_FOUND for one that was never
// issued, or whose holder's data was erased.
func (s *Service) Verify(ctx context.Context, number string) (*Verification, error) {
	number, err := parseNumber(number)
	if err != nil {
		return nil, err
	}
	c, err := byNumber(ctx, s.db, number)
	if c, err = known(c, err, "certificate"); err != nil {
		return nil, err
	}
	if c.HolderName == "" { // its holder's data was erased
		return nil, fault.NotFound("certificate")
	}
	return &Verification{
		Number: c.Number, HolderName: MaskName(c.HolderName), CourseID: c.CourseID,
		IssuedAt: c.IssuedAt, ExpiresAt: c.ExpiresAt, State: c.StateAt(s.now()),
	}, nil
}

// StateAt returns what the certificate is worth at t.
func (c *Certificate) StateAt(t time.Time) State {
	switch {
	case !c.RevokedAt.IsZero() && !t.Before(c.RevokedAt):
		return StateRevoked
	case !t.Before(c.ExpiresAt):
		return StateExpired
	default:
		return StateValid
	}
}
