package demo

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/notify/fcm/fcmtest"
)

// whole is an incident in which every step of the story happened.
func whole() (*incident, map[string][]fcmtest.Delivery) {
	at := func(second int) time.Time { return time.Date(2026, 5, 12, 1, 30, second, 0, time.UTC) }
	i := &incident{Status: "CLOSED", Dispatch: dispatched{State: "ENDED", Needed: 1}}
	pushes := map[string][]fcmtest.Delivery{}
	for n := range parallel + 2 {
		a := summons{ID: string(rune('a' + n)), Number: n + 1, PendingAt: at(0), SentAt: at(0), DeliveredAt: at(1), StoodDownAt: at(9)}
		pushes[a.ID] = []fcmtest.Delivery{{At: at(0)}}
		i.Dispatch.Alerts.Nodes = append(i.Dispatch.Alerts.Nodes, a)
	}
	all := i.Dispatch.Alerts.Nodes
	all[0].AcceptedAt, all[0].EnRouteAt, all[0].OnSceneAt, all[0].CompletedAt, all[0].StoodDownAt = at(2), at(3), at(4), at(5), time.Time{}
	all[1].DeclinedAt, all[1].StoodDownAt, all[parallel].PendingAt = at(2), time.Time{}, at(2)
	all[2].ExpiredAt, all[2].StoodDownAt, all[parallel+1].PendingAt = at(3), time.Time{}, at(3)
	return i, pushes
}

func TestMissing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(i *incident, a []summons, pushes map[string][]fcmtest.Delivery)
		want   []string
	}{
		"nothing": {func(*incident, []summons, map[string][]fcmtest.Delivery) {}, nil},
		"a push": {func(_ *incident, _ []summons, p map[string][]fcmtest.Delivery) { delete(p, "d") },
			[]string{"the push service got every alert that is recorded as sent"}},
		"acknowledgements": {func(_ *incident, as []summons, _ map[string][]fcmtest.Delivery) {
			for n := range as {
				as[n].DeliveredAt = time.Time{}
			}
		}, []string{"phones acknowledged alerts"}},
		"a replacement after declining": {func(_ *incident, as []summons, _ map[string][]fcmtest.Delivery) {
			as[1].DeclinedAt = as[1].DeclinedAt.Add(time.Hour)
		}, []string{"somebody declined and was replaced"}},
		"an expiry": {func(_ *incident, as []summons, _ map[string][]fcmtest.Delivery) { as[2].ExpiredAt = time.Time{} },
			[]string{"somebody did not answer in time and was replaced"}},
		"the cap": {func(i *incident, _ []summons, _ map[string][]fcmtest.Delivery) { i.Dispatch.Needed = 2 },
			[]string{"as many accepted as were needed, and no more"}},
		"stand-downs": {func(_ *incident, as []summons, _ map[string][]fcmtest.Delivery) {
			for n := range as {
				as[n].StoodDownAt = time.Time{}
			}
		}, []string{"the others were stood down"}},
		"an arrival": {func(_ *incident, as []summons, _ map[string][]fcmtest.Delivery) { as[0].OnSceneAt = time.Time{} },
			[]string{"all who accepted set off, arrived and finished"}},
		"silence": {func(_ *incident, _ []summons, p map[string][]fcmtest.Delivery) { p["b"] = append(p["b"], p["b"]...) },
			[]string{"nobody heard of it twice, or after declining or letting it expire"}},
		"the end": {func(i *incident, _ []summons, _ map[string][]fcmtest.Delivery) { i.Dispatch.State = "FILLED" },
			[]string{"the incident was closed and its dispatch ended"}},
		"everything": {func(i *incident, _ []summons, _ map[string][]fcmtest.Delivery) { *i = incident{} }, []string{
			"alerts were written", "the push service got every alert that is recorded as sent", "phones acknowledged alerts",
			"somebody declined and was replaced", "somebody did not answer in time and was replaced",
			"as many accepted as were needed, and no more", "the others were stood down",
			"all who accepted set off, arrived and finished", "the incident was closed and its dispatch ended",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i, pushes := whole()
			c.change(i, i.Dispatch.Alerts.Nodes, pushes)
			if diff := cmp.Diff(c.want, missing(i, pushes)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
