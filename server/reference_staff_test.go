package main

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/client/reference"
	"github.com/musterhq/muster/store"
)

func sessionUses() map[string]use {
	return map[string]use{
		"mySessions": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.MySessions(t.Context(), tw.newResident(t, "一", "", "").typed(t), 10, nil)
			return []any{len(r.MySessions.Nodes), r.MySessions.Nodes[0].Current}, []any{1, true}
		},
		"revokeSession": func(t *testing.T, tw *town) (got, want any) {
			one := tw.newResident(t, "一", "", "")
			other := typed{t, one.speaking(t, "en")}
			list, _ := reference.MySessions(t.Context(), other, 10, nil)
			for _, s := range list.MySessions.Nodes {
				if !s.Current {
					want = s.Id
				}
			}
			id, _ := want.(string)
			r, _ := reference.RevokeSession(t.Context(), other, reference.RevokeSessionInput{SessionId: id})
			return r.RevokeSession.SessionId, want
		},
		"revokeOtherSessions": func(t *testing.T, tw *town) (got, want any) {
			one := tw.newResident(t, "一", "", "")
			one.speaking(t, "en")
			r, _ := reference.RevokeOtherSessions(t.Context(), one.typed(t))
			return r.RevokeOtherSessions.Revoked, 1
		},
		"beginSecondFactor": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.BeginSecondFactor(t.Context(), tw.newResident(t, "一", "", "").typed(t))
			return strings.HasPrefix(r.BeginSecondFactor.Url, "otpauth://totp/"), true
		},
		"confirmSecondFactor": func(t *testing.T, tw *town) (got, want any) {
			return len(tw.newResident(t, "一", "", "").confirm(t)) > 0, true
		},
		"removeSecondFactor": func(t *testing.T, tw *town) (got, want any) {
			one := tw.newResident(t, "一", "", "")
			recovery := one.confirm(t)
			r, _ := reference.RemoveSecondFactor(t.Context(), one.typed(t), reference.RemoveSecondFactorInput{Code: recovery[0]})
			return r.RemoveSecondFactor.Account.SecondFactor.Active, false
		},
		"signInWithIdToken": func(t *testing.T, _ *town) (got, want any) {
			tw := newTown(t, func(p *parts) { p.idTokens = identities{"mine": "+8613700000008"} })
			r, _ := reference.SignInWithIdToken(t.Context(), typed{t, tw.client("en")}, reference.SignInWithIdTokenInput{IdToken: "mine"})
			return r.SignInWithIdToken.AccessToken != "", true
		},
	}
}

// confirm gives the resident a second factor, and returns the recovery codes.
func (r *resident) confirm(t *testing.T) []string {
	t.Helper()
	begun, _ := reference.BeginSecondFactor(t.Context(), r.typed(t))
	code, err := totp.GenerateCode(begun.BeginSecondFactor.Secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	confirmed, _ := reference.ConfirmSecondFactor(t.Context(), r.typed(t), reference.ConfirmSecondFactorInput{Code: code})
	return confirmed.ConfirmSecondFactor.RecoveryCodes
}

func staffUses() map[string]use {
	trainer := func(t *testing.T, tw *town) *resident { return tw.newResident(t, "一", auth.RoleTrainer, guiyuanID) }
	return map[string]use{
		"staff": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.Staff(t.Context(), tw.admin.typed(t), luohuID, 1, nil)
			return len(r.Staff.Nodes), 1
		},
		"grantRole": func(t *testing.T, tw *town) (got, want any) {
			one := tw.newResident(t, "一", "", "")
			r, _ := reference.GrantRole(t.Context(), tw.admin.typed(t), reference.GrantRoleInput{Phone: one.phone, Role: reference.RoleTrainer, OrgUnitId: guiyuanID})
			return r.GrantRole.Account.Id, one.accountID
		},
		"revokeRole": func(t *testing.T, tw *town) (got, want any) {
			one := trainer(t, tw)
			r, _ := reference.RevokeRole(t.Context(), tw.admin.typed(t), reference.RevokeRoleInput{
				AccountId: one.accountID, Role: reference.RoleTrainer, OrgUnitId: guiyuanID, Reason: "left",
			})
			return r.RevokeRole.Account.Id, one.accountID
		},
		"suspendAccount": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.SuspendAccount(t.Context(), tw.admin.typed(t), reference.SuspendAccountInput{AccountId: trainer(t, tw).accountID, Reason: "lost phone"})
			return r.SuspendAccount.Account.SuspendedAt == nil, false
		},
		"reinstateAccount": func(t *testing.T, tw *town) (got, want any) {
			id := trainer(t, tw).accountID
			_, _ = reference.SuspendAccount(t.Context(), tw.admin.typed(t), reference.SuspendAccountInput{AccountId: id, Reason: "lost phone"})
			r, _ := reference.ReinstateAccount(t.Context(), tw.admin.typed(t), reference.ReinstateAccountInput{AccountId: id, Reason: "found"})
			return r.ReinstateAccount.Account.SuspendedAt == nil, true
		},
		"requireSecondFactor": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.RequireSecondFactor(t.Context(), tw.admin.typed(t), reference.RequireSecondFactorInput{AccountId: trainer(t, tw).accountID, Required: true})
			return r.RequireSecondFactor.Account.SecondFactor.Required, true
		},
		"resetSecondFactor": func(t *testing.T, tw *town) (got, want any) {
			one := trainer(t, tw)
			one.confirm(t)
			r, _ := reference.ResetSecondFactor(t.Context(), tw.admin.typed(t), reference.ResetSecondFactorInput{AccountId: one.accountID, Reason: "new phone"})
			return r.ResetSecondFactor.Account.SecondFactor.Active, false
		},
	}
}

func availabilityUses() map[string]use {
	with := func(do func(t *testing.T, c typed) any, want any) use {
		return func(t *testing.T, tw *town) (got, _ any) {
			return do(t, tw.newVolunteer(t, guiyuanOne, tw.scene()).typed(t)), want
		}
	}
	leave := func(t *testing.T, c typed) string {
		r, _ := reference.AddLeave(t.Context(), c, reference.AddLeaveInput{From: store.Now().Add(time.Hour), To: store.Now().Add(2 * time.Hour)})
		return r.AddLeave.Availability.Leaves[0].Id
	}
	return map[string]use{
		"followSchedule": with(func(t *testing.T, c typed) any {
			r, _ := reference.FollowSchedule(t.Context(), c, reference.FollowScheduleInput{})
			return r.FollowSchedule.Availability.Toggle == nil
		}, true),
		"setSchedule": with(func(t *testing.T, c typed) any {
			r, _ := reference.SetSchedule(t.Context(), c, reference.SetScheduleInput{Shifts: []reference.ShiftInput{{Weekday: reference.WeekdayMonday, From: "08:00", To: "18:00"}}})
			return r.SetSchedule.Availability.Schedule[0].Weekday
		}, reference.WeekdayMonday),
		"setQuietHours": with(func(t *testing.T, c typed) any {
			r, _ := reference.SetQuietHours(t.Context(), c, reference.SetQuietHoursInput{Hours: []reference.QuietHoursInput{{From: "22:00", To: "06:00"}}})
			return r.SetQuietHours.Availability.QuietHours[0].From
		}, "22:00"),
		"addLeave": with(func(t *testing.T, c typed) any { return leave(t, c) != "" }, true),
		"endLeave": with(func(t *testing.T, c typed) any {
			r, _ := reference.EndLeave(t.Context(), c, reference.EndLeaveInput{LeaveId: leave(t, c)})
			return len(r.EndLeave.Availability.Leaves)
		}, 0),
	}
}

func privacyUses() map[string]use {
	return map[string]use{
		"requestMyData": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.RequestMyData(t.Context(), tw.newResident(t, "一", "", "").typed(t))
			return r.RequestMyData.Download.Url != "", true
		},
		"eraseMyAccount": func(t *testing.T, tw *town) (got, want any) {
			one := tw.newResident(t, "一", "", "")
			r, _ := reference.EraseMyAccount(t.Context(), one.typed(t), reference.EraseMyAccountInput{Confirmation: one.phone})
			return r.EraseMyAccount.Erasure.AccountId, one.accountID
		},
		"eraseAccount": func(t *testing.T, tw *town) (got, want any) {
			one := tw.newResident(t, "一", auth.RoleTrainer, guiyuanID)
			r, _ := reference.EraseAccount(t.Context(), tw.admin.typed(t), reference.EraseAccountInput{AccountId: one.accountID, Reason: "asked for by letter"})
			return r.EraseAccount.Erasure.Reason, reference.ErasureReasonStaff
		},
	}
}
