package roster

import (
	"context"
	"math"
	"slices"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/geo"
)

const (
	// cellDegrees is how high a cell of the grid is to which positions are made
	// coarse: 1.1 km. It is as wide as it is high.
	cellDegrees = 0.01
	// coarseMeters is the least accuracy that a coarse position is given: from
	// the middle of a cell to its corners it is 790 m.
	coarseMeters = 1000
)

// Coarse returns a copy for those who may know roughly where the responder is:
// at the middle of a cell of about a kilometre. It is the same for the whole
// cell, so that asking again and again tells no more.
func (p *Presence) Coarse() *Presence {
	c := *p
	c.Doubt = nil
	row := middle(p.Position.Latitude, cellDegrees, 90)
	width := cellDegrees / max(math.Cos(row*math.Pi/180), cellDegrees)
	c.Position = geo.Position{Latitude: row, Longitude: middle(p.Position.Longitude, width, 180)}
	c.AccuracyMeters = max(coarseMeters, p.AccuracyMeters+coarseMeters/2)
	return &c
}

// middle is the middle of the step in which the degrees are, and not beyond the
// limit.
func middle(degrees, step, limit float64) float64 {
	return max(-limit, min(limit, (math.Floor(degrees/step)+0.5)*step))
}

// PresencesOf returns where the responders are, by id: exactly for the actor's
// own, and coarsely to DISPATCHER of any of the teams that the responder belongs
// to, of which the audit log then tells. Others get none.
func (s *Service) PresencesOf(ctx context.Context, actor auth.Principal, rs []*Responder) (map[string]*Presence, error) {
	ids := make([]string, 0, len(rs))
	for _, r := range rs {
		if r.AccountID == actor.AccountID || r.staffedBy(actor) {
			ids = append(ids, r.ID)
		}
	}
	known, err := s.livePresences(ctx, ids)
	if err != nil {
		return nil, err
	}
	var read []audit.Subject
	for _, r := range rs {
		if p := known[r.ID]; p != nil && r.AccountID != actor.AccountID {
			known[r.ID] = p.Coarse()
			read = append(read, audit.Subject{ID: r.ID, UnitPath: r.UnitPath})
		}
	}
	return known, s.audit.Read(ctx, actor, audit.ReadPresence, read...)
}

func (s *Service) livePresences(ctx context.Context, ids []string) (map[string]*Presence, error) {
	known, err := presences.GetMany(ctx, s.db, ids)
	for id, p := range known {
		if !p.LiveAt(s.now()) {
			delete(known, id)
		}
	}
	return known, err
}

// staffedBy reports whether the actor calls out the people of one of the
// responder's teams. Trainers need not know where anybody is.
func (r *Responder) staffedBy(actor auth.Principal) bool {
	return slices.ContainsFunc(r.UnitPaths(), func(path string) bool { return actor.May(path, auth.RoleDispatcher) })
}

// ReadPresences returns exactly where the responders are who have a presence, to
// a service that has decided that the actor must know; it writes that into the
// audit log first.
func (s *Service) ReadPresences(ctx context.Context, actor auth.Principal, ids []string) (map[string]*Presence, error) {
	known, err := s.livePresences(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := make([]string, 0, len(known))
	for id := range known {
		found = append(found, id)
	}
	rs, err := responders.GetMany(ctx, s.db, found)
	if err != nil {
		return nil, err
	}
	var read []audit.Subject
	for _, r := range rs {
		if r.AccountID != actor.AccountID {
			read = append(read, audit.Subject{ID: r.ID, UnitPath: r.UnitPath})
		}
	}
	return known, s.audit.Read(ctx, actor, audit.ReadPresence, read...)
}
