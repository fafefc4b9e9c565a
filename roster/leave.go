package roster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
)

// Limits of leaves.
const (
	MaxLeaves = 20
	// MaxLeaveAhead is how far ahead a leave may end.
	MaxLeaveAhead = 366 * 24 * time.Hour
	// maxLeaveReason is how many characters its reason may have.
	maxLeaveReason = 200
)

// Leave is a time in which a responder is not called, whatever else it has set.
type Leave struct {
	ID   string    `bson:"id"`
	From time.Time `bson:"from"`
	To   time.Time `bson:"to"` // excluded
	// Reason is the responder's own note, which nobody else reads.
	Reason string `bson:"reason,omitempty"`
}

func (l Leave) covers(t time.Time) bool { return !t.Before(l.From) && t.Before(l.To) }

// NewLeave is a leave to be taken.
type NewLeave struct {
	From, To time.Time
	Reason   string // at most 200 characters; optional
	Key      string // makes a repetition safe (see store.Once); optional
}

// AddLeave adds a leave of the actor's responder; one that has begun already
// begins now. It fails with NOT_FOUND if the actor is not on the roster, INVALID
// for times that are over, the wrong way round or more than MaxLeaveAhead ahead,
// and CONFLICT beyond MaxLeaves.
func (s *Service) AddLeave(ctx context.Context, actor auth.Principal, in NewLeave) (*Responder, error) {
	l := Leave{From: in.From.UTC().Truncate(time.Millisecond), To: in.To.UTC().Truncate(time.Millisecond), Reason: in.Reason}
	if err := l.check(s.now()); err != nil {
		return nil, err
	}
	return s.arrange(ctx, actor, setting{"add leave", in.Key, fmt.Sprint(l)}, func(r *Responder) error {
		r.Availability.forgetPast(s.now())
		if len(r.Availability.Leaves) >= MaxLeaves {
			return fault.Conflict("too_many_leaves", fault.Args{"max": MaxLeaves})
		}
		added := l // the step may be run again
		added.ID = s.newID("lve")
		if now := s.now(); added.From.Before(now) {
			added.From = now
		}
		r.Availability.Leaves = append(r.Availability.Leaves, added)
		return nil
	})
}

func (l Leave) check(now time.Time) error {
	switch {
	case !l.From.Before(l.To):
		return fault.Invalid("to", "leave_order")
	case !l.To.After(now) || l.To.Sub(now) > MaxLeaveAhead:
		return fault.Invalid("to", "leave_end", fault.Args{"days": int(MaxLeaveAhead.Hours() / 24)})
	}
	return fault.CheckText("reason", l.Reason, maxLeaveReason)
}

// EndLeave ends a leave of the actor's responder, or cancels one that has not
// begun. It fails with NOT_FOUND if there is no such leave, or it is over.
func (s *Service) EndLeave(ctx context.Context, actor auth.Principal, leaveID, key string) (*Responder, error) {
	return s.arrange(ctx, actor, setting{"end leave", key, leaveID}, func(r *Responder) error {
		r.Availability.forgetPast(s.now())
		had := len(r.Availability.Leaves)
		r.Availability.Leaves = slices.DeleteFunc(r.Availability.Leaves, func(l Leave) bool { return l.ID == leaveID })
		if len(r.Availability.Leaves) == had {
			return fault.NotFound("leave")
		}
		return nil
	})
}
