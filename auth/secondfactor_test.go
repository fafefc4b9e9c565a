package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
)

// app is an authenticator app.
type app struct {
	w      *world
	secret string
}

// code is what the app shows, some periods from now.
func (a app) code(t *testing.T, periods int64) string {
	t.Helper()
	code, err := totpCode(a.secret, a.w.Now().Unix()/30+periods)
	must(t, err)
	return code
}

// enrol gives the actor's account a second factor.
func (w *world) enrol(t *testing.T, p Principal) (app, []string) {
	t.Helper()
	e, err := w.BeginSecondFactor(t.Context(), p)
	must(t, err)
	a := app{w: w, secret: e.Secret}
	codes, err := w.ConfirmSecondFactor(t.Context(), p, a.code(t, 0), "192.0.2.1")
	must(t, err)
	w.clock.Advance(totpPeriod) // to a code that was not used
	return a, codes
}

// tryWith signs in with a phone's code and a second factor.
func (w *world) tryWith(t *testing.T, code, second string) (*Tokens, error) {
	t.Helper()
	tokens, _, err := w.SignIn(t.Context(), SignInInput{
		Phone: phone, Code: code, SecondFactor: second, From: "192.0.2.1", Locale: locale.English,
	})
	return tokens, err
}

func (w *world) self(t *testing.T) Principal {
	t.Helper()
	tokens, _ := w.signIn(t, phone)
	return w.principal(t, tokens)
}

func TestTOTPAgreesWithRFC6238(t *testing.T) {
	t.Parallel()
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" // "12345678901234567890"
	// Appendix B, the last six of eight digits.
	for at, want := range map[int64]string{1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 20000000000: "353130"} {
		now := time.Unix(at, 0)
		got, err := totpCode(secret, at/30)
		must(t, err)
		if got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
		for skew, ok := range map[time.Duration]bool{0: true, -totpPeriod: true, totpPeriod: true, -2 * totpPeriod: false, 2 * totpPeriod: false} {
			if _, right, _ := totpStep(secret, want, now.Add(skew), 0); right != ok {
				t.Errorf("%s later: %t", skew, right)
			}
		}
		if _, right, _ := totpStep(secret, want, now, at/30); right {
			t.Error("a code was good twice")
		}
	}
}

func TestSecondFactorFromBeginningToEnd(t *testing.T) {
	t.Parallel()
	w := open(t, wide)
	p := w.self(t)
	e, err := w.BeginSecondFactor(t.Context(), p)
	must(t, err)
	if !strings.HasPrefix(e.URL, "otpauth://totp/Muster:") || !strings.Contains(e.URL, e.Secret) || len(e.Secret) != 32 {
		t.Errorf("the enrolment is %q", e.URL)
	}
	if text := fmt.Sprintf("%v %+v %#v", *e, e, *e); strings.Contains(text, e.Secret) {
		t.Errorf("it prints as %s", text)
	}
	w.self(t) // what is not confirmed is not asked for

	_, err = w.ConfirmSecondFactor(t.Context(), p, "000000", "192.0.2.1")
	wantFault(t, err, fault.CodeInvalid, "invalid.second_factor")
	a := app{w, e.Secret}
	used := a.code(t, 0)
	codes, err := w.ConfirmSecondFactor(t.Context(), p, used, "192.0.2.1")
	must(t, err)
	if len(codes) != 10 {
		t.Errorf("there are %d recovery codes", len(codes))
	}
	_, err = w.BeginSecondFactor(t.Context(), p)
	wantFault(t, err, fault.CodeConflict, "conflict.second_factor_active")

	code := w.requestCode(t, phone)
	for _, none := range []string{"", "  "} {
		_, err = w.tryWith(t, code, none)
		wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.second_factor")
	}
	_, err = w.tryWith(t, wrong, a.code(t, 1))
	wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.code")
	_, err = w.tryWith(t, code, used) // a replay
	wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.second_factor_code")
	tokens, err := w.tryWith(t, code, a.code(t, 1)) // its clock is ahead
	must(t, err)
	_, err = w.tryWith(t, code, a.code(t, 1))
	wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.code") // used up by now

	code = w.requestCode(t, phone)
	_, err = w.tryWith(t, code, a.code(t, 1))
	wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.second_factor_code")
	_, err = w.tryWith(t, code, strings.ToLower(strings.ReplaceAll(codes[3], "-", " ")))
	must(t, err)
	code = w.requestCode(t, phone)
	_, err = w.tryWith(t, code, codes[3])
	wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.second_factor_code")
	_, err = w.tryWith(t, code, codes[4])
	must(t, err)

	wantFault(t, w.RemoveSecondFactor(t.Context(), p, codes[4], "192.0.2.1"), fault.CodeInvalid, "invalid.second_factor")
	must(t, w.RemoveSecondFactor(t.Context(), w.principal(t, tokens), codes[5], "192.0.2.1"))
	wantFault(t, w.RemoveSecondFactor(t.Context(), p, codes[6], "192.0.2.1"), fault.CodeConflict, "conflict.no_second_factor")
	w.self(t)
}

func TestConfirmNeedsWhatWasBegun(t *testing.T) {
	t.Parallel()
	w := open(t)
	p := w.self(t)
	_, err := w.ConfirmSecondFactor(t.Context(), p, "123456", "192.0.2.1")
	wantFault(t, err, fault.CodeConflict, "conflict.no_second_factor")
	first, err := w.BeginSecondFactor(t.Context(), p)
	must(t, err)
	second, err := w.BeginSecondFactor(t.Context(), p)
	must(t, err)
	_, err = w.ConfirmSecondFactor(t.Context(), p, app{w, first.Secret}.code(t, 0), "192.0.2.1")
	wantFault(t, err, fault.CodeInvalid, "invalid.second_factor")
	_, err = w.ConfirmSecondFactor(t.Context(), p, app{w, second.Secret}.code(t, 0), "192.0.2.1")
	must(t, err)
	_, err = w.ConfirmSecondFactor(t.Context(), p, app{w, second.Secret}.code(t, 1), "192.0.2.1")
	wantFault(t, err, fault.CodeConflict, "conflict.second_factor_active")
}

func TestWrongSecondFactorsAreLimitedPerAccount(t *testing.T) {
	t.Parallel()
	w := open(t)
	a, codes := w.enrol(t, w.self(t))
	code := w.requestCode(t, phone)
	for i := range DefaultLimits().FailuresPerPhone.N {
		_, _, err := w.SignIn(t.Context(), SignInInput{Phone: phone, Code: code, SecondFactor: wrong, From: fmt.Sprintf("192.0.2.%d", i)})
		wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.second_factor_code")
	}
	for _, right := range []string{a.code(t, 0), codes[0], wrong} {
		_, err := w.tryWith(t, code, right)
		wantFault(t, err, fault.CodeRateLimited, "rate_limited.second_factor")
	}
	w.clock.Advance(DefaultLimits().FailuresPerPhone.Per)
	_, err := w.tryWith(t, w.requestCode(t, phone), a.code(t, 0))
	must(t, err)
}

func TestWrongSecondFactorsAreLimitedPerAddress(t *testing.T) {
	t.Parallel()
	w := open(t, func(c *Config) {
		wide(c)
		c.Limits.FailuresPerAddress = Limit{N: 3, Per: time.Hour}
	})
	a, _ := w.enrol(t, w.self(t))
	code := w.requestCode(t, phone)
	for range 3 {
		_, err := w.tryWith(t, code, wrong)
		wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.second_factor_code")
	}
	_, err := w.tryWith(t, code, a.code(t, 0))
	if fault.CodeOf(err) != fault.CodeRateLimited {
		t.Errorf("got %v", err)
	}
}

func TestOneSecondFactorOpensOneSession(t *testing.T) {
	t.Parallel()
	w := open(t, wide)
	a, _ := w.enrol(t, w.self(t))
	code := w.requestCode(t, phone)
	second := a.code(t, 0)
	var opened atomic.Int32
	together(6, func(int) {
		_, _, err := w.SignIn(t.Context(), SignInInput{Phone: phone, Code: code, SecondFactor: second, From: "192.0.2.1"})
		if err == nil {
			opened.Add(1)
		}
	})
	if opened.Load() != 1 {
		t.Errorf("%d sessions were opened", opened.Load())
	}
}

func TestSecretsOfSecondFactorsAreSealed(t *testing.T) {
	t.Parallel()
	w := open(t)
	p := w.self(t)
	e, err := w.BeginSecondFactor(t.Context(), p)
	must(t, err)
	must(t, w.DB.Atomically(t.Context(), func(tx *store.Tx) error {
		f, err := w.loadFactor(t.Context(), tx, p.AccountID)
		if err != nil {
			return err
		}
		if strings.Contains(string(f.Sealed), e.Secret) {
			t.Error("the secret is in the store")
		}
		if text, err := w.Keyring.open(sealPurpose, p.AccountID, f.Sealed); err != nil || text != e.Secret {
			t.Errorf("it opens as %q, %v", text, err)
		}
		if _, err := w.Keyring.open(sealPurpose, "acc_other", f.Sealed); err == nil {
			t.Error("it opens for another account")
		}
		if _, err := w.Keyring.open("other", p.AccountID, f.Sealed); err == nil {
			t.Error("it opens for another purpose")
		}
		if _, err := NewKeyring().open(sealPurpose, p.AccountID, f.Sealed); err == nil {
			t.Error("it opens with another keyring")
		}
		f.Sealed[len(f.Sealed)-1] ^= 1
		if _, err := w.Keyring.open(sealPurpose, p.AccountID, f.Sealed); err == nil {
			t.Error("it opens when it was tampered with")
		}
		return nil
	}))
	_, err = w.Keyring.open(sealPurpose, p.AccountID, nil)
	if err == nil {
		t.Error("nothing opens")
	}
}

func TestRequiredSecondFactor(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	boss := o.member(t, Grant{RoleAdmin, district})
	grants := []Grant{{RoleVolunteer, community}, {RoleDispatcher, community}}
	_, err := o.CreateAccount(t.Context(), o.DB, NewAccount{Phone: phone, Grants: grants})
	must(t, err)
	tokens, account := o.signIn(t, phone)
	clerk := o.principal(t, tokens)
	require := func(required bool) {
		t.Helper()
		for range 2 {
			_, err := o.RequireSecondFactor(t.Context(), boss, Requirement{AccountID: account.ID, Required: required})
			must(t, err)
		}
	}
	expect := func(when string, tokens *Tokens, want []Grant) {
		t.Helper()
		if diff := cmp.Diff(want, o.principal(t, tokens).Grants); diff != "" {
			t.Errorf("%s: %s", when, diff)
		}
	}
	require(true)
	wantFault(t, o.Check(t.Context(), clerk), fault.CodeUnauthenticated, "unauthenticated.token")
	expect("before there is one", tokens, grants[:1])
	other, _ := o.signIn(t, phone)
	a, codes := o.enrol(t, o.principal(t, tokens))
	expect("in the session that confirmed", tokens, grants)
	expect("in another that did not prove it", other, grants[:1])
	expect("after a refresh of that", o.refresh(t, other.RefreshToken), grants[:1])
	tokens = o.refresh(t, tokens.RefreshToken)
	expect("after a refresh", tokens, grants)
	proved, err := o.tryWith(t, o.requestCode(t, phone), a.code(t, 0))
	must(t, err)
	expect("in one that was proved", proved, grants)
	must(t, o.RemoveSecondFactor(t.Context(), o.principal(t, proved), codes[0], "192.0.2.1"))
	expect("after it was removed", tokens, grants[:1])
	require(false)
	expect("when it is not required", tokens, grants)
	want := []string{
		"REQUIRE_SECOND_FACTOR " + account.ID + " " + community + " ", "REQUIRE_SECOND_FACTOR " + account.ID + " " + community + " ",
	}
	if diff := cmp.Diff(want, o.record(t)); diff != "" {
		t.Error(diff)
	}
}

func TestResetSecondFactor(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	boss := o.member(t, Grant{RoleAdmin, district})
	_, err := o.CreateAccount(t.Context(), o.DB, NewAccount{Phone: phone, Grants: []Grant{{RoleDispatcher, community}}})
	must(t, err)
	clerk := o.self(t)
	o.enrol(t, clerk)
	order := Order{AccountID: clerk.AccountID, Reason: "手机遗失"}
	_, err = o.ResetSecondFactor(t.Context(), o.member(t, Grant{RoleAdmin, elsewhere}), order)
	wantFault(t, err, fault.CodeForbidden, "forbidden")
	account, err := o.ResetSecondFactor(t.Context(), boss, order)
	must(t, err)
	if account.HasSecondFactor() {
		t.Error("it has one still")
	}
	wantFault(t, o.Check(t.Context(), clerk), fault.CodeUnauthenticated, "unauthenticated.token")
	o.self(t) // by the phone's code alone
	if diff := cmp.Diff([]string{"RESET_SECOND_FACTOR " + clerk.AccountID + " " + community + " 手机遗失"}, o.record(t)); diff != "" {
		t.Error(diff)
	}
	_, err = o.ResetSecondFactor(t.Context(), boss, Order{AccountID: boss.AccountID, Reason: "x"})
	wantFault(t, err, fault.CodeConflict, "conflict.own_account")
}

// identities stands in for another identity service.
type identities map[string]string

func (m identities) Verify(_ context.Context, token string) (string, error) {
	if token == "down" {
		return "", errors.New("the keys cannot be fetched")
	}
	phone, ok := m[token]
	if !ok {
		return "", fault.Unauthenticated("id_token")
	}
	return phone, nil
}

func (w *world) show(t *testing.T, token, second string) (*Tokens, *Account, error) {
	t.Helper()
	return w.SignInWithIDToken(t.Context(), IDTokenInput{IDToken: token, SecondFactor: second, From: "192.0.2.7", DeviceName: "Pixel", Locale: locale.English})
}

func TestSignInWithIDToken(t *testing.T) {
	t.Parallel()
	w := open(t, wide, func(c *Config) {
		c.IDTokens = identities{"mine": phone, "landline": "+8675512345678", "none": ""}
	})
	tokens, account, err := w.show(t, "mine", "")
	must(t, err)
	if account.Phone != phone || account.Locale != locale.English || w.principal(t, tokens).AccountID != account.ID {
		t.Errorf("signed in is %v", account)
	}
	_, same, err := w.show(t, "mine", "")
	must(t, err)
	if byCode := w.self(t); same.ID != account.ID || byCode.AccountID != account.ID {
		t.Error("one phone has several accounts")
	}
	for _, bad := range []string{"", "theirs", "landline", "none", strings.Repeat("x", maxIDToken+1)} {
		_, _, err = w.show(t, bad, "")
		wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.id_token")
	}
	_, _, err = w.show(t, "down", "")
	if fault.CodeOf(err) != fault.CodeInternal {
		t.Errorf("got %v", err)
	}
	a, _ := w.enrol(t, w.principal(t, tokens))
	_, _, err = w.show(t, "mine", "")
	wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.second_factor")
	_, _, err = w.show(t, "mine", a.code(t, 0))
	must(t, err)
	w.suspend(t, account.ID)
	_, _, err = w.show(t, "mine", a.code(t, 1))
	wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.suspended")
}

func TestBadIDTokensAreLimited(t *testing.T) {
	t.Parallel()
	w := open(t, func(c *Config) {
		c.IDTokens = identities{"mine": phone}
		c.Limits.FailuresPerAddress = Limit{N: 3, Per: time.Hour}
	})
	for range 3 {
		_, _, err := w.show(t, "theirs", "")
		wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.id_token")
	}
	for _, token := range []string{"theirs", "mine"} {
		_, _, err := w.show(t, token, "")
		wantFault(t, err, fault.CodeRateLimited, "rate_limited.sign_in")
	}
	w.clock.Advance(time.Hour)
	_, _, err := w.show(t, "mine", "")
	must(t, err)
}

func TestWithoutIdentityServiceThereIsNoWayIn(t *testing.T) {
	t.Parallel()
	_, _, err := open(t).show(t, "mine", "")
	wantFault(t, err, fault.CodeUnavailable, "unavailable.id_token")
}

func TestAnotherSecondFactorIsToBeShownInEachSession(t *testing.T) {
	t.Parallel()
	w := open(t, wide)
	p := w.self(t)
	_, codes := w.enrol(t, p)
	tokens, err := w.tryWith(t, w.requestCode(t, phone), codes[0])
	must(t, err)
	lost := w.principal(t, tokens)
	must(t, w.RemoveSecondFactor(t.Context(), p, codes[1], "192.0.2.1"))
	w.enrol(t, p)
	for _, c := range []struct {
		who  Principal
		want bool
	}{{p, true}, {lost, false}} {
		session, err := sessions.Get(t.Context(), w.DB, c.who.SessionID)
		must(t, err)
		if session.Proved != c.want {
			t.Errorf("session %s: proved %t, want %t", session.ID, session.Proved, c.want)
		}
	}
}
