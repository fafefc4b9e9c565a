package dispatch

import (
	"time"

	"github.com/musterhq/muster/notify"
)

// noticeLifetime is how long news of a dispatch is worth sending.
const noticeLifetime = 10 * time.Minute

// summons is the push of an alert. It says "look", and never more: neither
// where nor what exactly.
func summons(d *Dispatch, a *Alert) notify.Notice {
	band := notify.BandOf(a.DistanceMeters)
	return notify.Notice{
		AccountID: a.AccountID, Class: notify.ClassAlert, Subject: a.ID, Key: "alert",
		Args: notify.AlertArgs(string(d.IncidentType), band), Data: notify.AlertData(a.ID, string(d.IncidentType), band),
		Drill: d.Drill, Lifetime: d.Policy.AnswerTimeout,
	}
}

// standDown is the push to someone who is coming and need not any more. It is
// the last of the dispatch.
func standDown(d *Dispatch, a *Alert) notify.Notice {
	return notify.Notice{
		AccountID: a.AccountID, Class: notify.ClassAlertUpdate, Subject: a.ID, Key: "stood_down",
		Data:  map[string]string{"alertId": a.ID},
		Drill: d.Drill, Lifetime: noticeLifetime,
	}
}

// shortage tells whoever reported the incident that too few can be found.
func shortage(d *Dispatch) notify.Notice {
	return notify.Notice{
		AccountID: d.ReportedBy, Class: notify.ClassNotice, Subject: d.ID, Key: "shortage",
		Data:  map[string]string{"incidentId": d.IncidentID},
		Drill: d.Drill, Lifetime: noticeLifetime,
	}
}
