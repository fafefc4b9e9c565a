package roster

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Search is a view of the roster: those of an org unit, those below it and the
// members of their teams, whom the filter admits, in an order.
type Search struct {
	UnitID string
	Filter Filter
	Sort   Sort
}

// FindResponders returns a page of the view to staff whose scope covers the
// unit; to others it is FORBIDDEN. Whoever stays where they are is on exactly
// one of the pages, whatever changes between them. Only who may read phones
// finds by them. It fails with INVALID, with NOT_FOUND for the unit, or with
// store.ErrCursor. What it shows is in the audit log.
func (s *Service) FindResponders(ctx context.Context, actor auth.Principal, in Search, first int, after string) (store.Page[Responder], error) {
	q, err := s.query(ctx, actor, in)
	if err != nil {
		return store.Page[Responder]{}, err
	}
	from, err := in.Sort.placeOf(after)
	if err != nil {
		return store.Page[Responder]{}, err
	}
	hits, more, ends := s.directory.find(q, in.Sort, from, first)
	shown, err := s.show(ctx, actor, q, hits)
	if err != nil || len(hits) == 0 {
		return store.Page[Responder]{}, err
	}
	return store.Page[Responder]{Items: shown, HasNext: more, StartCursor: in.Sort.cursor(ends[0]), EndCursor: in.Sort.cursor(ends[1])}, nil
}

// CountResponders returns how many the view has on all its pages, to those to
// whom FindResponders shows them.
func (s *Service) CountResponders(ctx context.Context, actor auth.Principal, in Search) (int, error) {
	q, err := s.query(ctx, actor, in)
	if err != nil {
		return 0, err
	}
	return s.directory.count(q), nil
}

// query checks the view and who asks for it, and brings the directory up to
// date.
func (s *Service) query(ctx context.Context, actor auth.Principal, in Search) (query, error) {
	u, err := s.Unit(ctx, in.UnitID)
	if err != nil {
		return query{}, err
	}
	if err := actor.Require(u.Path, staff...); err != nil {
		return query{}, err
	}
	if !slices.Contains(sortKeys, in.Sort.Key) {
		return query{}, fault.Invalid("sort", "sort_key")
	}
	if err := in.Filter.check(); err != nil {
		return query{}, err
	}
	q := query{filter: in.Filter, path: u.Path, phones: actor.May(u.Path, auth.RoleDispatcher), now: s.now()}
	return q, s.directory.current(ctx, s.db)
}

// show loads what was found, leaves out what is not to be shown any more, and
// writes down that the actor reads the rest.
func (s *Service) show(ctx context.Context, actor auth.Principal, q query, hits []hit) ([]*Responder, error) {
	shown, err := s.loadFound(ctx, actor, q, hits)
	if err != nil {
		return nil, err
	}
	var others []audit.Subject
	for _, r := range shown {
		if r.AccountID != actor.AccountID {
			others = append(others, audit.Subject{ID: r.ID, UnitPath: r.UnitPath})
		}
	}
	return shown, s.audit.Read(ctx, actor, audit.ReadResponder, others...)
}

func (s *Service) loadFound(ctx context.Context, actor auth.Principal, q query, hits []hit) ([]*Responder, error) {
	ids := make([]string, len(hits))
	for i, h := range hits {
		ids[i] = h.id
	}
	found, err := responders.GetMany(ctx, s.db, ids)
	if err != nil {
		return nil, err
	}
	shown := make([]*Responder, 0, len(hits))
	for _, h := range hits {
		if r := found[h.id]; r != nil && r.visibleTo(actor) && (r.Rev == h.rev || q.finds(r)) {
			shown = append(shown, r)
		}
	}
	return shown, nil
}

// directoryPace is how often FollowDirectory looks for changes.
const directoryPace = time.Second

// FollowDirectory keeps what responders are searched by up to date until the
// context ends, so that whoever searches next need not wait for it.
func (s *Service) FollowDirectory(ctx context.Context) {
	for ctx.Err() == nil {
		err := s.directory.current(ctx, s.db)
		if errors.Is(err, store.ErrClosed) {
			return
		}
		if err != nil && ctx.Err() == nil {
			s.log.Error("following the roster for its directory", "error", err)
		}
		pause(ctx, directoryPace)
	}
}
