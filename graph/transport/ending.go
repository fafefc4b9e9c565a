package transport

import (
	"context"
	"sync/atomic"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

type endingKey struct{}

// ending is why a subscription ended, if not because it was over.
type ending struct{ err atomic.Pointer[error] }

// End gives the reason why the resolver of a subscription is about to close its
// channel: the client gets it as the subscription's error, in the words of the
// error presenter. It does nothing outside of a stream.
func End(ctx context.Context, err error) {
	if e, ok := ctx.Value(endingKey{}).(*ending); ok {
		e.err.Store(&err)
	}
}

func withEnding(ctx context.Context) (context.Context, *ending) {
	e := &ending{}
	return context.WithValue(ctx, endingKey{}, e), e
}

// reason returns the error that was given, or nil.
func (e *ending) reason() *gqlerror.Error {
	if err := e.err.Load(); err != nil {
		return gqlerror.Wrap(*err)
	}
	return nil
}
