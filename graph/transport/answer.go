package transport

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/graph/limit"
)

// present makes the answer to a fault, in the words of the error presenter. The
// operation context is empty, but there: interceptors of responses expect one.
func present(ctx context.Context, exec graphql.GraphExecutor, err *gqlerror.Error) *graphql.Response {
	if !graphql.HasOperationContext(ctx) {
		ctx = graphql.WithOperationContext(ctx, &graphql.OperationContext{})
	}
	return exec.DispatchError(ctx, gqlerror.List{err})
}

// maxFound is how many errors of one document are told. Validation finds hundreds
// in a few kilobytes, and who mends the first ten sends the document again anyway.
const maxFound = 10

// presentAll makes the answer to what gqlgen found wrong with a request. ctx has the
// operation context that came with it.
func presentAll(ctx context.Context, exec graphql.GraphExecutor, errs gqlerror.List) *graphql.Response {
	return exec.DispatchError(ctx, errs[:min(len(errs), maxFound)])
}

// refuse answers what never became an operation.
func refuse(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor, media string, no *refusal) {
	write(w, media, no.status, present(r.Context(), exec, limit.Refusal(no.fault)))
}

// write sends the whole answer.
func write(w http.ResponseWriter, media string, status int, response *graphql.Response) {
	body := encode(response)
	w.Header().Set("Content-Type", media+"; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // who does not listen any more misses nothing
}

// isRequestError tells an answer to an operation that was never executed. gqlgen
// leaves its data empty; that of an executed one is JSON, be it null.
func isRequestError(response *graphql.Response) bool {
	return len(response.Data) == 0
}

// encode makes the JSON of an answer. That of a request error has no data entry
// (GraphQL specification, section 7.1). It panics with what cannot be encoded, so
// that the recover function hears of it.
func encode(response *graphql.Response) []byte {
	var answer any = response
	if isRequestError(response) {
		answer = struct {
			Errors     gqlerror.List  `json:"errors"`
			Extensions map[string]any `json:"extensions,omitempty"`
		}{response.Errors, response.Extensions}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic(fmt.Errorf("encoding answer: %w", err))
	}
	return body
}

// status is the HTTP status of an answer that the executor gave.
//
// For application/json it is 200 whatever the answer says, because only then may a
// client trust that it is one. For application/graphql-response+json it tells
// request errors apart (GraphQL over HTTP, section 6.4).
func status(media string, response *graphql.Response) int {
	if media != mediaGraphQL || !isRequestError(response) {
		return http.StatusOK
	}
	return StatusOf(codeOf(response.Errors))
}

// StatusOf is the HTTP status for a fault, wherever one is told by a status: 400
// for what has no code.
func StatusOf(code fault.Code) int {
	switch code {
	case fault.CodeUnauthenticated:
		return http.StatusUnauthorized
	case fault.CodeForbidden:
		return http.StatusForbidden
	case fault.CodeNotFound:
		return http.StatusNotFound
	case fault.CodeConflict:
		return http.StatusConflict
	case fault.CodeRateLimited:
		return http.StatusTooManyRequests
	case fault.CodeUnavailable:
		return http.StatusServiceUnavailable
	case fault.CodeInternal:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

func codeOf(errs gqlerror.List) fault.Code {
	if len(errs) == 0 {
		return ""
	}
	code, _ := errs[0].Extensions["code"].(string)
	return fault.Code(code)
}
