package graph

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/graph/limit"
	"github.com/musterhq/muster/graph/transport"
)

// Endpoint is what the HTTP endpoint needs besides the resolvers.
type Endpoint struct {
	// Streams are the open WebSockets and event streams.
	Streams *transport.Streams
	// Authenticate makes the request of a socket from the token of its first
	// message, or "" if that has none.
	Authenticate func(ctx context.Context, token string) (context.Context, error)
	// CheckOrigin decides which pages may open a socket; nil for the same
	// origin only.
	CheckOrigin func(*http.Request) bool
	// Introspection lets clients read the schema.
	Introspection bool
}

const (
	// queryCache is how many parsed queries are kept; the limits bound each to
	// some tens of kilobytes.
	queryCache = 1000
	// operationTime is how long a query or a mutation may take.
	operationTime = 10 * time.Second
)

// NewEndpoint returns the handler of /graphql.
func NewEndpoint(r *Resolver, e Endpoint) http.Handler {
	limits := limit.Default()
	server := handler.New(NewExecutableSchema(Config{Resolvers: r, Directives: DirectiveRoot{Allow: allow}}))
	socket := transport.NewWebSocket(e.Streams, e.open)
	socket.CheckOrigin = e.CheckOrigin
	server.AddTransport(socket)
	server.AddTransport(transport.NewSSE(e.Streams))
	server.AddTransport(transport.NewPOST())
	server.SetQueryCache(lru.New[*ast.QueryDocument](queryCache))
	server.SetParserTokenLimit(limits.MaxTokens)
	server.SetDisableSuggestion(true)
	server.SetValidationRulesFn(withoutHints)
	server.Use(limits)
	if e.Introspection {
		server.Use(extension.Introspection{})
	} else {
		server.AroundRootFields(withoutSchema)
	}
	server.AroundOperations(r.checked)
	server.AroundOperations(bounded)
	p := presenter{words: r.Catalogue, log: r.Log}
	server.SetErrorPresenter(p.present)
	server.SetRecoverFunc(p.recover)
	return server
}

// open authenticates a socket by its first message.
func (e Endpoint) open(ctx context.Context, payload map[string]any) (context.Context, error) {
	ctx, err := e.Authenticate(ctx, tokenOf(payload))
	if err != nil {
		return nil, err
	}
	request := RequestOf(ctx)
	request.lasting = true
	return WithRequest(ctx, request), nil
}

// checked asks, before each operation on a socket, whether the session that
// opened it still holds: a socket may be open for days after it has ended.
func (r *Resolver) checked(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	request := RequestOf(ctx)
	if request.lasting {
		request.AuthError = r.Auth.Check(ctx, request.Actor)
		ctx = WithRequest(ctx, request)
	}
	return next(ctx)
}

// tokenOf finds the access token in a socket's first message: as accessToken,
// or as the header that an HTTP request would have, which GraphQL clients spell
// in one way or another.
func tokenOf(payload map[string]any) string {
	for name, value := range payload {
		if token, ok := value.(string); ok && (strings.EqualFold(name, "authorization") || name == "accessToken") {
			return token
		}
	}
	if headers, ok := payload["headers"].(map[string]any); ok {
		return tokenOf(headers)
	}
	return ""
}

// withoutSchema refuses to tell the schema, with a code: gqlgen's own refusal
// looks like a mistake of ours.
func withoutSchema(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	if name := graphql.GetRootFieldContext(ctx).Field.Name; name == "__schema" || name == "__type" {
		graphql.AddError(ctx, fault.Invalid("", "introspection"))
		return graphql.Null
	}
	return next(ctx)
}

// bounded gives queries and mutations a deadline.
func bounded(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	if graphql.GetOperationContext(ctx).Operation.Operation == ast.Subscription {
		return next(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, operationTime)
	responses := next(ctx)
	return func(context.Context) *graphql.Response {
		defer cancel()
		return responses(ctx)
	}
}
