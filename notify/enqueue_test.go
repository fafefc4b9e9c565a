package notify_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/store"
)

func TestEnqueue_withoutDevices_isNoError(t *testing.T) {
	t.Parallel()
	w := begin(t)
	if n := w.enqueue(alert(who("ann"), "alr_1")); n != 0 {
		t.Errorf("%d devices", n)
	}
	if n := w.runDue(); n != 0 {
		t.Errorf("%d messages", n)
	}
}

func TestEnqueue_inAStepThatFails_sendsNothing(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.phone(who("ann"), "phone")
	changed := errors.New("changed my mind")
	err := w.db.Atomically(t.Context(), func(tx *store.Tx) error {
		if _, err := w.Enqueue(t.Context(), tx, alert(who("ann"), "alr_1")); err != nil {
			return err
		}
		return changed
	})
	if !errors.Is(err, changed) {
		t.Fatal(err)
	}
	w.runDue()
	w.wantPushes()
}

// Promise: a push says "look", never more.
func TestEnqueue_alertThatSaysMore_isRefused(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.phone(who("ann"), "phone")
	tests := []struct {
		name   string
		change func(*notify.Notice)
	}{
		{"address in the data", func(n *notify.Notice) { n.Data["address"] = "x" }},
		{"position in the data", func(n *notify.Notice) { n.Data["latitude"] = "22.5" }},
		{"address as the alert's id", func(n *notify.Notice) { n.Data["alertId"] = "人民路 1 号" }},
		{"words as the type", func(n *notify.Notice) { n.Data["incidentType"] = "fire at Ann's" }},
		{"metres as the distance", func(n *notify.Notice) { n.Data["distanceBand"] = "143 m" }},
		{"words as the drill mark", func(n *notify.Notice) { n.Data["drill"] = "call 12345" }},
		{"drill mark without a drill", func(n *notify.Notice) { n.Data["drill"] = "true" }},
		{"drill without its mark", func(n *notify.Notice) { n.Drill, n.Data["drill"] = true, "false" }},
		{"another argument", func(n *notify.Notice) { n.Args["address"] = notify.Words("x") }},
		{"a known text as another argument", func(n *notify.Notice) { n.Args["place"] = notify.Named("incident_type.FIRE") }},
		{"words as an argument", func(n *notify.Notice) { n.Args["band"] = notify.Words("at 1 Renmin Road") }},
		{"words beside an argument's key", func(n *notify.Notice) { n.Args["type"] = notify.Arg{Key: "incident_type.FIRE", Text: "x"} }},
		{"a text of another kind as an argument", func(n *notify.Notice) { n.Args["type"] = notify.Named("body.alert") }},
		{"a type that there is not", func(n *notify.Notice) { n.Args["type"] = notify.Named("incident_type.WAR") }},
	}
	for _, class := range []notify.Class{notify.ClassAlert, notify.ClassAlertUpdate} {
		for _, tt := range tests {
			t.Run(string(class)+" with "+tt.name, func(t *testing.T) {
				n := alert(who("ann"), "alr_1")
				n.Class = class
				tt.change(&n)
				err := w.db.Atomically(t.Context(), func(tx *store.Tx) error {
					_, err := w.Enqueue(t.Context(), tx, n)
					return err
				})
				if err == nil {
					t.Error("it was queued")
				}
			})
		}
	}
	w.runDue()
	w.wantPushes()
}

func TestEnqueue_noticeThatIsIncomplete_isRefused(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.phone(who("ann"), "phone")
	for name, change := range map[string]func(*notify.Notice){
		"no account":       func(n *notify.Notice) { n.AccountID = "" },
		"no subject":       func(n *notify.Notice) { n.Subject = "" },
		"no such text":     func(n *notify.Notice) { n.Key = "nothing" },
		"no class":         func(n *notify.Notice) { n.Class = "" },
		"no lifetime":      func(n *notify.Notice) { n.Lifetime = 0 },
		"too long to keep": func(n *notify.Notice) { n.Lifetime = notify.MaxLifetime + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			n := alert(who("ann"), "alr_1")
			change(&n)
			err := w.db.Atomically(t.Context(), func(tx *store.Tx) error {
				_, err := w.Enqueue(t.Context(), tx, n)
				return err
			})
			if err == nil {
				t.Error("it was queued")
			}
		})
	}
}

func TestAlert_isSaidInTheDevicesLanguage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		tag         locale.Tag
		class       notify.Class
		key         string
		drill       bool
		title, body string
	}{
		{"Chinese", locale.Chinese, notify.ClassAlert, "alert", false, "紧急出动：火灾", "约 500 米内有人需要帮助，请打开应用响应。"},
		{"English", locale.English, notify.ClassAlert, "alert", false, "Emergency call-out: Fire", "Someone needs help within about 500 m. Open the app to respond."},
		{"Chinese drill", locale.Chinese, notify.ClassAlert, "alert", true, "演练：紧急出动：火灾", "这是演练，不是真实事件。约 500 米内有人需要帮助，请打开应用响应。"},
		{"English drill", locale.English, notify.ClassAlert, "alert", true, "DRILL: Emergency call-out: Fire", "This is a drill, not a real incident. Someone needs help within about 500 m. Open the app to respond."},
		{"Chinese update", locale.Chinese, notify.ClassAlertUpdate, "stood_down", false, "您可以停止前往", "本次出动已不再需要您到场，感谢您的响应。详情请打开应用查看。"},
		{"English drill's update", locale.English, notify.ClassAlertUpdate, "stood_down", true, "DRILL: You are no longer needed", "This is a drill, not a real incident. You are no longer needed at this incident. Thank you for responding. Open the app for details."},
		{"Chinese drill's notice", locale.Chinese, notify.ClassNotice, "stood_down", true, "演练：您可以停止前往", "这是演练，不是真实事件。本次出动已不再需要您到场，感谢您的响应。详情请打开应用查看。"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := begin(t)
			w.fcm.Register("phone")
			_, err := w.RegisterDevice(t.Context(), who("ann"), notify.DeviceInput{Token: "phone", Platform: notify.IOS, Locale: tt.tag})
			if err != nil {
				t.Fatal(err)
			}
			n := alert(who("ann"), "alr_1")
			n.Class, n.Key, n.Drill = tt.class, tt.key, tt.drill
			w.enqueue(n)
			w.runDue()
			got := w.fcm.Accepted()[0].Message
			if got.Notification.Title != tt.title || got.Notification.Body != tt.body {
				t.Errorf("said %q, %q", got.Notification.Title, got.Notification.Body)
			}
			want := map[string]string{"alertId": "alr_1", "incidentType": "FIRE", "distanceBand": "WITHIN_500M"}
			if tt.drill {
				want["drill"] = "true"
			}
			if diff := cmp.Diff(want, got.Data); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// What somebody typed is never in a title, where it could look like a drill's.
func TestNotice_wordsAreSaidInTheBodyOnly(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.phone(who("ann"), "phone")
	n := alert(who("ann"), "alr_1")
	n.Class = notify.ClassNotice
	n.Args = map[string]notify.Arg{"type": notify.Words("演练"), "band": notify.Words("消防演练")}
	w.enqueue(n)
	w.runDue()
	got := w.fcm.Accepted()[0].Message.Notification
	if strings.Contains(got.Title, "演练") || !strings.Contains(got.Body, "消防演练") {
		t.Errorf("said %q, %q", got.Title, got.Body)
	}
}

func TestTexts_thereIsOneForEveryIncidentTypeAndBand(t *testing.T) {
	t.Parallel()
	catalogue, err := locale.New()
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{"title.alert", "body.alert", "title.stood_down", "body.stood_down", "drill_title", "drill_body"}
	for _, typ := range strings.Fields("CARDIAC_ARREST MEDICAL FIRE TRAFFIC_ACCIDENT FLOODING LANDSLIDE BUILDING_COLLAPSE GAS_LEAK HAZMAT ELEVATOR_ENTRAPMENT CROWD TYPHOON MISSING_PERSON OTHER") {
		keys = append(keys, "incident_type."+typ)
	}
	for _, band := range []notify.DistanceBand{notify.Within500M, notify.Within1KM, notify.Within2KM, notify.Within5KM, notify.Over5KM} {
		keys = append(keys, "distance_band."+string(band))
	}
	for _, tag := range locale.Tags() {
		for _, key := range keys {
			if catalogue.Text(tag, key, nil) == key {
				t.Errorf("no %s in %s", key, tag)
			}
		}
	}
}

func TestCancel_callsBackWhatIsQueuedOfTheSubject(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.phone(who("ann"), "phone")
	w.enqueue(alert(who("ann"), "alr_sent"))
	w.runDue()
	w.enqueue(alert(who("ann"), "alr_queued"))
	w.enqueue(alert(who("ann"), "alr_other"))
	for _, subject := range []string{"alr_sent", "alr_queued"} {
		w.atomically(func(tx *store.Tx) error { return w.Cancel(t.Context(), tx, subject) })
	}
	w.runDue()
	w.wantState("alr_sent", notify.StateSent, "")
	w.wantState("alr_queued", notify.StateCancelled, "")
	w.wantState("alr_other", notify.StateSent, "")
	if n := len(w.fcm.Accepted()); n != 2 {
		t.Errorf("%d pushes", n)
	}
}

func TestCancel_ofWhatWaitsForAnotherAttempt_endsIt(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.phone(who("ann"), "phone")
	w.fcm.Fail("phone", unavailable)
	w.enqueue(alert(who("ann"), "alr_1"))
	w.runDue()
	w.wantState("alr_1", notify.StateQueued, "UNAVAILABLE")
	w.atomically(func(tx *store.Tx) error { return w.Cancel(t.Context(), tx, "alr_1") })
	w.fcm.Heal("phone")
	w.clock.Advance(30 * time.Second)
	w.runDue()
	w.wantState("alr_1", notify.StateCancelled, "")
	w.wantPushes()
}
