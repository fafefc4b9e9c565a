package limit

import (
	"errors"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/musterhq/muster/fault"
)

const schemaText = `
type Query {
	me: Account!
	account(id: ID): Account
	incidents(first: Int! = 20, after: String): IncidentConnection!
	nearby(first: Int): [Account!]!
	units: [Unit!]!
	node: Node
}
type Mutation {
	signIn(phone: String, code: String): Account
	signOut: Boolean
}
type Subscription { incidentUpdated: Incident }
interface Node { id: ID! }
type Account implements Node { id: ID! phone: String friend: Account unit: Unit alerts(first: Int! = 20): AlertConnection! }
type Unit implements Node { id: ID! parent: Unit children: [Unit!]! names: [String!]! }
type IncidentConnection { nodes: [Incident!]! edges: [IncidentEdge!]! pageInfo: PageInfo! totalCount: Int! }
type IncidentEdge { node: Incident! cursor: String! }
type Incident { id: ID! timeline: [Entry!]! alerts(first: Int! = 20): AlertConnection! reporter: Account }
type Entry { id: ID! by: Account }
type AlertConnection { nodes: [Alert!]! pageInfo: PageInfo! }
type Alert { id: ID! responder: Account incident: Incident }
type PageInfo { endCursor: String }
`

var schema = gqlparser.MustLoadSchema(&ast.Source{Input: schemaText})

// newExecutor is gqlgen's own executor with the limits in front.
func newExecutor(q Query) *executor.Executor {
	exec := executor.New(&graphql.ExecutableSchemaMock{SchemaFunc: func() *ast.Schema { return schema }})
	exec.Use(q)
	return exec
}

// submit takes a document as far as the executor does before the first resolver.
func submit(t testing.TB, q Query, query string, variables map[string]any) (*graphql.OperationContext, error) {
	t.Helper()
	ctx := graphql.StartOperationTrace(t.Context())
	op, errs := newExecutor(q).CreateOperationContext(ctx, &graphql.RawParams{Query: query, Variables: variables})
	if errs != nil {
		return op, errs
	}
	return op, nil
}

func faultOf(t testing.TB, err error) *fault.Error {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Fatalf("error %v carries no fault", err)
	}
	return f
}

// operation parses and validates a document that must be valid.
func operation(t testing.TB, query string) *ast.OperationDefinition {
	t.Helper()
	doc, errs := gqlparser.LoadQueryWithRules(schema, query, nil)
	if errs != nil {
		t.Fatalf("loading %s: %v", query, errs)
	}
	return doc.Operations[0]
}
