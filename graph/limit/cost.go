package limit

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

const (
	// sizeArgument is the argument by which a field says how many items it
	// answers with at most.
	sizeArgument = "first"

	// listSize is what a list counts for that does not say how long it is, or
	// says something that is not a positive number.
	listSize = 50

	// introspectionListSize is what a list counts for inside __schema and __type,
	// whose answers are as long as the schema and are computed in memory. With it
	// the full introspection query stays affordable.
	introspectionListSize = 5

	// ceiling is where costs stop growing: the largest integer that every JSON
	// reader keeps exact.
	ceiling = 1 << 53
)

// Cost is how many objects the answer to a validated operation may have: each
// object counts 1 and each list as often as its argument `first` says, that
// argument's default, or 50. The size of a connection is that of the lists
// directly in it (nodes, edges). Scalars cost nothing; @skip and @include are not
// looked at, and of alternatives (fragments on different types) all are counted.
//
// The time it takes is linear in the document: the cost of a fragment is a linear
// function of the size of the connection that it is spread in, and is computed
// once. Costs stop at 2^53.
func Cost(operation *ast.OperationDefinition, variables map[string]any) int {
	m := meter{variables: variables, fragments: map[string]price{}}
	return int(m.set(operation.SelectionSet).at(listSize))
}

// price is the cost of a selection set in a connection of unknown size.
type price struct {
	fixed   int64
	perItem int64 // of the lists directly in the selection set
}

func (p price) at(size int64) int64 {
	return plus(p.fixed, times(p.perItem, size))
}

func (p price) plus(other price) price {
	return price{fixed: plus(p.fixed, other.fixed), perItem: plus(p.perItem, other.perItem)}
}

// meter computes prices.
type meter struct {
	variables map[string]any
	fragments map[string]price

	visited int // selections looked at, for the tests of linearity
}

func (m *meter) set(set ast.SelectionSet) price {
	var sum price
	for _, selection := range set {
		m.visited++
		sum = sum.plus(m.selection(selection))
	}
	return sum
}

func (m *meter) selection(selection ast.Selection) price {
	switch selection := selection.(type) {
	case *ast.Field:
		return m.field(selection)
	case *ast.InlineFragment:
		return m.set(selection.SelectionSet)
	case *ast.FragmentSpread:
		return m.fragment(selection.Definition)
	}
	return price{}
}

func (m *meter) fragment(fragment *ast.FragmentDefinition) price {
	if fragment == nil {
		return price{}
	}
	known, ok := m.fragments[fragment.Name]
	if ok {
		return known
	}
	m.fragments[fragment.Name] = price{} // ends a cycle, which validation does not let pass
	known = m.set(fragment.SelectionSet)
	m.fragments[fragment.Name] = known
	return known
}

func (m *meter) field(field *ast.Field) price {
	if len(field.SelectionSet) == 0 {
		return price{}
	}
	inner := m.set(field.SelectionSet)
	object := plus(1, inner.at(listSize))
	size, sized := m.size(field)
	switch list := isList(field); {
	case list && isIntrospection(field):
		return price{fixed: times(introspectionListSize, object)}
	case list && sized:
		return price{fixed: times(size, object)}
	case list:
		return price{perItem: object}
	case sized:
		return price{fixed: plus(1, inner.at(size))}
	}
	return price{fixed: object}
}

// size is how many items a field with the size argument answers with.
func (m *meter) size(field *ast.Field) (size int64, sized bool) {
	if field.Definition == nil {
		return 0, false
	}
	definition := field.Definition.Arguments.ForName(sizeArgument)
	if definition == nil {
		return 0, false
	}
	if argument := field.Arguments.ForName(sizeArgument); argument != nil {
		if size, given := m.number(argument.Value); given {
			return size, true
		}
	}
	if size, given := m.number(definition.DefaultValue); given {
		return size, true
	}
	return listSize, true
}

// number reads a size. It is listSize for what is given but not a positive number:
// the resolver refuses that, and until then it must not be a way to pay less.
func (m *meter) number(value *ast.Value) (size int64, given bool) {
	if value == nil {
		return 0, false
	}
	raw, err := value.Value(m.variables)
	if err != nil {
		return listSize, true
	}
	if raw == nil {
		return 0, false
	}
	n := integer(raw)
	if n < 1 {
		return listSize, true
	}
	return min(n, ceiling), true
}

// integer reads the forms in which JSON and GraphQL hand over an Int. It is 0 for
// anything else.
func integer(raw any) int64 {
	switch raw := raw.(type) {
	case int:
		return int64(raw)
	case int32:
		return int64(raw)
	case int64:
		return raw
	case float64:
		return truncated(raw)
	case json.Number:
		return parsed(string(raw))
	case string:
		return parsed(raw)
	}
	return 0
}

func parsed(text string) int64 {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(number, 0) {
		return 0
	}
	return truncated(number)
}

func truncated(number float64) int64 {
	if number >= ceiling {
		return ceiling
	}
	if number >= 1 {
		return int64(number)
	}
	return 0
}

func isList(field *ast.Field) bool {
	return field.Definition != nil && field.Definition.Type.Elem != nil
}

func isIntrospection(field *ast.Field) bool {
	return field.ObjectDefinition != nil && strings.HasPrefix(field.ObjectDefinition.Name, "__")
}

func plus(a, b int64) int64 { return min(a+b, ceiling) }

func times(a, b int64) int64 {
	if a != 0 && b > ceiling/a {
		return ceiling
	}
	return a * b
}
