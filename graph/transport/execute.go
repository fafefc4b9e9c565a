package transport

import (
	"context"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/graph/limit"
)

// execute runs one operation and yields its answers until there are no more, ctx
// has ended, or yield returns false. What prevents the execution, and a panic, is
// yielded as an answer without data. It reports whether all was yielded.
func execute(ctx context.Context, exec graphql.GraphExecutor, params *graphql.RawParams, yield func(*graphql.Response) bool) (complete bool) {
	ctx, cancel := context.WithCancel(graphql.StartOperationTrace(ctx))
	defer cancel()
	ctx, ending := withEnding(ctx)
	operation := &graphql.OperationContext{RecoverFunc: recoverPlainly}
	defer func() {
		if thrown := recover(); thrown != nil {
			err := operation.RecoverFunc(ctx, thrown)
			complete = yield(present(ctx, exec, gqlerror.WrapIfUnwrapped(err)))
		}
	}()
	operation, errs := exec.CreateOperationContext(ctx, params)
	ctx = graphql.WithOperationContext(ctx, operation)
	if errs != nil {
		return yield(presentAll(ctx, exec, errs))
	}
	// Interceptors may have bounded the operation's own context, which has then
	// ended when the operation has: that says nothing of whether anybody listens.
	responses, within := exec.DispatchOperation(ctx, operation)
	answered := false
	for answer := responses(within); answer != nil; answer = responses(within) {
		answered = true
		if !yield(answer) {
			return false
		}
	}
	if ctx.Err() != nil {
		return false
	}
	if err := ending.reason(); err != nil {
		return yield(present(ctx, exec, err))
	}
	if !answered && within.Err() != nil { // it ran out of time
		return yield(present(ctx, exec, limit.Refusal(fault.Unavailable("interrupted"))))
	}
	return true
}

// recoverPlainly is for a panic before there is an operation that knows better.
func recoverPlainly(_ context.Context, thrown any) error { return fmt.Errorf("panic: %v", thrown) }
