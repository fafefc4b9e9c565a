package dispatch

import (
	"testing"

	"github.com/musterhq/muster/notify/fcm"
	"github.com/musterhq/muster/notify/fcm/fcmtest"
)

// The whole way of one alert through the real channel, to Firebase on loopback.
func TestAlert_throughFirebase(t *testing.T) {
	t.Parallel()
	v := begin(t)
	firebase, err := fcmtest.New(fcmtest.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, firebase.Close()) })
	channel, err := fcm.New(t.Context(), fcm.Config{CredentialsJSON: firebase.CredentialsJSON(), Endpoint: firebase.Endpoint()})
	must(t, err)
	v.Service = v.processWith(channel)
	firebase.Register("acc_a")
	v.row(1)
	i := v.report()
	v.run()
	if got := v.alert(i, "a"); got.State != Sent {
		t.Errorf("the alert is %s", got.State)
	}
	list := firebase.Accepted()
	if len(list) != 1 || list[0].Message.Token != "acc_a" || list[0].Message.Data["alertId"] != v.alert(i, "a").ID {
		t.Errorf("Firebase accepted %+v", list)
	}
}
