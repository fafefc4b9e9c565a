package limit

import (
	"context"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/musterhq/muster/fault"
)

// Query is a gqlgen extension that holds the limits of one document. All of them
// are inclusive and must be at least 1; start from Default. The counts of aliases,
// repeats, directives and introspections are of the whole document, as written:
// a fragment counts once, however often it is spread.
type Query struct {
	MaxBytes          int // length of the document in bytes
	MaxTokens         int // lexical tokens, comments included
	MaxOperations     int // operations in the document
	MaxDepth          int // fields inside fields, followed through fragments
	MaxAliases        int // fields that are given another name
	MaxAliasBytes     int // length of such a name, which the answer repeats for each object
	MaxRepeats        int // selections that a selection set has already
	MaxDirectives     int // directives on operations, fragments and selections
	MaxRootFields     int // fields at the top of a query or subscription
	MaxChanges        int // fields at the top of a mutation
	MaxIntrospections int // uses of __schema and __type
	MaxCost           int // objects in the answer, as Cost counts them
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationParameterMutator
	graphql.OperationContextMutator
} = Query{}

// Default is for clients that send one screen's query at a time.
//
//   - 32 KiB and 1,000 tokens are three times the full introspection query,
//     the longest legitimate document. gqlgen's overlapping-fields rule, which is
//     quadratic, then stays in the milliseconds, and a cache of 1,000 documents
//     in 32 MiB.
//   - Depth 15 is that of graphql-js's introspection query; ours stay below 10.
//   - 15 aliases let a client compare a few things in one request; 5 changes let
//     it send what it queued while offline. Neither makes the request a way to try
//     passwords, which the services count anyway.
//   - 100 bytes are more than any alias that people or generators write; one of
//     30 KB would make an answer of 5,000 objects one of 150 MB.
//   - Cost 5,000 is a page of 100 with 49 objects on each item.
func Default() Query {
	return Query{
		MaxBytes:          32 << 10,
		MaxTokens:         1000,
		MaxOperations:     10,
		MaxDepth:          15,
		MaxAliases:        15,
		MaxAliasBytes:     100,
		MaxRepeats:        10,
		MaxDirectives:     20,
		MaxRootFields:     10,
		MaxChanges:        5,
		MaxIntrospections: 2,
		MaxCost:           5000,
	}
}

// ExtensionName is the extension's name in gqlgen's statistics.
func (Query) ExtensionName() string { return "QueryLimit" }

// Validate reports a limit that is missing. gqlgen's Use panics with it.
func (q Query) Validate(graphql.ExecutableSchema) error {
	limits := map[string]int{
		"MaxBytes": q.MaxBytes, "MaxTokens": q.MaxTokens, "MaxOperations": q.MaxOperations,
		"MaxDepth": q.MaxDepth, "MaxAliases": q.MaxAliases, "MaxAliasBytes": q.MaxAliasBytes, "MaxRepeats": q.MaxRepeats,
		"MaxDirectives": q.MaxDirectives, "MaxRootFields": q.MaxRootFields, "MaxChanges": q.MaxChanges,
		"MaxIntrospections": q.MaxIntrospections, "MaxCost": q.MaxCost,
	}
	for name, limit := range limits {
		if limit < 1 {
			return fmt.Errorf("query limit %s is %d: must be at least 1", name, limit)
		}
	}
	return nil
}

// MutateOperationParameters refuses a document by its shape, before gqlgen
// validates it.
func (q Query) MutateOperationParameters(_ context.Context, request *graphql.RawParams) *gqlerror.Error {
	if f := q.checkText(request.Query); f != nil {
		return Refusal(f)
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: request.Query}, q.MaxTokens)
	if err != nil {
		return nil // gqlgen parses again, stops at the same place, and says where
	}
	if f := q.checkShape(doc); f != nil {
		return Refusal(f)
	}
	return nil
}

// MutateOperationContext refuses an operation by its cost.
func (q Query) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	cost := Cost(op.Operation, op.Variables)
	op.Stats.SetExtension(q.ExtensionName(), cost)
	if f := exceeded("query_too_costly", cost, q.MaxCost); f != nil {
		return Refusal(f)
	}
	return nil
}

func (q Query) checkText(query string) *fault.Error {
	if f := exceeded("query_too_large", len(query), q.MaxBytes); f != nil {
		return f
	}
	return exceeded("query_too_long", countTokens(query), q.MaxTokens)
}

// countTokens counts the tokens up to the end or to the first that is malformed.
// It counts with the lexer, because the parser tells its token limit apart from a
// syntax error in words only.
func countTokens(query string) int {
	lex := lexer.New(&ast.Source{Input: query})
	for count := 0; ; count++ {
		token, err := lex.ReadToken()
		if err != nil || token.Kind == lexer.EOF {
			return count
		}
	}
}

// Refusal is the GraphQL error that carries a fault out of the places where gqlgen
// takes nothing but a *gqlerror.Error. The error presenter finds the fault in it
// and writes the sentence.
func Refusal(f *fault.Error) *gqlerror.Error {
	return &gqlerror.Error{
		Err:        f,
		Message:    f.Error(),
		Extensions: map[string]any{"code": string(f.Code)},
	}
}

func exceeded(reason string, actual, limit int) *fault.Error {
	if actual <= limit {
		return nil
	}
	return fault.Invalid("", reason, fault.Args{"max": limit, "actual": actual})
}
