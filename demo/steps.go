package demo

import (
	"slices"
	"time"

	"github.com/musterhq/muster/notify/fcm/fcmtest"
)

// parallel is how many are alerted at first, by the default policy.
const parallel = 7

// step is something that the story must show.
type step struct {
	what     string
	happened func(i *incident, pushes map[string][]fcmtest.Delivery) bool
}

// steps are the whole story, in its order.
func steps() []step {
	return []step{
		{"alerts were written", func(i *incident, _ map[string][]fcmtest.Delivery) bool { return len(i.alerts()) > parallel }},
		{"the push service got every alert that is recorded as sent", everySentWasPushed},
		{"phones acknowledged alerts", reached(func(a summons) time.Time { return a.DeliveredAt })},
		{"somebody declined and was replaced", replaced(func(a summons) time.Time { return a.DeclinedAt })},
		{"somebody did not answer in time and was replaced", replaced(func(a summons) time.Time { return a.ExpiredAt })},
		{"as many accepted as were needed, and no more", enoughAccepted},
		{"the others were stood down", reached(func(a summons) time.Time { return a.StoodDownAt })},
		{"all who accepted set off, arrived and finished", acceptedFinished},
		{"nobody heard of it twice, or after declining or letting it expire", silenceAfterwards},
		{"the incident was closed and its dispatch ended", func(i *incident, _ map[string][]fcmtest.Delivery) bool {
			return i.Status == "CLOSED" && i.Dispatch.State == "ENDED" && i.Dispatch.Open == 0
		}},
	}
}

// missing names the steps that did not happen.
func missing(i *incident, pushes map[string][]fcmtest.Delivery) []string {
	var what []string
	for _, s := range steps() {
		if !s.happened(i, pushes) {
			what = append(what, s.what)
		}
	}
	return what
}

func (i *incident) alerts() []summons { return i.Dispatch.Alerts.Nodes }

// reached is whether some alert has a time.
func reached(at func(summons) time.Time) func(*incident, map[string][]fcmtest.Delivery) bool {
	return func(i *incident, _ map[string][]fcmtest.Delivery) bool { return i.count(at) > 0 }
}

// count is how many alerts have a time.
func (i *incident) count(at func(summons) time.Time) int {
	n := 0
	for _, a := range i.alerts() {
		if !at(a).IsZero() {
			n++
		}
	}
	return n
}

// replaced is whether somebody who was not among the first was alerted at or
// after one of the times.
func replaced(left func(summons) time.Time) func(*incident, map[string][]fcmtest.Delivery) bool {
	return func(i *incident, _ map[string][]fcmtest.Delivery) bool {
		return slices.ContainsFunc(i.alerts(), func(gone summons) bool {
			return !left(gone).IsZero() && slices.ContainsFunc(i.alerts(), func(a summons) bool {
				return a.Number > parallel && !a.PendingAt.Before(left(gone))
			})
		})
	}
}

func everySentWasPushed(i *incident, pushes map[string][]fcmtest.Delivery) bool {
	return i.count(func(a summons) time.Time { return a.SentAt }) > 0 && !slices.ContainsFunc(i.alerts(), func(a summons) bool {
		return !a.SentAt.IsZero() && len(pushes[a.ID]) == 0
	})
}

func enoughAccepted(i *incident, _ map[string][]fcmtest.Delivery) bool {
	return i.Dispatch.Needed > 0 && i.count(func(a summons) time.Time { return a.AcceptedAt }) == i.Dispatch.Needed
}

func acceptedFinished(i *incident, _ map[string][]fcmtest.Delivery) bool {
	return i.count(func(a summons) time.Time { return a.AcceptedAt }) > 0 && !slices.ContainsFunc(i.alerts(), func(a summons) bool {
		unfinished := a.EnRouteAt.IsZero() || a.OnSceneAt.IsZero() || a.CompletedAt.IsZero()
		return !a.AcceptedAt.IsZero() && unfinished
	})
}

func silenceAfterwards(i *incident, pushes map[string][]fcmtest.Delivery) bool {
	return !slices.ContainsFunc(i.alerts(), func(a summons) bool { return len(pushes[a.ID]) > 1 })
}
