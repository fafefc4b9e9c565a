package roster

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/auth"
)

// What VisibleResponders shows of many is what Responder shows of each.
func TestVisibleResponders(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	own := f.enrol(t, "acc_own", eastOne)
	for name, c := range f.readers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want []string
			if c.may {
				want = []string{own.ID}
			}
			got, err := f.VisibleResponders(t.Context(), c.actor, []string{own.ID, "rsp_none", own.ID})
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" || err != nil {
				t.Error(diff, err)
			}
			if _, err := f.Responder(t.Context(), c.actor, own.ID); (err == nil) != c.may {
				t.Errorf("asked directly: %v", err)
			}
		})
	}
}

func TestVisibleRespondersShowsTheVisibleAmongOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var ids []string
	for account, unit := range map[string]string{"acc_1": eastOne, "acc_2": eastTwo, "acc_3": westOne, "acc_4": west} {
		ids = append(ids, f.enrol(t, account, unit).ID)
	}
	got, err := f.VisibleResponders(t.Context(), f.holder(t, auth.RoleDispatcher, east), ids)
	if err != nil {
		t.Fatal(err)
	}
	var accounts []string
	for id, r := range got {
		if r.ID != id {
			t.Errorf("%s is under %s", r.ID, id)
		}
		accounts = append(accounts, r.AccountID)
	}
	slices.Sort(accounts)
	if diff := cmp.Diff([]string{"acc_1", "acc_2"}, accounts); diff != "" {
		t.Error(diff)
	}
	if none, err := f.VisibleResponders(t.Context(), f.holder(t, auth.RoleAdmin, district), nil); err != nil || len(none) != 0 {
		t.Errorf("of none: %v, %v", none, err)
	}
}
