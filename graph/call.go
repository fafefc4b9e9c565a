package graph

import (
	"context"
	"errors"
	"strings"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/dispatch"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/roster"
)

// answer calls one of the services by which a responder answers an alert.
func answer(
	ctx context.Context, call func(context.Context, auth.Principal, dispatch.Answer) (*dispatch.Alert, error),
	alertID string, reason, key *string,
) (*dispatch.Alert, error) {
	checked, err := keyOf(key)
	if err != nil {
		return nil, err
	}
	return call(ctx, actor(ctx), dispatch.Answer{AlertID: alertID, Reason: or(reason), Key: checked})
}

// fieldNamed gives a fault the name that the input has for the field: staff close an
// incident with an outcome, and responders complete an alert with a note, where
// the service has one word for all of them.
func fieldNamed(err error, field, name string) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Field != field {
		return err
	}
	renamed := *f
	renamed.Field = name
	return &renamed
}

// reportOf reads a report.
func reportOf(in ReportIncidentInput) (dispatch.Report, error) {
	where, err := positionOf("position", in.Position)
	if err != nil {
		return dispatch.Report{}, err
	}
	if in.Needed != nil && *in.Needed < 1 { // 0 would pass for a report that leaves it out
		return dispatch.Report{}, fault.Invalid("needed", "range", fault.Args{"min": 1, "max": dispatch.MaxNeeded})
	}
	key, err := keyOf(in.IdempotencyKey)
	return dispatch.Report{
		Type: in.Type, Severity: in.Severity, Position: where, Address: or(in.Address), Description: or(in.Description),
		Drill: or(in.Drill), Needed: or(in.Needed), Key: key,
	}, err
}

// incident loads an incident for a subscription.
func (r *Resolver) incident(ctx context.Context, id string) (*dispatch.Incident, error) {
	return r.Calls.FollowIncident(ctx, actor(ctx), id)
}

// units loads org units in the order of the ids; "" is none.
func (r *Resolver) units(ctx context.Context, ids []string) ([]*roster.Unit, error) {
	found, err := r.Roster.Units(ctx, ids)
	return inOrder(ids, found), err
}

// maxCertificates is how many certificates of a responder are shown.
const maxCertificates = 20

// certificates loads what responders are certified for. Whoever was shown a
// responder may see them.
func (r *Resolver) certificates(ctx context.Context, responderIDs []string) ([][]*Certificate, error) {
	held, err := r.Training.LoadCertificates(ctx, responderIDs)
	if err != nil {
		return nil, err
	}
	var courseIDs []string
	for _, certificates := range held {
		for _, c := range certificates {
			courseIDs = append(courseIDs, c.CourseID)
		}
	}
	courses, err := r.Training.Courses(ctx, courseIDs)
	if err != nil {
		return nil, err
	}
	out := make([][]*Certificate, len(responderIDs))
	for i, id := range responderIDs {
		out[i] = []*Certificate{}
		for _, c := range held[id][:min(len(held[id]), maxCertificates)] {
			out[i] = append(out[i], r.certificate(ctx, c, courses))
		}
	}
	return out, nil
}

// lastOf returns the id of the unit that a path leads to.
func lastOf(unitPath string) string {
	trimmed := strings.TrimSuffix(unitPath, "/")
	return trimmed[strings.LastIndex(trimmed, "/")+1:]
}
