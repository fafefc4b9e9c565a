package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/storetest"
)

const (
	phone = "+8613800138000"
	other = "+8613900139000"
	wrong = "999999"
)

// world is a service on a database of its own, with a clock that stands still
// until a test moves it.
type world struct {
	*Service
	clock *storetest.Clock
	phone *mailbox
	logs  *storetest.Log
	ended *ended
}

func open(t testing.TB, changes ...func(*Config)) *world {
	t.Helper()
	w := &world{clock: storetest.NewClock(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)), phone: &mailbox{}, logs: &storetest.Log{}, ended: &ended{}}
	codes := sequence()
	c := Config{
		DB: storetest.Open(t, append(Collections(), store.Steps)...), Now: w.clock.Now, NewID: store.NewIDs(),
		Log: slog.New(slog.NewTextHandler(w.logs, nil)), Keyring: NewKeyring(),
		Issuer: "https://muster.example", Audience: "muster-app",
		NewCode: codes, Sender: w.phone, Limits: DefaultLimits(), OnSignOut: w.ended.add,
	}
	for _, change := range changes {
		change(&c)
	}
	service, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	w.Service = service
	return w
}

// wide lets tests that are not about limits try as often as they like.
func wide(c *Config) {
	l := Limit{N: 1_000_000, Per: time.Second}
	c.Limits = Limits{l, l, l, l, l}
}

// sequence generates codes that differ from each other and from wrong.
func sequence() func() (string, error) {
	var mu sync.Mutex
	n := 100_000
	return func() (string, error) {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprint(n), nil
	}
}

// requestCode asks for a code and returns the one that was sent.
func (w *world) requestCode(t testing.TB, phone string) string {
	t.Helper()
	if err := w.RequestCode(t.Context(), phone, "192.0.2.1", locale.English); err != nil {
		t.Fatalf("requesting a code: %v", err)
	}
	e164, err := ParsePhone(phone)
	must(t, err)
	return w.phone.last(t, e164)
}

func (w *world) signIn(t testing.TB, phone string) (*Tokens, *Account) {
	t.Helper()
	tokens, account, err := w.try(t, phone, w.requestCode(t, phone))
	if err != nil {
		t.Fatalf("signing in: %v", err)
	}
	return tokens, account
}

func (w *world) try(t testing.TB, phone, code string) (*Tokens, *Account, error) {
	t.Helper()
	return w.SignIn(t.Context(), SignInInput{Phone: phone, Code: code, From: "192.0.2.1", DeviceName: "Pixel", Locale: locale.English})
}

func (w *world) principal(t testing.TB, tokens *Tokens) Principal {
	t.Helper()
	p, err := w.Authenticate(t.Context(), tokens.AccessToken)
	if err != nil {
		t.Fatalf("authenticating: %v", err)
	}
	return p
}

func (w *world) sessionsOf(t testing.TB, accountID string) []*Session {
	t.Helper()
	page, err := w.Sessions(t.Context(), Principal{AccountID: accountID}, 100, "")
	if err != nil {
		t.Fatal(err)
	}
	return page.Items
}

// suspend suspends the account.
func (w *world) suspend(t testing.TB, id string) {
	t.Helper()
	must(t, w.DB.Atomically(t.Context(), func(tx *store.Tx) error {
		_, err := w.Suspend(t.Context(), tx, id)
		return err
	}))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantFault fails the test unless err is the fault with that code and key.
func wantFault(t testing.TB, err error, code fault.Code, key string) {
	t.Helper()
	if f := asFault(err); f == nil || f.Code != code || f.Key != key {
		t.Errorf("got %v, want %s %s", err, code, key)
	}
}

func asFault(err error) *fault.Error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	return nil
}

// together runs fn n times at once, and returns when all are done.
func together(n int, fn func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			fn(i)
		})
	}
	close(start)
	all.Wait()
}

// mailbox stands in for phones.
type mailbox struct {
	mu   sync.Mutex
	sent []codeMessage
	fail error
}

func (m *mailbox) SendCode(_ context.Context, phone, code string, tag locale.Tag) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	m.sent = append(m.sent, codeMessage{Phone: phone, Code: code, Locale: tag})
	return nil
}

func (m *mailbox) all() []codeMessage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.sent)
}

func (m *mailbox) last(t testing.TB, phone string) string {
	t.Helper()
	for _, message := range slices.Backward(m.all()) {
		if message.Phone == phone {
			return message.Code
		}
	}
	t.Fatalf("nothing was sent to %s", phone)
	return ""
}

// ended records the sessions of which OnSignOut was told.
type ended struct {
	mu   sync.Mutex
	outs []SignOut
	fail error
}

func (e *ended) add(_ context.Context, _ *store.Tx, out SignOut) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail != nil {
		return e.fail
	}
	if !slices.Contains(e.outs, out) { // a step may run more than once
		e.outs = append(e.outs, out)
	}
	return nil
}

func (e *ended) all() (ids []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, out := range e.outs {
		ids = append(ids, out.SessionID)
	}
	return ids
}

// secretOf returns a refresh token without the session's id.
func secretOf(refresh string) string {
	_, secret, _ := strings.Cut(refresh, ".")
	return secret
}

// revoke takes the grant from the account, whoever may.
func (w *world) revoke(t *testing.T, accountID string, g Grant) {
	t.Helper()
	_, err := w.regrant(t.Context(), w.DB, accountID, func(a *Account) error {
		a.Grants = slices.DeleteFunc(a.Grants, func(has Grant) bool { return has == g })
		return nil
	})
	must(t, err)
}
