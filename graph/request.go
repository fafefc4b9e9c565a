package graph

import (
	"context"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
)

// Request is what is known of a request before its query is read.
type Request struct {
	ID     string     // in the log, and in INTERNAL errors
	From   string     // the client's address, by which attempts are counted
	Locale locale.Tag // of the answers' words
	// Actor is who asks; its AccountID is "" for nobody.
	Actor auth.Principal
	// AuthError is why a token that was shown is not good. Open fields answer
	// all the same: refreshSession, of all things, must.
	AuthError error
	// lasting says that Actor was found when a socket was opened, and not for
	// this one operation.
	lasting bool
}

type requestKey struct{}

// WithRequest returns a context in which resolvers find the request.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestOf returns the request of a context, or an empty one.
func RequestOf(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}

// SignedIn returns who makes the request, or an UNAUTHENTICATED fault.
func SignedIn(ctx context.Context) (Request, error) {
	request := RequestOf(ctx)
	_, err := request.signedIn()
	return request, err
}

// signedIn returns who asks, or an UNAUTHENTICATED fault.
func (r Request) signedIn() (auth.Principal, error) {
	if r.AuthError != nil {
		return auth.Principal{}, r.AuthError
	}
	if r.Actor.AccountID == "" {
		return auth.Principal{}, fault.Unauthenticated("missing")
	}
	return r.Actor, nil
}

// actor returns who asks, for fields that @allow does not open to everybody.
func actor(ctx context.Context) auth.Principal { return RequestOf(ctx).Actor }
