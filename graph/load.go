package graph

import (
	"context"

	"github.com/musterhq/muster/dispatch"
	"github.com/musterhq/muster/roster"
)

// incident loads an incident for a subscription.
func (r *Resolver) incident(ctx context.Context, id string) (*dispatch.Incident, error) {
	return r.Dispatches.FollowIncident(ctx, actor(ctx), id)
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

// inOrder puts what was found by id into the order of the ids; what was not
// found is nil.
func inOrder[T any](ids []string, found map[string]*T) []*T {
	out := make([]*T, len(ids))
	for i, id := range ids {
		out[i] = found[id]
	}
	return out
}

// ids collects the ids of a batch.
func ids[T any](batch []*T, id func(*T) string) []string {
	out := make([]string, len(batch))
	for i, item := range batch {
		out[i] = id(item)
	}
	return out
}

// mapped converts each of a list.
func mapped[T, U any](list []*T, convert func(*T) *U) []*U {
	out := make([]*U, len(list))
	for i, item := range list {
		out[i] = convert(item)
	}
	return out
}
