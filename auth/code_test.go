package auth

import (
	"bytes"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
)

func TestSignInMakesAnAccountWithoutGrants(t *testing.T) {
	t.Parallel()
	w := open(t)
	tokens, account := w.signIn(t, phone)
	want := &Account{
		Meta: store.Meta{ID: account.ID, Rev: account.Rev}, Phone: phone,
		Locale: locale.English, CreatedAt: w.Now(),
	}
	if diff := cmp.Diff(want, account); diff != "" {
		t.Error(diff)
	}
	if want := w.Now().Add(5 * time.Minute); !tokens.ExpiresAt.Equal(want) {
		t.Errorf("the access token expires at %s, want %s", tokens.ExpiresAt, want)
	}
	session := w.sessionsOf(t, account.ID)[0]
	if diff := cmp.Diff(Principal{AccountID: account.ID, SessionID: session.ID}, w.principal(t, tokens)); diff != "" {
		t.Error(diff)
	}
	if session.DeviceName != "Pixel" {
		t.Errorf("the session is on %q", session.DeviceName)
	}
	if _, again := w.signIn(t, "138 0013 8000"); again.ID != account.ID {
		t.Error("the same phone has two accounts")
	}
}

func TestCodesThatAreNoGoodAllLookTheSame(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*testing.T, *world) (code string){
		"wrong":      func(t *testing.T, w *world) string { w.requestCode(t, phone); return wrong },
		"empty":      func(t *testing.T, w *world) string { w.requestCode(t, phone); return "" },
		"never sent": func(*testing.T, *world) string { return wrong },
		"another's":  func(t *testing.T, w *world) string { w.requestCode(t, phone); return w.requestCode(t, other) },
		"replaced": func(t *testing.T, w *world) string {
			old := w.requestCode(t, phone)
			w.requestCode(t, phone)
			return old
		},
		"of a known one": func(t *testing.T, w *world) string { w.signIn(t, phone); w.requestCode(t, phone); return wrong },
		"used": func(t *testing.T, w *world) string {
			w.signIn(t, phone)
			return w.phone.last(t, phone)
		},
		"expired": func(t *testing.T, w *world) string {
			code := w.requestCode(t, phone)
			w.clock.Advance(CodeLifetime)
			return code
		},
		"expired and deleted": func(t *testing.T, w *world) string {
			code := w.requestCode(t, phone)
			w.clock.Advance(CodeLifetime)
			_, err := w.RunDue(t.Context())
			must(t, err)
			return code
		},
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t)
			tokens, account, err := w.try(t, phone, prepare(t, w))
			if tokens != nil || account != nil {
				t.Error("it opened a session")
			}
			if diff := cmp.Diff(fault.Unauthenticated("code"), err); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestACodeIsGoodToItsLastMillisecond(t *testing.T) {
	t.Parallel()
	w := open(t)
	code := w.requestCode(t, phone)
	w.clock.Advance(CodeLifetime - time.Millisecond)
	_, _, err := w.try(t, phone, " "+code+" ")
	must(t, err)
}

func TestOneCodeOpensOneSessionHoweverManyUseItAtOnce(t *testing.T) {
	t.Parallel()
	w := open(t, wide)
	code := w.requestCode(t, phone)
	var in atomic.Int32
	together(32, func(int) {
		if _, _, err := w.try(t, phone, code); err == nil {
			in.Add(1)
		}
	})
	if in.Load() != 1 {
		t.Errorf("%d sign-ins with one code", in.Load())
	}
}

func TestRequestCodeSaysTheSameOfEveryPhone(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.signIn(t, phone)
	for _, number := range []string{phone, other} {
		must(t, w.RequestCode(t.Context(), number, "192.0.2.1", "fr"))
	}
	sent := w.phone.all()[1:]
	want := []codeMessage{{Phone: phone, Code: sent[0].Code, Locale: locale.Default}, {Phone: other, Code: sent[1].Code, Locale: locale.Default}}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Error(diff)
	}
	_, err := w.AccountByPhone(t.Context(), w.DB, other)
	wantFault(t, err, fault.CodeNotFound, "not_found.account") // asking makes none
}

func TestRequestCodeFails(t *testing.T) {
	t.Parallel()
	t.Run("with INVALID for what is no phone", func(t *testing.T) {
		t.Parallel()
		w := open(t)
		wantFault(t, w.RequestCode(t.Context(), "12", "192.0.2.1", locale.English), fault.CodeInvalid, "invalid.phone")
		_, _, err := w.try(t, "12", wrong)
		wantFault(t, err, fault.CodeInvalid, "invalid.phone")
	})
	t.Run("with UNAVAILABLE when the sender does", func(t *testing.T) {
		t.Parallel()
		w := open(t)
		w.phone.fail = errors.New("the line is down")
		wantFault(t, w.RequestCode(t.Context(), phone, "192.0.2.1", locale.English), fault.CodeUnavailable, "unavailable.sign_in_code")
		if !strings.Contains(w.logs.String(), "the line is down") {
			t.Error("the cause is not in the log")
		}
	})
	t.Run("when no code can be generated", func(t *testing.T) {
		t.Parallel()
		w := open(t, func(c *Config) { c.NewCode = func() (string, error) { return "", errors.New("no entropy") } })
		if err := w.RequestCode(t.Context(), phone, "192.0.2.1", locale.English); fault.CodeOf(err) != fault.CodeInternal {
			t.Errorf("got %v", err)
		}
		if sent := w.phone.all(); len(sent) != 0 {
			t.Errorf("%v was sent", sent)
		}
	})
}

func TestWhatIsStoredGivesNeitherCodesNorPhonesNorAddressesAway(t *testing.T) {
	t.Parallel()
	w := open(t)
	code := w.requestCode(t, phone)
	_, _, err := w.try(t, phone, wrong)
	wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.code")
	n := 0
	check := func(doc any) {
		n++
		raw, err := bson.MarshalExtJSON(doc, false, false)
		must(t, err)
		for _, secret := range []string{code, phone, phone[3:], "192.0.2.1"} {
			if bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s is in %s", secret, raw)
			}
		}
	}
	for doc, err := range signInCodes.All(t.Context(), w.DB, store.Query{}) {
		must(t, err)
		check(doc)
	}
	for doc, err := range windows.All(t.Context(), w.DB, store.Query{}) {
		must(t, err)
		check(doc)
	}
	if n != 6 { // a code, three windows of requests and two of failures
		t.Errorf("%d documents were looked at", n)
	}
}

func TestTheSameCodeIsNeverTheSameHash(t *testing.T) {
	t.Parallel()
	w := open(t, func(c *Config) { c.NewCode = func() (string, error) { return "123456", nil } })
	hashes := map[string]bool{}
	for range 3 {
		w.requestCode(t, phone)
		doc, err := signInCodes.First(t.Context(), w.DB, store.Query{})
		must(t, err)
		hashes[string(doc.Hash)] = true
	}
	if len(hashes) != 3 {
		t.Errorf("%d hashes of three codes", len(hashes))
	}
}

func TestRandomCodeHasSixEvenlySpreadDigits(t *testing.T) {
	t.Parallel()
	const n = 20_000
	var counts [codeDigits][10]int
	for range n {
		code, err := RandomCode()
		must(t, err)
		if len(code) != codeDigits {
			t.Fatalf("the code %q", code)
		}
		for place, digit := range code {
			counts[place][digit-'0']++
		}
	}
	for place, digits := range counts {
		for digit, count := range digits {
			// Ten standard deviations: sqrt(n · 0.1 · 0.9) is 42.
			if count < n/10-420 || count > n/10+420 {
				t.Errorf("the digit %d came %d times of %d at place %d", digit, count, n, place)
			}
		}
	}
}
