package notify_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/store"
)

func TestRegisterDevice_badInput(t *testing.T) {
	t.Parallel()
	w := begin(t)
	good := notify.DeviceInput{Token: "t", Platform: notify.IOS, Locale: locale.English, AppVersion: "1.0"}
	tests := []struct {
		name   string
		actor  auth.Principal
		change func(*notify.DeviceInput)
		want   *fault.Error
	}{
		{"nobody", auth.Principal{}, func(*notify.DeviceInput) {}, fault.Forbidden()},
		{"no token", who("ann"), func(in *notify.DeviceInput) { in.Token = "" }, fault.Invalid("token", "device_token")},
		{"an endless token", who("ann"), func(in *notify.DeviceInput) { in.Token = strings.Repeat("x", 4097) }, fault.Invalid("token", "device_token")},
		{"no platform", who("ann"), func(in *notify.DeviceInput) { in.Platform = "" }, fault.Invalid("platform", "device_platform")},
		{"an unknown language", who("ann"), func(in *notify.DeviceInput) { in.Locale = "fr" }, fault.Invalid("locale", "device_locale")},
		{"a long version", who("ann"), func(in *notify.DeviceInput) { in.AppVersion = strings.Repeat("1", 65) }, fault.Invalid("appVersion", "device_app_version")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := good
			tt.change(&in)
			_, err := w.RegisterDevice(t.Context(), tt.actor, in)
			var f *fault.Error
			if !errors.As(err, &f) || !errors.Is(f, tt.want) || f.Field != tt.want.Field {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	if got := w.devices(who("ann")); len(got) != 0 {
		t.Errorf("registered %v", got)
	}
}

func TestRegisterDevice_again_isTheSameDevice(t *testing.T) {
	t.Parallel()
	w := begin(t)
	first := w.phone(who("ann"), "phone")
	w.clock.Advance(time.Hour)
	again, err := w.RegisterDevice(t.Context(), who("ann"), notify.DeviceInput{Token: "phone", Platform: notify.Web, Locale: locale.English, AppVersion: "2"})
	if err != nil {
		t.Fatal(err)
	}
	want := &notify.Device{
		Meta: store.Meta{ID: first.ID, Rev: 2}, AccountID: "acc_ann", SessionID: "ses_ann",
		Token: "phone", Platform: notify.Web, Locale: locale.English, AppVersion: "2", SeenAt: w.clock.Now(),
	}
	if diff := cmp.Diff(want, again); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := w.devices(who("ann")); len(got) != 1 {
		t.Errorf("devices %v", got)
	}
}

func TestRegisterDevice_ofAnotherAccount_movesWithoutWhatIsQueued(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.phone(who("ann"), "phone")
	w.enqueue(alert(who("ann"), "alr_ann"))
	w.phone(who("bob"), "phone")
	if n := w.enqueue(alert(who("ann"), "alr_none")); n != 0 {
		t.Errorf("ann still has %d devices", n)
	}
	w.enqueue(alert(who("bob"), "alr_bob"))
	w.runDue()
	w.wantState("alr_ann", notify.StateCancelled, notify.ErrorNoDevice)
	w.wantState("alr_bob", notify.StateSent, "")
	w.wantPushes("phone")
	if id := w.fcm.Accepted()[0].Message.Data["alertId"]; id != "alr_bob" {
		t.Errorf("the phone got %s", id)
	}
}

func TestRegisterDevice_eleventh_replacesTheOneSeenLongestAgo(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]time.Duration{"one after the other": time.Minute, "all at once": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t)
			w.phone(who("bob"), "bob")
			for i := range notify.MaxDevices {
				w.phone(who("ann"), fmt.Sprint(i))
				w.clock.Advance(step)
			}
			w.phone(who("ann"), "0") // seen again
			w.clock.Advance(step)
			w.phone(who("ann"), "eleventh")
			got := strings.Join(w.devices(who("ann")), " ")
			if len(strings.Fields(got)) != notify.MaxDevices || !strings.Contains(got, "eleventh") {
				t.Errorf("devices %s", got)
			}
			if step > 0 && got != "eleventh 0 9 8 7 6 5 4 3 2" {
				t.Errorf("devices %s", got)
			}
			if got := w.devices(who("bob")); len(got) != 1 {
				t.Errorf("bob has %v", got)
			}
		})
	}
}

func TestRegisterDevice_atOnce_isOneDevice(t *testing.T) {
	t.Parallel()
	w := begin(t)
	errs := make(chan error, 16)
	for range cap(errs) {
		go func() {
			_, err := w.RegisterDevice(t.Context(), who("ann"), notify.DeviceInput{Token: "phone", Platform: notify.Android, Locale: locale.Chinese})
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := w.devices(who("ann")); len(got) != 1 {
		t.Errorf("devices %v", got)
	}
}

func TestForgetSession_endsItsDevicesAndWhatIsQueuedToThem(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.phone(who("ann"), "phone")
	other := who("ann")
	other.SessionID = "ses_tablet"
	w.phone(other, "tablet")
	w.enqueue(alert(who("ann"), "alr_1"))
	w.atomically(func(tx *store.Tx) error { return w.ForgetSession(t.Context(), tx, "ses_ann") })
	w.runDue()
	if got := w.devices(who("ann")); fmt.Sprint(got) != "[tablet]" {
		t.Errorf("devices %v", got)
	}
	w.wantPushes("tablet")
	list, err := w.Messages(t.Context(), w.db, "alr_1")
	if err != nil {
		t.Fatal(err)
	}
	if list[0].State != notify.StateSent || list[1].State != notify.StateCancelled {
		list[0], list[1] = list[1], list[0]
	}
	if list[0].State != notify.StateSent || list[1].State != notify.StateCancelled {
		t.Errorf("states %s and %s", list[0].State, list[1].State)
	}
}

func TestForgetSession_withoutSession_forgetsNothing(t *testing.T) {
	t.Parallel()
	w := begin(t)
	actor := auth.Principal{AccountID: "acc_ann"}
	w.phone(actor, "phone")
	w.atomically(func(tx *store.Tx) error { return w.ForgetSession(t.Context(), tx, "") })
	if got := w.devices(actor); len(got) != 1 {
		t.Errorf("devices %v", got)
	}
}

func TestBandOf(t *testing.T) {
	t.Parallel()
	for meters, want := range map[float64]notify.DistanceBand{
		0: notify.Within500M, 500: notify.Within500M, 500.1: notify.Within1KM, 1000: notify.Within1KM,
		1999: notify.Within2KM, 5000: notify.Within5KM, 5001: notify.Over5KM,
	} {
		if got := notify.BandOf(meters); got != want {
			t.Errorf("%g m: got %s, want %s", meters, got, want)
		}
	}
}
