package training

import (
	"context"
	"fmt"
	"time"

	"github.com/musterhq/muster/store"
)

// Issued returns, by responder, when the certificates for the course were
// issued, revoked and expired ones included, for up to 256 responders. It asks
// for no actor. It fails with NOT_FOUND for the course. Within an atomic step,
// on is its Tx.
func (s *Service) Issued(ctx context.Context, on store.Conn, responderIDs []string, courseID string) (map[string][]time.Time, error) {
	if _, err := findCourse(ctx, on, courseID); err != nil {
		return nil, err
	}
	issued := map[string][]time.Time{}
	q := store.Where(store.In("responderId", responderIDs...), store.Eq("courseId", courseID))
	for c, err := range certificates.All(ctx, on, q) {
		if err != nil {
			return nil, fmt.Errorf("finding certificates: %w", err)
		}
		issued[c.ResponderID] = append(issued[c.ResponderID], c.IssuedAt)
	}
	return issued, nil
}
