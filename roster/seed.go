package roster

import (
	"context"
	"errors"
	"fmt"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Place puts a responder on duty, with no end, at a position, in the caller's
// atomic step: what SetAvailability and ReportPosition do for one who has
// signed in. It is for seeding, and asks for no actor; callers with many put
// several hundred into one step. r is as Enrol returned it or as it is stored,
// and is changed. It fails with INVALID for the position, and with CONFLICT
// unless the responder is ACTIVE.
func (s *Service) Place(ctx context.Context, tx *store.Tx, r *Responder, in PositionReport) error {
	if err := in.check(s.now()); err != nil {
		return err
	}
	if r.Status != StatusActive {
		return fault.Conflict("responder_not_active", fault.Args{"status": string(r.Status)})
	}
	if err := setAvailability(ctx, tx, r, Availability{OnDuty: true}); err != nil {
		return fmt.Errorf("placing a responder: %w", err)
	}
	put := presences.Replace
	p, err := presences.Get(ctx, tx, r.ID)
	if errors.Is(err, store.ErrNotFound) {
		p, err, put = &Presence{Meta: store.Meta{ID: r.ID}}, nil, presences.Insert
	}
	if err != nil {
		return fmt.Errorf("placing a responder: %w", err)
	}
	s.fill(p, in)
	if err := put(ctx, tx, p); err != nil {
		return fmt.Errorf("placing a responder: %w", err)
	}
	return nil
}
