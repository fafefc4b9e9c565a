package transport

import (
	"context"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
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
	responses, ctx := exec.DispatchOperation(ctx, operation)
	for answer := responses(ctx); answer != nil; answer = responses(ctx) {
		if !yield(answer) {
			return false
		}
	}
	if err := ending.reason(); err != nil && ctx.Err() == nil {
		return yield(present(ctx, exec, err))
	}
	return ctx.Err() == nil
}

// recoverPlainly is for a panic before there is an operation that knows better.
func recoverPlainly(_ context.Context, thrown any) error { return fmt.Errorf("panic: %v", thrown) }
