package roster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/store"
)

// asked is a change that somebody asks for: whose key it is, and what tells it
// from others with the same key.
type asked struct {
	actor  auth.Principal
	action string // such as "suspending a responder": also what errors say
	key    string // see store.Once; "" for none
	input  any    // without the key
}

func (a asked) step() store.Step {
	text, err := json.Marshal(a.input)
	if err != nil { // inputs are made of strings, numbers and lists of them
		panic(fmt.Sprintf("roster: fingerprint of %s: %v", a.action, err))
	}
	sum := sha256.Sum256(text) // inputs have names, which must not be kept twice
	return store.Step{Actor: a.actor.AccountID, Action: a.action, Key: a.key, Fingerprint: hex.EncodeToString(sum[:])}
}

// change finds a responder and, unless that was done before, changes it, as one
// step. It returns the responder as it is then.
func (s *Service) change(
	ctx context.Context, a asked, find func(*store.Tx) (*Responder, error), take func(*store.Tx, *Responder) error,
) (*Responder, error) {
	var r *Responder
	err := s.db.Atomically(ctx, func(tx *store.Tx) (err error) {
		if r, err = find(tx); err != nil {
			return err
		}
		_, _, err = store.Once(ctx, tx, s.now(), a.step(), func() (string, error) { return r.ID, take(tx, r) })
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.action, err)
	}
	return r, nil
}

// changeOwn is change for the actor's own responder.
func (s *Service) changeOwn(ctx context.Context, a asked, take func(*store.Tx, *Responder) error) (*Responder, error) {
	find := func(tx *store.Tx) (*Responder, error) { return ofAccount(ctx, tx, a.actor.AccountID) }
	return s.change(ctx, a, find, take)
}

// changeStaffed is change for a responder of which the actor is staff.
func (s *Service) changeStaffed(ctx context.Context, a asked, id string, take func(*store.Tx, *Responder) error) (*Responder, error) {
	find := func(tx *store.Tx) (*Responder, error) { return staffed(ctx, tx, a.actor, id) }
	return s.change(ctx, a, find, take)
}
