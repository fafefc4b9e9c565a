package dispatch

import (
	"context"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
)

// audit writes down what staff do in an incident, in the step that does it.
// What they said of it is in the timeline, which has the incident's own rules
// of who may read it and for how long.
func (st *step) audit(ctx context.Context, actor auth.Principal, action audit.Action, incidentID string, p Place) error {
	return st.s.Audit.Changed(ctx, st.tx, actor, audit.Change{Action: action, SubjectID: incidentID, UnitPath: p.UnitPath})
}
