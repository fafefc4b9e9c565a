package roster

import (
	"context"
	"slices"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// staff are the roles that may read the responders within their scope.
// auth.RoleAdmin includes them.
var staff = []auth.Role{auth.RoleDispatcher, auth.RoleTrainer}

// ownedBy reports whether the responder is the actor's own.
func (r *Responder) ownedBy(actor auth.Principal) bool {
	return actor.AccountID != "" && r.AccountID == actor.AccountID
}

// inTeamOf reports whether the actor has one of the roles on an org unit to
// whose team the responder belongs.
func (r *Responder) inTeamOf(actor auth.Principal, roles ...auth.Role) bool {
	return slices.ContainsFunc(r.UnitPaths(), func(path string) bool { return actor.May(path, roles...) })
}

// visibleTo reports whether the actor may know of the responder.
func (r *Responder) visibleTo(actor auth.Principal) bool {
	return r.ownedBy(actor) || r.inTeamOf(actor, staff...)
}

// Responder returns the responder if it is the actor's own, or staff of one of
// its teams ask. To others it is NOT_FOUND, as if it did not exist. That staff
// read it is written down first.
func (s *Service) Responder(ctx context.Context, actor auth.Principal, id string) (*Responder, error) {
	r, err := visible(ctx, s.db, actor, id)
	if err != nil {
		return nil, err
	}
	if err := s.noteReading(ctx, actor, audit.ReadResponder, r); err != nil {
		return nil, err
	}
	return r, nil
}

// VisibleResponders returns those of the responders that Responder would show
// to the actor, by id.
func (s *Service) VisibleResponders(ctx context.Context, actor auth.Principal, ids []string) (map[string]*Responder, error) {
	found, err := responders.GetMany(ctx, s.db, ids)
	if err != nil {
		return nil, err
	}
	shown := make([]*Responder, 0, len(found))
	for id, r := range found {
		if !r.visibleTo(actor) {
			delete(found, id)
			continue
		}
		shown = append(shown, r)
	}
	if err := s.noteReading(ctx, actor, audit.ReadResponder, shown...); err != nil {
		return nil, err
	}
	return found, nil
}

// noteReading writes down that the actor is about to be shown the responders;
// one's own is nobody else's business.
func (s *Service) noteReading(ctx context.Context, actor auth.Principal, action audit.Action, shown ...*Responder) error {
	subjects := make([]audit.Subject, 0, len(shown))
	for _, r := range shown {
		if !r.ownedBy(actor) {
			subjects = append(subjects, audit.Subject{ID: r.ID, UnitPath: r.UnitPath})
		}
	}
	return s.audit.Read(ctx, actor, action, subjects...)
}

// visible loads a responder of whom the actor may know; to others it is
// NOT_FOUND.
func visible(ctx context.Context, on store.Conn, actor auth.Principal, id string) (*Responder, error) {
	r, err := responders.Get(ctx, on, id)
	if err == nil && !r.visibleTo(actor) {
		return nil, fault.NotFound("responder")
	}
	return known(r, err, "responder")
}

// staffed loads a responder that the actor may change as a dispatcher of its
// own unit. To who may not know of it, it is NOT_FOUND; to others that may not
// change it FORBIDDEN, and so it is to itself, because nobody decides about
// oneself. One that was erased is CONFLICT.
func staffed(ctx context.Context, tx *store.Tx, actor auth.Principal, id string) (*Responder, error) {
	r, err := visible(ctx, tx, actor, id)
	if err != nil {
		return nil, err
	}
	if !r.decidedBy(actor, r.UnitPath) {
		return nil, fault.Forbidden()
	}
	if r.Erased() { // what was written about it now would never be erased again
		return nil, fault.Conflict("erased_already")
	}
	return r, nil
}

// decidedBy reports whether the actor may decide about the responder as a
// dispatcher of the org unit with that path.
func (r *Responder) decidedBy(actor auth.Principal, unitPath string) bool {
	return !r.ownedBy(actor) && actor.May(unitPath, auth.RoleDispatcher)
}

// ShowsFileTo reports whether the actor may read what is for dispatchers of
// the responder's teams and for the responder itself: why it has its status, and
// what it has agreed to.
func (r *Responder) ShowsFileTo(actor auth.Principal) bool {
	return r.ownedBy(actor) || r.inTeamOf(actor, auth.RoleDispatcher)
}
