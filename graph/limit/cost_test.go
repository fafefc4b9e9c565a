package limit

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"
)

func TestCost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, query string
		variables   map[string]any
		want        int
	}{
		{"scalars only", "mutation{signOut}", nil, 0},
		{"an object", "{me{id}}", nil, 1},
		{"objects in objects", "{me{friend{unit{id}}}}", nil, 3},
		{"a connection's default size", "{incidents{nodes{id}}}", nil, 1 + 20},
		{"a connection's size", "{incidents(first:3){nodes{id}}}", nil, 1 + 3},
		{"edges", "{incidents(first:3){edges{cursor node{id}}}}", nil, 1 + 3*2},
		{"page information once", "{incidents(first:3){pageInfo{endCursor}totalCount}}", nil, 2},
		{"connection in connection", "{incidents(first:3){nodes{alerts(first:2){nodes{responder{id}}}}}}", nil, 1 + 3*(1+1+2*2)},
		{"list of unknown size", "{units{id}}", nil, 50},
		{"list of unknown size in a page", "{incidents(first:3){nodes{timeline{id}}}}", nil, 1 + 3*(1+50)},
		{"list of scalars", "{units{names}}", nil, 50},
		{"sized list", "{nearby(first:7){unit{id}}}", nil, 7 * 2},
		{"sized list without default", "{nearby{id}}", nil, 50},
		{"fragment in connections of different sizes", "{a:incidents(first:2){...f}b:incidents(first:5){...f}}fragment f on IncidentConnection{nodes{id}pageInfo{endCursor}}",
			nil, 1 + 2 + 1 + 1 + 5 + 1},
		{"inline fragment in a connection", "{incidents(first:4){...{nodes{id}}}}", nil, 1 + 4},
		{"variable", "query($n:Int!){incidents(first:$n){nodes{id}}}", map[string]any{"n": 4}, 1 + 4},
		{"variable as int64", "query($n:Int!){incidents(first:$n){nodes{id}}}", map[string]any{"n": int64(4)}, 1 + 4},
		{"variable as JSON number", "query($n:Int!){incidents(first:$n){nodes{id}}}", map[string]any{"n": json.Number("4")}, 1 + 4},
		{"variable as float", "query($n:Int!){incidents(first:$n){nodes{id}}}", map[string]any{"n": 4.0}, 1 + 4},
		{"variable as string", "query($n:Int!){incidents(first:$n){nodes{id}}}", map[string]any{"n": "4"}, 1 + 4},
		{"variable's default", "query($n:Int!=6){incidents(first:$n){nodes{id}}}", nil, 1 + 6},
		{"variable left out", "query($n:Int){nearby(first:$n){id}}", nil, 50},
		{"null", "query($n:Int){nearby(first:$n){id}}", map[string]any{"n": nil}, 50},
		{"zero", "{incidents(first:0){nodes{id}}}", nil, 1 + 50},
		{"negative", "{incidents(first:-5){nodes{id}}}", nil, 1 + 50},
		{"infinite", "query($n:Int!){incidents(first:$n){nodes{id}}}", map[string]any{"n": json.Number("1e999")}, 1 << 53},
		{"beyond 64 bits", "query($n:Int!){incidents(first:$n){nodes{id}}}", map[string]any{"n": "99999999999999999999"}, 1 << 53},
		{"not a number", "query($n:Int!){incidents(first:$n){nodes{id}}}", map[string]any{"n": "many"}, 1 + 50},
		{"skipped all the same", "{me @skip(if:true){id}}", nil, 1},
		{"introspection lists", "{__schema{types{fields{name}}}}", nil, 1 + 5*(1+5)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := Cost(operation(t, test.query), test.variables); got != test.want {
				t.Errorf("cost %d, want %d", got, test.want)
			}
		})
	}
}

// The cost that fragments are remembered for is the one that expanding every
// spread, with exact numbers, comes to.
func TestCostIsThatOfTheExpandedDocument(t *testing.T) {
	t.Parallel()
	top := big.NewInt(ceiling)
	rapid.Check(t, func(t *rapid.T) {
		query := drawDocument(t)
		doc, errs := gqlparser.LoadQueryWithRules(schema, query, nil)
		if errs != nil {
			t.Fatalf("drew an invalid document %s: %v", query, errs)
		}
		variables := map[string]any{"n": rapid.IntRange(-3, 1<<31-1).Draw(t, "n")}
		want := expanded(doc.Operations[0].SelectionSet, listSize, variables)
		if want.Cmp(top) > 0 {
			want = top
		}
		if got := Cost(doc.Operations[0], variables); int64(got) != want.Int64() {
			t.Fatalf("cost of %s is %d, want %d", query, got, want)
		}
	})
}

// expanded counts objects one selection at a time; items is the size of the
// connection that the selection set belongs to.
func expanded(set ast.SelectionSet, items int64, variables map[string]any) *big.Int {
	sum := new(big.Int)
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			sum.Add(sum, expandedField(selection, items, variables))
		case *ast.InlineFragment:
			sum.Add(sum, expanded(selection.SelectionSet, items, variables))
		case *ast.FragmentSpread:
			sum.Add(sum, expanded(selection.Definition.SelectionSet, items, variables))
		}
	}
	return sum
}

func expandedField(field *ast.Field, items int64, variables map[string]any) *big.Int {
	one := big.NewInt(1)
	if len(field.SelectionSet) == 0 {
		return new(big.Int)
	}
	first, sized := field.ArgumentMap(variables)["first"]
	if field.Definition.Arguments.ForName("first") != nil {
		sized = true
	}
	size := int64(50)
	if n := fmt.Sprint(first); first != nil && !strings.HasPrefix(n, "-") && n != "0" {
		_, _ = fmt.Sscan(n, &size)
	}
	switch list := field.Definition.Type.Elem != nil; {
	case sized && !list:
		return one.Add(one, expanded(field.SelectionSet, size, variables))
	case sized:
		items = size
	case !list:
		items = 1
	}
	one.Add(one, expanded(field.SelectionSet, 50, variables))
	return one.Mul(one, big.NewInt(items))
}

// children of each type that has any, and the type that each is of.
var children = map[string][]string{
	"Query":              {"me Account", "incidents@ IncidentConnection", "nearby@ Account", "units Unit"},
	"Account":            {"friend Account", "unit Unit", "alerts@ AlertConnection"},
	"Unit":               {"parent Unit", "children Unit"},
	"IncidentConnection": {"nodes Incident", "edges IncidentEdge", "pageInfo PageInfo"},
	"IncidentEdge":       {"node Incident"},
	"Incident":           {"timeline Entry", "alerts@ AlertConnection", "reporter Account"},
	"Entry":              {"by Account"},
	"AlertConnection":    {"nodes Alert", "pageInfo PageInfo"},
	"Alert":              {"responder Account", "incident Incident"},
}

// places are where a fragment on each type can be spread.
var places = map[string]string{
	"Account":            "me{%s}",
	"Unit":               "units{%s}",
	"IncidentConnection": "incidents{%s}",
	"Incident":           "incidents{nodes{%s}}",
	"AlertConnection":    "me{alerts{%s}}",
	"Alert":              "me{alerts{nodes{%s}}}",
}

// drawDocument writes a valid document, whose first operation is the one to be
// measured. Fragments spread only those before them; a second operation uses them
// all, as validation wants.
func drawDocument(t *rapid.T) string {
	d := &drawing{t: t, fragments: map[string][]string{}}
	var uses string
	for i := range rapid.IntRange(0, 5).Draw(t, "fragments") {
		on := rapid.SampledFrom([]string{"Account", "Unit", "IncidentConnection", "Incident", "AlertConnection", "Alert"}).Draw(t, "on")
		name := fmt.Sprintf("f%d", i)
		fmt.Fprintf(&d.text, "fragment %s on %s %s ", name, on, d.set(on, 3))
		d.fragments[on] = append(d.fragments[on], name)
		uses += fmt.Sprintf(" u%d:"+places[on], i, "..."+name)
	}
	const head = "query %s($n:Int!){nearby(first:$n){id} %s "
	return fmt.Sprintf(head, "measured", strings.TrimPrefix(d.set("Query", 5), "{")) + fmt.Sprintf(head, "used", uses) + "}" + d.text.String()
}

type drawing struct {
	t         *rapid.T
	text      strings.Builder
	fragments map[string][]string
	aliases   int
}

func (d *drawing) set(on string, depth int) string {
	text := "{__typename "
	for range rapid.IntRange(0, 3).Draw(d.t, "selections") {
		text += d.selection(on, depth)
	}
	return text + "}"
}

func (d *drawing) selection(on string, depth int) string {
	known := d.fragments[on]
	switch kind := rapid.IntRange(0, 3).Draw(d.t, "kind"); {
	case kind == 0 && len(known) > 0:
		return "..." + rapid.SampledFrom(known).Draw(d.t, "spread") + " "
	case kind == 1 && depth > 0:
		return "... on " + on + d.set(on, depth-1)
	case depth > 0 && len(children[on]) > 0:
		return d.field(rapid.SampledFrom(children[on]).Draw(d.t, "field"), depth)
	}
	return ""
}

func (d *drawing) field(entry string, depth int) string {
	name, on, _ := strings.Cut(entry, " ")
	name, sized := strings.CutSuffix(name, "@")
	d.aliases++
	arguments := ""
	if sized {
		arguments = rapid.SampledFrom([]string{"", "(first:$n)", "(first:3)", "(first:0)", "(first:-1)", "(first:2147483647)"}).Draw(d.t, "first")
	}
	return fmt.Sprintf("a%d:%s%s%s", d.aliases, name, arguments, d.set(on, depth-1))
}
