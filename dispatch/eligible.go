package dispatch

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
)

// Exclusion is the reason why a candidate is not alerted.
type Exclusion string

// The exclusions, in the order in which they are looked for.
const (
	Eligible       Exclusion = ""
	AlreadyAlerted Exclusion = "ALREADY_ALERTED" // by this dispatch
	NotActive      Exclusion = "NOT_ACTIVE"      // not, or not now, an active member of the roster
	OutOfScope     Exclusion = "OUT_OF_SCOPE"    // in no team of the district
	SignedOut      Exclusion = "SIGNED_OUT"      // off duty for as long as the account has no session
	OnLeave        Exclusion = "ON_LEAVE"        // off duty
	QuietHours     Exclusion = "QUIET_HOURS"     // off duty
	OffDuty        Exclusion = "OFF_DUTY"        // for any other reason
	StalePosition  Exclusion = "STALE_POSITION"  // none known, or too old a one
	OutOfReach     Exclusion = "OUT_OF_REACH"    // outside the radius that is searched
	TooLate        Exclusion = "TOO_LATE"        // could not arrive in useful time
	Unqualified    Exclusion = "UNQUALIFIED"     // a certificate is missing or not valid now
	Engaged        Exclusion = "ENGAGED"         // has a live alert of another dispatch
	Resting        Exclusion = "RESTING"         // after a distressing incident
)

// file is all that is known of one candidate when it is judged.
type file struct {
	responder  *roster.Responder
	presence   *roster.Presence
	engagement *Engagement
	qualified  bool
	alerted    bool // by this dispatch

	distance float64       // metres, straight
	eta      time.Duration // from the alert to the arrival
}

// files loads what is known of the candidates, in a fixed number of queries.
func (s *Service) files(ctx context.Context, on store.Conn, d *Dispatch, ids []string, now time.Time) (map[string]*file, error) {
	responders, err := s.Roster.LoadResponders(ctx, on, ids)
	if err != nil {
		return nil, err
	}
	presences, err := s.Roster.LoadPresences(ctx, on, ids)
	if err != nil {
		return nil, err
	}
	qualified, err := s.Training.Qualified(ctx, on, ids, d.Policy.Courses, now)
	if err != nil {
		return nil, err
	}
	busy, err := engagements.GetMany(ctx, on, ids)
	if err != nil {
		return nil, err
	}
	alerted, err := s.alertedBy(ctx, on, d, ids)
	if err != nil {
		return nil, err
	}
	files := make(map[string]*file, len(ids))
	for _, id := range ids {
		f := &file{responder: responders[id], presence: presences[id], engagement: busy[id], qualified: qualified[id], alerted: alerted[id]}
		f.estimate(d.Position)
		files[id] = f
	}
	return files, nil
}

// alertedBy returns which of the responders the dispatch has alerted before.
func (s *Service) alertedBy(ctx context.Context, on store.Conn, d *Dispatch, ids []string) (map[string]bool, error) {
	alerted := map[string]bool{}
	for part := range chunks(ids) {
		page, err := alerts.List(ctx, on, store.Where(store.Eq("dispatchId", d.ID), store.In("responderId", part...)), len(part), "")
		if err != nil {
			return nil, err
		}
		for _, a := range page.Items {
			alerted[a.ResponderID] = true
		}
	}
	return alerted, nil
}

// estimate sets the distance and the estimated time to the arrival.
func (f *file) estimate(to geo.Position) {
	if f.responder == nil || f.presence == nil {
		return
	}
	f.distance = geo.Distance(f.presence.Position, to)
	f.eta = estimate(f.distance, f.responder.TransportMode)
}

// exclusion judges the candidate.
func (f *file) exclusion(d *Dispatch, now time.Time) Exclusion {
	switch r, p := f.responder, f.presence; {
	case f.alerted:
		return AlreadyAlerted
	case r == nil || r.Status != roster.StatusActive:
		return NotActive
	case !slices.ContainsFunc(r.UnitPaths(), func(path string) bool { return inReachOf(d.Place, path) }):
		return OutOfScope
	case !r.OnDutyAt(now):
		return offDuty(r.Duty)
	case p == nil || now.Sub(p.RecordedAt) > d.Policy.PresenceMaxAge:
		return StalePosition
	case f.distance > d.RadiusMeters():
		return OutOfReach
	case f.eta > d.Policy.MaxArrival:
		return TooLate
	case !f.qualified:
		return Unqualified
	case !f.engagement.Free():
		return Engaged
	case f.engagement.Resting(now):
		return Resting
	}
	return Eligible
}

// offDuty names why a responder is off duty.
func offDuty(d roster.Duty) Exclusion {
	switch {
	case d.OnDuty: // it has just ended, and why is not stored yet
		return OffDuty
	case d.Reason == roster.DutySignedOut:
		return SignedOut
	case d.Reason == roster.DutyLeave:
		return OnLeave
	case d.Reason == roster.DutyQuiet:
		return QuietHours
	}
	return OffDuty
}

// inReachOf reports whether a responder of that unit may be called to the
// place: neighbours may, within the same district.
func inReachOf(p Place, unitPath string) bool {
	return strings.HasPrefix(unitPath, p.District+"/")
}
