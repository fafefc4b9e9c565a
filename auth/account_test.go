package auth

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
)

func TestCreateAccount(t *testing.T) {
	t.Parallel()
	w := open(t)
	grants := []Grant{{RoleDispatcher, community}}
	made, err := w.CreateAccount(t.Context(), w.DB, NewAccount{Phone: "138 0013 8000", Name: " 王芳 ", Locale: locale.English, Grants: grants})
	must(t, err)
	want := &Account{
		Meta: store.Meta{ID: made.ID, Rev: 1}, Phone: phone, Name: "王芳",
		Locale: locale.English, Grants: grants, CreatedAt: w.Now(),
	}
	stored, err := w.Account(t.Context(), made.ID)
	must(t, err)
	if diff := cmp.Diff(want, stored); diff != "" {
		t.Error(diff)
	}
	byPhone, err := w.AccountByPhone(t.Context(), w.DB, "13800138000")
	must(t, err)
	if diff := cmp.Diff(want, byPhone); diff != "" {
		t.Error(diff)
	}
	many, err := w.Accounts(t.Context(), []string{made.ID, "acc_none"})
	must(t, err)
	if diff := cmp.Diff(map[string]*Account{made.ID: want}, many); diff != "" {
		t.Error(diff)
	}
}

func TestCreateAccountRefusesBadInput(t *testing.T) {
	t.Parallel()
	w := open(t)
	tests := map[string]struct {
		input NewAccount
		key   string
	}{
		"no phone":                 {NewAccount{}, "invalid.phone"},
		"a long name":              {NewAccount{Phone: phone, Name: strings.Repeat("名", maxName+1)}, "invalid.account_name"},
		"an unknown role":          {NewAccount{Phone: phone, Grants: []Grant{{"OWNER", district}}}, "invalid.grant"},
		"a grant without a path":   {NewAccount{Phone: phone, Grants: []Grant{{RoleAdmin, ""}}}, "invalid.grant"},
		"a path without its slash": {NewAccount{Phone: phone, Grants: []Grant{{RoleAdmin, "440303000000"}}}, "invalid.grant"},
		"a path of only the slash": {NewAccount{Phone: phone, Grants: []Grant{{RoleAdmin, "/"}}}, "invalid.grant"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := w.CreateAccount(t.Context(), w.DB, tt.input)
			wantFault(t, err, fault.CodeInvalid, tt.key)
		})
	}
	_, err := w.AccountByPhone(t.Context(), w.DB, phone)
	wantFault(t, err, fault.CodeNotFound, "not_found.account")
}

func TestOnePhoneHasOneAccountHoweverManyAreMadeAtOnce(t *testing.T) {
	t.Parallel()
	w := open(t)
	var made, taken atomic.Int32
	together(32, func(int) {
		switch _, err := w.CreateAccount(t.Context(), w.DB, NewAccount{Phone: phone}); {
		case err == nil:
			made.Add(1)
		case errors.Is(err, fault.Conflict("phone_taken")):
			taken.Add(1)
		}
	})
	if made.Load() != 1 || taken.Load() != 31 {
		t.Errorf("%d made and %d in conflict, want 1 and 31", made.Load(), taken.Load())
	}
}

func TestGrantAndRevoke(t *testing.T) {
	t.Parallel()
	w := open(t)
	tokens, account := w.signIn(t, phone)
	g := Grant{RoleDispatcher, community}
	for range 2 { // the second time changes nothing
		_, err := w.Grant(t.Context(), w.DB, account.ID, g)
		must(t, err)
	}
	p := w.principal(t, tokens)
	if diff := cmp.Diff([]Grant{g}, p.Grants); diff != "" {
		t.Error(diff)
	}
	must(t, w.Check(t.Context(), p))

	w.revoke(t, account.ID, g)
	if len(w.principal(t, tokens).Grants) != 0 {
		t.Error("the grant is still there")
	}
	wantFault(t, w.Check(t.Context(), p), fault.CodeUnauthenticated, "unauthenticated.token")

	_, err := w.Grant(t.Context(), w.DB, account.ID, Grant{"OWNER", community})
	wantFault(t, err, fault.CodeInvalid, "invalid.grant")
	_, err = w.Grant(t.Context(), w.DB, "acc_none", g)
	wantFault(t, err, fault.CodeNotFound, "not_found.account")
}

func TestGrantsGivenAtOnceAreAllKept(t *testing.T) {
	t.Parallel()
	w := open(t)
	_, account := w.signIn(t, phone)
	together(16, func(i int) {
		path := district + strings.Repeat("1", i+1) + "/"
		if _, err := w.Grant(t.Context(), w.DB, account.ID, Grant{RoleTrainer, path}); err != nil {
			t.Error(err)
		}
	})
	after, err := w.Account(t.Context(), account.ID)
	must(t, err)
	if len(after.Grants) != 16 {
		t.Errorf("%d grants of 16", len(after.Grants))
	}
}

func TestSuspendedAccount(t *testing.T) {
	t.Parallel()
	w := open(t)
	tokens, account := w.signIn(t, phone)
	second, _ := w.signIn(t, phone)
	bystander, _ := w.signIn(t, other)
	p, sessions := w.principal(t, tokens), w.sessionsOf(t, account.ID)
	w.suspend(t, account.ID)
	w.clock.Advance(time.Minute)

	t.Run("has no access by the tokens that it had", func(t *testing.T) {
		for _, old := range []*Tokens{tokens, second} {
			_, err := w.Authenticate(t.Context(), old.AccessToken)
			wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.token")
			_, _, err = w.Refresh(t.Context(), old.RefreshToken)
			wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.token")
		}
		wantFault(t, w.Check(t.Context(), p), fault.CodeUnauthenticated, "unauthenticated.token")
	})
	t.Run("has lost its sessions and nobody else's", func(t *testing.T) {
		if diff := cmp.Diff([]string{sessions[0].ID, sessions[1].ID}, w.ended.all()); diff != "" {
			t.Error(diff)
		}
		w.principal(t, bystander)
	})
	t.Run("cannot sign in with the right code", func(t *testing.T) {
		_, _, err := w.try(t, phone, w.requestCode(t, phone))
		wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.suspended")
		if got := w.sessionsOf(t, account.ID); len(got) != 0 {
			t.Errorf("it has %d sessions", len(got))
		}
	})
	t.Run("looks like any other with a wrong code", func(t *testing.T) {
		w.requestCode(t, phone)
		_, _, err := w.try(t, phone, wrong)
		wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.code")
	})
	t.Run("signs in again once it is reinstated", func(t *testing.T) {
		_, err := w.Reinstate(t.Context(), w.DB, account.ID)
		must(t, err)
		if _, again := w.signIn(t, phone); again.ID != account.ID {
			t.Errorf("got another account, %s", again.ID)
		}
	})
}

// A session that was opened while its account was being suspended.
func TestASessionThatSuspensionMissedIsNoGood(t *testing.T) {
	t.Parallel()
	w := open(t)
	tokens, account := w.signIn(t, phone)
	p := w.principal(t, tokens)
	_, err := accounts.Change(t.Context(), w.DB, account.ID, func(a *Account) error {
		a.SuspendedAt = w.Now()
		return nil
	})
	must(t, err)
	_, err = w.Authenticate(t.Context(), tokens.AccessToken)
	wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.token")
	_, _, err = w.Refresh(t.Context(), tokens.RefreshToken)
	wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.token")
	wantFault(t, w.Check(t.Context(), p), fault.CodeUnauthenticated, "unauthenticated.token")
}

func TestSuspendIsUndoneWithItsStep(t *testing.T) {
	t.Parallel()
	w := open(t)
	tokens, account := w.signIn(t, phone)
	undo := errors.New("undo")
	err := w.DB.Atomically(t.Context(), func(tx *store.Tx) error {
		if _, err := w.Suspend(t.Context(), tx, account.ID); err != nil {
			return err
		}
		return undo
	})
	if !errors.Is(err, undo) {
		t.Fatal(err)
	}
	w.principal(t, tokens)
}
