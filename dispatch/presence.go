package dispatch

import (
	"context"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/roster"
)

// PresencesOf returns exactly where the responders of alerts are, by the alert's
// id, to the staff of the incident, for as long as the responder has accepted and
// is not done: before, and from then on, nobody needs to know. The audit log
// tells of it.
func (s *Service) PresencesOf(ctx context.Context, actor auth.Principal, as []*Alert) (map[string]*roster.Presence, error) {
	var wanted []string
	for _, a := range as {
		if showsPresence(actor, a) {
			wanted = append(wanted, a.ResponderID)
		}
	}
	known, err := s.Roster.ReadPresences(ctx, actor, wanted)
	if err != nil {
		return nil, err
	}
	of := map[string]*roster.Presence{}
	for _, a := range as {
		if p := known[a.ResponderID]; p != nil && showsPresence(actor, a) {
			of[a.ID] = p
		}
	}
	return of, nil
}

func showsPresence(actor auth.Principal, a *Alert) bool {
	return a.State.Responding() && mayDispatch(actor, a.Place)
}
