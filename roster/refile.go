package roster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/store"
)

// Refiler rewrites documents that are filed under exactly the unit path from, so
// that they are filed under to: up to limit of them in one atomic step, the most
// urgent first. It returns how many it rewrote; 0 when none is left. It may be
// called again at any time, also with paths that nothing is filed under.
type Refiler func(ctx context.Context, from, to string, limit int) (moved int, err error)

// Refile rewrites up to limit documents that the query finds in one atomic step,
// and returns how many that were. It is what a Refiler is made of: refile changes
// the document so that the query does not find it any more.
func Refile[T any](ctx context.Context, db *store.DB, c *store.Collection[T], q store.Query, limit int, refile func(doc *T)) (moved int, err error) {
	err = db.Atomically(ctx, func(tx *store.Tx) error {
		page, err := c.List(ctx, tx, q, limit, "")
		if err != nil {
			return err
		}
		for _, doc := range page.Items {
			refile(doc)
			if err := c.Replace(ctx, tx, doc); err != nil {
				return err
			}
		}
		moved = len(page.Items)
		return nil
	})
	return moved, err
}

const (
	// refileChunk is how many documents one step rewrites, so that other
	// writers need not wait long.
	refileChunk = 100
	// settleTime is how long after nothing was found any more it is looked for
	// once again: longer than any request takes that may have read the old
	// path before.
	settleTime = 2 * time.Minute
)

// Reorganisation is what is left to do after a unit has moved or was merged: what
// is filed under its old path is to follow. Its id is the old path, so that a
// unit that moves there and back has one for each place; or that of a sweep.
type Reorganisation struct {
	store.Meta `bson:",inline"`
	store.Due  `bson:",inline"` // always
	To         string           `bson:"to"` // where the old path led when it was last looked at
	Moved      int              `bson:"moved"`
	StartedAt  time.Time        `bson:"startedAt"`
	// Settled says that nothing was found in the last pass; after one more it is
	// done.
	Settled bool `bson:"settled"`
	// After is how far the sweep has come, and Found whether it found anything.
	After string `bson:"after,omitempty"`
	Found bool   `bson:"found,omitempty"`
}

var reorganisations = store.Define[Reorganisation]("reorganisations",
	store.DueIndex,
	store.Index{Name: "settled", Fields: []string{"settled"}},
)

// follow writes down, in the step that moves a unit, that what is filed under
// its path is to follow.
func (s *Service) follow(ctx context.Context, tx *store.Tx, from, to string) error {
	if err := s.reorganise(ctx, tx, from, to); err != nil {
		return err
	}
	return s.reorganise(ctx, tx, membershipSweep, "")
}

func (s *Service) reorganise(ctx context.Context, tx *store.Tx, id, to string) error {
	put := reorganisations.Replace
	r, err := reorganisations.Get(ctx, tx, id)
	if errors.Is(err, store.ErrNotFound) {
		r, err, put = &Reorganisation{Meta: store.Meta{ID: id}, StartedAt: s.now()}, nil, reorganisations.Insert
	}
	if err != nil {
		return err
	}
	r.To, r.Settled, r.After, r.Found = to, false, "", false
	r.SetDue(s.now())
	return put(ctx, tx, r)
}

// Reorganise returns the worker that lets what is filed under the old paths of
// units follow them, chunk by chunk, in whichever process. It is done when, some
// time after the last was found, nothing is found any more: that catches those
// who wrote an old path at the very time.
func (s *Service) Reorganise() *store.Worker[Reorganisation] {
	return &store.Worker[Reorganisation]{
		DB: s.db, Collection: reorganisations, Now: s.now, Log: s.log,
		Lease: 30 * time.Second, Width: 4, Handle: s.carryOn,
	}
}

// carryOn does the next chunk.
func (s *Service) carryOn(ctx context.Context, r *Reorganisation) error {
	more, err := s.pass(r)(ctx, r)
	if err != nil {
		return fmt.Errorf("refiling: %w", err)
	}
	switch {
	case more:
		r.Settled = false
		r.SetDue(s.now())
	case !r.Settled:
		r.Settled = true
		r.SetDue(s.now().Add(settleTime))
	default:
		return overtaken(reorganisations.Delete(ctx, s.db, r))
	}
	return overtaken(reorganisations.Replace(ctx, s.db, r))
}

// pass is what carries the reorganisation on.
func (s *Service) pass(r *Reorganisation) func(context.Context, *Reorganisation) (more bool, err error) {
	switch {
	case r.ID == membershipSweep:
		return s.sweepMemberships
	case strings.HasPrefix(r.ID, zoneSweep):
		return s.sweepZone
	}
	return s.refile
}

// sweeps reports whether it goes through responders, rather than through what is
// filed under a path.
func (r *Reorganisation) sweeps() bool {
	return r.ID == membershipSweep || strings.HasPrefix(r.ID, zoneSweep)
}

// overtaken forgives that the unit has moved again meanwhile: what is due is what
// that has said.
func overtaken(err error) error {
	if errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// refile lets a chunk of each kind of document follow. Where the path leads is
// asked each time, since the unit may have moved on, or back.
func (s *Service) refile(ctx context.Context, r *Reorganisation) (more bool, err error) {
	u, err := successorIn(ctx, s.db, auth.LastUnit(r.ID))
	if err != nil || u == nil || u.Path == r.ID {
		return false, err
	}
	r.To = u.Path
	for _, refiler := range append(slices.Clone(s.refilers), s.refileResponders, s.refileRequests) {
		moved, err := refiler(ctx, r.ID, u.Path, refileChunk)
		if err != nil {
			return false, err
		}
		r.Moved += moved
		more = more || moved > 0
	}
	return more, nil
}

// refileResponders is a Refiler. A responder belongs to the unit that its own was
// merged into. The clocks may be others there.
func (s *Service) refileResponders(ctx context.Context, from, to string, limit int) (int, error) {
	q := store.Where(store.Eq("unitPath", from))
	return Refile(ctx, s.db, responders, q, limit, func(r *Responder) {
		r.UnitID, r.UnitPath = auth.LastUnit(to), to
		if rootOf(from) != rootOf(to) && r.Availability.followsClock() {
			r.SetDue(s.now())
		}
	})
}

// refileRequests files up to limit requests that wait for the org unit with the
// path from under that with the path to, in one step, and returns how many that
// were. One that asks for what is asked for already is dropped.
func (s *Service) refileRequests(ctx context.Context, from, to string, limit int) (moved int, err error) {
	err = s.db.Atomically(ctx, func(tx *store.Tx) error {
		page, err := requests.List(ctx, tx, store.Where(store.Eq("toUnitPath", from)), limit, "")
		if err != nil {
			return err
		}
		moved = len(page.Items)
		for _, q := range page.Items {
			if err := refileRequest(ctx, tx, q, to); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("refiling requests: %w", err)
	}
	return moved, nil
}

func refileRequest(ctx context.Context, tx *store.Tx, q *Request, to string) error {
	id := auth.LastUnit(to)
	other, err := requests.First(ctx, tx, store.Where(store.Eq("responderId", q.ResponderID), store.Eq("kind", q.Kind), store.Eq("toUnitId", id)))
	if err == nil && other.ID != q.ID {
		return requests.Delete(ctx, tx, q)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	q.ToUnitID, q.ToUnitPath = id, to
	return requests.Replace(ctx, tx, q)
}

// Reorganising returns which of the units are being reorganised: something is
// known to be filed under a place that they, or a unit below them, had before.
func (s *Service) Reorganising(ctx context.Context, list []*Unit) ([]bool, error) {
	paths, err := unsettled(ctx, s.db)
	if err != nil {
		return nil, err
	}
	out := make([]bool, len(list))
	for i, u := range list {
		out[i] = slices.ContainsFunc(paths, func(path string) bool { return strings.HasPrefix(path, u.Path) })
	}
	return out, nil
}

// arriving reports whether something is on its way to the unit or below it.
func arriving(ctx context.Context, on store.Conn, path string) (bool, error) {
	paths, err := unsettled(ctx, on)
	return slices.ContainsFunc(paths, func(to string) bool { return strings.HasPrefix(to, path) }), err
}

// unsettled returns where all reorganisations under way lead, and come from.
func unsettled(ctx context.Context, on store.Conn) ([]string, error) {
	var paths []string
	for r, err := range reorganisations.All(ctx, on, store.Where(store.Eq("settled", false))) {
		if err != nil {
			return nil, err
		}
		if !r.sweeps() {
			paths = append(paths, r.To, r.ID)
		}
	}
	return paths, nil
}
