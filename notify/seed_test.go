package notify_test

import (
	"testing"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/store"
)

func TestInstall(t *testing.T) {
	t.Parallel()
	w := begin(t)
	in := notify.DeviceInput{Token: "t", Platform: notify.IOS, Locale: locale.English, AppVersion: "1.0"}
	install := func(accountID string, in notify.DeviceInput) error {
		return w.db.Atomically(t.Context(), func(tx *store.Tx) error {
			_, err := w.Install(t.Context(), tx, accountID, in)
			return err
		})
	}
	if err := install("acc_ann", in); err != nil {
		t.Fatal(err)
	}
	got, err := w.Devices(t.Context(), auth.Principal{AccountID: "acc_ann"})
	if err != nil || len(got) != 1 {
		t.Fatalf("got %v, %v", got, err)
	}
	if d := got[0]; d.Token != "t" || d.Platform != notify.IOS || d.SessionID != "" || !d.SeenAt.Equal(w.clock.Now()) {
		t.Errorf("stored %+v", d)
	}
	for name, err := range map[string]error{
		"nobody": install("", in), "no token": install("acc_bob", notify.DeviceInput{Platform: notify.IOS, Locale: locale.English}),
	} {
		if fault.CodeOf(err) != fault.CodeInvalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
