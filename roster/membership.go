package roster

import (
	"context"
	"errors"
	"slices"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// AskMembership asks an org unit to let an active responder belong to its team
// besides its own, as AskTransfer does. It also fails with CONFLICT for one with
// MaxMemberships.
func (s *Service) AskMembership(ctx context.Context, actor auth.Principal, in NewRequest) (*Request, *Responder, error) {
	return s.request(ctx, actor, RequestJoin, in)
}

// join makes the responder a member of the unit's team.
func (s *Service) join(ctx context.Context, tx *store.Tx, r *Responder, unit *Unit) error {
	if err := dropJoin(ctx, tx, r.ID, unit.ID); err != nil {
		return err
	}
	r.Memberships = append(r.Memberships, Membership{UnitID: unit.ID, UnitPath: unit.Path, Since: s.now()})
	return responders.Replace(ctx, tx, r)
}

// memberOf returns which of the memberships is that of the unit, or -1.
func (r *Responder) memberOf(unitID string) int {
	return slices.IndexFunc(r.Memberships, func(m Membership) bool { return m.UnitID == unitID })
}

// dropJoin deletes the request to join that unit, if there is one.
func dropJoin(ctx context.Context, tx *store.Tx, responderID, unitID string) error {
	q, err := requests.First(ctx, tx, store.Where(store.Eq("responderId", responderID), store.Eq("kind", RequestJoin), store.Eq("toUnitId", unitID)))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return requests.Delete(ctx, tx, q)
}

// MembershipEnd is which membership ends.
type MembershipEnd struct {
	ResponderID string
	UnitID      string
	Reason      string // at most MaxReason characters; optional
	Key         string `json:"-"` // makes a repetition safe (see store.Once); optional
}

// EndMembership takes a responder out of a team: it may leave by itself, and
// dispatchers of its own unit or of the team's may end it. It fails with
// NOT_FOUND for the responder or the membership, with FORBIDDEN, or with
// INVALID. Staff of the team alone may not know of the responder any more when it
// has ended: see ShowsFileTo.
func (s *Service) EndMembership(ctx context.Context, actor auth.Principal, in MembershipEnd) (*Responder, error) {
	if err := fault.CheckText("reason", in.Reason, MaxReason); err != nil {
		return nil, err
	}
	find := func(tx *store.Tx) (*Responder, error) { // staff of the team may not know of it any more when they repeat this
		r, err := responders.Get(ctx, tx, in.ResponderID)
		return known(r, err, "responder")
	}
	return s.change(ctx, asked{actor, "ending a membership", in.Key, in}, find, func(tx *store.Tx, r *Responder) error {
		return s.endMembership(ctx, tx, actor, r, in)
	})
}

func (s *Service) endMembership(ctx context.Context, tx *store.Tx, actor auth.Principal, r *Responder, in MembershipEnd) error {
	if !r.visibleTo(actor) {
		return fault.NotFound("responder")
	}
	i := r.memberOf(in.UnitID)
	if i < 0 {
		return fault.NotFound("membership")
	}
	path := r.Memberships[i].UnitPath
	own := r.ownedBy(actor)
	if !own && !r.decidedBy(actor, r.UnitPath) && !r.decidedBy(actor, path) {
		return fault.Forbidden()
	}
	r.Memberships = slices.Delete(r.Memberships, i, i+1)
	if err := responders.Replace(ctx, tx, r); err != nil || own {
		return err
	}
	return s.changed(ctx, tx, actor, audit.EndMembership, r, path, in.Reason, audit.Detail{Name: "unit", Value: in.UnitID})
}
