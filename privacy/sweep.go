package privacy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/store"
)

// Sweep looks through something for what has been kept for long enough, from
// the start once a day. It asks what is old rather than being told when
// something will be, so that a period that is changed holds for what is there
// already.
type Sweep struct {
	Name string // never changes
	// Do handles some more, from the cursor on, "" for the start, and returns
	// where to go on, "" at the end. What it does can be done twice.
	Do func(ctx context.Context, after string) (next string, err error)
}

// sweepState is how far a sweep has come. Its id is the sweep's name.
type sweepState struct {
	store.Meta `bson:",inline"`
	store.Due  `bson:",inline"` // when to go on, or to begin again
	After      string           `bson:"after"`
}

var sweepStates = store.Define[sweepState]("sweeps", store.DueIndex)

// sweepEvery is how long after the end of a round the next begins.
const sweepEvery = 24 * time.Hour

// ensureSweeps makes the states of the sweeps that never ran.
func (s *Service) ensureSweeps(ctx context.Context) error {
	for _, sweep := range s.Sweeps {
		_, err := sweepStates.Get(ctx, s.DB, sweep.Name)
		if errors.Is(err, store.ErrNotFound) {
			state := &sweepState{Meta: store.Meta{ID: sweep.Name}}
			state.SetDue(s.Now())
			err = sweepStates.Insert(ctx, s.DB, state)
		}
		if err != nil && !errors.Is(err, store.ErrDuplicate) {
			return fmt.Errorf("scheduling the sweep %s: %w", sweep.Name, err)
		}
	}
	return nil
}

// sweep takes a round as far as it comes in a turn.
func (s *Service) sweep(ctx context.Context, state *sweepState) error {
	do := s.sweepNamed(state.ID)
	if do == nil { // of a version of the server that had it
		return overtaken(sweepStates.Delete(ctx, s.DB, state))
	}
	deadline := s.Now().Add(turn)
	for {
		next, err := do(ctx, state.After)
		if err != nil {
			return fmt.Errorf("sweep %s: %w", state.ID, err)
		}
		state.After = next
		if next == "" || s.Now().After(deadline) {
			break
		}
	}
	state.SetDue(s.Now())
	if state.After == "" {
		state.SetDue(s.Now().Add(sweepEvery))
	}
	return overtaken(sweepStates.Replace(ctx, s.DB, state))
}

func (s *Service) sweepNamed(name string) func(context.Context, string) (string, error) {
	for _, sweep := range s.Sweeps {
		if sweep.Name == name {
			return sweep.Do
		}
	}
	return nil
}
