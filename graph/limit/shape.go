package limit

import (
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/musterhq/muster/fault"
)

// checkShape checks a document that is parsed but not validated: types are
// unknown, fragments may be missing, defined twice or circular.
func (q Query) checkShape(doc *ast.QueryDocument) *fault.Error {
	if f := exceeded("query_too_many_operations", len(doc.Operations), q.MaxOperations); f != nil {
		return f
	}
	s := newSurvey(doc)
	s.document(doc)
	if f := s.mistake(); f != nil {
		return f
	}
	for _, check := range []struct {
		reason        string
		actual, limit int
	}{
		{"query_too_deep", s.depth, q.MaxDepth},
		{"query_too_many_aliases", s.aliases, q.MaxAliases},
		{"query_alias_too_long", s.longest, q.MaxAliasBytes},
		{"query_too_many_repeats", s.repeats, q.MaxRepeats},
		{"query_too_many_directives", s.directives, q.MaxDirectives},
		{"query_too_many_root_fields", s.rootFields, q.MaxRootFields},
		{"query_too_many_changes", s.changes, q.MaxChanges},
		{"query_too_many_introspections", s.introspections, q.MaxIntrospections},
	} {
		if f := exceeded(check.reason, check.actual, check.limit); f != nil {
			return f
		}
	}
	return nil
}

// survey measures a document in one pass.
type survey struct {
	fragments map[string]*ast.FragmentDefinition
	depths    map[string]int // of the fragments measured so far
	open      map[string]bool

	circular       bool
	doubled        bool // a directive stands twice in one place, which none may
	deferred       bool // @defer is used
	depth          int
	aliases        int
	longest        int // of the aliases, in bytes
	repeats        int
	directives     int
	introspections int
	rootFields     int // of the query or subscription with the most
	changes        int // of the mutation with the most

	visited int // selections looked at, for the tests of linearity
}

func newSurvey(doc *ast.QueryDocument) *survey {
	s := &survey{
		fragments: make(map[string]*ast.FragmentDefinition, len(doc.Fragments)),
		depths:    make(map[string]int, len(doc.Fragments)),
		open:      make(map[string]bool),
	}
	for _, fragment := range doc.Fragments {
		s.fragments[fragment.Name] = fragment
	}
	return s
}

// mistake is what is wrong with the document whatever its size.
func (s *survey) mistake() *fault.Error {
	switch {
	case s.circular:
		return fault.Invalid("", "query_fragment_cycle")
	case s.doubled:
		return fault.Invalid("", "query_directive_repeated")
	case s.deferred:
		return fault.Invalid("", "query_deferred")
	}
	return nil
}

func (s *survey) document(doc *ast.QueryDocument) {
	for _, fragment := range doc.Fragments {
		// Validation walks unused fragments too, so they are measured as well.
		s.depth = max(s.depth, s.fragment(fragment.Name))
	}
	for _, operation := range doc.Operations {
		s.operation(operation)
	}
}

func (s *survey) operation(operation *ast.OperationDefinition) {
	s.attached(operation.Directives)
	for _, variable := range operation.VariableDefinitions {
		s.attached(variable.Directives)
	}
	s.depth = max(s.depth, s.set(operation.SelectionSet))
	roots := s.roots(operation.SelectionSet)
	if operation.Operation == ast.Mutation {
		s.changes = max(s.changes, roots)
		return
	}
	s.rootFields = max(s.rootFields, roots)
}

// set measures a selection set and returns its depth.
func (s *survey) set(set ast.SelectionSet) int {
	return s.part(set, make(map[string]bool, len(set)), "")
}

// part measures those selections of a set that apply to objects of the type on.
// Inline fragments are parts of the set that they are in, or else repeats could
// hide in them.
func (s *survey) part(set ast.SelectionSet, seen map[string]bool, on string) int {
	deepest := 0
	for _, selection := range set {
		s.visited++
		deepest = max(deepest, s.selection(selection, seen, on))
	}
	return deepest
}

func (s *survey) selection(selection ast.Selection, seen map[string]bool, on string) int {
	switch selection := selection.(type) {
	case *ast.Field:
		s.repeat(on+" "+selection.Alias, seen)
		return s.field(selection)
	case *ast.FragmentSpread:
		s.repeat("..."+selection.Name, seen)
		s.attached(selection.Directives)
		return s.fragment(selection.Name)
	case *ast.InlineFragment:
		s.attached(selection.Directives)
		if selection.TypeCondition != "" {
			on = selection.TypeCondition
		}
		return s.part(selection.SelectionSet, seen, on)
	}
	return 0
}

func (s *survey) field(field *ast.Field) int {
	s.attached(field.Directives)
	if field.Alias != field.Name {
		s.aliases++
		s.longest = max(s.longest, len(field.Alias))
	}
	if field.Name == "__schema" || field.Name == "__type" {
		s.introspections++
	}
	return 1 + s.set(field.SelectionSet)
}

func (s *survey) repeat(key string, seen map[string]bool) {
	if seen[key] {
		s.repeats++
	}
	seen[key] = true
}

// attached measures the directives of one place.
func (s *survey) attached(directives ast.DirectiveList) {
	s.directives += len(directives)
	seen := make(map[string]bool, len(directives))
	for _, directive := range directives {
		s.doubled = s.doubled || seen[directive.Name]
		s.deferred = s.deferred || directive.Name == "defer"
		seen[directive.Name] = true
	}
}

// fragment returns the depth of a fragment, measuring it the first time. One that
// does not exist has none; validation will name it.
func (s *survey) fragment(name string) int {
	if depth, ok := s.depths[name]; ok {
		return depth
	}
	fragment, ok := s.fragments[name]
	if !ok {
		return 0
	}
	if s.open[name] {
		s.circular = true
		return 0
	}
	s.open[name] = true
	s.attached(fragment.Directives)
	depth := s.set(fragment.SelectionSet)
	delete(s.open, name)
	s.depths[name] = depth
	return depth
}

// roots counts the different fields at the top of an operation.
func (s *survey) roots(set ast.SelectionSet) int {
	keys, followed := map[string]bool{}, map[string]bool{}
	s.collectRoots(set, keys, followed)
	return len(keys)
}

func (s *survey) collectRoots(set ast.SelectionSet, keys, followed map[string]bool) {
	for _, selection := range set {
		s.visited++
		switch selection := selection.(type) {
		case *ast.Field:
			keys[selection.Alias] = true
		case *ast.InlineFragment:
			s.collectRoots(selection.SelectionSet, keys, followed)
		case *ast.FragmentSpread:
			fragment, ok := s.fragments[selection.Name]
			if ok && !followed[selection.Name] {
				followed[selection.Name] = true
				s.collectRoots(fragment.SelectionSet, keys, followed)
			}
		}
	}
}
