package storetest

import (
	"context"
	"errors"

	"github.com/musterhq/muster/store"
)

// rerun is an engine that runs every atomic step twice, and keeps only what the
// second did: as MongoDB does when the first met another writer. A step that
// leaves something behind in memory, or that takes something away, fails its
// tests on it.
type rerun struct{ store.Engine }

var errAgain = errors.New("storetest: once more")

// Atomically implements store.Engine.
func (e rerun) Atomically(ctx context.Context, fn func(store.Ops) error) error {
	err := e.Engine.Atomically(ctx, func(o store.Ops) error {
		if err := fn(o); err != nil {
			return err
		}
		return errAgain
	})
	if !errors.Is(err, errAgain) {
		return err
	}
	return e.Engine.Atomically(ctx, fn)
}
