package auth

import (
	"bytes"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

func (w *world) refresh(t *testing.T, token string) *Tokens {
	t.Helper()
	tokens, _, err := w.Refresh(t.Context(), token)
	if err != nil {
		t.Fatalf("refreshing: %v", err)
	}
	return tokens
}

// wantEnded fails the test unless the token is refused, and the session has
// ended and OnSignOut been told so once.
func (w *world) wantEnded(t *testing.T, token, sessionID string) {
	t.Helper()
	_, _, err := w.Refresh(t.Context(), token)
	wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.token")
	if _, err := sessions.Get(t.Context(), w.DB, sessionID); err == nil {
		t.Error("the session is still there")
	}
	if diff := cmp.Diff([]string{sessionID}, w.ended.all()); diff != "" {
		t.Error(diff)
	}
}

func TestRefreshRotates(t *testing.T) {
	t.Parallel()
	w := open(t)
	tokens, account := w.signIn(t, phone)
	p := w.principal(t, tokens)
	seen := map[string]bool{tokens.RefreshToken: true}
	for range 5 {
		w.clock.Advance(5 * time.Minute)
		next, owner, err := w.Refresh(t.Context(), tokens.RefreshToken)
		must(t, err)
		if seen[next.RefreshToken] || next.AccessToken == tokens.AccessToken {
			t.Fatal("a token came twice")
		}
		if diff := cmp.Diff(account, owner); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(p, w.principal(t, next)); diff != "" {
			t.Error(diff) // the same session
		}
		seen[next.RefreshToken] = true
		tokens = next
	}
	if live := w.sessionsOf(t, account.ID); len(live) != 1 || !live[0].RefreshedAt.Equal(w.Now()) {
		t.Errorf("%d sessions, refreshed %v", len(live), live)
	}
}

func TestTheLastUsedTokenIsGoodForTheGrace(t *testing.T) {
	t.Parallel()
	w := open(t)
	first, _ := w.signIn(t, phone)
	lost := w.refresh(t, first.RefreshToken)
	w.clock.Advance(Grace)
	again := w.refresh(t, first.RefreshToken)
	if again.RefreshToken != lost.RefreshToken {
		t.Error("the two of them would end each other's session")
	}
	w.principal(t, again)
	w.clock.Advance(5 * time.Minute)
	w.principal(t, w.refresh(t, lost.RefreshToken)) // if it was not lost after all
	if got := w.ended.all(); len(got) != 0 {
		t.Errorf("ended: %v", got)
	}
}

func TestReuseEndsTheSession(t *testing.T) {
	t.Parallel()
	t.Run("of the last one behind the grace", func(t *testing.T) {
		t.Parallel()
		w := open(t)
		first, _ := w.signIn(t, phone)
		p := w.principal(t, first)
		second := w.refresh(t, first.RefreshToken)
		w.clock.Advance(Grace + time.Millisecond)
		w.wantEnded(t, first.RefreshToken, p.SessionID)
		_, _, err := w.Refresh(t.Context(), second.RefreshToken)
		wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.token")
		_, err = w.Authenticate(t.Context(), second.AccessToken)
		wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.token")
	})
	t.Run("of an older one even within the grace", func(t *testing.T) {
		t.Parallel()
		w := open(t)
		first, _ := w.signIn(t, phone)
		p := w.principal(t, first)
		w.refresh(t, w.refresh(t, first.RefreshToken).RefreshToken)
		w.wantEnded(t, first.RefreshToken, p.SessionID)
	})
	t.Run("is not prolonged by repetitions within the grace", func(t *testing.T) {
		t.Parallel()
		w := open(t)
		first, _ := w.signIn(t, phone)
		p := w.principal(t, first)
		w.refresh(t, first.RefreshToken)
		w.clock.Advance(Grace)
		w.refresh(t, first.RefreshToken)
		w.clock.Advance(time.Millisecond)
		w.wantEnded(t, first.RefreshToken, p.SessionID)
	})
	t.Run("leaves the account's other sessions", func(t *testing.T) {
		t.Parallel()
		w := open(t)
		first, _ := w.signIn(t, phone)
		second, _ := w.signIn(t, phone)
		w.refresh(t, first.RefreshToken)
		w.clock.Advance(time.Minute)
		w.wantEnded(t, first.RefreshToken, w.sessionOf(t, first))
		w.refresh(t, second.RefreshToken)
	})
}

// sessionOf returns the session's id.
func (w *world) sessionOf(t *testing.T, tokens *Tokens) string {
	t.Helper()
	r, ok := parseRefreshToken(tokens.RefreshToken)
	if !ok {
		t.Fatal("not a refresh token")
	}
	return r.session
}

func TestInventedTokensAreRefusedAndEndNothing(t *testing.T) {
	t.Parallel()
	w := open(t)
	tokens, _ := w.signIn(t, phone)
	second, _ := w.signIn(t, other)
	id := w.sessionOf(t, tokens)
	encode := base64.RawURLEncoding.EncodeToString
	tests := map[string]string{
		"nothing":                       "",
		"only the id":                   id,
		"an empty secret":               id + ".",
		"an invented secret":            newRefreshToken(id).text(),
		"a short secret":                id + "." + encode(randomBytes(32)),
		"zeros":                         id + "." + encode(make([]byte, 48)),
		"another session's secret":      id + "." + secretOf(second.RefreshToken),
		"an unknown session":            "ses_none." + secretOf(tokens.RefreshToken),
		"not a session":                 "acc_1." + secretOf(tokens.RefreshToken),
		"the secret in another writing": tokens.RefreshToken + "=",
		"an access token":               tokens.AccessToken,
		"very long":                     id + "." + strings.Repeat("A", 1<<20),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := w.Refresh(t.Context(), text)
			wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.token")
		})
	}
	w.refresh(t, tokens.RefreshToken)
	w.refresh(t, second.RefreshToken)
}

func TestOfParallelRefreshesNoneIsLockedOut(t *testing.T) {
	t.Parallel()
	w := open(t)
	first, account := w.signIn(t, phone)
	services := w.processes(t, 4)
	var mu sync.Mutex
	got := map[string]int{}
	together(32, func(i int) {
		tokens, _, err := services[i%4].Refresh(t.Context(), first.RefreshToken)
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := w.Authenticate(t.Context(), tokens.AccessToken); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		got[tokens.RefreshToken]++
	})
	if len(got) != 1 || got[first.RefreshToken] != 0 {
		t.Fatalf("%d different tokens came back", len(got))
	}
	if live := w.sessionsOf(t, account.ID); len(live) != 1 {
		t.Errorf("there are %d sessions", len(live))
	}
	// Whichever answer the client has kept, it goes on with it later.
	w.clock.Advance(5 * time.Minute)
	for token := range got {
		w.refresh(t, token)
	}
	if ended := w.ended.all(); len(ended) != 0 {
		t.Errorf("ended: %v", ended)
	}
}

func TestParallelReuseEndsTheSessionOnce(t *testing.T) {
	t.Parallel()
	w := open(t)
	first, _ := w.signIn(t, phone)
	w.refresh(t, first.RefreshToken)
	w.clock.Advance(time.Hour)
	together(16, func(int) {
		_, _, err := w.Refresh(t.Context(), first.RefreshToken)
		wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.token")
	})
	w.wantEnded(t, first.RefreshToken, w.sessionOf(t, first))
}

func TestStoredSessionHasNoSecret(t *testing.T) {
	t.Parallel()
	w := open(t)
	first, _ := w.signIn(t, phone)
	second := w.refresh(t, first.RefreshToken)
	session, err := sessions.Get(t.Context(), w.DB, w.sessionOf(t, first))
	must(t, err)
	raw, err := bson.Marshal(session)
	must(t, err)
	for _, tokens := range []*Tokens{first, second} {
		r, _ := parseRefreshToken(tokens.RefreshToken)
		for _, secret := range [][]byte{r.secret, r.family, []byte(tokens.AccessToken), []byte(tokens.RefreshToken)} {
			if bytes.Contains(raw, secret) {
				t.Errorf("%q is in the database", secret)
			}
		}
	}
}

func TestAnIdleSessionExpires(t *testing.T) {
	t.Parallel()
	w := open(t)
	idle, account := w.signIn(t, phone)
	busy, _ := w.signIn(t, phone)
	w.clock.Advance(SessionLifetime - time.Millisecond)
	busy = w.refresh(t, busy.RefreshToken)
	n, err := w.RunDue(t.Context())
	must(t, err)
	if n == 0 || len(w.sessionsOf(t, account.ID)) != 2 {
		t.Fatal("a session went before its time")
	}
	w.clock.Advance(time.Millisecond)

	_, _, err = w.Refresh(t.Context(), idle.RefreshToken)
	wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.token")
	if live := w.sessionsOf(t, account.ID); len(live) != 1 {
		t.Errorf("%d sessions are listed", len(live))
	}
	if got := w.ended.all(); len(got) != 0 {
		t.Errorf("ended by a reader: %v", got)
	}
	_, err = w.RunDue(t.Context())
	must(t, err)
	if diff := cmp.Diff([]string{w.sessionOf(t, idle)}, w.ended.all()); diff != "" {
		t.Error(diff)
	}
	if n, err := sessions.Count(t.Context(), w.DB, store.Query{}); err != nil || n != 1 {
		t.Errorf("%d sessions are stored (%v)", n, err)
	}
	w.refresh(t, busy.RefreshToken)
}
