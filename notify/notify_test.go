package notify_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/notify/fcm"
	"github.com/musterhq/muster/notify/fcm/fcmtest"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/storetest"
)

// world is a service on a real database, and Firebase on loopback, at a time
// that only tests change.
type world struct {
	*notify.Service
	t   *testing.T
	db  *store.DB
	fcm *fcmtest.Server
	log *storetest.Log

	clock *storetest.Clock

	mu  sync.Mutex
	ids int
}

func begin(t *testing.T, change ...func(*notify.Config)) *world {
	t.Helper()
	w := &world{t: t, log: &storetest.Log{}, clock: storetest.NewClock(time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC))}
	w.db = storetest.Open(t, notify.Collections()...)
	var err error
	if w.fcm, err = fcmtest.New(fcmtest.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.fcm.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	w.Service = notify.New(w.config(change...))
	return w
}

func (w *world) config(change ...func(*notify.Config)) notify.Config {
	w.t.Helper()
	catalogue, err := locale.New()
	if err != nil {
		w.t.Fatal(err)
	}
	channel, err := fcm.New(w.t.Context(), fcm.Config{CredentialsJSON: w.fcm.CredentialsJSON(), Endpoint: w.fcm.Endpoint()})
	if err != nil {
		w.t.Fatal(err)
	}
	c := notify.Config{
		DB: w.db, Now: w.clock.Now, NewID: w.id, Catalogue: catalogue, Channel: channel,
		Log:  slog.New(slog.NewTextHandler(w.log, nil)),
		Rand: func() float64 { return 0.5 },
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

func (w *world) id(prefix string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	return fmt.Sprintf("%s_%05d", prefix, w.ids)
}

func who(name string) auth.Principal {
	return auth.Principal{AccountID: "acc_" + name, SessionID: "ses_" + name}
}

// phone registers a working device of an account, whose token is its name.
func (w *world) phone(actor auth.Principal, token string) *notify.Device {
	w.t.Helper()
	w.fcm.Register(token)
	d, err := w.RegisterDevice(w.t.Context(), actor, notify.DeviceInput{Token: token, Platform: notify.Android, Locale: locale.Chinese})
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *world) atomically(f func(tx *store.Tx) error) {
	w.t.Helper()
	if err := w.db.Atomically(w.t.Context(), f); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) enqueue(n notify.Notice) int {
	w.t.Helper()
	var devices int
	w.atomically(func(tx *store.Tx) (err error) {
		devices, err = w.Enqueue(w.t.Context(), tx, n)
		return err
	})
	return devices
}

// alert is the summons of an account to a fire, good for a minute.
func alert(actor auth.Principal, alertID string) notify.Notice {
	return notify.Notice{
		AccountID: actor.AccountID, Class: notify.ClassAlert, Subject: alertID, Key: "alert",
		Args:     notify.AlertArgs("FIRE", notify.Within500M),
		Data:     notify.AlertData(alertID, "FIRE", notify.Within500M),
		Lifetime: time.Minute,
	}
}

func (w *world) runDue() int {
	w.t.Helper()
	n, err := w.RunDue(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// message returns the only message of the subject.
func (w *world) message(subject string) *notify.Message {
	w.t.Helper()
	list, err := w.Messages(w.t.Context(), w.db, subject)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(list) != 1 {
		w.t.Fatalf("%d messages of %s, want 1", len(list), subject)
	}
	return list[0]
}

func (w *world) devices(actor auth.Principal) []string {
	w.t.Helper()
	list, err := w.Devices(w.t.Context(), actor)
	if err != nil {
		w.t.Fatal(err)
	}
	tokens := make([]string, 0, len(list))
	for _, d := range list {
		tokens = append(tokens, d.Token)
	}
	return tokens
}

// wantState checks the state and the error of the only message of the subject.
func (w *world) wantState(subject string, state notify.State, code string) {
	w.t.Helper()
	if m := w.message(subject); m.State != state || m.LastError != code {
		w.t.Errorf("%s is %s %q, want %s %q", subject, m.State, m.LastError, state, code)
	}
}

// wantPushes checks to which tokens pushes were accepted, in that order.
func (w *world) wantPushes(tokens ...string) {
	w.t.Helper()
	got := []string{}
	for _, d := range w.fcm.Accepted() {
		got = append(got, d.Message.Token)
	}
	if fmt.Sprint(got) != fmt.Sprint(tokens) {
		w.t.Errorf("pushes to %v, want %v", got, tokens)
	}
}

// running runs the service until the test ends.
func (w *world) running(s *notify.Service) {
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { s.Run(ctx) })
	w.t.Cleanup(func() {
		stop()
		done.Wait()
	})
}
