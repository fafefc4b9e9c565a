package roster

import (
	"context"
	"slices"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/store"
)

// membershipSweep is the id of the reorganisation that lets memberships follow.
// No index finds them, since a responder may have several; but responders with
// any are few, and a look at all of them takes seconds at most.
const membershipSweep = "memberships"

const (
	// sweepPage is how many responders are read at a time.
	sweepPage = 500
	// sweepPages is how many pages one step looks at.
	sweepPages = 20
)

// sweepMemberships looks through some thousand responders and corrects the
// memberships that lead to where a unit was. more says that others are left to
// look at, or that the whole look, which is over, found something.
func (s *Service) sweepMemberships(ctx context.Context, r *Reorganisation) (more bool, err error) {
	units, err := s.tree.current(ctx, s.db)
	if err != nil {
		return false, err
	}
	for range sweepPages {
		page, err := responders.List(ctx, s.db, store.Query{}, sweepPage, r.After)
		if err != nil {
			return false, err
		}
		moved, err := s.correctMemberships(ctx, units, page.Items)
		if err != nil {
			return false, err
		}
		r.Moved += moved
		r.Found, r.After = r.Found || moved > 0, page.EndCursor
		if !page.HasNext {
			more, r.After, r.Found = r.Found, "", false
			return more, nil
		}
	}
	return true, nil
}

// correctMemberships corrects those of the responders that lead elsewhere now.
func (s *Service) correctMemberships(ctx context.Context, f *forest, list []*Responder) (moved int, err error) {
	var ids []string
	for _, r := range list {
		if _, changed := f.memberships(r); changed {
			ids = append(ids, r.ID)
		}
	}
	for chunk := range slices.Chunk(ids, refileChunk) {
		n := 0
		err := s.db.Atomically(ctx, func(tx *store.Tx) (err error) {
			n, err = f.correct(ctx, tx, chunk)
			return err
		})
		if err != nil {
			return moved, err
		}
		moved += n
	}
	return moved, nil
}

func (f *forest) correct(ctx context.Context, tx *store.Tx, ids []string) (moved int, err error) {
	found, err := responders.GetMany(ctx, tx, ids)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		r := found[id]
		if r == nil {
			continue
		}
		kept, changed := f.memberships(r)
		if !changed {
			continue
		}
		r.Memberships = kept
		if err := responders.Replace(ctx, tx, r); err != nil {
			return 0, err
		}
		moved++
	}
	return moved, nil
}

// memberships returns the responder's, each of the unit as it is now, and
// whether that is a change. Of those that have become the same the oldest stays,
// and none that is of its own unit.
func (f *forest) memberships(r *Responder) (kept []Membership, changed bool) {
	for _, m := range r.Memberships {
		if path := f.path(m.UnitPath); path != "" && path != m.UnitPath {
			m.UnitID, m.UnitPath, changed = auth.LastUnit(path), path, true
		}
		same := slices.IndexFunc(kept, func(k Membership) bool { return k.UnitID == m.UnitID })
		switch {
		case m.UnitID == auth.LastUnit(f.path(r.UnitPath)):
			changed = true
		case same < 0:
			kept = append(kept, m)
		default:
			changed = true
			if m.Since.Before(kept[same].Since) {
				kept[same] = m
			}
		}
	}
	return kept, changed
}
