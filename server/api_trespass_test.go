package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
)

// What staff try in order to get hold of people of others, or to write about
// those who are gone.

var notAllowed = problem{Code: "FORBIDDEN", Reason: "forbidden"}

func TestAPIWhoIsGivenARoleIsNotAtItsMercy(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	chief := tw.newResident(t, "桂园管理员", auth.RoleAdmin, guiyuanID)
	v := tw.newVolunteer(t, liantangOne, tw.scene())
	chief.must(t, grantRole, vars{"input": vars{"phone": v.phone, "role": "TRAINER", "orgUnitId": guiyuanID}})
	why := vars{"accountId": v.accountID, "reason": "x"}
	for _, name := range []string{"suspendAccount", "reinstateAccount", "resetSecondFactor"} {
		expectRefusal(t, chief.Client, ordering(name), vars{"input": why}, notAllowed)
	}
	expectRefusal(t, chief.Client, ordering("requireSecondFactor"), vars{"input": vars{"accountId": v.accountID, "required": true}}, notAllowed)
	expectRefusal(t, chief.Client, eraseAccount, vars{"input": why}, problem{Code: "NOT_FOUND", Reason: "not_found.account"})
	v.must(t, me, nil)
	tw.admin.must(t, ordering("suspendAccount"), vars{"input": why}) // of both places
}

func TestAPIErasureAsksWhereTheRoleIsNow(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	chief := tw.newResident(t, "桂园管理员", auth.RoleAdmin, guiyuanID)
	clerk := tw.newResident(t, "老围调度员", auth.RoleDispatcher, guiyuanOne) // not on the roster
	tw.admin.must(t, amending("moveUnit"), vars{"input": vars{"orgUnitId": guiyuanOne, "parentId": liantangID, "reason": "区划调整"}})
	expectRefusal(t, chief.Client, eraseAccount, vars{"input": vars{"accountId": clerk.accountID, "reason": "x"}},
		problem{Code: "NOT_FOUND", Reason: "not_found.account"})
	clerk.must(t, me, nil)
	tw.admin.must(t, eraseAccount, vars{"input": vars{"accountId": clerk.accountID, "reason": "来信"}})
}

func TestAPINothingIsWrittenAboutTheErased(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	v := tw.newVolunteer(t, guiyuanOne, tw.scene())
	v.must(t, eraseMyAccount, vars{"input": vars{"confirmation": v.phone}})
	tw.erased(t, v.accountID)
	gone := problem{Code: "CONFLICT", Reason: "conflict.erased_already"}
	expectRefusal(t, tw.guiyuan.Client, addNote, vars{"input": vars{"responderId": v.responderID, "text": "住在…"}}, gone)
	expectRefusal(t, tw.guiyuan.Client, onResponder("correctResponder"),
		vars{"input": vars{"responderId": v.responderID, "name": "张三", "reason": "x"}}, gone)
	got := tw.guiyuan.must(t, `query ($id: ID!) { responder(id: $id) { name phone notes { nodes { id } } } }`, vars{"id": v.responderID})
	want := vars{"name": "", "phone": nil, "notes": vars{"nodes": []any{}}}
	if diff := cmp.Diff(want, dig(got, "responder")); diff != "" {
		t.Error(diff)
	}
}

func TestAPIAcceptRequest(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	move := func(t *testing.T, v *resident, unitID string) string {
		t.Helper()
		got := v.must(t, asking("requestTransfer"), vars{"input": vars{"responderId": v.responderID, "orgUnitId": unitID}})
		return word(got, "requestTransfer", "request", "id")
	}
	t.Run("by a unit that was closed", func(t *testing.T) {
		t.Parallel()
		const closing = "440303001778"
		tw.admin.must(t, amending("createUnit"), vars{"input": vars{
			"code": closing, "name": "短命社区", "level": "COMMUNITY", "parentId": guiyuanID, "reason": "新设",
		}})
		v := tw.newVolunteer(t, liantangOne, tw.scene())
		request := move(t, v, closing)
		tw.admin.must(t, amending("closeUnit"), vars{"input": vars{"orgUnitId": closing, "reason": "撤销"}})
		expectRefusal(t, tw.guiyuan.Client, onResponder("acceptRequest"), vars{"input": vars{"requestId": request}},
			problem{Code: "CONFLICT", Reason: "conflict.unit_closed", State: "CLOSED"})
		refuse := vars{"input": vars{"requestId": request, "reason": "已撤销"}}
		tw.guiyuan.must(t, refuseRequest, refuse)
	})
	t.Run("again when the responder has moved on", func(t *testing.T) {
		t.Parallel()
		v := tw.newVolunteer(t, liantangOne, tw.scene())
		accept := vars{"input": vars{"requestId": move(t, v, guiyuanOne), "idempotencyKey": "k"}}
		tw.guiyuan.must(t, onResponder("acceptRequest"), accept)
		tw.guiyuan.must(t, onResponder("acceptRequest"), accept)
		back := vars{"input": vars{"requestId": move(t, v, liantangOne)}}
		tw.liantang.must(t, onResponder("acceptRequest"), back)
		expectRefusal(t, tw.guiyuan.Client, onResponder("acceptRequest"), accept, problem{Code: "NOT_FOUND", Reason: "not_found.responder"})
	})
}

func TestAPIImportOfOneself(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	onRoster := func(t *testing.T, r *resident) bool {
		t.Helper()
		_, err := tw.app.roster.OfAccount(t.Context(), r.accountID)
		if err != nil && fault.CodeOf(err) != fault.CodeNotFound {
			t.Fatal(err)
		}
		return err == nil
	}
	t.Run("uploaded", func(t *testing.T) {
		t.Parallel()
		clerk := tw.newResident(t, "管理员", auth.RoleAdmin, guiyuanID)
		id := clerk.upload(t, guiyuanID, rollOf(t, clerk.phone))
		got := clerk.must(t, readImport, vars{"id": id})
		if code := word(got, "rosterImport", "problems", "nodes", 0, "problems", 0, "code"); code != "own_row" {
			t.Errorf("the problem is %q: %v", code, got)
		}
		clerk.must(t, applyImport, vars{"input": vars{"id": id, "mode": "GOOD_ROWS"}})
		clerk.awaitImport(t, id, "DONE")
		if onRoster(t, clerk) {
			t.Error("who uploads a file can put himself on the roster")
		}
	})
	t.Run("applied", func(t *testing.T) {
		t.Parallel()
		clerk := tw.newResident(t, "管理员", auth.RoleAdmin, guiyuanID)
		chief := tw.newResident(t, "管理员", auth.RoleAdmin, guiyuanID)
		id := clerk.upload(t, guiyuanID, rollOf(t, chief.phone))
		chief.must(t, applyImport, vars{"input": vars{"id": id, "mode": "GOOD_ROWS"}})
		chief.awaitImport(t, id, "DONE")
		if onRoster(t, chief) {
			t.Error("who applies a file can put himself on the roster")
		}
	})
}

func TestAPIDownloadIsNotUsedUpByHead(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	got := tw.guiyuan.must(t, exportResponders, vars{"input": vars{"orgUnitId": guiyuanID}})
	for _, c := range []struct {
		method string
		want   int
	}{{http.MethodHead, http.StatusMethodNotAllowed}, {http.MethodGet, http.StatusOK}, {http.MethodGet, http.StatusNotFound}} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, tw.url+word(got, "exportResponders", "download", "url"), nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := tw.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil || answer.StatusCode != c.want {
			t.Errorf("%s: %s, %v", c.method, answer.Status, err)
		}
	}
}

func TestAPIMomentsThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	for _, moment := range []string{"9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59"} {
		expectRefusal(t, tw.guiyuan.Client, exportResponders, vars{"input": vars{"orgUnitId": guiyuanID, "filter": vars{
			"qualification": vars{"courseId": "first-responder", "state": "EXPIRING", "before": moment},
		}}}, problem{Code: "INVALID", Reason: "invalid.date_time", Field: "filter.qualification.before"})
	}
}

func TestAPIDisguisedNames(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	chief := tw.newResident(t, "桂园管理员", auth.RoleAdmin, guiyuanID)
	wrong := problem{Code: "INVALID", Reason: "invalid.text", Field: "name"}
	for _, name := range []string{"三\u202e张", "张\n三", "张\u2066三", "张\x00三"} {
		expectRefusal(t, tw.nobody.Client, onResponder("applyToRoster"), vars{"input": applicationTo(guiyuanOne, vars{"name": name})}, wrong)
		expectRefusal(t, chief.Client, grantRole, vars{"input": vars{"phone": "13700009999", "name": name, "role": "TRAINER", "orgUnitId": guiyuanID}}, wrong)
		expectRefusal(t, chief.Client, amending("renameUnit"), vars{"input": vars{"orgUnitId": guiyuanOne, "name": name, "reason": "更名"}}, wrong)
	}
}

func TestAPIWhatASessionLoses(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	for name, c := range map[string]struct {
		take           func(t *testing.T, clerk *resident)
		upload, ticket int
		query          problem
	}{
		"by a second factor that is required": {
			func(t *testing.T, clerk *resident) {
				t.Helper()
				tw.admin.must(t, ordering("requireSecondFactor"), vars{"input": vars{"accountId": clerk.accountID, "required": true}})
			},
			http.StatusForbidden, http.StatusForbidden, notAllowed,
		},
		"by the end of its role": {
			func(t *testing.T, clerk *resident) {
				t.Helper()
				tw.admin.must(t, `mutation ($input: RevokeRoleInput!) { revokeRole(input: $input) { account { id } } }`,
					vars{"input": vars{"accountId": clerk.accountID, "role": "DISPATCHER", "orgUnitId": guiyuanID, "reason": "x"}})
			},
			http.StatusForbidden, http.StatusForbidden, notAllowed,
		},
		"by a suspension": {
			func(t *testing.T, clerk *resident) {
				t.Helper()
				tw.admin.must(t, ordering("suspendAccount"), vars{"input": vars{"accountId": clerk.accountID, "reason": "x"}})
			},
			http.StatusUnauthorized, http.StatusNotFound, problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.token"},
		},
		"by an erasure": {
			func(t *testing.T, clerk *resident) {
				t.Helper()
				tw.admin.must(t, eraseAccount, vars{"input": vars{"accountId": clerk.accountID, "reason": "x"}})
			},
			http.StatusUnauthorized, http.StatusNotFound, problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.token"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clerk := tw.newResident(t, "调度员", auth.RoleDispatcher, guiyuanID)
			token := clerk.bearer(t)
			ticket := word(clerk.must(t, exportResponders, vars{"input": vars{"orgUnitId": guiyuanID}}), "exportResponders", "download", "url")
			imported := clerk.upload(t, guiyuanID, rollOf(t, "138 1234 5678"))
			c.take(t, clerk)
			if status, body := tw.upload(t, token, "?orgUnitId="+guiyuanID, "en", strings.NewReader(rollOf(t, "13812345679"))); status != c.upload {
				t.Errorf("an upload: %d %v", status, body)
			}
			if status := tw.fetch(t, ticket).status; status != c.ticket {
				t.Errorf("a ticket: %d", status)
			}
			expectRefusal(t, clerk.Client, `query ($id: ID!) { responders(orgUnitId: $id) { nodes { id } } }`, vars{"id": guiyuanID}, c.query)
			expectRefusal(t, clerk.Client, applyImport, vars{"input": vars{"id": imported, "mode": "GOOD_ROWS"}}, c.query)
		})
	}
}

// Who keeps a roster does not say who is qualified on it.
func TestAPIImportOfCertificatesTakesATrainer(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	clerk := tw.newResident(t, "调度员", auth.RoleDispatcher, guiyuanID)
	chief := tw.newResident(t, "管理员", auth.RoleAdmin, guiyuanID)
	counts := func(t *testing.T, r *resident, id string) any {
		t.Helper()
		return dig(r.must(t, readImport, vars{"id": id}), "rosterImport", "counts")
	}
	refused := vars{"new": 0.0, "changed": 0.0, "unchanged": 0.0, "problems": 1.0}
	t.Run("uploaded by a dispatcher", func(t *testing.T) {
		t.Parallel()
		id := clerk.upload(t, guiyuanID, rollOf(t, "13812340001"))
		got := clerk.must(t, readImport, vars{"id": id})
		if code := word(got, "rosterImport", "problems", "nodes", 0, "problems", 0, "code"); code != "certifies_not" {
			t.Errorf("the problem is %q: %v", code, got)
		}
	})
	t.Run("without certificates", func(t *testing.T) {
		t.Parallel()
		id := clerk.upload(t, guiyuanID, "姓名,手机,单位代码\n赵六,13812340002,"+guiyuanOne+"\n")
		want := vars{"new": 1.0, "changed": 0.0, "unchanged": 0.0, "problems": 0.0}
		if diff := cmp.Diff(want, counts(t, clerk, id)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("applied by who lost the role", func(t *testing.T) {
		t.Parallel()
		id := chief.upload(t, guiyuanID, rollOf(t, "13812340003"))
		ctx, a := t.Context(), tw.app
		account, err := a.auth.Account(ctx, chief.accountID)
		if err != nil {
			t.Fatal(err)
		}
		path := account.Grants[0].UnitPath
		if _, err := a.auth.Grant(ctx, a.db, chief.accountID, auth.Grant{Role: auth.RoleDispatcher, UnitPath: path}); err != nil {
			t.Fatal(err)
		}
		tw.admin.must(t, revokeRole, vars{"input": vars{"accountId": chief.accountID, "role": "ADMIN", "orgUnitId": guiyuanID, "reason": "换岗"}})
		chief.must(t, applyImport, vars{"input": vars{"id": id, "mode": "GOOD_ROWS"}})
		chief.awaitImport(t, id, "DONE")
		if diff := cmp.Diff(refused, counts(t, chief, id)); diff != "" {
			t.Error(diff)
		}
		if _, err := a.auth.AccountByPhone(ctx, a.db, "13812340003"); fault.CodeOf(err) != fault.CodeNotFound {
			t.Errorf("somebody was certified: %v", err)
		}
	})
}
