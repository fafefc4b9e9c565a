package auth

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

func TestErasureOfAnAccount(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	clerk := o.member(t, Grant{RoleDispatcher, community})
	before, err := o.Account(t.Context(), clerk.AccountID)
	must(t, err)
	must(t, o.DB.Atomically(t.Context(), func(tx *store.Tx) error {
		if err := secondFactors.Insert(t.Context(), tx, &secondFactor{Meta: store.Meta{ID: clerk.AccountID}, Active: true}); err != nil {
			return err
		}
		return o.BeginErasure(t.Context(), tx, clerk.AccountID)
	}))
	got, err := o.Account(t.Context(), clerk.AccountID)
	must(t, err)
	want := &Account{
		Meta: got.Meta, Phone: "erased:" + clerk.AccountID, Locale: before.Locale, CreatedAt: before.CreatedAt, SuspendedAt: got.SuspendedAt,
	}
	if diff := cmp.Diff(want, got); diff != "" || !got.Erased() || !got.Suspended() {
		t.Errorf("-want +got:\n%s", diff)
	}
	wantFault(t, o.Check(t.Context(), clerk), fault.CodeUnauthenticated, "unauthenticated.token")
	if _, err := secondFactors.Get(t.Context(), o.DB, clerk.AccountID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the second factor is still there: %v", err)
	}
	page, err := appointments.List(t.Context(), o.DB, store.Where(store.Prefix("unitPath", community)), 10, "")
	if must(t, err); len(page.Items) > 0 {
		t.Errorf("it is still appointed: %v", page.Items)
	}
	if more, err := o.ErasePersonal(t.Context(), clerk.AccountID); more || err != nil {
		t.Errorf("more %v, %v", more, err)
	}
	_, err = o.Reinstate(t.Context(), o.DB, clerk.AccountID)
	wantFault(t, err, fault.CodeNotFound, "not_found.account")
	_, err = o.Grant(t.Context(), o.DB, clerk.AccountID, Grant{RoleAdmin, community})
	wantFault(t, err, fault.CodeNotFound, "not_found.account")

	stranger, err := o.CreateAccount(t.Context(), o.DB, NewAccount{Phone: before.Phone})
	must(t, err)
	if stranger.ID == clerk.AccountID {
		t.Error("the stranger has the old account")
	}
}

func TestCopyOfAnAccountHasNoKeys(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	clerk := o.member(t, Grant{RoleDispatcher, community})
	sections := map[string]int{}
	var text strings.Builder
	must(t, o.CopyPersonal(t.Context(), clerk.AccountID, func(section string, doc any) error {
		sections[section]++
		return json.NewEncoder(&text).Encode(doc)
	}))
	if diff := cmp.Diff(map[string]int{"account": 1, "sessions": 1}, sections); diff != "" {
		t.Errorf("-want +got:\n%s\n%s", diff, text.String())
	}
	for _, key := range []string{"Hash\":", "hash\":", "sealed", "ecovery"} { // ids may well have "ash" in them
		if strings.Contains(text.String(), key) {
			t.Errorf("the copy has %q: %s", key, text.String())
		}
	}
}
