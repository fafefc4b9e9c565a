package roster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// TurnDuties returns the worker that follows the clock: it stores the duty of
// responders when it changes by itself, and deletes presences that have not been
// renewed.
func (s *Service) TurnDuties() *store.Worker[Responder] {
	return &store.Worker[Responder]{
		DB: s.db, Collection: responders, Now: s.now, Log: s.log,
		Lease: 30 * time.Second, Width: 16, Handle: s.turnDuty,
	}
}

// turnDuty looks only at what is stored and at the clock, so that it does no
// harm if it comes late, twice, or after a change.
func (s *Service) turnDuty(ctx context.Context, claimed *Responder) error {
	err := s.retried(ctx, func(tx *store.Tx) error {
		r, err := responders.Get(ctx, tx, claimed.ID)
		if err != nil {
			return err
		}
		return s.turn(ctx, tx, r)
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil // it is not on the roster any more
	}
	return err
}

// retried runs a step from the start again while others are first, as a report
// of a position may be, which is no atomic step.
func (s *Service) retried(ctx context.Context, fn func(*store.Tx) error) error {
	for race := 0; ; race++ {
		err := s.db.Atomically(ctx, fn)
		if race == maxRaces || !errors.Is(err, store.ErrStale) {
			return err
		}
	}
}

// SignedOut takes the account's responder, if it has one, off duty for as long
// as the account has no session: nobody would hear an alert. What it has set
// stays set. It belongs into the step that ends the last session.
func (s *Service) SignedOut(ctx context.Context, tx *store.Tx, accountID string) error {
	return s.signed(ctx, tx, accountID, true)
}

// SignedIn undoes SignedOut, in the step that begins a session: what was set
// holds again.
func (s *Service) SignedIn(ctx context.Context, tx *store.Tx, accountID string) error {
	return s.signed(ctx, tx, accountID, false)
}

func (s *Service) signed(ctx context.Context, tx *store.Tx, accountID string, out bool) error {
	r, err := ofAccount(ctx, tx, accountID)
	switch {
	case fault.CodeOf(err) == fault.CodeNotFound:
		return nil
	case err == nil && r.Availability.SignedOut != out:
		r.Availability.SignedOut = out
		err = s.turn(ctx, tx, r)
	}
	if err != nil {
		return fmt.Errorf("following a session: %w", err)
	}
	return nil
}
