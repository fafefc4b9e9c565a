package roster

import (
	"context"

	"github.com/musterhq/muster/auth"
)

// VisibleResponders returns those of the responders that Responder would show
// to the actor, by id.
func (s *Service) VisibleResponders(ctx context.Context, actor auth.Principal, ids []string) (map[string]*Responder, error) {
	found, err := responders.GetMany(ctx, s.db, ids)
	if err != nil {
		return nil, err
	}
	for id, r := range found {
		if !r.visibleTo(actor) {
			delete(found, id)
		}
	}
	return found, nil
}
