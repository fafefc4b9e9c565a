package roster

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
)

// What staff are shown of others is in the audit log, what is one's own is
// not, and nor is what was not shown.
func TestReadingsAreInTheAuditLog(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r, other := f.member(t, "acc_own", eastOne, westOne, StatusActive), f.enrol(t, "acc_2", westOne)
	show := func(actor auth.Principal) {
		t.Helper()
		f.clock.Advance(2 * time.Hour)
		_, _ = f.Responder(t.Context(), actor, r.ID)
		if _, err := f.VisibleResponders(t.Context(), actor, []string{r.ID, other.ID, "rsp_none"}); err != nil {
			t.Fatal(err)
		}
	}
	show(account("acc_own"))
	show(f.dispatcher(t, "acc_o", eastTwo))
	show(auth.Principal{})
	if got := append(f.trail(t, r.ID, true), f.trail(t, other.ID, true)...); len(got) > 0 {
		t.Errorf("there is %v", got)
	}
	show(f.dispatcher(t, "acc_e", east))
	show(f.by(t, "acc_t", auth.RoleTrainer, westOne))
	want := []entry{{"acc_t", audit.ReadResponder, eastOne, ""}, {"acc_e", audit.ReadResponder, eastOne, ""}}
	if diff := cmp.Diff(want, f.trail(t, r.ID, true)); diff != "" {
		t.Errorf("of the one:\n%s", diff)
	}
	if diff := cmp.Diff([]entry{{"acc_t", audit.ReadResponder, westOne, ""}}, f.trail(t, other.ID, true)); diff != "" {
		t.Errorf("of the other:\n%s", diff)
	}
}

// Staff of any of its teams see a responder.
func TestResponder_toItsTeams(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.member(t, "acc_own", eastOne, westOne, StatusActive)
	for unit, may := range map[string]bool{eastOne: true, westOne: true, west: true, east: true, eastTwo: false} {
		if _, err := f.Responder(t.Context(), f.dispatcher(t, "acc_d", unit), r.ID); (err == nil) != may {
			t.Errorf("%s: %v", unit, err)
		}
	}
}
