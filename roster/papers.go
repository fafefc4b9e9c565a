package roster

import (
	"context"
	"fmt"
	"time"

	"github.com/musterhq/muster/store"
)

// papersChunk is how many documents one step erases, so that other writers need
// not wait long.
const papersChunk = 100

// personalConsentRecord is one giving or withdrawing of consent in a copy of
// everything about an account.
type personalConsentRecord struct {
	Purpose Purpose   `json:"purpose"`
	Version string    `json:"version"`
	Given   bool      `json:"given"`
	At      time.Time `json:"at"`
}

// personalRequest is a request that waits, in a copy.
type personalRequest struct {
	ID          string      `json:"id"`
	Kind        RequestKind `json:"kind"`
	OrgUnitID   string      `json:"orgUnitId"`
	RequestedAt time.Time   `json:"requestedAt"`
	Reason      string      `json:"reason"`
}

// copyPapers writes what an account has agreed to and withdrawn (section
// "consents") and what its responder waits for ("requests"). Notes are staff's
// own and left out. It asks for no actor.
func (s *Service) copyPapers(ctx context.Context, accountID, responderID string, write func(section string, doc any) error) error {
	for c, err := range consents.All(ctx, s.db, store.Where(store.Eq("accountId", accountID)).Sort("at")) {
		if err == nil {
			err = write("consents", personalConsentRecord{c.Purpose, c.Version, c.Given, c.At})
		}
		if err != nil {
			return fmt.Errorf("copying consents: %w", err)
		}
	}
	for q, err := range requests.All(ctx, s.db, store.Where(store.Eq("responderId", responderID))) {
		if err == nil {
			err = write("requests", personalRequest{q.ID, q.Kind, q.ToUnitID, q.At, q.Reason})
		}
		if err != nil {
			return fmt.Errorf("copying requests: %w", err)
		}
	}
	return nil
}

// erasePapers deletes the notes on a responder and its requests, some at a time:
// more says that it is to be called again. What was agreed to stays, because it
// is the proof of it: it has ids, versions and times, and nobody's words. It asks
// for no actor.
func (s *Service) erasePapers(ctx context.Context, responderID string) (more bool, err error) {
	err = s.db.Atomically(ctx, func(tx *store.Tx) error {
		if err := dropRequests(ctx, tx, responderID); err != nil {
			return err
		}
		page, err := notes.List(ctx, tx, store.Where(store.Eq("responderId", responderID)), papersChunk, "")
		if err != nil {
			return err
		}
		more = page.HasNext
		for _, n := range page.Items {
			if err := notes.Delete(ctx, tx, n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("erasing a responder's papers: %w", err)
	}
	return more, nil
}
