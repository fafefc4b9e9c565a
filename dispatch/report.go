package dispatch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
)

// Report is what staff say of an incident.
type Report struct {
	Type        IncidentType
	Severity    Severity
	Position    geo.Position // WGS-84
	Address     string       // as typed, at most 200 characters
	Description string       // at most 2,000 characters
	Drill       bool
	// Needed overrides how many responders the policy wants; 0 leaves it.
	Needed int
	// Key makes a repetition safe (see store.Once); optional.
	Key string
}

const (
	maxAddress     = 200
	maxDescription = 2000
	// border is how much further than the nearest unit of all the nearest
	// unit of one's own may be. Units are known by their centres only, so a
	// place near a border may seem to be the neighbour's; a call for help must
	// not fail for that.
	border = 1000.0 // metres
)

// Report opens an incident and its dispatch, which begins at once. It belongs
// to the nearest org unit in which the actor is a dispatcher; FORBIDDEN if the
// place is clearly another's.
func (s *Service) Report(ctx context.Context, actor auth.Principal, in Report) (*Incident, error) {
	if err := in.validate(); err != nil {
		return nil, err
	}
	policy, err := s.policyFor(ctx, in)
	if err != nil {
		return nil, err
	}
	unit, err := s.unitFor(ctx, actor, in.Position)
	if err != nil {
		return nil, err
	}
	var reported *Incident
	err = s.atomically(ctx, func(st *step) error {
		again := store.Step{Actor: actor.AccountID, Action: "report", Key: in.Key, Fingerprint: in.fingerprint()}
		id, _, err := store.Once(ctx, st.tx, st.now, again, func() (string, error) {
			return st.open(ctx, actor, in, policy, unit)
		})
		if err != nil {
			return err
		}
		reported, err = incidents.Get(ctx, st.tx, id)
		return err
	})
	return reported, err
}

func (st *step) open(ctx context.Context, actor auth.Principal, in Report, policy Policy, unit *roster.Unit) (string, error) {
	place := placeOf(unit.ID, unit.Path)
	i := &Incident{
		Meta: store.Meta{ID: st.s.NewID("inc")}, Type: in.Type, Severity: in.Severity, Status: IncidentOpen,
		Position: in.Position, Address: in.Address, Description: in.Description, Drill: in.Drill,
		Place: place, DispatchID: st.s.NewID("dsp"), ReportedBy: actor.AccountID, ReportedAt: st.now,
	}
	d := &Dispatch{
		Meta: store.Meta{ID: i.DispatchID}, IncidentID: i.ID, IncidentType: i.Type, Position: i.Position,
		Place: place, Drill: i.Drill, ReportedBy: actor.AccountID, Policy: policy, State: Searching, StartedAt: st.now,
	}
	d.SetDue(st.now)
	if err := incidents.Insert(ctx, st.tx, i); err != nil {
		return "", err
	}
	if err := dispatches.Insert(ctx, st.tx, d); err != nil {
		return "", err
	}
	if err := st.audit(ctx, actor, audit.ReportIncident, i.ID, place); err != nil {
		return "", err
	}
	return i.ID, st.note(ctx, Entry{IncidentID: i.ID, Kind: EntryReported, ActorID: actor.AccountID})
}

func (in Report) validate() error {
	switch {
	case !slices.Contains(IncidentTypes(), in.Type):
		return fault.Invalid("type", "required")
	case !slices.Contains([]Severity{LevelI, LevelII, LevelIII, LevelIV}, in.Severity):
		return fault.Invalid("severity", "required")
	case !in.Position.Valid():
		return fault.Invalid("position", "position")
	}
	if err := fault.CheckText("address", in.Address, maxAddress); err != nil {
		return err
	}
	return fault.CheckText("description", in.Description, maxDescription)
}

func (s *Service) policyFor(ctx context.Context, in Report) (Policy, error) {
	p, err := s.Policy(ctx, in.Type)
	if err != nil || in.Needed == 0 {
		return p, err
	}
	if in.Needed < 0 || in.Needed > MaxNeeded {
		return p, outOfRange("needed", 1, MaxNeeded)
	}
	p.Cap += in.Needed - p.Needed // as many more than needed as the policy allows
	p.Cap = min(p.Cap, MaxNeeded)
	p.Needed, p.Parallel = in.Needed, max(p.Parallel, in.Needed)
	return p, nil
}

// unitFor finds the org unit of a place among those that the actor dispatches
// for.
func (s *Service) unitFor(ctx context.Context, actor auth.Principal, p geo.Position) (*roster.Unit, error) {
	nearest, distance, err := s.Roster.NearestWithin(ctx, p, "")
	if err != nil {
		return nil, err
	}
	if actor.May(nearest.Path, auth.RoleDispatcher) {
		return nearest, nil
	}
	var own *roster.Unit
	limit := distance + border
	for _, scope := range actor.Scopes(auth.RoleDispatcher) {
		u, d, err := s.Roster.NearestWithin(ctx, p, scope)
		if err == nil && d <= limit {
			own, limit = u, d
		} else if err != nil && fault.CodeOf(err) != fault.CodeNotFound {
			return nil, err
		}
	}
	if own == nil {
		return nil, fault.Forbidden()
	}
	return own, nil
}

// fingerprint tells this report from another with the same key.
func (in Report) fingerprint() string {
	in.Key = ""
	text, err := json.Marshal(in)
	if err != nil { // a valid report has no value that JSON cannot hold
		panic(fmt.Sprintf("dispatch: fingerprint of a report: %v", err))
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
