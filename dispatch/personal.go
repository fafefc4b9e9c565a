package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// personalAlert is an alert in a copy of everything about an account. Of the
// incident it says what kind it was and when, and neither where nor what had
// happened: that is about others.
type personalAlert struct {
	ID             string           `json:"id"`
	Incident       personalIncident `json:"incident"`
	ResponderName  string           `json:"responderName"`
	State          State            `json:"state"`
	States         []personalState  `json:"states"`
	DistanceMeters float64          `json:"distanceMeters"`
	EtaSeconds     int64            `json:"etaSeconds"`
	Reason         string           `json:"reason,omitempty"`
}

type personalIncident struct {
	ID         string       `json:"id"`
	Type       IncidentType `json:"type,omitempty"`
	Severity   Severity     `json:"severity,omitempty"`
	Drill      bool         `json:"drill"`
	OrgUnitID  string       `json:"orgUnitId,omitempty"`
	ReportedAt time.Time    `json:"reportedAt,omitzero"`
}

type personalState struct {
	State State     `json:"state"`
	At    time.Time `json:"at"`
}

// personalEngagement is when a responder was alerted last, and rests until.
type personalEngagement struct {
	LastAlertedAt time.Time `json:"lastAlertedAt,omitzero"`
	RestingUntil  time.Time `json:"restingUntil,omitzero"`
}

// CopyPersonal writes the responder's alerts with its answers (section
// "alerts"), and what it rests for ("engagement"). It asks for no actor.
func (s *Service) CopyPersonal(ctx context.Context, responderID string, write func(section string, doc any) error) error {
	err := s.eachAlertOf(ctx, responderID, func(a *Alert, i *Incident) error { return write("alerts", a.personal(i)) })
	if err != nil {
		return fmt.Errorf("copying alerts: %w", err)
	}
	e, err := engagements.Get(ctx, s.DB, responderID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("copying an engagement: %w", err)
	}
	return write("engagement", personalEngagement{e.LastAlertedAt, e.RestingUntil})
}

// CopyPersonalMessages writes what an account was told about the responder's
// alerts, as long as that is kept (section "messages").
func (s *Service) CopyPersonalMessages(ctx context.Context, accountID, responderID string, write func(section string, doc any) error) error {
	for a, err := range alerts.All(ctx, s.DB, alertsOf(responderID)) {
		if err == nil {
			err = s.Notify.CopyPersonalMessages(ctx, accountID, a.ID, write)
		}
		if err != nil {
			return fmt.Errorf("copying the messages of alerts: %w", err)
		}
	}
	return nil
}

// personalPage is how many alerts are looked at at a time.
const personalPage = 100

// eachAlertOf calls do with each of the responder's alerts, oldest first, and
// its incident.
func (s *Service) eachAlertOf(ctx context.Context, responderID string, do func(*Alert, *Incident) error) error {
	for after := ""; ; {
		page, err := alerts.List(ctx, s.DB, alertsOf(responderID), personalPage, after)
		if err != nil {
			return err
		}
		ids := make([]string, len(page.Items))
		for n, a := range page.Items {
			ids[n] = a.IncidentID
		}
		found, err := incidents.GetMany(ctx, s.DB, ids)
		if err != nil {
			return err
		}
		for _, a := range page.Items {
			if err := do(a, found[a.IncidentID]); err != nil {
				return err
			}
		}
		if after = page.EndCursor; !page.HasNext {
			return nil
		}
	}
}

func (a *Alert) personal(i *Incident) personalAlert {
	p := personalAlert{
		ID: a.ID, Incident: personalIncident{ID: a.IncidentID, Drill: a.Drill}, ResponderName: a.Name, State: a.State,
		DistanceMeters: a.DistanceMeters, EtaSeconds: a.EtaSeconds, Reason: a.Reason,
	}
	if i != nil {
		p.Incident = personalIncident{i.ID, i.Type, i.Severity, i.Drill, i.Place.UnitID, i.ReportedAt}
	}
	for state, at := range a.At {
		p.States = append(p.States, personalState{state, at})
	}
	slices.SortFunc(p.States, func(a, b personalState) int { return a.At.Compare(b.At) })
	return p
}

// BeginErasure ends what the responder's account is asked at the moment: an
// alert that waits for an answer is declined. While it is responding it fails
// with CONFLICT: there are people who count on it.
func (s *Service) BeginErasure(ctx context.Context, tx *store.Tx, responderID string) error {
	st := &step{s: s, tx: tx, now: s.Now()}
	if err := st.keepFromAlerts(ctx, responderID); err != nil {
		return fmt.Errorf("erasing an engagement: %w", err)
	}
	live := store.Where(store.Eq("responderId", responderID), store.Eq("live", true)).Sort("alertedAt")
	page, err := alerts.List(ctx, tx, live, maxLive, "")
	if err != nil {
		return fmt.Errorf("finding live alerts: %w", err)
	}
	for _, a := range page.Items {
		if a.State.Responding() {
			return fault.Conflict("erasure_responding", fault.Args{"alertId": a.ID, "state": a.State})
		}
		if err := st.decline(ctx, a); err != nil {
			return fmt.Errorf("declining an alert: %w", err)
		}
	}
	return nil
}

// keepFromAlerts writes the engagement, so that a step that alerts the
// responder at this moment meets this one in it, and runs again.
func (st *step) keepFromAlerts(ctx context.Context, responderID string) error {
	e, err := engagements.Get(ctx, st.tx, responderID)
	if errors.Is(err, store.ErrNotFound) {
		return engagements.Insert(ctx, st.tx, &Engagement{Meta: store.Meta{ID: responderID}})
	}
	if err != nil {
		return err
	}
	return engagements.Replace(ctx, st.tx, e)
}

func (st *step) decline(ctx context.Context, a *Alert) error {
	d, err := dispatches.Get(ctx, st.tx, a.DispatchID)
	if err != nil {
		return err
	}
	if err := st.move(ctx, d, a, Declined, a.AccountID, ""); err != nil {
		return err
	}
	if err := st.settle(ctx, d); err != nil {
		return err
	}
	d.SetDue(st.now)
	return dispatches.Replace(ctx, st.tx, d)
}

// ErasePersonal takes the responder's name and words from its alerts and from
// the timelines of their incidents. That somebody was asked, what they answered
// and when, stays, by the id alone.
func (s *Service) ErasePersonal(ctx context.Context, responderID string) (more bool, err error) {
	erased := 0
	for a, err := range alerts.All(ctx, s.DB, alertsOf(responderID)) {
		if err != nil {
			return false, fmt.Errorf("erasing alerts: %w", err)
		}
		if a.Name+a.Reason == "" {
			continue // done before
		}
		if erased == personalPage {
			return true, nil
		}
		if err := s.eraseAlert(ctx, a); err != nil {
			return false, fmt.Errorf("erasing an alert: %w", err)
		}
		erased++
	}
	return false, s.forgetEngagement(ctx, responderID)
}

func (s *Service) forgetEngagement(ctx context.Context, responderID string) error {
	e, err := engagements.Get(ctx, s.DB, responderID)
	if err == nil {
		err = engagements.Delete(ctx, s.DB, e)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("erasing an engagement: %w", err)
	}
	return nil
}

// eraseAlert ends with the alert itself, by which it is known to be done.
func (s *Service) eraseAlert(ctx context.Context, a *Alert) error {
	for e, err := range timeline.All(ctx, s.DB, entriesOf(a.IncidentID)) {
		if err == nil && e.ResponderID == a.ResponderID {
			err = s.eraseNote(ctx, e)
		}
		if err != nil {
			return err
		}
	}
	return s.eraseWords(ctx, a)
}

func (s *Service) eraseNote(ctx context.Context, e *Entry) error {
	if e.Note == "" {
		return nil
	}
	_, err := timeline.Change(ctx, s.DB, e.ID, func(e *Entry) error {
		e.Note = ""
		return nil
	})
	return err
}

func (s *Service) eraseWords(ctx context.Context, a *Alert) error {
	if a.Name+a.Reason == "" {
		return nil
	}
	_, err := alerts.Change(ctx, s.DB, a.ID, func(a *Alert) error {
		a.Name, a.Reason = "", ""
		return nil
	})
	return err
}

func alertsOf(responderID string) store.Query {
	return store.Where(store.Eq("responderId", responderID)).Sort("alertedAt")
}

func entriesOf(incidentID string) store.Query {
	return store.Where(store.Eq("incidentId", incidentID)).Sort("at")
}
