package dispatch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

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
	return reported, keyReused(err)
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
	if err := atMost("address", in.Address, maxAddress); err != nil {
		return err
	}
	return atMost("description", in.Description, maxDescription)
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

func atMost(field, text string, limit int) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return fault.Invalid(field, "text")
	}
	if utf8.RuneCountInString(text) > limit {
		return fault.Invalid(field, "too_long", fault.Args{"max": limit})
	}
	return nil
}

// CallOff is what staff say when they end a call-out.
type CallOff struct {
	ID     string // of the dispatch to stand down, or the incident to close
	Reason string // why, or how it ended; at most 2,000 characters
	Key    string // makes a repetition safe (see store.Once); optional
}

// StandDown calls a dispatch off: nobody else is alerted, and everybody whose
// alert is live is stood down. It fails with CONFLICT if it is over already.
func (s *Service) StandDown(ctx context.Context, actor auth.Principal, in CallOff) (*Dispatch, error) {
	var ended *Dispatch
	err := s.callOff(ctx, "stand down", actor, in, func(st *step) error {
		d, err := st.dispatchOf(ctx, actor, in.ID)
		if err != nil {
			return err
		}
		ended = d
		return nil
	}, func(st *step) error {
		if ended.State.Over() {
			return fault.Conflict("dispatch_over", fault.Args{"state": ended.State})
		}
		if err := st.note(ctx, Entry{IncidentID: ended.IncidentID, Kind: EntryCalledOff, ActorID: actor.AccountID, Note: in.Reason}); err != nil {
			return err
		}
		return st.end(ctx, ended, CalledOff)
	})
	return ended, err
}

// Close closes an incident and ends its dispatch. It fails with CONFLICT if it
// is closed already.
func (s *Service) Close(ctx context.Context, actor auth.Principal, in CallOff) (*Incident, error) {
	var closed *Incident
	err := s.callOff(ctx, "close", actor, in, func(st *step) error {
		i, err := staffed(ctx, st.tx, actor, in.ID)
		if err != nil {
			return err
		}
		closed = i
		return nil
	}, func(st *step) error { return st.close(ctx, actor, closed, in.Reason) })
	return closed, err
}

func (s *Service) callOff(ctx context.Context, action string, actor auth.Principal, in CallOff, load, take func(*step) error) error {
	if err := atMost("reason", in.Reason, maxDescription); err != nil {
		return err
	}
	err := s.atomically(ctx, func(st *step) error {
		if err := load(st); err != nil {
			return err
		}
		again := store.Step{Actor: actor.AccountID, Action: action, Key: in.Key, Fingerprint: in.ID + " " + in.Reason}
		_, _, err := store.Once(ctx, st.tx, st.now, again, func() (string, error) { return in.ID, take(st) })
		return err
	})
	return keyReused(err)
}

func (st *step) close(ctx context.Context, actor auth.Principal, i *Incident, outcome string) error {
	if i.Status == IncidentClosed {
		return fault.Conflict("incident_closed", fault.Args{"state": i.Status})
	}
	i.Status, i.ClosedBy, i.ClosedAt, i.Outcome = IncidentClosed, actor.AccountID, st.now, outcome
	if err := incidents.Replace(ctx, st.tx, i); err != nil {
		return err
	}
	if err := st.note(ctx, Entry{IncidentID: i.ID, Kind: EntryClosed, ActorID: actor.AccountID, Note: outcome}); err != nil {
		return err
	}
	d, err := dispatches.Get(ctx, st.tx, i.DispatchID)
	if err != nil {
		return err
	}
	return st.end(ctx, d, Ended)
}

// end stops a dispatch, and stands down the first of those whose alerts are
// live; if they are many, advance goes on with the rest.
func (st *step) end(ctx context.Context, d *Dispatch, state DispatchState) error {
	if !d.State.Over() {
		d.EndedAt = st.now
		if err := st.decide(ctx, d, Decision{Kind: DecidedStop}); err != nil {
			return err
		}
	}
	d.State = state
	if err := st.standDownRest(ctx, d); err != nil {
		return err
	}
	return dispatches.Replace(ctx, st.tx, d)
}

// dispatchOf loads a dispatch for staff.
func (st *step) dispatchOf(ctx context.Context, actor auth.Principal, id string) (*Dispatch, error) {
	d, err := dispatches.Get(ctx, st.tx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && !mayDispatch(actor, d.Place) {
		return nil, fault.NotFound("dispatch")
	}
	return d, err
}

// staffed loads an incident for staff.
func staffed(ctx context.Context, on store.Conn, actor auth.Principal, id string) (*Incident, error) {
	i, err := incidents.Get(ctx, on, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && !mayDispatch(actor, i.Place) {
		return nil, fault.NotFound("incident")
	}
	return i, err
}

func mayDispatch(actor auth.Principal, p Place) bool {
	return actor.May(p.UnitPath, auth.RoleDispatcher)
}
