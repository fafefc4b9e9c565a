package auth

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/store"
)

func TestTheLastSignOutIsSaidToBe(t *testing.T) {
	t.Parallel()
	w := open(t)
	first, account := w.signIn(t, phone)
	second, _ := w.signIn(t, phone)
	third, _ := w.signIn(t, phone)
	w.signIn(t, other)
	must(t, w.SignOut(t.Context(), w.principal(t, first)))
	w.suspend(t, account.ID)
	want := []SignOut{
		{w.sessionOf(t, first), account.ID, false}, {w.sessionOf(t, second), account.ID, false}, {w.sessionOf(t, third), account.ID, true},
	}
	if diff := cmp.Diff(want, w.ended.outs); diff != "" {
		t.Error(diff)
	}
}

func TestAnExpiredSessionDoesNotKeepAnAccountSignedIn(t *testing.T) {
	t.Parallel()
	w := open(t)
	old, _ := w.signIn(t, phone)
	w.clock.Advance(SessionLifetime - 1)
	fresh, _ := w.signIn(t, phone)
	w.clock.Advance(1)
	must(t, w.SignOut(t.Context(), w.principal(t, fresh)))
	if got := w.ended.outs; len(got) != 1 || !got[0].Last {
		t.Errorf("got %v", got)
	}
	_, err := w.RunDue(t.Context())
	must(t, err)
	if got := w.ended.outs; len(got) != 2 || got[1].SessionID != w.sessionOf(t, old) {
		t.Errorf("got %v", got)
	}
}

func TestOfSessionsThatEndAtOnceOneIsTheLast(t *testing.T) {
	t.Parallel()
	w := open(t, wide)
	var last atomic.Int32
	var mu sync.Mutex
	seen := map[string]bool{}
	w.OnSignOut = func(_ context.Context, _ *store.Tx, out SignOut) error {
		mu.Lock()
		defer mu.Unlock()
		if out.Last && !seen[out.SessionID] {
			seen[out.SessionID] = true
			last.Add(1)
		}
		return nil
	}
	actors := make([]Principal, 6)
	for i := range actors {
		tokens, _ := w.signIn(t, phone)
		actors[i] = w.principal(t, tokens)
	}
	together(len(actors), func(i int) {
		if err := w.SignOut(t.Context(), actors[i]); err != nil {
			t.Error(err)
		}
	})
	if last.Load() != 1 {
		t.Errorf("%d were the last", last.Load())
	}
}

func TestSignInTellsInItsStep(t *testing.T) {
	t.Parallel()
	w := open(t)
	var told []string
	stuck := errors.New("stuck")
	fail := stuck
	w.OnSignIn = func(_ context.Context, _ *store.Tx, accountID string) error {
		told = []string{accountID} // a step may run more than once
		return fail
	}
	code := w.requestCode(t, phone)
	if _, _, err := w.try(t, phone, code); !errors.Is(err, stuck) {
		t.Fatal(err)
	}
	if _, err := w.AccountByPhone(t.Context(), w.DB, phone); err == nil {
		t.Error("an account was made all the same")
	}
	fail, told = nil, nil
	tokens, account, err := w.try(t, phone, code) // it was not used up
	must(t, err)
	w.refresh(t, tokens.RefreshToken)
	if diff := cmp.Diff([]string{account.ID}, told); diff != "" {
		t.Error(diff)
	}
}

func TestRevokeOtherSessions(t *testing.T) {
	t.Parallel()
	w := open(t, wide)
	mine, _ := w.signIn(t, phone)
	for range 3 {
		w.signIn(t, phone)
	}
	theirs, _ := w.signIn(t, other)
	actor := w.principal(t, mine)
	for _, want := range []int{3, 0} {
		n, err := w.RevokeOtherSessions(t.Context(), actor)
		must(t, err)
		if n != want {
			t.Errorf("%d sessions were ended, want %d", n, want)
		}
	}
	w.principal(t, mine)
	w.principal(t, theirs)
	if live := w.sessionsOf(t, actor.AccountID); len(live) != 1 || live[0].ID != actor.SessionID {
		t.Errorf("left are %v", live)
	}
}

func TestManySessionsAreEndedAndPaged(t *testing.T) {
	t.Parallel()
	w := open(t, wide)
	mine, account := w.signIn(t, phone)
	must(t, w.DB.Atomically(t.Context(), func(tx *store.Tx) error {
		account, err := accounts.Get(t.Context(), tx, account.ID)
		if err != nil {
			return err
		}
		for range 250 {
			if _, _, err := w.openSession(t.Context(), tx, newSession{account: account}); err != nil {
				return err
			}
		}
		return nil
	}))
	actor := w.principal(t, mine)
	page, err := w.Sessions(t.Context(), actor, 100, "")
	must(t, err)
	if len(page.Items) != 100 || !page.HasNext {
		t.Errorf("the first page has %d, more: %t", len(page.Items), page.HasNext)
	}
	n, err := w.RevokeOtherSessions(t.Context(), actor)
	must(t, err)
	if n != 250 {
		t.Errorf("%d were ended", n)
	}
}

// On engines whose steps only conflict where both write, a session that begins
// must not miss that the last one ends at the same time, or a suspension.
func TestSignInWritesTheAccount(t *testing.T) {
	t.Parallel()
	w := open(t, wide)
	_, account := w.signIn(t, phone)
	rev := func() int64 {
		t.Helper()
		known, err := w.Account(t.Context(), account.ID)
		must(t, err)
		return known.Rev
	}
	before := rev()
	w.signIn(t, phone)
	if after := rev(); after <= before {
		t.Errorf("the account is at revision %d, as before", after)
	}
}
