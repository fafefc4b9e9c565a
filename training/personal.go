package training

import (
	"context"
	"fmt"
	"time"

	"github.com/musterhq/muster/store"
)

// personalCertificate is a certificate in a copy of everything about an
// account.
type personalCertificate struct {
	ID           string    `json:"id"`
	Number       string    `json:"number"`
	HolderName   string    `json:"holderName"`
	CourseID     string    `json:"courseId"`
	IssuedAt     time.Time `json:"issuedAt"`
	ExpiresAt    time.Time `json:"expiresAt"`
	RevokedAt    time.Time `json:"revokedAt,omitzero"`
	RevokeReason string    `json:"revokeReason,omitempty"`
}

// CopyPersonal writes the responder's certificates (section "certificates"). It
// asks for no actor.
func (s *Service) CopyPersonal(ctx context.Context, responderID string, write func(section string, doc any) error) error {
	for c, err := range certificates.All(ctx, s.db, heldBy(responderID)) {
		if err == nil {
			err = write("certificates", personalCertificate{
				c.ID, c.Number, c.HolderName, c.CourseID, c.IssuedAt, c.ExpiresAt, c.RevokedAt, c.RevokeReason,
			})
		}
		if err != nil {
			return fmt.Errorf("copying certificates: %w", err)
		}
	}
	return nil
}

// ErasePersonal takes the name, and what was written about the person, from the
// responder's certificates. That somebody earned them, when and for how long,
// stays. One without a name proves nothing, so that Verify finds it no more.
func (s *Service) ErasePersonal(ctx context.Context, responderID string) (more bool, err error) {
	for c, err := range certificates.All(ctx, s.db, heldBy(responderID)) {
		if err == nil && c.HolderName+c.RevokeReason != "" {
			_, err = certificates.Change(ctx, s.db, c.ID, func(c *Certificate) error {
				c.HolderName, c.RevokeReason = "", ""
				return nil
			})
		}
		if err != nil {
			return false, fmt.Errorf("erasing certificates: %w", err)
		}
	}
	return false, nil
}

func heldBy(responderID string) store.Query {
	return store.Where(store.Eq("responderId", responderID))
}
