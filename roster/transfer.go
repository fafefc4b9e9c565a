package roster

import (
	"context"
	"slices"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/store"
)

// AskTransfer asks an org unit to take a responder over. The responder itself
// may ask, or dispatchers of its unit; the receiving unit's dispatchers agree,
// and one who is a dispatcher of both does it at once, when the request that is
// returned is nil. It fails with NOT_FOUND for the responder or the unit, with
// FORBIDDEN, with INVALID, and with CONFLICT for one who is not on the roster or
// in that unit already, when the same is waiting, or too much else.
func (s *Service) AskTransfer(ctx context.Context, actor auth.Principal, in NewRequest) (*Request, *Responder, error) {
	return s.request(ctx, actor, RequestTransfer, in)
}

// transfer moves the responder, with all that it has, to the unit. It is no
// longer a mere member there, and asks for no other transfer.
func (s *Service) transfer(ctx context.Context, tx *store.Tx, r *Responder, unit *Unit) error {
	if err := dropRequests(ctx, tx, r.ID, RequestTransfer); err != nil {
		return err
	}
	if err := dropJoin(ctx, tx, r.ID, unit.ID); err != nil {
		return err
	}
	r.UnitID, r.UnitPath = unit.ID, unit.Path
	if i := r.memberOf(unit.ID); i >= 0 {
		r.Memberships = slices.Delete(r.Memberships, i, i+1)
	}
	return s.turn(ctx, tx, r) // the clocks may be others there
}
