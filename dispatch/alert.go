package dispatch

import (
	"time"

	"github.com/musterhq/muster/store"
)

// Alert is one responder's summons by a dispatch.
type Alert struct {
	store.Meta  `bson:",inline"`
	DispatchID  string `bson:"dispatchId"`
	IncidentID  string `bson:"incidentId"`
	ResponderID string `bson:"responderId"`
	AccountID   string `bson:"accountId"`
	Name        string `bson:"name"`  // the responder's, as it was
	Place       Place  `bson:"place"` // the incident's
	Drill       bool   `bson:"drill"`

	// Number counts the alerts of the dispatch, from 1.
	Number int64 `bson:"number"`
	State  State `bson:"state"`
	// Live is State.Live(), by which a responder's alerts are listed.
	Live bool `bson:"live"`
	// At says when each state was reached.
	At        map[State]time.Time `bson:"at"`
	AlertedAt time.Time           `bson:"alertedAt"`
	// AnswerBy is when an open alert expires; zero when it is not open any more.
	AnswerBy time.Time `bson:"answerBy,omitempty"`

	DistanceMeters float64 `bson:"distanceMeters"` // straight, when alerted
	EtaSeconds     int64   `bson:"etaSeconds"`     // from the alert to the arrival, estimated
	Devices        int     `bson:"devices"`        // how many a push was written for
	Reason         string  `bson:"reason"`         // why declined or withdrawn, or what was said on completing
}

// become moves the alert to the next state, or returns a CONFLICT that says
// where it stands.
func (a *Alert) become(next State, now time.Time) error {
	if !a.State.MayBecome(next) {
		return conflict(a.State)
	}
	a.State, a.Live = next, next.Live()
	a.At[next] = now
	if !next.Open() {
		a.AnswerBy = time.Time{}
	}
	return nil
}

// ReachedAt returns when the alert reached the state, and false if it has not.
func (a *Alert) ReachedAt(s State) (time.Time, bool) {
	t, ok := a.At[s]
	return t, ok
}

var alerts = store.Define[Alert]("alerts",
	// At most one alert for each responder and dispatch, under any concurrency.
	store.Index{Name: "responder_once", Fields: []string{"dispatchId", "responderId"}, Unique: true},
	store.Index{Name: "number", Fields: []string{"dispatchId", "number"}, Unique: true},
	store.Index{Name: "live", Fields: []string{"dispatchId", "live"}},
	store.Index{Name: "answer_by", Fields: []string{"dispatchId", "answerBy"}, Sparse: true},
	store.Index{Name: "responder", Fields: []string{"responderId", "alertedAt"}},
	store.Index{Name: "path", Fields: []string{"place.unitPath", "live"}},
	store.Index{Name: "responder_live", Fields: []string{"responderId", "live", "alertedAt"}},
)

// Engagement is what binds a responder at the moment. Its id is the
// responder's, so that there is one for each, and two dispatches that want the
// same responder meet in it.
type Engagement struct {
	store.Meta    `bson:",inline"`
	AlertID       string    `bson:"alertId"` // the live alert; "" when free
	LastAlertedAt time.Time `bson:"lastAlertedAt"`
	RestingUntil  time.Time `bson:"restingUntil"`
}

// Free reports whether the responder has no live alert.
func (e *Engagement) Free() bool { return e == nil || e.AlertID == "" }

// Resting reports whether the responder is resting at t.
func (e *Engagement) Resting(t time.Time) bool { return e != nil && t.Before(e.RestingUntil) }

var engagements = store.Define[Engagement]("engagements")
