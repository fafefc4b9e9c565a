package roster

import (
	"context"
	"slices"
	"strings"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Profile is what a responder may change about itself. What is nil stays.
type Profile struct {
	TransportMode *TransportMode
	Equipment     []string // at most MaxEquipment of at most 50 characters each
	Key           string   `json:"-"` // makes a repetition safe (see store.Once); optional
}

func (in Profile) check() error {
	if in.TransportMode != nil && !in.TransportMode.Valid() {
		return fault.Invalid("transportMode", "transport_mode")
	}
	return checkEquipment(in.Equipment)
}

// apply changes the responder, and returns the names of what has changed.
func (in Profile) apply(r *Responder) []string {
	var changed []string
	if in.TransportMode != nil && r.TransportMode != *in.TransportMode {
		r.TransportMode, changed = *in.TransportMode, append(changed, "transportMode")
	}
	if carried := trimmed(in.Equipment); in.Equipment != nil && !slices.Equal(r.Equipment, carried) {
		r.Equipment, changed = carried, append(changed, "equipment")
	}
	return changed
}

// ChangeProfile changes the actor's responder. It fails with INVALID, and with
// NOT_FOUND if the actor is not on the roster.
func (s *Service) ChangeProfile(ctx context.Context, actor auth.Principal, in Profile) (*Responder, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	return s.changeOwn(ctx, asked{actor, "changing a profile", in.Key, in}, func(tx *store.Tx, r *Responder) error {
		if len(in.apply(r)) == 0 {
			return nil
		}
		return responders.Replace(ctx, tx, r)
	})
}

// Correction is what staff put right about a responder. What is nil stays.
type Correction struct {
	ResponderID string
	Name        *string // 1 to MaxName characters
	Profile     Profile
	Reason      string // at most MaxReason characters; required
	Key         string `json:"-"` // makes a repetition safe (see store.Once); optional
}

func (in Correction) check() error {
	if in.Name != nil {
		if err := checkLine("name", *in.Name, MaxName); err != nil {
			return err
		}
	}
	if err := in.Profile.check(); err != nil {
		return err
	}
	return fault.CheckRequired("reason", in.Reason, MaxReason)
}

// Correct changes what the roster says of a responder, for dispatchers of its
// unit. The audit log has which fields were changed, and not to what; what is
// right already leaves no trace. It fails with INVALID, NOT_FOUND or FORBIDDEN.
func (s *Service) Correct(ctx context.Context, actor auth.Principal, in Correction) (*Responder, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	a := asked{actor, "correcting a responder", in.Key, in}
	return s.changeStaffed(ctx, a, in.ResponderID, func(tx *store.Tx, r *Responder) error {
		changed := in.Profile.apply(r)
		if in.Name != nil && r.Name != strings.TrimSpace(*in.Name) {
			r.Name, changed = strings.TrimSpace(*in.Name), append(changed, "name")
		}
		if len(changed) == 0 {
			return nil
		}
		if err := responders.Replace(ctx, tx, r); err != nil {
			return err
		}
		details := make([]audit.Detail, len(changed))
		for i, name := range changed {
			details[i] = audit.Detail{Name: "changed", Value: name}
		}
		return s.changed(ctx, tx, actor, audit.CorrectResponder, r, r.UnitPath, in.Reason, details...)
	})
}
