package training

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster/store"
)

// maxPairs is how many pairs of responder and course one query asks for: what
// the store allows.
const maxPairs = 256

// Qualified tells which of the responders hold a certificate that is valid at
// the time for every one of the courses; with no courses, all of them. The map
// has an entry for each responder asked for. It asks for no actor. Within an
// atomic step, on is its Tx.
func (s *Service) Qualified(ctx context.Context, on store.Conn, responderIDs, courseIDs []string, at time.Time) (map[string]bool, error) {
	wanted := slices.Compact(slices.Sorted(slices.Values(courseIDs)))
	if len(wanted) > maxPairs {
		return nil, fmt.Errorf("asking for qualifications: %d courses at once", len(wanted))
	}
	qualified := make(map[string]bool, len(responderIDs))
	for chunk := range slices.Chunk(responderIDs, max(1, maxPairs/max(1, len(wanted)))) {
		held, err := heldAt(ctx, on, chunk, wanted, at)
		if err != nil {
			return nil, fmt.Errorf("asking for qualifications: %w", err)
		}
		for _, id := range chunk {
			qualified[id] = len(held[id]) == len(wanted)
		}
	}
	return qualified, nil
}

// heldAt returns, by responder, for which of the courses it holds a valid
// certificate.
func heldAt(ctx context.Context, on store.Conn, responderIDs, courseIDs []string, at time.Time) (map[string]map[string]bool, error) {
	held := map[string]map[string]bool{}
	q := store.Where(store.In("responderId", responderIDs...), store.In("courseId", courseIDs...), store.Above("expiresAt", at))
	for c, err := range certificates.All(ctx, on, q) {
		if err != nil {
			return nil, err
		}
		if !c.ValidAt(at) {
			continue
		}
		if held[c.ResponderID] == nil {
			held[c.ResponderID] = map[string]bool{}
		}
		held[c.ResponderID][c.CourseID] = true
	}
	return held, nil
}
