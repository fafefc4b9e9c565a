package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/notify/fcm/fcmtest"
)

// awaitSent waits until the push service has taken the alert: its own
// subscription says when.
func (a *alerted) awaitSent(t *testing.T) {
	t.Helper()
	a.follow(t, myAlertsUpdated, nil).until(t, func(v vars) bool { return word(v, "myAlertsUpdated", "state") == "SENT" })
}

func TestAPIPushesSayLookAndNoMore(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	const address, description = "蔡屋围路 1 号", "一人跌倒"
	for name, c := range map[string]struct {
		drill      bool
		data       vars
		title, end string
	}{
		"in earnest": {false, vars{}, "紧急出动：其他突发事件", "您可以停止前往"},
		"in a drill": {true, vars{"drill": "true"}, "演练：紧急出动：其他突发事件", "演练：您可以停止前往"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := tw.alerted(t, vars{"drill": c.drill, "address": address, "description": description})
			a.awaitSent(t)
			got := a.pushes()
			if len(got) != 1 {
				t.Fatalf("%d pushes", len(got))
			}
			data := vars{"alertId": a.alertID, "incidentType": "OTHER", "distanceBand": "WITHIN_500M"}
			for key, value := range c.data {
				data[key] = value
			}
			checkPush(t, got[0], c.title, data)
			lacks(t, "the push", spelt(t, got[0]), address, description, a.id, a.dispatchID, "22.54", "114.", "张三", a.phone)

			a.say(t, "acceptAlert")
			tw.guiyuan.must(t, closeIncident, vars{"input": vars{"incidentId": a.id, "outcome": "已送医"}})
			last := a.awaitPush(t, 2)
			data = vars{"alertId": a.alertID}
			for key, value := range c.data {
				data[key] = value
			}
			checkPush(t, last, c.end, data)
			lacks(t, "the push", spelt(t, last), address, description, "已送医", a.id)
		})
	}
}

// awaitPush waits for the n-th push to the phone. The push service has no feed,
// so it is asked again and again.
func (r *resident) awaitPush(t *testing.T, n int) fcmtest.Message {
	t.Helper()
	deadline := time.After(patience)
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		if got := r.pushes(); len(got) >= n {
			return got[n-1]
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("only %d pushes", len(r.pushes()))
		}
	}
}

func checkPush(t *testing.T, m fcmtest.Message, title string, data vars) {
	t.Helper()
	got := vars{}
	for key, value := range m.Data {
		got[key] = value
	}
	if diff := cmp.Diff(data, got); diff != "" {
		t.Errorf("data:\n%s", diff)
	}
	if m.Notification == nil || m.Notification.Title != title {
		t.Errorf("notification %+v, want the title %q", m.Notification, title)
	}
}

// spelt is all of a push.
func spelt(t *testing.T, m fcmtest.Message) string {
	t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
