package auth

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// ticket issues a ticket to the actor.
func (w *world) ticket(t testing.TB, actor Principal) string {
	t.Helper()
	secret, expires, err := w.IssueTicket(t.Context(), w.DB, actor, "roster.xlsx", `{"unit":"440303000000"}`)
	must(t, err)
	if !expires.Equal(w.Now().Add(TicketLifetime)) {
		t.Errorf("it expires at %s", expires)
	}
	return secret
}

// wantNoTicket fails the test unless the ticket is refused without a trace of
// what it was for.
func (w *world) wantNoTicket(t *testing.T, secret string) {
	t.Helper()
	actor, purpose, args, err := w.RedeemTicket(t.Context(), secret)
	wantFault(t, err, fault.CodeNotFound, "not_found.ticket")
	if actor.AccountID != "" || purpose != "" || args != "" {
		t.Errorf("it gave %v, %q, %q", actor, purpose, args)
	}
}

func TestTicketIsGoodOnceWithTheGrantsOfTheMoment(t *testing.T) {
	t.Parallel()
	w := open(t)
	tokens, account := w.signIn(t, phone)
	p := w.principal(t, tokens)
	secret := w.ticket(t, p)
	grant := Grant{RoleDispatcher, community}
	_, err := w.Grant(t.Context(), w.DB, account.ID, grant)
	must(t, err)

	actor, purpose, args, err := w.RedeemTicket(t.Context(), secret)
	must(t, err)
	want := Principal{AccountID: p.AccountID, SessionID: p.SessionID, Grants: []Grant{grant}}
	if diff := cmp.Diff(want, actor); diff != "" || purpose != "roster.xlsx" || args != `{"unit":"440303000000"}` {
		t.Errorf("%q, %q, %s", purpose, args, diff)
	}
	w.wantNoTicket(t, secret)
}

func TestTicketIsRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(w *world, t *testing.T, p Principal){
		"when it is too old":               func(w *world, _ *testing.T, _ Principal) { w.clock.Advance(TicketLifetime) },
		"when its session has ended":       func(w *world, t *testing.T, p Principal) { must(t, w.SignOut(t.Context(), p)) },
		"when its account has been barred": func(w *world, t *testing.T, p Principal) { w.suspend(t, p.AccountID) },
		"when the expired have been deleted": func(w *world, t *testing.T, _ Principal) {
			w.clock.Advance(TicketLifetime)
			n, err := w.RunDue(t.Context())
			must(t, err)
			if n == 0 {
				t.Error("nothing was deleted")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t)
			tokens, _ := w.signIn(t, phone)
			p := w.principal(t, tokens)
			secret := w.ticket(t, p)
			spoil(w, t, p)
			w.wantNoTicket(t, secret)
		})
	}
	w := open(t)
	for _, secret := range []string{"", "x", strings.Repeat("A", 43), strings.Repeat("A", 1<<20)} {
		w.wantNoTicket(t, secret)
	}
}

func TestTicketRedeemedByManyAtOnceServesOne(t *testing.T) {
	t.Parallel()
	w := open(t)
	tokens, _ := w.signIn(t, phone)
	secret := w.ticket(t, w.principal(t, tokens))
	var served atomic.Int32
	together(8, func(int) {
		_, _, _, err := w.RedeemTicket(t.Context(), secret)
		switch {
		case err == nil:
			served.Add(1)
		case !errors.Is(err, fault.NotFound("ticket")):
			t.Error(err)
		}
	})
	if served.Load() != 1 {
		t.Errorf("%d were served", served.Load())
	}
}

func TestTicketSecretIsNotStored(t *testing.T) {
	t.Parallel()
	w := open(t)
	tokens, _ := w.signIn(t, phone)
	secret := w.ticket(t, w.principal(t, tokens))
	for doc, err := range tickets.All(t.Context(), w.DB, store.Query{}) {
		must(t, err)
		if strings.Contains(doc.ID, secret) || strings.Contains(doc.Args, secret) {
			t.Error("the secret is there")
		}
	}
}

func TestTicketArgsAreBounded(t *testing.T) {
	t.Parallel()
	w := open(t)
	tokens, _ := w.signIn(t, phone)
	p := w.principal(t, tokens)
	for size, ok := range map[int]bool{MaxTicketArgs: true, MaxTicketArgs + 1: false} {
		secret, _, err := w.IssueTicket(t.Context(), w.DB, p, "x", strings.Repeat("a", size))
		if ok {
			must(t, err)
		} else if fault.CodeOf(err) != fault.CodeInvalid || secret != "" {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if TicketLifetime > 5*time.Minute {
		t.Error("tickets live too long")
	}
}
