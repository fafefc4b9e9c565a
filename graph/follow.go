package graph

import (
	"context"
	"errors"
	"time"

	"github.com/musterhq/muster/dispatch"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/graph/transport"
	"github.com/musterhq/muster/store"
)

// recheck is how often it is asked whether a follower's session still holds,
// besides before each delivery.
const recheck = time.Minute

// following is one subscription.
type following[T any] struct {
	r *Resolver
	// first are the ids to begin with, whatever changes.
	first []string
	// load returns what an id stands for, as the actor may see it.
	load func(ctx context.Context, id string) (*T, error)
	// lasting says that NOT_FOUND, for what the actor may not see any more,
	// is passed over; otherwise it ends the subscription.
	lasting bool
}

// start follows until the context ends, or the reason for which it ends
// otherwise is given to the client. The channel has no buffer: while the client
// does not read, ids wait in the follower, each once.
func (f following[T]) start(ctx context.Context, follower *dispatch.Follower) <-chan *T {
	out := make(chan *T)
	go func() {
		defer close(out)
		defer follower.Close()
		if err := f.run(ctx, follower, out); err != nil && ctx.Err() == nil {
			transport.End(ctx, err)
		}
	}()
	return out
}

func (f following[T]) run(ctx context.Context, follower *dispatch.Follower, out chan<- *T) error {
	if err := f.send(ctx, f.first, out); err != nil {
		return err
	}
	for {
		wait, cancel := context.WithTimeout(ctx, recheck)
		changed, err := follower.Next(wait)
		cancel()
		if errors.Is(err, store.ErrLagged) {
			return fault.Unavailable("refetch")
		}
		if err != nil && (ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
			return err
		}
		if err := f.r.Auth.Check(ctx, actor(ctx)); err != nil {
			return err
		}
		if err := f.send(ctx, changed, out); err != nil {
			return err
		}
	}
}

func (f following[T]) send(ctx context.Context, ids []string, out chan<- *T) error {
	for _, id := range ids {
		item, err := f.load(ctx, id)
		if f.lasting && fault.CodeOf(err) == fault.CodeNotFound {
			continue
		}
		if err != nil {
			return err
		}
		select {
		case out <- item:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
