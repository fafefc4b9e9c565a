package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/privacy"
)

// The operations of privacy.
const (
	requestMyData  = `mutation { requestMyData { download { url expiresAt } } }`
	eraseMyAccount = `mutation ($input: EraseMyAccountInput!) { eraseMyAccount(input: $input) { erasure { accountId reason begunAt doneAt } } }`
	eraseAccount   = `mutation ($input: EraseAccountInput!) { eraseAccount(input: $input) { erasure { accountId reason begunAt doneAt } } }`
)

func privacyMutations() map[string]operation {
	return map[string]operation{
		"requestMyData": {requestMyData, noVars, false, false},
		"eraseMyAccount": {eraseMyAccount, func(a *alerted) vars {
			return vars{"input": vars{"confirmation": a.phone}}
		}, false, false},
		"eraseAccount": {eraseAccount, func(a *alerted) vars {
			return vars{"input": vars{"accountId": a.accountID, "reason": "来信"}}
		}, false, true},
	}
}

// erased waits until nothing is left to erase of the account.
func (tw *town) erased(t *testing.T, accountID string) {
	t.Helper()
	deadline := time.After(patience)
	feed := tw.app.db.Watch(1000, privacy.Collections()...)
	defer feed.Close()
	for {
		e, err := tw.app.privacy.Erasure(t.Context(), accountID)
		if err != nil {
			t.Fatal(err)
		}
		if !e.DoneAt.IsZero() {
			return
		}
		select {
		case <-deadline:
			t.Fatal("the erasure does not come to an end")
		default:
		}
		if _, err := feed.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPIEraseMyAccount(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	a := tw.alerted(t)
	for name, phone := range map[string]string{
		"nothing": "", "no phone": "yes", "a stranger's phone": "13800138000", "the dispatcher's phone": tw.guiyuan.phone,
	} {
		t.Run("confirmed with "+name, func(t *testing.T) {
			expectRefusal(t, a.Client, eraseMyAccount, vars{"input": vars{"confirmation": phone}},
				problem{Code: "INVALID", Reason: "invalid.erasure_confirmation", Field: "confirmation"})
		})
	}
	confirmed := vars{"input": vars{"confirmation": strings.TrimPrefix(a.phone, "+86")}}
	t.Run("while responding", func(t *testing.T) {
		a.say(t, "acceptAlert")
		expectRefusal(t, a.Client, eraseMyAccount, confirmed, problem{Code: "CONFLICT", Reason: "conflict.erasure_responding", State: "ACCEPTED"})
		if state := a.state(t); state != "ACCEPTED" {
			t.Errorf("the alert is %s", state)
		}
		a.say(t, "withdrawAlert")
	})
	got := a.must(t, eraseMyAccount, confirmed)
	if word(got, "eraseMyAccount", "erasure", "accountId") != a.accountID || word(got, "eraseMyAccount", "erasure", "reason") != "REQUESTED" {
		t.Errorf("got %v", got)
	}
	t.Run("afterwards one is not signed in", func(t *testing.T) {
		expectRefusal(t, a.Client, me, nil, problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.token"})
	})
	tw.erased(t, a.accountID)
	t.Run("and is a stranger when one comes back", func(t *testing.T) {
		c := a.speaking(t, "en")
		got := run(t, c, `{ me { id name grants { role } responder { id } } }`, nil)
		if word(got, "me", "id") == a.accountID || word(got, "me", "name") != "" || dig(got, "me", "responder") != nil {
			t.Errorf("got %v", got)
		}
	})
	t.Run("and staff see that somebody was there", func(t *testing.T) {
		got := tw.guiyuan.must(t, `query ($id: ID!) { alert(id: $id) { state responderName } }`, vars{"id": a.alertID})
		if word(got, "alert", "state") != "WITHDRAWN" || word(got, "alert", "responderName") != "" {
			t.Errorf("got %v", got)
		}
	})
}

func TestAPIErasingDeclinesWhatIsAsked(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	a := tw.alerted(t)
	a.must(t, eraseMyAccount, vars{"input": vars{"confirmation": a.phone}})
	tw.erased(t, a.accountID)
	got := tw.guiyuan.must(t, `query ($id: ID!) { alert(id: $id) { state } }`, vars{"id": a.alertID})
	if word(got, "alert", "state") != "DECLINED" {
		t.Errorf("got %v", got)
	}
}

func TestAPIEraseAccount(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	v := tw.newVolunteer(t, guiyuanOne, tw.scene())
	away := tw.newResident(t, "莲塘管理员", auth.RoleAdmin, liantangID)
	below := tw.newResident(t, "桂园管理员", auth.RoleAdmin, guiyuanID)
	erasing := func(id, reason string) vars {
		return vars{"input": vars{"accountId": id, "reason": reason, "idempotencyKey": "k"}}
	}
	forbidden, unknown := problem{Code: "FORBIDDEN", Reason: "forbidden"}, problem{Code: "NOT_FOUND", Reason: "not_found.account"}
	for name, c := range map[string]struct {
		who  *resident
		v    vars
		want problem
	}{
		"by the unit's dispatcher":                {tw.guiyuan, erasing(v.accountID, "来信"), forbidden},
		"by its trainer":                          {tw.trainer, erasing(v.accountID, "来信"), forbidden},
		"by an administrator away":                {away, erasing(v.accountID, "来信"), unknown},
		"of nobody":                               {tw.admin, erasing("acc_none", "来信"), unknown},
		"of who is not on the roster, and nobody": {tw.admin, erasing(tw.nobody.accountID, "来信"), unknown},
		"without a reason":                        {tw.admin, erasing(v.accountID, " "), problem{Code: "INVALID", Reason: "invalid.required", Field: "reason"}},
		"with a novel":                            {tw.admin, erasing(v.accountID, strings.Repeat("长", 501)), problem{Code: "INVALID", Reason: "invalid.too_long", Field: "reason"}},
	} {
		t.Run(name, func(t *testing.T) {
			expectRefusal(t, c.who.Client, eraseAccount, c.v, c.want)
		})
	}
	t.Run("of who has a role elsewhere", func(t *testing.T) {
		officer := tw.newVolunteer(t, guiyuanOne, tw.scene())
		_, err := tw.app.auth.Grant(t.Context(), tw.app.db, officer.accountID, auth.Grant{Role: auth.RoleDispatcher, UnitPath: pathOf(liantangID)})
		if err != nil {
			t.Fatal(err)
		}
		expectRefusal(t, below.Client, eraseAccount, erasing(officer.accountID, "来信"), forbidden)
	})
	t.Run("of a dispatcher who is not on the roster", func(t *testing.T) {
		leaver := tw.newResident(t, "前调度员", auth.RoleDispatcher, guiyuanID)
		expectRefusal(t, away.Client, eraseAccount, vars{"input": vars{"accountId": leaver.accountID, "reason": "离职"}}, unknown)
		below.must(t, eraseAccount, vars{"input": vars{"accountId": leaver.accountID, "reason": "离职"}})
		expectRefusal(t, leaver.Client, me, nil, problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.token"})
	})
	v.must(t, me, nil) // still there after all of that

	in := erasing(v.accountID, "5 月 12 日的来信")
	first := below.must(t, eraseAccount, in)
	if word(first, "eraseAccount", "erasure", "reason") != "STAFF" {
		t.Errorf("got %v", first)
	}
	expectRefusal(t, v.Client, me, nil, problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.token"})
	below.must(t, eraseAccount, in) // the same again
	tw.erased(t, v.accountID)
	in["input"].(vars)["idempotencyKey"] = "another"
	expectRefusal(t, below.Client, eraseAccount, in, problem{Code: "CONFLICT", Reason: "conflict.erased_already"})
	page, err := tw.app.audit.ListOfSubject(t.Context(), auth.Principal{AccountID: v.accountID}, v.accountID, true, 10, "")
	if err != nil || len(page.Items) != 1 || page.Items[0].Action != audit.EraseAccount || page.Items[0].ActorID != below.accountID ||
		page.Items[0].Reason != "5 月 12 日的来信" || page.Items[0].Community != guiyuanOne {
		t.Errorf("the audit log has %+v, %v", page.Items, err)
	}
}

func TestAPIRequestMyData(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	v := tw.newVolunteer(t, guiyuanOne, tw.scene())
	got := v.must(t, requestMyData, nil)
	url := word(got, "requestMyData", "download", "url")
	file := tw.fetch(t, url)
	if file.status != http.StatusOK || file.header.Get("Content-Type") != "application/json" ||
		!strings.Contains(file.header.Get("Content-Disposition"), "muster-"+v.accountID+".json") {
		t.Errorf("%d %v", file.status, file.header)
	}
	contains(t, "the file", string(file.body), v.phone, v.responderID)
	t.Run("of who is not on the roster", func(t *testing.T) {
		var file strings.Builder
		if err := tw.app.privacy.CopyOwn(t.Context(), auth.Principal{AccountID: tw.nobody.accountID}, &file); err != nil {
			t.Fatal(err)
		}
		contains(t, "the file", file.String(), tw.nobody.phone, tw.nobody.name)
		lacks(t, "the file", file.String(), v.phone, v.name, `"responder"`)
	})
}
