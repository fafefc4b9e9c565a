package auth

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
)

// tree says where units are now that were elsewhere before; "" is gone.
type tree map[string]string

func (m tree) path(_ context.Context, unitPath string) (string, error) {
	if unitPath == "stuck/" {
		return "", errors.New("the tree is not there")
	}
	if now, ok := m[unitPath]; ok {
		return now, nil
	}
	return unitPath, nil
}

func TestGrantsFollowTheTree(t *testing.T) {
	t.Parallel()
	m := tree{}
	w := open(t, func(c *Config) { c.CurrentPath = m.path })
	stored := []Grant{{RoleDispatcher, community}, {RoleTrainer, elsewhere}, {RoleDispatcher, elsewhere}}
	_, err := w.CreateAccount(t.Context(), w.DB, NewAccount{Phone: phone, Grants: stored})
	must(t, err)
	tokens, account := w.signIn(t, phone)
	before := w.principal(t, tokens)
	if diff := cmp.Diff(stored, before.Grants); diff != "" {
		t.Error(diff)
	}
	m[community] = elsewhere // merged
	must(t, w.Check(t.Context(), Principal{AccountID: before.AccountID, SessionID: before.SessionID, Grants: stored[1:]}))
	must(t, w.Check(t.Context(), before)) // which had the same there already
	less := Principal{AccountID: before.AccountID, SessionID: before.SessionID, Grants: stored[:2]}
	wantFault(t, w.Check(t.Context(), less), fault.CodeUnauthenticated, "unauthenticated.token")
	if diff := cmp.Diff([]Grant{{RoleDispatcher, elsewhere}, {RoleDispatcher, community}, {RoleTrainer, elsewhere}}, w.principal(t, tokens).Grants); diff != "" {
		t.Errorf("after the merger: %s", diff)
	}
	m[elsewhere] = ""
	m[community] = subdistrict + "moved/"
	if diff := cmp.Diff([]Grant{{RoleDispatcher, subdistrict + "moved/"}, {RoleDispatcher, community}}, w.principal(t, tokens).Grants); diff != "" {
		t.Errorf("after one is gone: %s", diff)
	}
	known, err := w.Account(t.Context(), account.ID)
	must(t, err)
	shown, err := w.EffectiveGrants(t.Context(), known)
	must(t, err)
	if diff := cmp.Diff([]Grant{{RoleDispatcher, subdistrict + "moved/"}}, shown); diff != "" {
		t.Errorf("what is shown is not where it is now: %s", diff)
	}
	if diff := cmp.Diff(stored, known.Grants); diff != "" {
		t.Errorf("what is stored has changed: %s", diff)
	}
}

func TestNobodyIsLetInWithoutTheTree(t *testing.T) {
	t.Parallel()
	w := open(t, func(c *Config) { c.CurrentPath = tree{}.path })
	_, err := w.CreateAccount(t.Context(), w.DB, NewAccount{Phone: phone, Grants: []Grant{{RoleAdmin, "stuck/"}}})
	must(t, err)
	tokens, _ := w.signIn(t, phone)
	p, err := w.Authenticate(t.Context(), tokens.AccessToken)
	if fault.CodeOf(err) != fault.CodeInternal || p.AccountID != "" || !strings.Contains(err.Error(), "not there") {
		t.Errorf("got %v, %v", p, err)
	}
}
