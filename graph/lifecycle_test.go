package graph

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/roster"
)

// enum lists the values of one of the schema's enums, sorted.
func enum(name string) []string {
	var values []string
	for _, v := range ours()[name].EnumValues {
		values = append(values, v.Name)
	}
	slices.Sort(values)
	return values
}

func sorted[T ~string](values []T) []string {
	var out []string
	for _, v := range values {
		out = append(out, string(v))
	}
	slices.Sort(out)
	return out
}

// What the code can say, the schema can.
func TestSchemaEnumsAreThoseOfTheCode(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"AuditAction":       sorted(audit.Actions()),
		"RosterRequestKind": sorted([]roster.RequestKind{roster.RequestTransfer, roster.RequestJoin}),
		"ConsentPurpose":    sorted([]roster.Purpose{roster.ConsentPrivacy, roster.ConsentPosition}),
		"ResponderStatus":   sorted(roster.Statuses()),
	} {
		if diff := cmp.Diff(values, enum(name)); diff != "" {
			t.Errorf("%s (-code +schema):\n%s", name, diff)
		}
	}
}
