package auth

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
)

func TestSignOut(t *testing.T) {
	t.Parallel()
	w := open(t)
	tokens, account := w.signIn(t, phone)
	second, _ := w.signIn(t, phone)
	p := w.principal(t, tokens)
	must(t, w.SignOut(t.Context(), p))
	must(t, w.SignOut(t.Context(), p)) // its answer was lost

	_, err := w.Authenticate(t.Context(), tokens.AccessToken)
	wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.token")
	wantFault(t, w.Check(t.Context(), p), fault.CodeUnauthenticated, "unauthenticated.token")
	w.wantEnded(t, tokens.RefreshToken, p.SessionID)
	w.principal(t, second)
	if live := w.sessionsOf(t, account.ID); len(live) != 1 {
		t.Errorf("%d sessions are left, want 1", len(live))
	}
}

func TestSignOutIsUndoneWhenWhatItCallsFails(t *testing.T) {
	t.Parallel()
	w := open(t)
	tokens, _ := w.signIn(t, phone)
	w.ended.fail = errors.New("devices are stuck")
	if err := w.SignOut(t.Context(), w.principal(t, tokens)); !errors.Is(err, w.ended.fail) {
		t.Fatalf("got %v", err)
	}
	w.principal(t, tokens)
}

func TestWhatOnSignOutWritesIsPartOfTheStep(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.OnSignOut = func(ctx context.Context, tx *store.Tx, out SignOut) error {
		_, err := w.CreateAccount(ctx, tx, NewAccount{Phone: other, Name: out.SessionID})
		return err
	}
	tokens, _ := w.signIn(t, phone)
	p := w.principal(t, tokens)
	must(t, w.SignOut(t.Context(), p))
	written, err := w.AccountByPhone(t.Context(), w.DB, other)
	must(t, err)
	if written.Name != p.SessionID {
		t.Errorf("it was told of %q", written.Name)
	}
}

func TestSessionsAreListedOldestFirst(t *testing.T) {
	t.Parallel()
	w := open(t)
	var want []string
	var account *Account
	for range 3 {
		var tokens *Tokens
		tokens, account = w.signIn(t, phone)
		want = append(want, w.sessionOf(t, tokens))
		w.clock.Advance(time.Minute)
	}
	w.signIn(t, other)
	var got []string
	for _, session := range w.sessionsOf(t, account.ID) {
		got = append(got, session.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRevokeSession(t *testing.T) {
	t.Parallel()
	w := open(t)
	mine, _ := w.signIn(t, phone)
	lost, _ := w.signIn(t, phone)
	theirs, _ := w.signIn(t, other)
	actor := w.principal(t, mine)

	for range 2 {
		must(t, w.RevokeSession(t.Context(), actor, w.sessionOf(t, lost), "k"))
	}
	w.wantEnded(t, lost.RefreshToken, w.sessionOf(t, lost))
	for _, id := range []string{w.sessionOf(t, theirs), w.sessionOf(t, lost), "ses_none", ""} {
		wantFault(t, w.RevokeSession(t.Context(), actor, id, ""), fault.CodeNotFound, "not_found.sign_in")
	}
	w.principal(t, theirs)
	w.principal(t, mine)
}

func TestCheckRefusesSomebodyElsesSession(t *testing.T) {
	t.Parallel()
	w := open(t)
	tokens, _ := w.signIn(t, phone)
	p := w.principal(t, tokens)
	must(t, w.Check(t.Context(), p))
	p.AccountID = "acc_other"
	wantFault(t, w.Check(t.Context(), p), fault.CodeUnauthenticated, "unauthenticated.token")
	wantFault(t, w.Check(t.Context(), Principal{}), fault.CodeUnauthenticated, "unauthenticated.token")
}

func TestALongDeviceNameIsCutOff(t *testing.T) {
	t.Parallel()
	w := open(t)
	code := w.requestCode(t, phone)
	_, account, err := w.SignIn(t.Context(), SignInInput{Phone: phone, Code: code, DeviceName: strings.Repeat("机", 500)})
	must(t, err)
	if got := w.sessionsOf(t, account.ID)[0].DeviceName; got != strings.Repeat("机", maxDeviceName) {
		t.Errorf("%d bytes are kept", len(got))
	}
}

func TestRunDeletesWhatExpiresAndStops(t *testing.T) {
	w := open(t)
	before := goleak.IgnoreCurrent()
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	feed := w.DB.Watch(100, signInCodes)
	defer feed.Close()
	go func() {
		defer close(stopped)
		w.Run(ctx)
	}()
	w.requestCode(t, phone)
	w.clock.Advance(CodeLifetime)
	for gone := false; !gone; {
		changes, err := feed.Next(t.Context())
		must(t, err)
		for _, c := range changes {
			gone = gone || c.Op == store.Deleted
		}
	}
	stop()
	<-stopped
	goleak.VerifyNone(t, before)
}

// Everything that the package logs and returns in a long day, with no secret
// in it.
func TestSecretsAreInNoLogAndNoError(t *testing.T) {
	t.Parallel()
	w := open(t)
	var errs []error
	keep := func(err error) { errs = append(errs, err) }
	first, account := w.signIn(t, phone)
	second := w.refresh(t, first.RefreshToken)
	w.clock.Advance(time.Hour)
	code := w.requestCode(t, phone)
	_, _, err := w.try(t, phone, wrong)
	keep(err)
	_, err = w.Authenticate(t.Context(), first.AccessToken)
	keep(err)
	_, _, err = w.Refresh(t.Context(), first.RefreshToken) // reuse
	keep(err)
	_, _, err = w.Refresh(t.Context(), second.RefreshToken)
	keep(err)
	w.phone.fail = errors.New("down")
	keep(w.RequestCode(t.Context(), phone, "192.0.2.1", locale.English))
	third, _, err := w.try(t, phone, w.phone.last(t, phone))
	keep(err) // replaced by the code that could not be sent
	if third != nil {
		t.Error("an old code was good")
	}
	w.suspend(t, account.ID)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = w.Refresh(cancelled, second.RefreshToken)
	keep(err)
	_, _, err = w.SignIn(cancelled, SignInInput{Phone: phone, Code: code})
	keep(err)
	keep(w.RequestCode(cancelled, phone, "192.0.2.1", locale.English))

	text := w.logs.String()
	for _, err := range errs {
		if err == nil {
			t.Error("something succeeded")
			continue
		}
		text += err.Error() + "\n"
	}
	if !strings.Contains(text, "signed in") || !strings.Contains(text, "old refresh token") {
		t.Fatalf("the log is not the one: %s", text)
	}
	for _, secret := range []string{
		code, wrong, phone, phone[3:], "192.0.2.1", first.AccessToken, second.AccessToken,
		secretOf(first.RefreshToken), secretOf(second.RefreshToken),
	} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in: %s", secret, text)
		}
	}
}
