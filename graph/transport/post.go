package transport

import (
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/graph/limit"
)

// POST answers one GraphQL request in one HTTP request, as the GraphQL over HTTP
// specification says. It answers everything that no other transport takes, also
// to refuse it: add it last. Make one with NewPOST.
type POST struct {
	MaxBytes int64 // of a request's body; more is answered with 413
}

// NewPOST makes a transport with a limit of DefaultMaxBytes.
func NewPOST() POST { return POST{MaxBytes: DefaultMaxBytes} }

var _ graphql.Transport = POST{}

// Supports everything. A request to upgrade to something other than WebSocket is
// an ordinary one: some HTTP clients offer h2c with each request.
func (POST) Supports(*http.Request) bool { return true }

// Do answers the request.
func (p POST) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	if r.Method == http.MethodOptions {
		allow(w)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	media, no := p.admit(w, r)
	if no != nil {
		refuse(w, r, exec, media, no)
		return
	}
	params, no := readRequest(w, r, p.MaxBytes)
	if no != nil {
		refuse(w, r, exec, media, no)
		return
	}
	p.execute(w, r, exec, media, params)
}

// admit checks what can be checked without the body, and chooses the media type
// of the answer.
func (POST) admit(w http.ResponseWriter, r *http.Request) (media string, no *refusal) {
	media = negotiate(r.Header)
	if r.Method != http.MethodPost {
		allow(w)
		return mediaJSON, refusing(http.StatusMethodNotAllowed, "request_not_post")
	}
	if media != mediaJSON && media != mediaGraphQL {
		return mediaJSON, refusing(http.StatusNotAcceptable, "answer_only_json")
	}
	return media, nil
}

func allow(w http.ResponseWriter) { w.Header().Set("Allow", "OPTIONS, POST") }

func (POST) execute(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor, media string, params *graphql.RawParams) {
	ctx := r.Context()
	operation, errs := exec.CreateOperationContext(ctx, params)
	ctx = graphql.WithOperationContext(ctx, operation)
	if errs != nil {
		answer := presentAll(ctx, exec, errs)
		write(w, media, status(media, answer), answer)
		return
	}
	if operation.Operation.Operation == ast.Subscription {
		// Executed here it would wait for its first event and end with it.
		refuse(w, r, exec, media, refusing(http.StatusBadRequest, "request_not_streamed"))
		return
	}
	responses, ctx := exec.DispatchOperation(ctx, operation)
	answer := responses(ctx)
	if answer == nil { // the request was abandoned, or ran out of time
		answer = present(ctx, exec, limit.Refusal(fault.Unavailable("interrupted")))
	}
	write(w, media, status(media, answer), answer)
}
