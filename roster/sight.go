package roster

import (
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
)

// sight is what a Tracker knows. Its owner writes it; the index may be read by
// all.
type sight struct {
	index *geo.Index
	known map[string]*sighting // by responder id; only those with something to know
}

// sighting is what is known of one responder. A revision of 0 says that the
// document is not there, or says nothing that matters: a responder off duty.
type sighting struct {
	responderRev, presenceRev int64
	tag                       uint8
	position                  geo.Position
}

func newSight() *sight {
	return &sight{index: geo.NewIndex(), known: map[string]*sighting{}}
}

// take takes in changes in the order of their commits. Each is the whole
// document, and all changes since the load come by, so that whatever a load saw
// the last one of a document settles it; those that a load has overtaken are
// told by their revision and left out.
func (s *sight) take(changes []store.Change) error {
	for _, c := range changes {
		if err := s.takeOne(c); err != nil {
			return err
		}
	}
	return nil
}

func (s *sight) takeOne(c store.Change) error {
	ofResponder := c.Collection == responders.Spec().Name
	switch {
	case c.Op == store.Deleted && ofResponder:
		s.lostResponder(c.ID)
	case c.Op == store.Deleted:
		s.lostPresence(c.ID)
	case ofResponder:
		r, err := responders.Decode(c)
		if err != nil {
			return err
		}
		s.sawResponder(r)
	default:
		p, err := presences.Decode(c)
		if err != nil {
			return err
		}
		s.sawPresence(p)
	}
	return nil
}

func (s *sight) sawResponder(r *Responder) {
	k := s.known[r.ID]
	if k != nil && r.Rev <= k.responderRev {
		return
	}
	if r.Status != StatusActive || !r.Duty.OnDuty {
		s.lostResponder(r.ID)
		return
	}
	k = s.of(r.ID)
	k.responderRev, k.tag = r.Rev, r.TransportMode.tag()
	s.show(r.ID, k)
}

func (s *sight) sawPresence(p *Presence) {
	k := s.of(p.ID)
	if p.Rev <= k.presenceRev {
		return
	}
	k.presenceRev, k.position = p.Rev, p.Position
	s.show(p.ID, k)
}

func (s *sight) lostResponder(id string) {
	if k := s.known[id]; k != nil {
		k.responderRev = 0
		s.show(id, k)
	}
}

func (s *sight) lostPresence(id string) {
	if k := s.known[id]; k != nil {
		k.presenceRev = 0
		s.show(id, k)
	}
}

func (s *sight) of(id string) *sighting {
	k := s.known[id]
	if k == nil {
		k = &sighting{}
		s.known[id] = k
	}
	return k
}

// show makes the index say what is known of the responder, and forgets it if
// that is nothing.
func (s *sight) show(id string, k *sighting) {
	if k.responderRev > 0 && k.presenceRev > 0 {
		s.index.Set(id, k.position, k.tag)
		return
	}
	s.index.Remove(id)
	if k.responderRev == 0 && k.presenceRev == 0 {
		delete(s.known, id)
	}
}
