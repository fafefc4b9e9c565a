package privacy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Reason is why an account is erased.
type Reason string

// The reasons.
const (
	Requested Reason = "REQUESTED" // its owner asked for it
	ByStaff   Reason = "STAFF"     // staff did it, on a request on paper for instance
	Retention Reason = "RETENTION" // it has been kept for long enough
)

// Erasure is the record that an account is being erased, or was. Its id is the
// account's, which is a mere number by then.
type Erasure struct {
	store.Meta `bson:",inline"`
	store.Due  `bson:",inline"` // when to go on; once it is done, when the record is deleted
	Reason     Reason           `bson:"reason"`
	BegunAt    time.Time        `bson:"begunAt"`
	// Parts names those that have nothing more to erase.
	Parts  []string  `bson:"parts,omitempty"`
	DoneAt time.Time `bson:"doneAt,omitempty"` // zero while there is more to do
}

var erasures = store.Define[Erasure]("erasures", store.DueIndex)

// Erasure returns the record of the account's erasure to services that have
// decided themselves who may see it. It fails with NOT_FOUND.
func (s *Service) Erasure(ctx context.Context, accountID string) (*Erasure, error) {
	e, err := erasures.Get(ctx, s.DB, accountID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.NotFound("account")
	}
	return e, err
}

// begin begins to erase the account: from this step on nobody can sign in as
// it, be it or call it out, whatever happens to the process. It fails with
// CONFLICT if that was done before, or with a part's fault.
func (s *Service) begin(ctx context.Context, tx *store.Tx, accountID string, reason Reason) (*Erasure, error) {
	_, err := erasures.Get(ctx, tx, accountID)
	if err == nil {
		return nil, fault.Conflict("erased_already")
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	for _, p := range s.Parts {
		if p.Begin == nil {
			continue
		}
		if err := p.Begin(ctx, tx, accountID); err != nil {
			return nil, fmt.Errorf("beginning to erase %s: %w", p.Name, err)
		}
	}
	e := &Erasure{Meta: store.Meta{ID: accountID}, Reason: reason, BegunAt: s.Now()}
	e.SetDue(e.BegunAt)
	return e, erasures.Insert(ctx, tx, e)
}

// continueErasure takes an erasure as far as it comes in a turn, or deletes the
// record of an old one. Everything in it can be done twice.
func (s *Service) continueErasure(ctx context.Context, e *Erasure) error {
	if !e.DoneAt.IsZero() {
		return overtaken(erasures.Delete(ctx, s.DB, e))
	}
	deadline := s.Now().Add(turn)
	for _, p := range s.Parts {
		if p.Erase == nil || slices.Contains(e.Parts, p.Name) {
			continue
		}
		done, err := s.exhaust(ctx, p, e.ID, deadline)
		if err != nil {
			return fmt.Errorf("erasing %s of %s: %w", p.Name, e.ID, err)
		}
		if !done {
			e.SetDue(s.Now())
			return overtaken(erasures.Replace(ctx, s.DB, e))
		}
		e.Parts = append(e.Parts, p.Name)
		if err := erasures.Replace(ctx, s.DB, e); err != nil {
			return overtaken(err)
		}
	}
	e.DoneAt = s.Now()
	e.SetDue(e.DoneAt.Add(s.Keep))
	s.Log.Info("erased an account", "account", e.ID, "reason", e.Reason)
	return overtaken(erasures.Replace(ctx, s.DB, e))
}

// exhaust erases until there is no more, or the deadline.
func (s *Service) exhaust(ctx context.Context, p Part, accountID string, deadline time.Time) (done bool, err error) {
	for {
		more, err := p.Erase(ctx, accountID)
		if err != nil || !more {
			return err == nil, err
		}
		if s.Now().After(deadline) {
			return false, nil
		}
	}
}

// overtaken forgives that another process has gone on with it.
func overtaken(err error) error {
	if errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
