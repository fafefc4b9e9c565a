package dispatch

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/roster"
)

// The estimate of an arrival, where no road network is known.
const (
	// turnout is the time from the alert to setting off: 1:45 of 5:22 from alert
	// to arrival in one published study of volunteers; at night it was 2:22.
	turnout = 105 * time.Second
	// detour is by how much the way is longer than the straight line: 1.2 to
	// 1.3 in cities; the larger, not to promise too much.
	detour = 1.3
	// grain is how finely arrivals are told apart. Estimates that differ by
	// less are as good as equal, and who was alerted least recently goes
	// first.
	grain = 10 * time.Second
)

// estimate returns the time from the alert to the arrival.
func estimate(meters float64, by roster.TransportMode) time.Duration {
	return turnout + time.Duration(meters*detour/by.Speed()*float64(time.Second))
}

const (
	// maxCandidates is how many of the nearest are looked at for one step.
	maxCandidates = 5000
	// window is how many candidates are loaded at a time, at least.
	window = 32
)

// proposal is a candidate as the tracker knows it.
type proposal struct {
	id  string
	eta time.Duration
}

// survey is what a look around found.
type survey struct {
	near     int         // candidates within the radius
	chosen   []string    // the best eligible ones, best first
	excluded []exclusion // those who were passed over on the way
}

type exclusion struct {
	id     string
	reason Exclusion
	file   *file
}

// look finds the best eligible candidates for the dispatch, as many as it has
// slots. It reads outside any transaction, so that nobody waits for it; what
// it finds is judged again in the step that alerts them.
func (s *Service) look(ctx context.Context, d *Dispatch, slots int, now time.Time) (survey, error) {
	proposals := s.propose(d)
	found := survey{near: len(proposals)}
	for batch := range windows(proposals) {
		if len(found.chosen) == slots {
			break
		}
		ids := make([]string, len(batch))
		for i, p := range batch {
			ids[i] = p.id
		}
		files, err := s.files(ctx, s.DB, d, ids, now)
		if err != nil {
			return survey{}, err
		}
		found.judge(d, rank(files), slots, now)
	}
	return found, s.dropKnown(ctx, d, &found)
}

// dropKnown leaves out the exclusions that are recorded already, so that the
// step need not look for them while others wait.
func (s *Service) dropKnown(ctx context.Context, d *Dispatch, found *survey) error {
	ids := make([]string, len(found.excluded))
	for i, e := range found.excluded {
		ids[i] = exclusionID(d, e)
	}
	known, err := decisions.GetMany(ctx, s.DB, ids)
	if err != nil {
		return err
	}
	found.excluded = slices.DeleteFunc(found.excluded, func(e exclusion) bool { return known[exclusionID(d, e)] != nil })
	return nil
}

// judge goes through ranked candidates until the slots are full.
func (v *survey) judge(d *Dispatch, ranked []ranked, slots int, now time.Time) {
	for _, c := range ranked {
		if len(v.chosen) == slots {
			return
		}
		switch reason := c.exclusion(d, now); reason {
		case Eligible:
			v.chosen = append(v.chosen, c.id)
		case AlreadyAlerted: // its alert says all
		default:
			v.excluded = append(v.excluded, exclusion{c.id, reason, c.file})
		}
	}
}

// propose returns the responders on duty within the radius, soonest arrival
// first.
func (s *Service) propose(d *Dispatch) []proposal {
	hits := s.Tracker.Near(d.Position, d.RadiusMeters(), maxCandidates)
	ps := make([]proposal, len(hits))
	for i, h := range hits {
		ps[i] = proposal{h.ID, estimate(h.Meters, roster.ModeOf(h.Tag))}
	}
	slices.SortFunc(ps, func(a, b proposal) int {
		return cmp.Or(cmp.Compare(a.eta/grain, b.eta/grain), strings.Compare(a.id, b.id))
	})
	return ps
}

// windows cuts proposals into batches, never between two that arrive equally
// soon.
func windows(ps []proposal) iter.Seq[[]proposal] {
	return func(yield func([]proposal) bool) {
		for len(ps) > 0 {
			n := min(window, len(ps))
			for n < len(ps) && ps[n].eta/grain == ps[n-1].eta/grain {
				n++
			}
			if !yield(ps[:n]) {
				return
			}
			ps = ps[n:]
		}
	}
}

// ranked is a candidate in its place.
type ranked struct {
	id string
	*file
}

// rank orders candidates: by estimated arrival, then by who was alerted least
// recently.
func rank(files map[string]*file) []ranked {
	rs := make([]ranked, 0, len(files))
	for id, f := range files {
		rs = append(rs, ranked{id, f})
	}
	slices.SortFunc(rs, func(a, b ranked) int {
		return cmp.Or(
			cmp.Compare(a.eta/grain, b.eta/grain),
			a.lastAlerted().Compare(b.lastAlerted()),
			strings.Compare(a.id, b.id),
		)
	})
	return rs
}

func (f *file) lastAlerted() time.Time {
	if f.engagement == nil {
		return time.Time{}
	}
	return f.engagement.LastAlertedAt
}

// chunkSize is how many values a query asks for at a time.
const chunkSize = 200

func chunks(ids []string) iter.Seq[[]string] { return slices.Chunk(ids, chunkSize) }
