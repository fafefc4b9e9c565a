package roster

import "github.com/musterhq/muster/auth"

// PhoneFor returns the responder's phone as far as the actor needs it: in E.164
// form for the responder itself and for dispatchers of its teams, masked as
// auth.MaskPhone does for trainers, and "" for everybody else.
func (r *Responder) PhoneFor(actor auth.Principal) string {
	switch {
	case r.ownedBy(actor), r.inTeamOf(actor, auth.RoleDispatcher):
		return r.Phone
	case r.inTeamOf(actor, auth.RoleTrainer):
		return auth.MaskPhone(r.Phone)
	}
	return ""
}
