package roster

import (
	"context"
	"slices"
	"strings"

	"github.com/musterhq/muster/store"
)

// zoneSweep is what the ids of reorganisations begin with that let duties follow
// a district's time zone; the rest is the district's path.
const zoneSweep = "zone "

// followsClock reports whether the clock of the district decides anything.
func (a Availability) followsClock() bool { return len(a.Schedule) > 0 || len(a.Quiet) > 0 }

// sweepZone goes through some thousand responders of the district, and has
// TurnDuties look anew at those whose duty follows the clock: what is stored, and
// when it changes, is by the clock from before. more says that others are left.
func (s *Service) sweepZone(ctx context.Context, r *Reorganisation) (more bool, err error) {
	q := store.Where(store.Prefix("unitPath", strings.TrimPrefix(r.ID, zoneSweep)))
	for range sweepPages {
		page, err := responders.List(ctx, s.db, q, sweepPage, r.After)
		if err != nil {
			return false, err
		}
		if err := s.lookAnew(ctx, page.Items); err != nil {
			return false, err
		}
		if r.After = page.EndCursor; !page.HasNext {
			r.After = ""
			return false, nil
		}
	}
	return true, nil
}

// lookAnew makes those of the responders due whose duty follows the clock.
func (s *Service) lookAnew(ctx context.Context, list []*Responder) error {
	var ids []string
	for _, r := range list {
		if r.Availability.followsClock() {
			ids = append(ids, r.ID)
		}
	}
	for chunk := range slices.Chunk(ids, refileChunk) {
		err := s.db.Atomically(ctx, func(tx *store.Tx) error {
			found, err := responders.GetMany(ctx, tx, chunk)
			if err != nil {
				return err
			}
			for _, r := range found {
				r.SetDue(s.now())
				if err := responders.Replace(ctx, tx, r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
