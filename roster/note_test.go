package roster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

func TestNotes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.member(t, "acc_own", eastOne, westOne, StatusActive)
	boss := f.holder(t, auth.RoleDispatcher, eastOne)
	add := func(text, key string) *Note {
		t.Helper()
		n, err := f.AddNote(t.Context(), boss, NewNote{ResponderID: r.ID, Text: text, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	first := add("第一", "k")
	if again := add("第一", "k"); again.ID != first.ID {
		t.Error("it was written twice")
	}
	f.clock.Advance(time.Minute)
	second := add("第二\n行", "")
	want := []*Note{
		{Meta: store.Meta{ID: second.ID, Rev: 1}, ResponderID: r.ID, AuthorID: "acc_holder", Text: "第二\n行", At: f.clock.Now()},
		{Meta: store.Meta{ID: first.ID, Rev: 1}, ResponderID: r.ID, AuthorID: "acc_holder", Text: "第一", At: f.clock.Now().Add(-time.Minute)},
	}
	own := account("acc_own")
	own.Grants = []auth.Grant{{Role: auth.RoleAdmin, UnitPath: f.path(t, district)}}
	for who, c := range map[string]struct {
		actor auth.Principal
		may   bool
	}{
		"its dispatcher": {boss, true}, "a dispatcher of its team": {f.holder(t, auth.RoleDispatcher, westOne), true},
		"its trainer": {f.holder(t, auth.RoleTrainer, eastOne), false}, "itself": {account("acc_own"), false},
		"itself, an admin": {own, false}, "a dispatcher of elsewhere": {f.holder(t, auth.RoleDispatcher, eastTwo), false},
	} {
		page, err := f.ListNotes(t.Context(), c.actor, r, 10, "")
		if c.may {
			if diff := cmp.Diff(want, page.Items); diff != "" || err != nil {
				t.Errorf("%s: %v %s", who, err, diff)
			}
			continue
		}
		if fault.CodeOf(err) != fault.CodeForbidden || len(page.Items) > 0 {
			t.Errorf("%s: %v, %v", who, page.Items, err)
		}
	}
	if diff := cmp.Diff([]entry{{"acc_holder", audit.ReadNotes, eastOne, ""}}, f.trail(t, r.ID, true)); diff != "" {
		t.Errorf("readings:\n%s", diff)
	}
	page, err := f.audit.ListOfSubject(t.Context(), boss, r.ID, false, 10, "")
	for _, e := range page.Items {
		if strings.Contains(fmt.Sprint(e.Reason, e.Details), "第") {
			t.Errorf("the audit log has what the note says: %+v", e)
		}
	}
	if n := len(f.trail(t, r.ID, false)); n != 2 || err != nil {
		t.Errorf("%d entries, %v", n, err)
	}
}

func TestAddNoteRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	boss := f.holder(t, auth.RoleDispatcher, eastOne)
	for text, want := range map[string]*fault.Error{
		"": fault.Invalid("text", "required"), strings.Repeat("记", 2001): fault.Invalid("text", "too_long"), "\xff": fault.Invalid("text", "text"),
	} {
		_, err := f.AddNote(t.Context(), boss, NewNote{ResponderID: r.ID, Text: text})
		wantFault(t, err, want)
	}
	if _, err := f.AddNote(t.Context(), boss, NewNote{ResponderID: r.ID, Text: strings.Repeat("记", 2000)}); err != nil {
		t.Error(err)
	}
}
