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
// unless the responder is ACTIVE and has agreed to its position being known.
func (s *Service) Place(ctx context.Context, tx *store.Tx, r *Responder, in PositionReport) error {
	if err := in.check(s.now()); err != nil {
		return err
	}
	if r.Status != StatusActive {
		return fault.Conflict("responder_not_active", fault.Args{"status": string(r.Status)})
	}
	if !r.Consents.Position.Holds() {
		return fault.Conflict("position_consent")
	}
	if err := s.place(ctx, tx, r, in); err != nil {
		return fmt.Errorf("placing a responder: %w", err)
	}
	return nil
}

// place stores the presence first, so that the responder is due when it ends.
func (s *Service) place(ctx context.Context, tx *store.Tx, r *Responder, in PositionReport) error {
	put := presences.Replace
	p, err := presences.Get(ctx, tx, r.ID)
	if errors.Is(err, store.ErrNotFound) {
		p, err, put = &Presence{Meta: store.Meta{ID: r.ID}}, nil, presences.Insert
	}
	if err != nil {
		return err
	}
	p.believe(in, s.now())
	if err := put(ctx, tx, p); err != nil {
		return err
	}
	r.Availability.Toggle = Toggle{State: ToggleOn}
	return s.turn(ctx, tx, r)
}
