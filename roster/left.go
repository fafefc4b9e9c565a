package roster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// leftPage is how many responders ListLeft returns at a time.
const leftPage = 100

// ListLeft returns the accounts of some of those who have had the status since
// before the time, longest first, and have not been erased; and where to go
// on, "" at the end. It asks for no actor.
func (s *Service) ListLeft(ctx context.Context, status Status, before time.Time, after string) (accountIDs []string, next string, err error) {
	q := store.Where(store.Eq("status", status), store.Below("statusAt", before))
	page, err := responders.List(ctx, s.db, q, leftPage, after)
	if err != nil {
		return nil, "", fmt.Errorf("listing who left the roster: %w", err)
	}
	for _, r := range page.Items {
		if !r.Erased() {
			accountIDs = append(accountIDs, r.AccountID)
		}
	}
	if page.HasNext {
		next = page.EndCursor
	}
	return accountIDs, next, nil
}

// HasLeft reports whether the account's responder still has one of the
// statuses, since before the time, and has not been erased.
func (s *Service) HasLeft(ctx context.Context, on store.Conn, accountID string, before time.Time, statuses ...Status) (bool, error) {
	r, err := ofAccount(ctx, on, accountID)
	if fault.CodeOf(err) == fault.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking whether a responder has left: %w", err)
	}
	return slices.Contains(statuses, r.Status) && r.StatusAt.Before(before) && !r.Erased(), nil
}
