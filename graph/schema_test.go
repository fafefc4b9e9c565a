package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"go.uber.org/goleak"

	"github.com/musterhq/muster/dispatch"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/roster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func parsed() *ast.Schema { return NewExecutableSchema(Config{}).Schema() }

// ours are the types that the schema defines, by name.
func ours() map[string]*ast.Definition {
	types := map[string]*ast.Definition{}
	for name, d := range parsed().Types {
		if !d.BuiltIn && !strings.HasPrefix(name, "__") {
			types[name] = d
		}
	}
	return types
}

// fields are a type's, those of introspection left out.
func fields(d *ast.Definition) ast.FieldList {
	return slices.DeleteFunc(slices.Clone(d.Fields), func(f *ast.FieldDefinition) bool { return strings.HasPrefix(f.Name, "__") })
}

func TestSchemaAllowsEachRootFieldToSomebody(t *testing.T) {
	t.Parallel()
	schema, n := parsed(), 0
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		for _, f := range fields(root) {
			n++
			directive := f.Directives.ForName("allow")
			if directive == nil {
				t.Errorf("%s.%s has no @allow", root.Name, f.Name)
				continue
			}
			if to := directive.Arguments.ForName("to"); to == nil || len(to.Value.Children) == 0 {
				t.Errorf("%s.%s: @allow names nobody", root.Name, f.Name)
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d root fields were found", n)
	}
}

// Only what must work without a session is open to everybody.
func TestSchemaOpensNoMoreThanThisToEverybody(t *testing.T) {
	t.Parallel()
	var open []string
	schema := parsed()
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		for _, f := range fields(root) {
			if strings.Contains(fmt.Sprint(f.Directives.ForName("allow").Arguments.ForName("to").Value), "ANYONE") {
				open = append(open, f.Name)
			}
		}
	}
	slices.Sort(open)
	if want := []string{"refreshSession", "requestSignInCode", "signIn", "signInWithIdToken", "verifyCertificate"}; !slices.Equal(open, want) {
		t.Errorf("open to everybody are %v, want %v", open, want)
	}
}

func TestSchemaDescribesEverything(t *testing.T) {
	t.Parallel()
	described := func(what, description string) {
		if strings.TrimSpace(description) == "" {
			t.Errorf("%s has no description", what)
		}
	}
	for name, d := range ours() {
		described(name, d.Description)
		for _, f := range fields(d) {
			described(name+"."+f.Name, f.Description)
			for _, a := range f.Arguments {
				described(name+"."+f.Name+"("+a.Name+")", a.Description)
			}
		}
		for _, v := range d.EnumValues {
			described(name+"."+v.Name, v.Description)
		}
	}
	for _, name := range []string{"allow", "goField"} {
		d := parsed().Directives[name]
		described("@"+name, d.Description)
		for _, a := range d.Arguments {
			described("@"+name+"("+a.Name+")", a.Description)
		}
	}
}

// bounded lists are those that cannot grow, and why.
var boundedLists = map[string]string{
	"Account.grants":                           "one for each role and unit that somebody was given",
	"Availability.schedule":                    "50 at most",
	"Availability.quietHours":                  "5 at most",
	"Availability.leaves":                      "20 at most",
	"ConfirmSecondFactorPayload.recoveryCodes": "ten",
	"OrgUnit.formerNames":                      "the last 50",
	"Responder.equipment":                      "what one person carries",
	"Responder.certificates":                   "the newest 20",
	"Responder.memberships":                    "at most 10",
	"Responder.pendingRequests":                "at most 5",
	"AuditEntry.details":                       "what the program says of one step",
	"RosterImport.ignoredColumns":              "of a hundred columns",
	"RosterImportChange.fields":                "one for each field",
	"RosterImportProblem.problems":             "a few for each column",
}

func TestSchemaPagesWhatCanGrow(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for name, d := range ours() {
		if d.Kind != ast.Object {
			continue
		}
		for _, f := range fields(d) {
			if f.Type.Elem == nil {
				continue
			}
			field := name + "." + f.Name
			if !strings.HasSuffix(name, "Connection") && boundedLists[field] == "" {
				t.Errorf("%s is a list without pages", field)
			}
			found[field] = true
		}
	}
	for field := range boundedLists {
		if !found[field] {
			t.Errorf("%s is no list any more", field)
		}
	}
}

// connections calls do with each field that is paged.
func connections(do func(parent *ast.Definition, f *ast.FieldDefinition)) {
	for _, d := range ours() {
		for _, f := range fields(d) {
			if strings.HasSuffix(f.Type.Name(), "Connection") {
				do(d, f)
			}
		}
	}
}

func TestSchemaConnectionsAreAlike(t *testing.T) {
	t.Parallel()
	types := ours()
	n := 0
	connections(func(parent *ast.Definition, f *ast.FieldDefinition) {
		n++
		where := parent.Name + "." + f.Name
		first, after := f.Arguments.ForName("first"), f.Arguments.ForName("after")
		if first == nil || first.Type.String() != "Int!" || first.DefaultValue == nil || after == nil || after.Type.String() != "String" {
			t.Errorf("%s has not the arguments first: Int! with a default, and after: String", where)
		}
		c := types[f.Type.Name()]
		if nodes := c.Fields.ForName("nodes"); nodes == nil || nodes.Type.String() != "["+strings.TrimSuffix(c.Name, "Connection")+"!]!" &&
			nodes.Type.String() != "["+strings.TrimSuffix(c.Name, "Connection")+"Entry!]!" {
			t.Errorf("%s has not the nodes that it should have", c.Name)
		}
		if info := c.Fields.ForName("pageInfo"); info == nil || info.Type.String() != "PageInfo!" {
			t.Errorf("%s has no pageInfo: PageInfo!", c.Name)
		}
	})
	if n < 7 {
		t.Errorf("only %d connections were found", n)
	}
}

func TestSchemaMutationsAreAlike(t *testing.T) {
	t.Parallel()
	types := ours()
	// These take what is good once, or are counted: a repetition is another try.
	signingIn := []string{"requestSignInCode", "signIn", "signInWithIdToken", "refreshSession", "confirmSecondFactor", "removeSecondFactor"}
	signingIn = append(signingIn, "eraseMyAccount") // whoever would repeat it is not signed in any more
	// Here there is nothing to say.
	bare := []string{"signOut", "revokeOtherSessions", "beginSecondFactor", "requestMyData"}
	for _, f := range fields(parsed().Mutation) {
		name := strings.ToUpper(f.Name[:1]) + f.Name[1:]
		if f.Type.String() != name+"Payload" {
			t.Errorf("%s answers %s, want %sPayload", f.Name, f.Type, name)
		}
		if slices.Contains(bare, f.Name) {
			if len(f.Arguments) != 0 {
				t.Errorf("%s has arguments", f.Name)
			}
			continue
		}
		if len(f.Arguments) != 1 || f.Arguments[0].Name != "input" || f.Arguments[0].Type.String() != name+"Input!" {
			t.Errorf("%s has not the one argument input: %sInput!", f.Name, name)
			continue
		}
		key := types[name+"Input"].Fields.ForName("idempotencyKey")
		if (key == nil) != slices.Contains(signingIn, f.Name) || key != nil && key.Type.String() != "String" {
			t.Errorf("%s: idempotencyKey is %v", f.Name, key)
		}
	}
}

// A connection's first is checked where it is resolved: what passes the limits
// is still refused beyond 100, and below 1.
func TestPageChecksFirst(t *testing.T) {
	t.Parallel()
	for first, want := range map[int]bool{-1: false, 0: false, 1: true, 100: true, 101: false} {
		_, _, err := page(first, nil, emptyList)
		if (err == nil) != want {
			t.Errorf("first %d: %v", first, err)
		}
	}
}

// Every connection's resolver goes through page: executed with first 101, each
// fails before any service, of which there are none here.
func TestConnectionsRefuseMoreThanAHundred(t *testing.T) {
	t.Parallel()
	exec := newTestExecutor(t, &Resolver{Catalogue: words(t)}, nil)
	n := 0
	connections(func(parent *ast.Definition, f *ast.FieldDefinition) {
		if parent.Name != "Query" {
			return // TestNestedConnectionsRefuseMoreThanAHundred
		}
		n++
		arguments := "first: 101"
		for _, a := range f.Arguments {
			if a.Type.NonNull && a.DefaultValue == nil {
				arguments += ", " + a.Name + `: "440303000000"`
			}
		}
		got := exec.run(staffContext(t), "{ "+f.Name+"("+arguments+") { nodes { __typename } } }")
		if len(got.Errors) != 1 || got.Errors[0].Extensions["field"] != "first" || got.Errors[0].Extensions["reason"] != "invalid.range" {
			t.Errorf("%s: %v", f.Name, got.Errors)
		}
	})
	if n < 4 {
		t.Errorf("only %d were tried", n)
	}
}

func TestNestedConnectionsRefuseMoreThanAHundred(t *testing.T) {
	t.Parallel()
	r := &Resolver{Catalogue: words(t)}
	staff := staffContext(t)
	tried := map[string]func() error{
		"Incident.timeline": func() error {
			_, err := r.Incident().Timeline(staff, &dispatch.Incident{Place: dispatch.Place{UnitPath: unitPath}}, 101, nil)
			return err
		},
		"Responder.notes": func() error {
			_, err := r.Responder().Notes(staff, &roster.Responder{UnitPath: unitPath}, 101, nil)
			return err
		},
		"RosterImport.problems": func() error { _, err := r.RosterImport().Problems(staff, &roster.Import{}, 101, nil); return err },
		"RosterImport.changes":  func() error { _, err := r.RosterImport().Changes(staff, &roster.Import{}, 101, nil); return err },
		"Dispatch.alerts":       func() error { _, err := r.Dispatch().Alerts(staff, &dispatch.Dispatch{}, 101, nil); return err },
		"Dispatch.decisions":    func() error { _, err := r.Dispatch().Decisions(staff, &dispatch.Dispatch{}, 101, nil); return err },
	}
	connections(func(parent *ast.Definition, f *ast.FieldDefinition) {
		if parent.Name == "Query" {
			return
		}
		try := tried[parent.Name+"."+f.Name]
		if try == nil {
			t.Errorf("%s.%s is not tried", parent.Name, f.Name)
			return
		}
		var invalid *fault.Error
		if err := try(); !errors.As(err, &invalid) || invalid.Field != "first" {
			t.Errorf("%s.%s: %v", parent.Name, f.Name, err)
		}
	})
}
