package roster

import (
	"context"
	"fmt"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// RequestAnswer is what becomes of a request.
type RequestAnswer struct {
	RequestID string
	Reason    string // at most MaxReason characters; required to refuse
	Key       string `json:"-"` // makes a repetition safe (see store.Once); optional
}

// AcceptRequest does what a request asks for, for dispatchers of the receiving
// unit, and tells the responder. To who may not know of the request it is
// NOT_FOUND, and to the side that asks FORBIDDEN. It fails with CONFLICT if the
// responder's status, or what it belongs to by now, does not allow it, or if the
// unit was closed. A repetition is NOT_FOUND if the responder has moved on.
func (s *Service) AcceptRequest(ctx context.Context, actor auth.Principal, in RequestAnswer) (*Responder, error) {
	r, err := s.answer(ctx, actor, "accepting a request", in, func(tx *store.Tx, o *open) error {
		if !o.r.decidedBy(actor, o.unit.Path) {
			return fault.Forbidden()
		}
		if err := o.unit.mustBeOpen(); err != nil {
			return err
		}
		if err := o.q.Kind.fits(o.r, o.unit); err != nil {
			return err
		}
		return s.grant(ctx, tx, actor, o.r, o.q, o.unit)
	})
	if err == nil && !r.visibleTo(actor) {
		return nil, fault.NotFound("responder")
	}
	return r, err
}

// RefuseRequest deletes a request, for dispatchers of the receiving unit, and
// tells the responder. It fails as AcceptRequest does, and with INVALID without
// a reason, which is in the audit log.
func (s *Service) RefuseRequest(ctx context.Context, actor auth.Principal, in RequestAnswer) (*Responder, error) {
	if err := fault.CheckRequired("reason", in.Reason, MaxReason); err != nil {
		return nil, err
	}
	return s.answer(ctx, actor, "refusing a request", in, func(tx *store.Tx, o *open) error {
		if !o.r.decidedBy(actor, o.unit.Path) {
			return fault.Forbidden()
		}
		err := s.changed(ctx, tx, actor, o.q.Kind.actions().refuse, o.r, o.unit.Path, in.Reason, o.q.details()...)
		if err != nil {
			return err
		}
		return s.tell(ctx, tx, o.r, o.q.Kind.actions().refused)
	})
}

// CancelRequest takes a request back, for the side that asked: the responder,
// and dispatchers of its unit. It fails with NOT_FOUND, to the receiving side
// with FORBIDDEN, or with INVALID.
func (s *Service) CancelRequest(ctx context.Context, actor auth.Principal, in RequestAnswer) (*Responder, error) {
	if err := fault.CheckText("reason", in.Reason, MaxReason); err != nil {
		return nil, err
	}
	return s.answer(ctx, actor, "cancelling a request", in, func(tx *store.Tx, o *open) error {
		switch {
		case o.r.ownedBy(actor):
			return nil
		case !o.r.decidedBy(actor, o.r.UnitPath):
			return fault.Forbidden()
		}
		return s.changed(ctx, tx, actor, o.q.Kind.actions().cancel, o.r, o.r.UnitPath, in.Reason, o.q.details()...)
	})
}

// open is a request that waits, and those that it is about.
type open struct {
	q    *Request
	r    *Responder
	unit *Unit
}

// concerns reports whether the actor may know of the request: the responder
// itself, and dispatchers of either side.
func (o *open) concerns(actor auth.Principal) bool {
	return o.r.ownedBy(actor) || actor.May(o.r.UnitPath, auth.RoleDispatcher) || actor.May(o.unit.Path, auth.RoleDispatcher)
}

// answer loads a request, has it answered and deletes it, as one step. That
// the request is deleted makes answers that are given at once conflict.
func (s *Service) answer(ctx context.Context, actor auth.Principal, action string, in RequestAnswer, decide func(*store.Tx, *open) error) (*Responder, error) {
	var r *Responder
	err := s.db.Atomically(ctx, func(tx *store.Tx) error {
		id, _, err := store.Once(ctx, tx, s.now(), asked{actor, action, in.Key, in}.step(), func() (string, error) {
			o, err := openRequest(ctx, tx, actor, in.RequestID)
			if err != nil {
				return "", err
			}
			if err := requests.Delete(ctx, tx, o.q); err != nil {
				return "", err
			}
			return o.r.ID, decide(tx, o)
		})
		if err != nil {
			return err
		}
		r, err = responders.Get(ctx, tx, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", action, err)
	}
	return r, nil
}

func openRequest(ctx context.Context, tx *store.Tx, actor auth.Principal, id string) (*open, error) {
	q, err := requests.Get(ctx, tx, id)
	if q, err = known(q, err, "request"); err != nil {
		return nil, err
	}
	o := &open{q: q}
	if o.r, err = responders.Get(ctx, tx, q.ResponderID); err != nil {
		return nil, err
	}
	if o.unit, err = findUnit(ctx, tx, q.ToUnitID); err != nil {
		return nil, err
	}
	if !o.concerns(actor) {
		return nil, fault.NotFound("request")
	}
	return o, nil
}

// ListRequests lists what waits for the staff of an org unit and of those below
// it, with the name of whom it is about, in the order of the tree, to its
// dispatchers; to others it is FORBIDDEN. A unit that does not exist is
// NOT_FOUND. The reading is written down first.
func (s *Service) ListRequests(ctx context.Context, actor auth.Principal, unitID string, first int, after string) (store.Page[Request], error) {
	u, err := s.Unit(ctx, unitID)
	if err != nil {
		return store.Page[Request]{}, err
	}
	if err := actor.Require(u.Path, auth.RoleDispatcher); err != nil {
		return store.Page[Request]{}, err
	}
	page, err := requests.List(ctx, s.db, store.Where(store.Prefix("toUnitPath", u.Path)), first, after)
	if err != nil {
		return page, fmt.Errorf("listing requests: %w", err)
	}
	return page, nil
}

// ResponderNames returns the names of those whom the requests are about, in
// their order, for one who was shown the requests; "" for those whom there are
// no more. The reading is written down first.
func (s *Service) ResponderNames(ctx context.Context, actor auth.Principal, list []*Request) ([]string, error) {
	ids := make([]string, len(list))
	for i, q := range list {
		ids[i] = q.ResponderID
	}
	found, err := responders.GetMany(ctx, s.db, ids)
	if err != nil {
		return nil, err
	}
	names, shown := make([]string, len(list)), make([]*Responder, 0, len(found))
	for i, id := range ids {
		if r := found[id]; r != nil {
			names[i], shown = r.Name, append(shown, r)
		}
	}
	return names, s.noteReading(ctx, actor, audit.ReadResponder, shown...)
}

// RequestsOf returns the requests of those of the responders whose own or whose
// unit's dispatcher the actor is, by responder id: at most MaxRequests each.
func (s *Service) RequestsOf(ctx context.Context, actor auth.Principal, list []*Responder) (map[string][]*Request, error) {
	var ids []string
	for _, r := range list {
		if r.ownedBy(actor) || actor.May(r.UnitPath, auth.RoleDispatcher) {
			ids = append(ids, r.ID)
		}
	}
	found := make(map[string][]*Request, len(ids))
	for _, id := range ids {
		found[id] = []*Request{}
	}
	page, err := requests.List(ctx, s.db, store.Where(store.In("responderId", ids...)), len(ids)*MaxRequests, "")
	if err != nil {
		return nil, fmt.Errorf("listing requests: %w", err)
	}
	for _, q := range page.Items {
		found[q.ResponderID] = append(found[q.ResponderID], q)
	}
	return found, nil
}
