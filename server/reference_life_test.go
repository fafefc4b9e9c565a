package main

import (
	"testing"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/client/reference"
)

// apply has the resident apply to the community, and returns its responder's id.
func (r *resident) apply(t *testing.T) string {
	t.Helper()
	position := "l1"
	got, _ := reference.ApplyToRoster(t.Context(), r.typed(t), reference.ApplyToRosterInput{
		Name: "李四", OrgUnitId: guiyuanOne, TransportMode: reference.TransportModeEbike, Equipment: []string{"AED"},
		PrivacyConsentVersion: "p1", PositionConsentVersion: &position,
	})
	return got.ApplyToRoster.Responder.Id
}

func lifeUses() map[string]use {
	const why = "因为"
	applicant := func(t *testing.T, tw *town) string { return tw.newResident(t, "李四", "", "").apply(t) }
	member := func(t *testing.T, tw *town) *resident { return tw.newVolunteer(t, guiyuanOne, tw.scene()) }
	suspend := func(t *testing.T, tw *town) reference.ResponderFields {
		r, _ := reference.SuspendResponder(t.Context(), tw.guiyuan.typed(t), reference.SuspendResponderInput{ResponderId: member(t, tw).responderID, Reason: why})
		return r.SuspendResponder.Responder.ResponderFields
	}
	return map[string]use{
		"applyToRoster": func(t *testing.T, tw *town) (got, want any) {
			one := tw.newResident(t, "李四", "", "")
			id := one.apply(t)
			me, _ := reference.Me(t.Context(), one.typed(t))
			return me.Me.Responder.Id, id
		},
		"approveApplication": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.ApproveApplication(t.Context(), tw.guiyuan.typed(t), reference.ApproveApplicationInput{ResponderId: applicant(t, tw)})
			who := r.ApproveApplication.Responder
			return []any{who.Status, who.Consents.Position.Holds}, []any{reference.ResponderStatusActive, true}
		},
		"rejectApplication": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.RejectApplication(t.Context(), tw.guiyuan.typed(t), reference.RejectApplicationInput{ResponderId: applicant(t, tw), Reason: why})
			who := r.RejectApplication.Responder
			return []any{who.Status, *who.StatusReason}, []any{reference.ResponderStatusRejected, why}
		},
		"suspendResponder": func(t *testing.T, tw *town) (got, want any) {
			who := suspend(t, tw)
			return []any{who.Status, *who.StatusReason}, []any{reference.ResponderStatusSuspended, why}
		},
		"reinstateResponder": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.ReinstateResponder(t.Context(), tw.guiyuan.typed(t), reference.ReinstateResponderInput{ResponderId: suspend(t, tw).Id, Reason: why})
			return r.ReinstateResponder.Responder.Status, reference.ResponderStatusActive
		},
		"retireResponder": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.RetireResponder(t.Context(), tw.guiyuan.typed(t), reference.RetireResponderInput{ResponderId: member(t, tw).responderID, Reason: why})
			return r.RetireResponder.Responder.Status, reference.ResponderStatusRetired
		},
		"leaveRoster": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.LeaveRoster(t.Context(), member(t, tw).typed(t), reference.LeaveRosterInput{})
			return r.LeaveRoster.Responder.Status, reference.ResponderStatusRetired
		},
		"changeProfile": func(t *testing.T, tw *town) (got, want any) {
			car := reference.TransportModeCar
			r, _ := reference.ChangeProfile(t.Context(), member(t, tw).typed(t), reference.ChangeProfileInput{TransportMode: &car, Equipment: []string{}})
			return []any{r.ChangeProfile.Responder.TransportMode, r.ChangeProfile.Responder.Equipment}, []any{car, []string{}}
		},
		"correctResponder": func(t *testing.T, tw *town) (got, want any) {
			name, one := "章三", member(t, tw)
			r, _ := reference.CorrectResponder(t.Context(), tw.guiyuan.typed(t), reference.CorrectResponderInput{ResponderId: one.responderID, Name: &name, Reason: why})
			who := r.CorrectResponder.Responder
			return []any{who.Name, *who.Phone}, []any{name, one.phone}
		},
		"recordConsent": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.RecordConsent(t.Context(), member(t, tw).typed(t), reference.RecordConsentInput{Purpose: reference.ConsentPurposePosition, Version: "2"})
			consents := r.RecordConsent.Responder.Consents
			return []any{consents.Position.Holds, consents.Privacy.Holds}, []any{false, true}
		},
		"addNote": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.AddNote(t.Context(), tw.guiyuan.typed(t), reference.AddNoteInput{ResponderId: member(t, tw).responderID, Text: "可靠"})
			return []any{r.AddNote.Note.Text, r.AddNote.Note.AuthorId}, []any{"可靠", tw.guiyuan.accountID}
		},
	}
}

// moving asks Liantang to take a responder of Guiyuan over, and returns the
// request's id and who asks.
func (tw *town) moving(t *testing.T) (id string, r *resident) {
	t.Helper()
	r = tw.newVolunteer(t, guiyuanOne, tw.scene())
	got, _ := reference.RequestTransfer(t.Context(), r.typed(t), reference.RequestTransferInput{ResponderId: r.responderID, OrgUnitId: liantangID})
	return got.RequestTransfer.Request.Id, r
}

func requestUses() map[string]use {
	// joined is somebody of Guiyuan who is in Liantang's team, too.
	joined := func(t *testing.T, tw *town) (*resident, *reference.RequestMembershipResponse) {
		r := tw.newVolunteer(t, guiyuanOne, tw.scene())
		got, _ := reference.RequestMembership(t.Context(), tw.admin.typed(t), reference.RequestMembershipInput{ResponderId: r.responderID, OrgUnitId: liantangID})
		return r, got
	}
	return map[string]use{
		"requestTransfer": func(t *testing.T, tw *town) (got, want any) {
			id, r := tw.moving(t)
			own, _ := reference.Responder(t.Context(), r.typed(t), r.responderID)
			return []any{id != "", own.Responder.OrgUnit.Id}, []any{true, guiyuanOne}
		},
		"requestMembership": func(t *testing.T, tw *town) (got, want any) {
			r, done := joined(t, tw) // at once: the administrator is staff of both
			return []any{done.RequestMembership.Request == nil, done.RequestMembership.Responder.Id}, []any{true, r.responderID}
		},
		"rosterRequests": func(t *testing.T, _ *town) (got, want any) {
			tw := newTown(t, nil) // others wait in the one of all
			id, _ := tw.moving(t)
			r, _ := reference.RosterRequests(t.Context(), tw.liantang.typed(t), liantangID, 10, nil)
			one := r.RosterRequests.Nodes[0]
			return []any{one.Id, one.Kind, *one.ResponderName, one.Responder == nil}, []any{id, reference.RosterRequestKindTransfer, "张三", true}
		},
		"acceptRequest": func(t *testing.T, tw *town) (got, want any) {
			id, _ := tw.moving(t)
			r, _ := reference.AcceptRequest(t.Context(), tw.liantang.typed(t), reference.AcceptRequestInput{RequestId: id})
			return r.AcceptRequest.Responder.OrgUnit.Id, liantangID
		},
		"refuseRequest": func(t *testing.T, tw *town) (got, want any) {
			id, _ := tw.moving(t)
			r, _ := reference.RefuseRequest(t.Context(), tw.liantang.typed(t), reference.RefuseRequestInput{RequestId: id, Reason: "满员"})
			return r.RefuseRequest.RequestId, id
		},
		"cancelRequest": func(t *testing.T, tw *town) (got, want any) {
			id, r := tw.moving(t)
			cancelled, _ := reference.CancelRequest(t.Context(), r.typed(t), reference.CancelRequestInput{RequestId: id})
			return cancelled.CancelRequest.RequestId, id
		},
		"endMembership": func(t *testing.T, tw *town) (got, want any) {
			r, _ := joined(t, tw)
			ended, _ := reference.EndMembership(t.Context(), r.typed(t), reference.EndMembershipInput{ResponderId: r.responderID, OrgUnitId: liantangID})
			return len(ended.EndMembership.Responder.Memberships), 0
		},
	}
}

func auditUses() map[string]use {
	// corrected is somebody whom the administrator has corrected.
	corrected := func(t *testing.T, tw *town) *resident {
		r, car := tw.newVolunteer(t, guiyuanOne, tw.scene()), reference.TransportModeCar
		_, _ = reference.CorrectResponder(t.Context(), tw.admin.typed(t), reference.CorrectResponderInput{ResponderId: r.responderID, TransportMode: &car, Reason: "量过"})
		return r
	}
	return map[string]use{
		"auditLog": func(t *testing.T, _ *town) (got, want any) {
			tw := newTown(t, nil) // staff of the one of all is busy
			r := corrected(t, tw)
			log, _ := reference.AuditLog(t.Context(), tw.guiyuan.typed(t), guiyuanID, 1, nil)
			entry := log.AuditLog.Nodes[0]
			return []any{entry.Action, entry.SubjectId, *entry.ActorName}, []any{reference.AuditActionCorrectResponder, r.responderID, tw.admin.name}
		},
		"auditLogOf": func(t *testing.T, tw *town) (got, want any) {
			log, _ := reference.AuditLogOf(t.Context(), tw.guiyuan.typed(t), corrected(t, tw).responderID, 1, nil)
			entry := log.AuditLogOf.Nodes[0]
			return []any{entry.ActorId, *entry.Reason, entry.OrgUnit.Id}, []any{tw.admin.accountID, "量过", guiyuanOne}
		},
		"auditLogBy": func(t *testing.T, tw *town) (got, want any) {
			one := tw.newResident(t, "一", auth.RoleDispatcher, guiyuanID)
			r := tw.newVolunteer(t, guiyuanOne, tw.scene())
			_, _ = reference.AddNote(t.Context(), one.typed(t), reference.AddNoteInput{ResponderId: r.responderID, Text: "可靠"})
			log, _ := reference.AuditLogBy(t.Context(), tw.admin.typed(t), one.accountID, 1, nil)
			return []any{log.AuditLogBy.Nodes[0].Action, log.AuditLogBy.Nodes[0].SubjectId}, []any{reference.AuditActionAddNote, r.responderID}
		},
		"myAuditLog": func(t *testing.T, tw *town) (got, want any) {
			log, _ := reference.MyAuditLog(t.Context(), corrected(t, tw).typed(t), 1, nil)
			entry := log.MyAuditLog.Nodes[0]
			return []any{entry.Action, entry.ActorId, entry.ActorName == nil}, []any{reference.AuditActionCorrectResponder, tw.admin.accountID, true}
		},
	}
}
