package limit

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
)

// bomb doubles with each level for whoever expands fragments: 25 levels are
// the document of about 900 bytes that keeps gqlgen's FixedComplexityLimit busy
// for seconds.
func bomb(levels int, body string) string {
	var b strings.Builder
	b.WriteString("{...f0}")
	for i := range levels {
		next := fmt.Sprintf("f%d", i+1)
		fmt.Fprintf(&b, "fragment f%d on Query{%s}", i, strings.ReplaceAll(body, "NEXT", next))
	}
	fmt.Fprintf(&b, "fragment f%d on Query{me{id}}", levels)
	return b.String()
}

// tree doubles with each level too, without repeating a selection.
func tree(levels int) string {
	var b strings.Builder
	b.WriteString("{me{...f0}}")
	for i := range levels {
		fmt.Fprintf(&b, "fragment f%d on Account{friend{...f%d}unit{children{id}}...on Account{...f%d}}", i, i+1, i+1)
	}
	fmt.Fprintf(&b, "fragment f%d on Account{friend{id}}", levels)
	return b.String()
}

// chain is fragments of which each spreads the next twice, a level apart: as many
// pairs to compare as the tokens allow.
func chain(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "fragment f%d on Account{friend{id}...f%d ...{unit{id}}}", i, i+1)
	}
	fmt.Fprintf(&b, "fragment f%d on Account{id}", n)
	return b.String()
}

func nested(depth int) string {
	return "{me{" + strings.Repeat("friend{", depth-2) + "id" + strings.Repeat("}", depth)
}

// repeat writes the text n times, each with its number in place of #.
func repeat(n int, text string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "#", fmt.Sprint(i)))
	}
	return b.String()
}

func TestQueryRefusesAttacks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, query, key string
		variables        map[string]any
		actual           any
	}{
		{"fragment bomb of 877 bytes", bomb(23, "...NEXT ...NEXT"), "invalid.query_too_many_repeats", nil, 23},
		{"fragment bomb of 949 bytes", bomb(25, "...NEXT ...NEXT"), "invalid.query_too_many_repeats", nil, 25},
		{"fragment bomb in inline fragments", bomb(24, "...NEXT ...on Query{...NEXT}"), "invalid.query_too_many_repeats", nil, 24},
		{"fragment bomb without repeats", bomb(24, "...NEXT a:me{friend{id}}"), "invalid.query_too_many_aliases", nil, 24},
		{"fragment bomb that nests", tree(20), "invalid.query_too_deep", nil, 23},
		{"5,000 repeated fields", "{" + strings.Repeat("me{id}", 5000) + "}", "invalid.query_too_long", nil, 20002},
		{"repeated fields within the tokens", "{me{" + strings.Repeat("id ", 400) + "}}", "invalid.query_too_many_repeats", nil, 399},
		{"repeated fields in inline fragments", "{me{" + strings.Repeat("...{id}", 200) + "}}", "invalid.query_too_many_repeats", nil, 199},
		{"repeated fields in inline fragments on a type", "{me{" + strings.Repeat("...on Account{id}", 100) + "}}", "invalid.query_too_many_repeats", nil, 99},
		{"100 sign-ins by alias", "mutation{" + repeat(100, `a#:signIn(code:"#"){id}`) + "}", "invalid.query_too_long", nil, 1103},
		{"80 sign-ins by alias", "mutation{" + repeat(80, `a#:signIn(code:"#"){id}`) + "}", "invalid.query_too_many_aliases", nil, 80},
		{"six sign-ins", "mutation{" + repeat(6, `a#:signIn(code:"#"){id}`) + "}", "invalid.query_too_many_changes", nil, 6},
		{"six sign-ins in fragments", "mutation{...f ...{...g}}fragment f on Mutation{" + repeat(3, `a#:signIn(code:"#"){id}`) +
			"}fragment g on Mutation{" + repeat(3, `b#:signIn(code:"#"){id}`) + "}", "invalid.query_too_many_changes", nil, 6},
		{"alias of 101 bytes", "{me{" + strings.Repeat("a", 101) + ":id}}", "invalid.query_alias_too_long", nil, 101},
		{"many root fields", "{" + repeat(11, "a#:me{id}") + "}", "invalid.query_too_many_root_fields", nil, 11},
		{"deep nesting", nested(16), "invalid.query_too_deep", nil, 16},
		{"depth in a fragment nobody spreads", "{me{id}}fragment f on Query" + nested(16), "invalid.query_too_deep", nil, 16},
		{"nesting beyond the parser's", nested(1500), "invalid.query_too_long", nil, 4500},
		{"fragment that contains itself", "{...a}fragment a on Query{...a}", "invalid.query_fragment_cycle", nil, nil},
		{"circular fragments", "{...a}fragment a on Query{me{...b}}fragment b on Account{friend{...c}}fragment c on Account{...b}", "invalid.query_fragment_cycle", nil, nil},
		{"directive flood", "{me{id}" + repeat(7, "...f#@a@b@c ") + "}" + repeat(7, "fragment f# on Query{me{id}}"), "invalid.query_too_many_directives", nil, 21},
		{"directive twice", "{me{id@include(if:true)@include(if:true)}}", "invalid.query_directive_repeated", nil, nil},
		{"unknown directive ten times", "{me{id" + strings.Repeat("@aa", 10) + "}}", "invalid.query_directive_repeated", nil, nil},
		{"directive twice on a variable", "query($a:Int@x@x){me{id}}", "invalid.query_directive_repeated", nil, nil},
		{"deferred fragment", "{me{...@defer{id}}}", "invalid.query_deferred", nil, nil},
		{"deferred fragment that is not", "{me{...@defer(if:false){id}}}", "invalid.query_deferred", nil, nil},
		{"directives everywhere", "query($a:Int @x)@x{...@x{...f@x}}fragment f on Query@x{" + repeat(16, "f#@x ") + "}", "invalid.query_too_many_directives", nil, 21},
		{"many operations", repeat(11, "query q#{me{id}}"), "invalid.query_too_many_operations", nil, 11},
		{"long string", `{account(id:"` + strings.Repeat("x", 33<<10) + `"){id}}`, "invalid.query_too_large", nil, 33<<10 + 20},
		{"comments", strings.Repeat("#\n", 1000) + "{me{id}}", "invalid.query_too_long", nil, 1006},
		{"huge first", "{incidents(first:2147483647){nodes{id}}}", "invalid.query_too_costly", nil, 1 << 31},
		{"huge first in a variable", "query($n:Int!){incidents(first:$n){nodes{id}}}", "invalid.query_too_costly", map[string]any{"n": 5000}, 5001},
		{"huge first as a variable's default", "query($n:Int!=9999){incidents(first:$n){nodes{id}}}", "invalid.query_too_costly", nil, 10000},
		{"nested connections", "{incidents(first:100){nodes{alerts(first:100){nodes{responder{id}}}}}}", "invalid.query_too_costly", nil, 1 + 100*(2+100*2)},
		{"nested connections in aliases", "{" + repeat(10, "a#:incidents(first:100){nodes{reporter{unit{parent{parent{id}}}}}}") + "}", "invalid.query_too_costly", nil, 10 * (1 + 100*5)},
		{"lists in lists", "{units{children{children{children{id}}}}}", "invalid.query_too_costly", nil, 50 * (1 + 50*(1+50*51))},
		{"beyond any number", "{incidents(first:2147483647){nodes{alerts(first:2147483647){nodes{id}}}}}", "invalid.query_too_costly", nil, 1 << 53},
		{"repeated introspection", "{" + repeat(3, "a#:__schema{types{name}}") + "}", "invalid.query_too_many_introspections", nil, 3},
		{"deep introspection", "{__schema{types{" + strings.Repeat("ofType{", 13) + "name" + strings.Repeat("}", 16), "invalid.query_too_deep", nil, 16},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := submit(t, Default(), test.query, test.variables)
			if err == nil {
				t.Fatal("passed")
			}
			f := faultOf(t, err)
			if f.Code != fault.CodeInvalid || f.Key != test.key {
				t.Fatalf("refused with %v (%v), want %s", f, f.Args, test.key)
			}
			if diff := cmp.Diff(test.actual, f.Args["actual"]); diff != "" {
				t.Errorf("actual (-want +got):\n%s", diff)
			}
		})
	}
}

func TestQueryPassesWhatClientsSend(t *testing.T) {
	t.Parallel()
	introspection, err := os.ReadFile("testdata/introspection.graphql")
	if err != nil {
		t.Fatalf("reading: %v", err)
	}
	tests := map[string]string{
		"a screen":                      "query Home{me{id phone unit{id parent{id}}alerts(first:5){nodes{id incident{id}}pageInfo{endCursor}}}}",
		"a dispatcher's table":          "{incidents(first:50){nodes{id reporter{id phone}alerts(first:20){nodes{id responder{id}}}}pageInfo{endCursor}totalCount}}",
		"a mutation":                    `mutation{signIn(phone:"+8613800000000",code:"123456"){id unit{id}}}`,
		"a subscription":                "subscription{incidentUpdated{id timeline{id by{id}}}}",
		"two pages compared":            "{a:incidents(first:100){nodes{id}}b:incidents(first:100,after:\"x\"){nodes{id}}}",
		"the deepest":                   nested(15),
		"shared fragments":              "{me{...a friend{...a}}}fragment a on Account{id unit{...u}}fragment u on Unit{id parent{id}}",
		"types that share fields":       "{node{...on Account{id}...on Unit{id}}}",
		"graphql-js introspection":      string(introspection),
		"operation that does not exist": "query A{me{id}}",
	}
	for name, query := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := submit(t, Default(), query, nil); err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

// What cannot be parsed or does not fit the schema is gqlgen's to explain.
func TestQueryLeavesInvalidDocumentsToValidation(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"", "{", "{me{nothing}}", "{...missing}", "}", "{me{id}", "\x00", "#", "fragment a on Query{me{id}}"} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			_, err := submit(t, Default(), query, nil)
			if err == nil {
				t.Fatal("passed")
			}
			if fault.CodeOf(err) == fault.CodeInvalid {
				t.Errorf("refused with a limit: %v", err)
			}
		})
	}
}

func TestLimitsAreInclusive(t *testing.T) {
	t.Parallel()
	query := "query q@include(if:true){a:me{id id}__type(name:\"x\"){name}}"
	exact := Query{MaxBytes: len(query), MaxTokens: 28, MaxOperations: 1, MaxDepth: 2, MaxAliases: 1, MaxAliasBytes: 1, MaxRepeats: 1,
		MaxDirectives: 1, MaxRootFields: 2, MaxChanges: 1, MaxIntrospections: 1, MaxCost: 2}
	doc, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		t.Fatal(err)
	}
	exact.MaxTokens = countTokens(query)
	if f := exact.checkText(query); f != nil {
		t.Errorf("text at the limit: %v", f)
	}
	if f := exact.checkShape(doc); f != nil {
		t.Errorf("shape at the limit: %v", f)
	}
	for name, lower := range map[string]func(*Query){
		"query_too_large": func(q *Query) { q.MaxBytes-- },
		"query_too_long":  func(q *Query) { q.MaxTokens-- },
	} {
		q := exact
		lower(&q)
		if f := q.checkText(query); f == nil || f.Key != "invalid."+name {
			t.Errorf("text beyond %s: %v", name, f)
		}
	}
	for name, lower := range map[string]func(*Query){
		"query_too_deep":                func(q *Query) { q.MaxDepth-- },
		"query_too_many_aliases":        func(q *Query) { q.MaxAliases-- },
		"query_alias_too_long":          func(q *Query) { q.MaxAliasBytes-- },
		"query_too_many_repeats":        func(q *Query) { q.MaxRepeats-- },
		"query_too_many_directives":     func(q *Query) { q.MaxDirectives-- },
		"query_too_many_root_fields":    func(q *Query) { q.MaxRootFields-- },
		"query_too_many_introspections": func(q *Query) { q.MaxIntrospections-- },
	} {
		q := exact
		lower(&q)
		if f := q.checkShape(doc); f == nil || f.Key != "invalid."+name {
			t.Errorf("shape beyond %s: %v", name, f)
		}
	}
}

func TestValidateNamesTheMissingLimit(t *testing.T) {
	t.Parallel()
	if err := Default().Validate(nil); err != nil {
		t.Errorf("default: %v", err)
	}
	q := Default()
	q.MaxDepth = 0
	if err := q.Validate(nil); err == nil || !strings.Contains(err.Error(), "MaxDepth") {
		t.Errorf("without depth: %v", err)
	}
}

func TestQueryRecordsTheCost(t *testing.T) {
	t.Parallel()
	op, err := submit(t, Default(), "{me{friend{id}}}", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := op.Stats.GetExtension("QueryLimit"); got != 2 {
		t.Errorf("recorded %v, want 2", got)
	}
}

// Each selection is looked at once for its shape, once more at the top, and once
// for its cost, however often a fragment is spread.
func TestWorkIsLinear(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{
		"bomb":        bomb(30, "...NEXT ...NEXT"),
		"inline bomb": bomb(30, "...NEXT ...on Query{...NEXT}"),
		"tree":        tree(30),
		"cycle":       "{...a}fragment a on Query{...b ...b}fragment b on Query{...a ...a}",
		"long":        "{me{" + strings.Repeat("id ", 900) + "}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, err := parser.ParseQuery(&ast.Source{Input: query})
			if err != nil {
				t.Fatal(err)
			}
			s := newSurvey(doc)
			s.document(doc)
			if tokens := countTokens(query); s.visited > 2*tokens {
				t.Errorf("survey visited %d selections for %d tokens", s.visited, tokens)
			}
			if name == "cycle" {
				return
			}
			m := meter{fragments: map[string]price{}}
			m.set(operation(t, query).SelectionSet)
			if tokens := countTokens(query); m.visited > tokens {
				t.Errorf("meter visited %d selections for %d tokens", m.visited, tokens)
			}
		})
	}
}

func TestEveryRefusalHasASentence(t *testing.T) {
	t.Parallel()
	catalogue, err := locale.New()
	if err != nil {
		t.Fatal(err)
	}
	args := map[string]any{"max": 1, "actual": 2}
	for _, key := range []string{
		"query_too_large", "query_too_long", "query_too_many_operations", "query_fragment_cycle", "query_too_deep",
		"query_too_many_aliases", "query_too_many_repeats", "query_too_many_directives", "query_too_many_root_fields", "query_directive_repeated", "query_deferred", "query_alias_too_long",
		"query_too_many_changes", "query_too_many_introspections", "query_too_costly",
	} {
		for _, tag := range locale.Tags() {
			text := catalogue.Text(tag, "invalid."+key, args)
			if text == "invalid."+key || strings.Contains(text, "no value") {
				t.Errorf("%s in %s: %q", key, tag, text)
			}
		}
	}
}

func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"{me{id}}", bomb(3, "...NEXT ...NEXT"), tree(3), nested(5), "{...a}fragment a on Query{...a}",
		"query($n:Int!=3){incidents(first:$n){nodes{id}}}", "{incidents(first:-1){edges{node{id}}}}", "{__schema{types{name}}}",
		"query($n:Int){nearby(first:$n){id}}", "{", "\"\"\"", "{a(b:[{c:$d}])}",
	} {
		f.Add(seed, 1)
	}
	exec := newExecutor(Default())
	f.Fuzz(func(t *testing.T, query string, n int) {
		ctx := graphql.StartOperationTrace(context.Background())
		params := &graphql.RawParams{Query: query, Variables: map[string]any{"n": n}}
		op, errs := exec.CreateOperationContext(ctx, params)
		if errs != nil {
			return
		}
		cost := Cost(op.Operation, op.Variables)
		if cost < 0 || cost > Default().MaxCost {
			t.Errorf("cost %d of %s passed", cost, query)
		}
	})
}

// BenchmarkQuery measures all that happens before the first resolver, so also
// gqlgen's validation. The first three are refused before it; the others are the
// worst that the limits let through to it.
func BenchmarkQuery(b *testing.B) {
	for name, query := range map[string]string{
		"refused/bomb of 877 bytes":  bomb(23, "...NEXT ...NEXT"),
		"refused/bomb of 949 bytes":  bomb(25, "...NEXT ...NEXT"),
		"refused/5000 fields":        "{" + strings.Repeat("me{id}", 5000) + "}",
		"worst/many fragments":       "{me{" + repeat(90, "...f# ") + "}}" + repeat(90, "fragment f# on Account{id phone}"),
		"worst/objects in fragments": "{me{" + repeat(70, "...f# ") + "}}" + repeat(70, "fragment f# on Account{friend{id}}"),
		"worst/fragments in fragments": "{me{" + repeat(35, "...f# ") + "}}" + repeat(35, "fragment f# on Account{friend{...g#}}") +
			repeat(35, "fragment g# on Account{friend{id}}"),
		"worst/chain of fragments": "{me{...f0}}" + chain(60),
		"honest/screen":            "query Home{me{id phone unit{id parent{id}}alerts(first:5){nodes{id incident{id}}pageInfo{endCursor}}}}",
	} {
		b.Run(name, func(b *testing.B) {
			exec := newExecutor(Default())
			for b.Loop() {
				ctx := graphql.StartOperationTrace(context.Background())
				_, _ = exec.CreateOperationContext(ctx, &graphql.RawParams{Query: query})
			}
		})
	}
}
