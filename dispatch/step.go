package dispatch

import (
	"context"
	"time"

	"github.com/musterhq/muster/store"
)

// step is one atomic step under way: the transaction and its one time.
type step struct {
	s   *Service
	tx  *store.Tx
	now time.Time
}

// atomically runs fn as one step.
func (s *Service) atomically(ctx context.Context, fn func(*step) error) error {
	return s.DB.Atomically(ctx, func(tx *store.Tx) error {
		return fn(&step{s: s, tx: tx, now: s.Now()})
	})
}
