package roster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster/store"
)

// SetQualification says that the responder holds a certificate for the course
// that is valid until just before a time, or, if that is zero, none. Training
// tells so in the step that changes the certificates; one who is not on the
// roster is left alone. It asks for no actor.
func (s *Service) SetQualification(ctx context.Context, tx *store.Tx, responderID, courseID string, until time.Time) error {
	r, err := responders.Get(ctx, tx, responderID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil && r.qualify(courseID, until) {
		err = responders.Replace(ctx, tx, r)
	}
	if err != nil {
		return fmt.Errorf("setting a qualification: %w", err)
	}
	return nil
}

// qualify notes until when the responder is qualified, and reports whether that
// is new.
func (r *Responder) qualify(courseID string, until time.Time) bool {
	i := slices.IndexFunc(r.Qualifications, func(q Qualification) bool { return q.CourseID == courseID })
	switch {
	case i < 0 && until.IsZero(), i >= 0 && r.Qualifications[i].Until.Equal(until):
		return false
	case i < 0:
		r.Qualifications = append(r.Qualifications, Qualification{courseID, until})
	case until.IsZero():
		r.Qualifications = slices.Delete(r.Qualifications, i, i+1)
	default:
		r.Qualifications[i].Until = until
	}
	return true
}
