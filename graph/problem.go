package graph

import (
	"context"
	"log/slog"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
)

// Present gives an error the form in which clients see it: that of GraphQL's
// errors, for answers outside of GraphQL. The context is that of WithRequest.
func Present(ctx context.Context, words *locale.Catalogue, log *slog.Logger, err error) *gqlerror.Error {
	return presenter{words: words, log: log}.present(ctx, err)
}

// CodeOf returns the code of an error that Present made.
func CodeOf(err *gqlerror.Error) fault.Code {
	code, _ := err.Extensions["code"].(fault.Code)
	return code
}
