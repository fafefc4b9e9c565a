package graph

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
)

func words(t *testing.T) *locale.Catalogue {
	t.Helper()
	c, err := locale.New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// stub is resolvers of which one query is the test's.
type stub struct {
	*Resolver
	query QueryResolver
}

func (s stub) Query() QueryResolver { return s.query }

// meStub answers the query me.
type meStub struct {
	QueryResolver
	me func(context.Context) (*auth.Account, error)
}

func (s meStub) Me(ctx context.Context) (*auth.Account, error) { return s.me(ctx) }

// testExecutor runs operations without any transport.
type testExecutor struct {
	*executor.Executor
	log *bytes.Buffer
}

// newTestExecutor is the endpoint's executor. query, if not nil, stands in for
// the queries.
func newTestExecutor(t *testing.T, r *Resolver, query QueryResolver) testExecutor {
	t.Helper()
	e := testExecutor{log: new(bytes.Buffer)}
	var root ResolverRoot = r
	if query != nil {
		root = stub{r, query}
	}
	e.Executor = executor.New(NewExecutableSchema(Config{Resolvers: root, Directives: DirectiveRoot{Allow: allow}}))
	p := presenter{words: r.Catalogue, log: slog.New(slog.NewTextHandler(e.log, nil))}
	e.SetErrorPresenter(p.present)
	e.SetRecoverFunc(p.recover)
	return e
}

// run executes a document to its first answer.
func (e testExecutor) run(ctx context.Context, query string) *graphql.Response {
	return e.runWith(ctx, query, nil)
}

func (e testExecutor) runWith(ctx context.Context, query string, variables map[string]any) *graphql.Response {
	ctx = graphql.StartOperationTrace(ctx)
	operation, errs := e.CreateOperationContext(ctx, &graphql.RawParams{Query: query, Variables: variables})
	if errs != nil {
		return e.DispatchError(graphql.WithOperationContext(ctx, operation), errs)
	}
	responses, ctx := e.DispatchOperation(ctx, operation)
	return responses(ctx)
}

const unitPath = "440303000000/440303001000/"

// holder has the roles on a unit.
func holder(roles ...auth.Role) auth.Principal {
	p := auth.Principal{AccountID: "acc_1", SessionID: "ses_1"}
	for _, r := range roles {
		p.Grants = append(p.Grants, auth.Grant{Role: r, UnitPath: unitPath})
	}
	return p
}

func contextOf(t *testing.T, p auth.Principal, tag locale.Tag) context.Context {
	t.Helper()
	return WithRequest(t.Context(), Request{ID: "req_1", Locale: tag, Actor: p})
}

func staffContext(t *testing.T) context.Context {
	t.Helper()
	return contextOf(t, holder(auth.RoleAdmin), locale.English)
}

func emptyList(int, string) (store.Page[Course], error) { return store.Page[Course]{}, nil }
