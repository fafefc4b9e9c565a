package dispatch

import (
	"context"
	"errors"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
)

// Incident returns an incident: to its staff as it is, to a responder who was
// alerted to it without the exact place until the alert is accepted. To
// everybody else it is not there.
func (s *Service) Incident(ctx context.Context, actor auth.Principal, id string) (*Incident, error) {
	return s.incident(ctx, actor, id, func(State) bool { return true })
}

// FollowIncident is Incident for those who follow it live. A responder does so
// while the alert is live: whoever declined hears no more.
func (s *Service) FollowIncident(ctx context.Context, actor auth.Principal, id string) (*Incident, error) {
	return s.incident(ctx, actor, id, State.Live)
}

func (s *Service) incident(ctx context.Context, actor auth.Principal, id string, shown func(State) bool) (*Incident, error) {
	i, err := incidents.Get(ctx, s.DB, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.NotFound("incident")
	}
	if err != nil {
		return nil, err
	}
	if mayDispatch(actor, i.Place) {
		return i, nil
	}
	a, err := s.ownAlertOf(ctx, actor, i)
	switch {
	case err != nil:
		return nil, err
	case !shown(a.State):
		return nil, fault.NotFound("incident")
	case !a.State.ExactPlace():
		return i.coarse(), nil
	}
	return i, nil
}

// ownAlertOf returns the actor's alert of the incident, or NOT_FOUND.
func (s *Service) ownAlertOf(ctx context.Context, actor auth.Principal, i *Incident) (*Alert, error) {
	r, err := s.Roster.OfAccount(ctx, actor.AccountID)
	if fault.CodeOf(err) == fault.CodeNotFound {
		return nil, fault.NotFound("incident")
	}
	if err != nil {
		return nil, err
	}
	a, err := alerts.First(ctx, s.DB, store.Where(store.Eq("dispatchId", i.DispatchID), store.Eq("responderId", r.ID)))
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.NotFound("incident")
	}
	return a, err
}

// ListIncidents lists the incidents of an org unit's subtree, newest first,
// for its staff.
func (s *Service) ListIncidents(ctx context.Context, actor auth.Principal, unitID string, first int, after string) (store.Page[Incident], error) {
	unit, err := s.Watchable(ctx, actor, unitID)
	if err != nil {
		return store.Page[Incident]{}, err
	}
	q := store.Where(store.Eq(fieldOf(unit.Level), unit.ID)).SortDescending("reportedAt")
	return incidents.List(ctx, s.DB, q, first, after)
}

// Watchable returns the org unit if the actor may follow its incidents.
func (s *Service) Watchable(ctx context.Context, actor auth.Principal, unitID string) (*roster.Unit, error) {
	unit, err := s.Roster.Unit(ctx, unitID)
	if err != nil {
		return nil, err
	}
	return unit, actor.Require(unit.Path, auth.RoleDispatcher)
}

func fieldOf(l roster.Level) string {
	switch l {
	case roster.LevelDistrict:
		return "place.district"
	case roster.LevelSubdistrict:
		return "place.subdistrict"
	default:
		return "place.community"
	}
}

// Alert returns an alert to its responder and to the staff of its incident.
func (s *Service) Alert(ctx context.Context, actor auth.Principal, id string) (*Alert, error) {
	a, err := alerts.Get(ctx, s.DB, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && a.AccountID != actor.AccountID && !mayDispatch(actor, a.Place) {
		return nil, fault.NotFound("alert")
	}
	if err != nil {
		return nil, err
	}
	return a, s.showsWho(ctx, actor, a)
}

// ListAlerts lists the alerts of a dispatch in their order, for its staff.
func (s *Service) ListAlerts(ctx context.Context, actor auth.Principal, d *Dispatch, first int, after string) (store.Page[Alert], error) {
	if !mayDispatch(actor, d.Place) {
		return store.Page[Alert]{}, fault.Forbidden()
	}
	page, err := alerts.List(ctx, s.DB, store.Where(store.Eq("dispatchId", d.ID)).Sort("number"), first, after)
	if err != nil {
		return page, err
	}
	return page, s.showsWho(ctx, actor, page.Items...)
}

// showsWho writes down that the actor is shown the names of those who were
// alerted, besides its own.
func (s *Service) showsWho(ctx context.Context, actor auth.Principal, shown ...*Alert) error {
	var ids []string
	for _, a := range shown {
		if a.AccountID != actor.AccountID {
			ids = append(ids, a.ResponderID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	people, err := s.Roster.LoadResponders(ctx, s.DB, ids)
	if err != nil {
		return err
	}
	subjects := make([]audit.Subject, 0, len(people))
	for id, r := range people {
		subjects = append(subjects, audit.Subject{ID: id, UnitPath: r.UnitPath})
	}
	return s.Audit.Read(ctx, actor, audit.ReadResponder, subjects...)
}

// ListDecisions lists the decisions of a dispatch in their order, for its
// staff.
func (s *Service) ListDecisions(ctx context.Context, actor auth.Principal, d *Dispatch, first int, after string) (store.Page[Decision], error) {
	if !mayDispatch(actor, d.Place) {
		return store.Page[Decision]{}, fault.Forbidden()
	}
	return decisions.List(ctx, s.DB, store.Where(store.Eq("dispatchId", d.ID)).Sort("number"), first, after)
}

// ListTimeline lists what happened in an incident, in its order, for its
// staff.
func (s *Service) ListTimeline(ctx context.Context, actor auth.Principal, i *Incident, first int, after string) (store.Page[Entry], error) {
	if !mayDispatch(actor, i.Place) {
		return store.Page[Entry]{}, fault.Forbidden()
	}
	return timeline.List(ctx, s.DB, store.Where(store.Eq("incidentId", i.ID)).Sort("at"), first, after)
}

// MyAlerts lists the actor's own alerts, newest first: all, or those that are
// live if active is true, or those that are over if it is false. It is empty
// for an account that is not on the roster.
func (s *Service) MyAlerts(ctx context.Context, actor auth.Principal, active *bool, first int, after string) (store.Page[Alert], error) {
	r, err := s.Roster.OfAccount(ctx, actor.AccountID)
	if fault.CodeOf(err) == fault.CodeNotFound {
		return store.Page[Alert]{}, nil
	}
	if err != nil {
		return store.Page[Alert]{}, err
	}
	conds := []store.Cond{store.Eq("responderId", r.ID)}
	if active != nil {
		conds = append(conds, store.Eq("live", *active))
	}
	return alerts.List(ctx, s.DB, store.Where(conds...).SortDescending("alertedAt"), first, after)
}

// IncidentsOf returns the incidents of alerts, in their order, each as the
// actor may see it: as it is for its staff, without the exact place for a
// responder who has not accepted, and nil for others.
func (s *Service) IncidentsOf(ctx context.Context, actor auth.Principal, as []*Alert) ([]*Incident, error) {
	wanted := make([]string, len(as))
	for i, a := range as {
		wanted[i] = a.IncidentID
	}
	found, err := incidents.GetMany(ctx, s.DB, wanted)
	if err != nil {
		return nil, err
	}
	seen := make([]*Incident, len(as))
	for n, a := range as {
		i := found[a.IncidentID]
		switch {
		case i == nil:
		case mayDispatch(actor, i.Place), a.AccountID == actor.AccountID && a.State.ExactPlace():
			seen[n] = i
		case a.AccountID == actor.AccountID:
			seen[n] = i.coarse()
		}
	}
	return seen, nil
}

// DispatchesOf returns the dispatches of incidents, in their order, and nil for
// those of which the actor is not staff.
func (s *Service) DispatchesOf(ctx context.Context, actor auth.Principal, is []*Incident) ([]*Dispatch, error) {
	wanted := make([]string, len(is))
	for n, i := range is {
		wanted[n] = i.DispatchID
	}
	found, err := dispatches.GetMany(ctx, s.DB, wanted)
	if err != nil {
		return nil, err
	}
	seen := make([]*Dispatch, len(is))
	for n, i := range is {
		if mayDispatch(actor, i.Place) {
			seen[n] = found[i.DispatchID]
		}
	}
	return seen, nil
}

// IsStaffOf reports whether the actor may see everything of the incident.
func IsStaffOf(actor auth.Principal, i *Incident) bool { return mayDispatch(actor, i.Place) }

// maxLive bounds the live alerts of one responder, who can have one only.
const maxLive = 10

// LiveAlertIDs returns the ids of the actor's live alerts.
func (s *Service) LiveAlertIDs(ctx context.Context, actor auth.Principal) ([]string, error) {
	active := true
	page, err := s.MyAlerts(ctx, actor, &active, maxLive, "")
	ids := make([]string, len(page.Items))
	for i, a := range page.Items {
		ids[i] = a.ID
	}
	return ids, err
}
