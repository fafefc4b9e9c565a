package roster

import (
	"context"
	"slices"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Decision is what staff decide about a responder.
type Decision struct {
	ResponderID string
	Reason      string // at most MaxReason characters; the responder can read it
	Key         string // makes a repetition safe (see store.Once); optional
}

// ruling is one kind of decision.
type ruling struct {
	action audit.Action
	from   []Status // which the responder must have
	to     Status
	notice NoticeKind
	// reasoned says that it must have a reason.
	reasoned bool
}

var (
	approval      = ruling{audit.ApproveResponder, []Status{StatusApplied}, StatusActive, NoticeApproved, false}
	rejection     = ruling{audit.RejectResponder, []Status{StatusApplied}, StatusRejected, NoticeRejected, true}
	suspension    = ruling{audit.SuspendResponder, []Status{StatusActive}, StatusSuspended, NoticeSuspended, true}
	reinstatement = ruling{audit.ReinstateResponder, []Status{StatusSuspended}, StatusActive, NoticeReinstated, true}
	retirement    = ruling{audit.RetireResponder, []Status{StatusActive, StatusSuspended}, StatusRetired, NoticeRetired, true}
)

// Approve takes an applicant on.
//
// All decisions are for dispatchers of the responder's own unit, and never for
// the responder itself: they fail with NOT_FOUND or FORBIDDEN, with INVALID for
// the reason, and with CONFLICT if the status does not allow them. The responder
// is told, and the audit log has it.
func (s *Service) Approve(ctx context.Context, actor auth.Principal, in Decision) (*Responder, error) {
	return s.decide(ctx, actor, approval, in)
}

// Reject turns an applicant away, who may apply again. See Approve.
func (s *Service) Reject(ctx context.Context, actor auth.Principal, in Decision) (*Responder, error) {
	return s.decide(ctx, actor, rejection, in)
}

// Suspend bars a responder from being called out until it is reinstated. It
// goes off duty, and its position is forgotten. See Approve.
func (s *Service) Suspend(ctx context.Context, actor auth.Principal, in Decision) (*Responder, error) {
	return s.decide(ctx, actor, suspension, in)
}

// Reinstate ends a suspension. See Approve.
func (s *Service) Reinstate(ctx context.Context, actor auth.Principal, in Decision) (*Responder, error) {
	return s.decide(ctx, actor, reinstatement, in)
}

// Retire takes a responder off the roster and out of all teams. See Approve.
func (s *Service) Retire(ctx context.Context, actor auth.Principal, in Decision) (*Responder, error) {
	return s.decide(ctx, actor, retirement, in)
}

func (s *Service) decide(ctx context.Context, actor auth.Principal, v ruling, in Decision) (*Responder, error) {
	if err := v.check(in); err != nil {
		return nil, err
	}
	a := asked{actor, "deciding " + string(v.action), in.Key, []string{in.ResponderID, in.Reason}}
	return s.changeStaffed(ctx, a, in.ResponderID, func(tx *store.Tx, r *Responder) error {
		was := r.Status
		if !slices.Contains(v.from, was) {
			return wrongStatus(was)
		}
		if err := s.become(ctx, tx, r, v.to, in.Reason); err != nil {
			return err
		}
		details := []audit.Detail{{Name: "from", Value: string(was)}, {Name: "to", Value: string(v.to)}}
		if err := s.changed(ctx, tx, actor, v.action, r, r.UnitPath, in.Reason, details...); err != nil {
			return err
		}
		return s.tell(ctx, tx, r, v.notice)
	})
}

func (v ruling) check(in Decision) error {
	if v.reasoned {
		return fault.CheckRequired("reason", in.Reason, MaxReason)
	}
	return fault.CheckText("reason", in.Reason, MaxReason)
}

// changed writes down a change of the responder by staff.
func (s *Service) changed(
	ctx context.Context, tx *store.Tx, actor auth.Principal, action audit.Action, r *Responder, unitPath, reason string, details ...audit.Detail,
) error {
	return s.audit.Changed(ctx, tx, actor, audit.Change{
		Action: action, SubjectID: r.ID, UnitPath: unitPath, Reason: reason, Details: details,
	})
}

// tell brings a notice to the responder.
func (s *Service) tell(ctx context.Context, tx *store.Tx, r *Responder, kind NoticeKind) error {
	return s.hooks.tell(ctx, tx, Notice{AccountID: r.AccountID, Kind: kind, SubjectID: r.ID})
}
