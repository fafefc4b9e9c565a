package transport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"go.uber.org/goleak"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/graph/limit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen. Only a failing test
// waits for so long.
const patience = 10 * time.Second

var schema = gqlparser.MustLoadSchema(&ast.Source{Input: `
	type Query { name(of: ID): String! nothing: String panic: String private: String stuck: String }
	type Mutation { rename(to: String!): String! }
	type Subscription { ticks: String! panicking: String }
`})

// service is a GraphQL server whose subscriptions answer with what the test sends.
type service struct {
	ticks   chan string
	started chan struct{} // one for each subscription that has begun
	ended   chan struct{} // one for each whose context has ended

	*handler.Server
}

func newService(transports ...graphql.Transport) *service {
	s := &service{ticks: make(chan string), started: make(chan struct{}, 100), ended: make(chan struct{}, 100)}
	s.Server = handler.New(&graphql.ExecutableSchemaMock{
		SchemaFunc: func() *ast.Schema { return schema },
		ExecFunc:   s.exec,
	})
	s.SetErrorPresenter(presentTest)
	s.Use(limit.Default())
	for _, transport := range transports {
		s.AddTransport(transport)
	}
	return s
}

func (s *service) exec(ctx context.Context) graphql.ResponseHandler {
	switch field := graphql.GetOperationContext(ctx).Operation.SelectionSet[0].(*ast.Field); field.Name {
	case "panic", "panicking":
		panic("the password is hunter2")
	case "private":
		graphql.AddError(ctx, fault.Unauthenticated("missing"))
		return nil
	case "nothing":
		return graphql.OneShot(&graphql.Response{Data: []byte("null"), Errors: gqlerror.List{{Message: "none"}}})
	case "stuck":
		return func(ctx context.Context) *graphql.Response { <-ctx.Done(); return nil }
	case "ticks":
		s.started <- struct{}{}
		context.AfterFunc(ctx, func() { s.ended <- struct{}{} })
		return s.tick
	default:
		return graphql.OneShot(&graphql.Response{Data: []byte(fmt.Sprintf(`{%q:"test"}`, field.Alias))})
	}
}

func (s *service) tick(ctx context.Context) *graphql.Response {
	select {
	case <-ctx.Done():
		return nil
	case text, more := <-s.ticks:
		if !more {
			return nil
		}
		data, _ := json.Marshal(map[string]string{"ticks": text})
		return &graphql.Response{Data: data}
	}
}

// presentTest shows a fault's key as its sentence and hides what is no fault.
func presentTest(_ context.Context, err error) *gqlerror.Error {
	var f *fault.Error
	if errors.As(err, &f) {
		return &gqlerror.Error{Message: f.Key, Extensions: map[string]any{"code": string(f.Code)}}
	}
	var known *gqlerror.Error
	if errors.As(err, &known) && known.Extensions["code"] != nil {
		return known
	}
	return &gqlerror.Error{Message: "internal", Extensions: map[string]any{"code": "INTERNAL"}}
}

func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

func await(t *testing.T, what string, signal <-chan struct{}) {
	t.Helper()
	select {
	case <-signal:
	case <-time.After(patience):
		t.Fatalf("no %s in %s", what, patience)
	}
}

func (s *service) send(t *testing.T, text string) {
	t.Helper()
	select {
	case s.ticks <- text:
	case <-time.After(patience):
		t.Fatal("nobody is subscribed")
	}
}

// shutdown ends the streams and fails the test if they do not end.
func shutdown(t *testing.T, streams *Streams) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := streams.Shutdown(ctx); err != nil {
		t.Errorf("shutting down: %v", err)
	}
}
