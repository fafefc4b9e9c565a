package notify_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/notify/fcm/fcmtest"
	"github.com/musterhq/muster/store"
)

var unavailable = fcmtest.Failure{Status: 503, Code: "UNAVAILABLE"}

func TestRunDue_sendsToEveryDeviceAndRecordsIt(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.phone(who("ann"), "phone")
	w.phone(who("ann"), "tablet")
	w.phone(who("bob"), "bob")
	if n := w.enqueue(alert(who("ann"), "alr_1")); n != 2 {
		t.Fatalf("%d devices", n)
	}
	w.runDue()
	list, err := w.Messages(t.Context(), w.db, "alr_1")
	if err != nil {
		t.Fatal(err)
	}
	accepted := map[string]bool{}
	for _, d := range w.fcm.Accepted() {
		accepted[d.Name] = d.Message.Token != "bob"
	}
	for _, m := range list {
		if m.State != notify.StateSent || !accepted[m.ProviderID] || m.Attempts != 1 || !m.SentAt.Equal(w.clock.Now()) {
			t.Errorf("recorded %+v", m)
		}
	}
	if len(list) != 2 || len(accepted) != 2 {
		t.Errorf("%d messages, %d pushes", len(list), len(accepted))
	}
}

func TestRunDue_errorsDecideWhatFollows(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		failure fcmtest.Failure
		state   notify.State
		code    string
		device  bool   // is still there
		log     string // what the log must say; "" for nothing at all
	}{
		{"UNREGISTERED", fcmtest.Failure{Status: 404, Code: "UNREGISTERED"}, notify.StateDead, "GONE", false, ""},
		{"SENDER_ID_MISMATCH", fcmtest.Failure{Status: 403, Code: "SENDER_ID_MISMATCH"}, notify.StateDead, "MISDIRECTED", false, "level=ERROR"},
		{"INVALID_ARGUMENT", fcmtest.Failure{Status: 400, Code: "INVALID_ARGUMENT"}, notify.StateDead, "INVALID", true, "level=WARN"},
		{"QUOTA_EXCEEDED", fcmtest.Failure{Status: 429, Code: "QUOTA_EXCEEDED"}, notify.StateQueued, "THROTTLED", true, ""},
		{"UNAVAILABLE", unavailable, notify.StateQueued, "UNAVAILABLE", true, ""},
		{"INTERNAL", fcmtest.Failure{Status: 500, Code: "INTERNAL"}, notify.StateQueued, "UNAVAILABLE", true, ""},
		{"401", fcmtest.Failure{Status: 401}, notify.StateQueued, "AUTH", true, "level=ERROR"},
		{"a bare 404", fcmtest.Failure{Status: 404}, notify.StateQueued, "UNAVAILABLE", true, ""},
		{"a lost connection", fcmtest.Failure{DropConnection: true}, notify.StateQueued, "UNAVAILABLE", true, ""},
		{"no answer in time", fcmtest.Failure{Delay: time.Hour}, notify.StateQueued, "UNAVAILABLE", true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, func(c *notify.Config) {
				if tt.failure.Delay > 0 {
					c.SendTimeout = 50 * time.Millisecond
				}
			})
			w.phone(who("ann"), "phone")
			w.fcm.Fail("phone", tt.failure)
			w.enqueue(alert(who("ann"), "alr_1"))
			w.runDue()
			w.wantState("alr_1", tt.state, tt.code)
			w.wantPushes()
			if got := len(w.devices(who("ann"))) == 1; got != tt.device {
				t.Errorf("the device is there: %t", got)
			}
			log := w.log.String()
			if !strings.Contains(log, tt.log) || tt.log == "" && log != "" || strings.Contains(log, "phone") {
				t.Errorf("logged %q", log)
			}
			w.fcm.Heal("phone")
			w.clock.Advance(30 * time.Second)
			w.runDue()
			if tt.state == notify.StateQueued {
				w.wantState("alr_1", notify.StateSent, "")
				w.wantPushes("phone")
			} else {
				w.wantState("alr_1", tt.state, tt.code)
				w.wantPushes()
			}
		})
	}
}

func TestRunDue_backsOffWithinTheLifetimeOnly(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.phone(who("ann"), "phone")
	w.fcm.Fail("phone", unavailable)
	w.enqueue(alert(who("ann"), "alr_1"))
	begun := w.clock.Now()
	var delays []time.Duration
	for {
		w.runDue()
		m := w.message("alr_1")
		if m.State != notify.StateQueued {
			break
		}
		delays = append(delays, m.DueAt.Sub(w.clock.Now()))
		w.clock.Advance(m.DueAt.Sub(w.clock.Now()))
	}
	// Half of 1, 2, 4, 8, 16, 32, 60 s; the next would end after the minute.
	if got := fmt.Sprint(delays); got != "[500ms 1s 2s 4s 8s 16s]" {
		t.Errorf("waited %s", got)
	}
	w.wantState("alr_1", notify.StateDead, "UNAVAILABLE")
	if lived := w.clock.Now().Sub(begun); lived >= time.Minute {
		t.Errorf("tried for %s", lived)
	}
	if m := w.message("alr_1"); m.Attempts != 7 {
		t.Errorf("%d attempts", m.Attempts)
	}
}

// notice is something that can wait.
func notice(actor auth.Principal, subject string) notify.Notice {
	n := alert(actor, subject)
	n.Class, n.Lifetime = notify.ClassNotice, 2*time.Hour
	return n
}

func TestRunDue_retryAfter_pausesNotices(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]fcmtest.Failure{
		"429": {Status: 429, Code: "QUOTA_EXCEEDED", RetryAfter: 20 * time.Second, Times: 1},
		"503": {Status: 503, RetryAfter: 20 * time.Second, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t)
			w.phone(who("ann"), "phone")
			w.phone(who("bob"), "bob")
			w.fcm.Fail("phone", failure)
			w.enqueue(notice(who("ann"), "first"))
			w.runDue()
			w.enqueue(notice(who("bob"), "second"))
			short := notice(who("bob"), "short")
			short.Lifetime = 10 * time.Second
			w.enqueue(short)
			w.clock.Advance(19 * time.Second)
			w.runDue()
			w.wantPushes()
			w.wantState("short", notify.StateDead, notify.ErrorExpired)
			if m := w.message("second"); m.Attempts != 0 || m.State != notify.StateQueued {
				t.Errorf("second: %+v", m)
			}
			w.clock.Advance(2 * time.Second)
			w.runDue()
			w.wantState("first", notify.StateSent, "")
			w.wantState("second", notify.StateSent, "")
		})
	}
}

func TestRunDue_longRetryAfter_keepsOtherNoticesAMinute(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.phone(who("ann"), "phone")
	w.phone(who("bob"), "bob")
	w.fcm.Fail("phone", fcmtest.Failure{Status: 429, RetryAfter: time.Hour, Times: 1})
	for _, name := range []string{"ann", "bob"} {
		w.enqueue(notice(who(name), "about "+name))
	}
	w.runDue()
	w.clock.Advance(61 * time.Second)
	w.runDue()
	w.wantPushes("bob")
	w.clock.Advance(time.Hour)
	w.runDue()
	w.wantPushes("bob", "phone")
}

func TestRunDue_retryAfterOfOnePhone_hardlyDelaysOthersAlerts(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.phone(who("ann"), "phone")
	w.phone(who("bob"), "bob")
	w.fcm.Fail("phone", fcmtest.Failure{Status: 429, Code: "QUOTA_EXCEEDED", RetryAfter: time.Minute})
	w.enqueue(alert(who("ann"), "alr_1"))
	w.runDue()
	w.enqueue(alert(who("bob"), "alr_2"))
	w.runDue()
	w.wantPushes()
	w.clock.Advance(3 * time.Second) // the pause, and what spreads out those who waited for it
	w.runDue()
	w.wantPushes("bob")
}

func TestRunDue_retryAfterTheLifetime_isDead(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.phone(who("ann"), "phone")
	w.fcm.Fail("phone", fcmtest.Failure{Status: 429, RetryAfter: 5 * time.Minute})
	w.enqueue(alert(who("ann"), "alr_1"))
	w.runDue()
	w.wantState("alr_1", notify.StateDead, "THROTTLED")
}

func TestRunDue_afterItsLifetime_isNotSent(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.phone(who("ann"), "phone")
	w.enqueue(alert(who("ann"), "alr_1"))
	w.clock.Advance(time.Minute)
	w.runDue()
	w.wantState("alr_1", notify.StateDead, notify.ErrorExpired)
	w.wantPushes()
}

func TestRunDue_withoutChannel_isDead(t *testing.T) {
	t.Parallel()
	w := begin(t, func(c *notify.Config) { c.Channel = notify.Disabled{} })
	w.phone(who("ann"), "phone")
	w.enqueue(alert(who("ann"), "alr_1"))
	w.runDue()
	w.wantState("alr_1", notify.StateDead, "NO_CHANNEL")
	if got := w.devices(who("ann")); len(got) != 1 {
		t.Errorf("devices %v", got)
	}
}

func TestRunDue_alertsGoBeforeEverythingElse(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.phone(who("ann"), "ann")
	w.phone(who("bob"), "bob")
	for i := range 3 {
		n := alert(who("ann"), fmt.Sprint("notice_", i))
		n.Class, n.Lifetime = notify.ClassNotice, time.Hour
		w.enqueue(n)
	}
	w.clock.Advance(time.Minute)
	w.enqueue(alert(who("bob"), "alr_1"))
	w.runDue()
	w.wantPushes("bob", "ann", "ann", "ann")
}

func TestRunDue_finished_isForgottenAfterAWeek(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.phone(who("ann"), "phone")
	w.enqueue(alert(who("ann"), "alr_1"))
	w.runDue()
	w.clock.Advance(7*24*time.Hour - time.Second)
	w.runDue()
	w.wantState("alr_1", notify.StateSent, "")
	w.clock.Advance(time.Second)
	w.runDue()
	list, err := w.Messages(t.Context(), w.db, "alr_1")
	if err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	w.wantPushes("phone")
}

// channel is the real one with something in its way.
type channel struct {
	notify.Channel
	send func(ctx context.Context, p notify.Push, next notify.Channel) (string, error)
}

func (c channel) Send(ctx context.Context, p notify.Push) (string, error) {
	return c.send(ctx, p, c.Channel)
}

func through(send func(context.Context, notify.Push, notify.Channel) (string, error)) func(*notify.Config) {
	return func(c *notify.Config) { c.Channel = channel{c.Channel, send} }
}

func TestRunDue_crashBetweenSendingAndRecording_sendsAgain(t *testing.T) {
	t.Parallel()
	crashed := false
	w := begin(t, through(func(ctx context.Context, p notify.Push, next notify.Channel) (string, error) {
		id, err := next.Send(ctx, p)
		if !crashed {
			crashed = true
			panic("crash")
		}
		return id, err
	}))
	w.phone(who("ann"), "phone")
	w.enqueue(alert(who("ann"), "alr_1"))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no crash")
			}
		}()
		w.runDue()
	}()
	w.wantState("alr_1", notify.StateQueued, "")
	if n := w.runDue(); n != 0 {
		t.Errorf("%d messages before the lease's end", n)
	}
	w.clock.Advance(30 * time.Second)
	w.runDue()
	w.wantState("alr_1", notify.StateSent, "")
	w.wantPushes("phone", "phone")
	for _, d := range w.fcm.Accepted() {
		if d.Message.Data["alertId"] != "alr_1" || d.Message.Android.Notification.Tag != "alr_1" {
			t.Errorf("not to be known again: %+v", d.Message)
		}
	}
}

func TestOnSent_isOneStepWithTheRecord(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	var fail error = broken
	var w *world
	w = begin(t, func(c *notify.Config) {
		c.OnSent = func(ctx context.Context, tx *store.Tx, m *notify.Message) error {
			if m.Subject != "alr_1" {
				return nil
			}
			if m.State != notify.StateSent || m.ProviderID == "" {
				t.Errorf("told of %+v", m)
			}
			n := alert(who("ann"), "follow-up")
			if _, err := w.Enqueue(ctx, tx, n); err != nil {
				return err
			}
			return fail
		}
	})
	w.phone(who("ann"), "phone")
	w.enqueue(alert(who("ann"), "alr_1"))
	if _, err := w.RunDue(t.Context()); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	w.wantState("alr_1", notify.StateQueued, "")
	if list, err := w.Messages(t.Context(), w.db, "follow-up"); err != nil || len(list) != 0 {
		t.Errorf("half of the step was done: %v, %v", list, err)
	}
	fail = nil
	w.clock.Advance(30 * time.Second)
	w.runDue()
	w.wantState("alr_1", notify.StateSent, "")
	w.wantState("follow-up", notify.StateSent, "")
}

func TestOnSent_thatFindsNothing_isNotTakenForAnotherWriter(t *testing.T) {
	t.Parallel()
	w := begin(t, func(c *notify.Config) {
		c.OnSent = func(context.Context, *store.Tx, *notify.Message) error { return store.ErrNotFound }
	})
	w.phone(who("ann"), "phone")
	w.enqueue(alert(who("ann"), "alr_1"))
	if _, err := w.RunDue(t.Context()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestRunDue_cancelledWhileItIsSent_staysCancelled(t *testing.T) {
	t.Parallel()
	var w *world
	w = begin(t, through(func(ctx context.Context, p notify.Push, next notify.Channel) (string, error) {
		w.atomically(func(tx *store.Tx) error { return w.Cancel(ctx, tx, "alr_1") })
		return next.Send(ctx, p)
	}), func(c *notify.Config) {
		c.OnSent = func(context.Context, *store.Tx, *notify.Message) error {
			t.Error("OnSent was called")
			return nil
		}
	})
	w.phone(who("ann"), "phone")
	w.enqueue(alert(who("ann"), "alr_1"))
	w.runDue()
	w.wantState("alr_1", notify.StateCancelled, "")
}

func TestRunDue_goneButRegisteredAgain_staysRegistered(t *testing.T) {
	t.Parallel()
	var w *world
	w = begin(t, through(func(ctx context.Context, p notify.Push, next notify.Channel) (string, error) {
		id, err := next.Send(ctx, p)
		w.phone(who("ann"), "phone")
		return id, err
	}))
	w.phone(who("ann"), "phone")
	w.fcm.Unregister("phone")
	w.enqueue(alert(who("ann"), "alr_1"))
	w.runDue()
	w.wantState("alr_1", notify.StateDead, "GONE")
	if got := w.devices(who("ann")); len(got) != 1 {
		t.Errorf("devices %v", got)
	}
}

// settled waits until the messages of so many subjects are final. The feed
// must have been there before they were queued.
func (w *world) settled(feed *store.Feed, subjects int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	final := map[any]bool{}
	for len(final) < subjects {
		changes, err := feed.Next(ctx)
		if err != nil {
			w.t.Fatalf("%d of %d are final: %v\n%s", len(final), subjects, err, w.log)
		}
		for _, c := range changes {
			if state := store.Value(c.Doc, "state"); state != nil && state != string(notify.StateQueued) {
				final[store.Value(c.Doc, "subject")] = true
			}
		}
	}
}

func TestRun_badMessagesHoldUpNobody(t *testing.T) {
	t.Parallel()
	w := begin(t)
	feed := w.db.Watch(10_000, notify.Collections()...)
	defer feed.Close()
	const good = 200
	send := func(name string) {
		w.phone(who(name), name)
		w.enqueue(alert(who(name), "alr_"+name))
	}
	w.fcm.Fail("slow", fcmtest.Failure{Delay: time.Hour})
	w.fcm.Fail("invalid", fcmtest.Failure{Status: 400, Code: "INVALID_ARGUMENT"})
	w.fcm.Fail("gone", fcmtest.Failure{Status: 404, Code: "UNREGISTERED"})
	send("slow")
	send("invalid")
	send("gone")
	for i := range good {
		send(fmt.Sprint("good", i))
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		w.Run(ctx)
	}()
	w.settled(feed, good+2)
	w.wantState("alr_invalid", notify.StateDead, "INVALID")
	w.wantState("alr_gone", notify.StateDead, "GONE")
	if m := w.message("alr_slow"); m.State != notify.StateQueued {
		t.Errorf("the slow one is %s", m.State)
	}
	if n := w.fcm.Count(); n != good {
		t.Errorf("%d pushes", n)
	}
	stop()
	if err := w.fcm.Close(); err != nil { // hangs up on the slow one
		t.Fatal(err)
	}
	<-stopped
	w.wantState("alr_slow", notify.StateQueued, "UNAVAILABLE") // what was begun was finished
}

func TestRun_inTwoProcesses_sendsEachOnce(t *testing.T) {
	t.Parallel()
	w := begin(t)
	feed := w.db.Watch(10_000, notify.Collections()...)
	defer feed.Close()
	var subjects []string
	for i := range 100 {
		name := fmt.Sprint("phone", i)
		w.phone(who(name), name)
		subjects = append(subjects, "alr_"+name)
	}
	w.running(w.Service)
	w.running(notify.New(w.config()))
	for i := range subjects {
		name := fmt.Sprint("phone", i)
		w.enqueue(alert(who(name), subjects[i]))
	}
	w.settled(feed, len(subjects))
	got := map[string]int{}
	for _, d := range w.fcm.Accepted() {
		got[d.Message.Token]++
	}
	for token, n := range got {
		if n != 1 {
			t.Errorf("%d pushes to %s", n, token)
		}
	}
	if len(got) != len(subjects) {
		t.Errorf("pushes to %d devices", len(got))
	}
}

func TestPush_isOfUseUntilItExpires(t *testing.T) {
	t.Parallel()
	var got notify.Push
	w := begin(t, through(func(_ context.Context, p notify.Push, _ notify.Channel) (string, error) {
		got = p
		return "name", nil
	}))
	w.phone(who("ann"), "phone")
	w.enqueue(alert(who("ann"), "alr_1"))
	w.clock.Advance(20 * time.Second)
	w.runDue()
	if got.TTL != 40*time.Second || !got.ExpiresAt.Equal(w.clock.Now().Add(40*time.Second)) || got.CollapseKey != "alr_1" || got.Class != notify.ClassAlert || got.Platform != notify.Android {
		t.Errorf("pushed %+v", got)
	}
	if got.Title == "" || got.Drill || got.Token != "phone" {
		t.Errorf("pushed %+v in %s", got, locale.Default)
	}
}
