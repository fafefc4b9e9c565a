package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp/totp"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
)

const (
	mySessions          = `{ mySessions { nodes { id deviceName createdAt refreshedAt current } pageInfo { hasNextPage } } }`
	revokeSession       = `mutation ($input: RevokeSessionInput!) { revokeSession(input: $input) { sessionId } }`
	revokeOtherSessions = `mutation { revokeOtherSessions { revoked } }`
	signInWithIDToken   = `mutation ($input: SignInWithIdTokenInput!) { signInWithIdToken(input: $input) { accessToken account { id phone } } }`
	mySecondFactor      = `{ me { grants { role } secondFactor { active required } } }`
	beginSecondFactor   = `mutation { beginSecondFactor { secret url } }`
	confirmSecondFactor = `mutation ($input: ConfirmSecondFactorInput!) { confirmSecondFactor(input: $input) { recoveryCodes account { secondFactor { active } } } }`
	removeSecondFactor  = `mutation ($input: RemoveSecondFactorInput!) { removeSecondFactor(input: $input) { account { secondFactor { active } } } }`
	grantRole           = `mutation ($input: GrantRoleInput!) { grantRole(input: $input) { account { id name phone } } }`
	revokeRole          = `mutation ($input: RevokeRoleInput!) { revokeRole(input: $input) { account { id } } }`
	requireSecondFactor = `mutation ($input: RequireSecondFactorInput!) { requireSecondFactor(input: $input) { account { secondFactor { active required } } } }`
	listStaff           = `query ($id: ID!) { staff(orgUnitId: $id) { nodes { role orgUnit { id } account { id name phone suspendedAt secondFactor { required } } } } }`
)

// authMutations are the changes to sessions, second factors and staff.
func authMutations() map[string]operation {
	with := func(in vars) func(*alerted) vars { return func(*alerted) vars { return vars{"input": in} } }
	about := func(in vars) func(*alerted) vars {
		return func(a *alerted) vars {
			in := maps.Clone(in)
			in["accountId"] = a.accountID
			return vars{"input": in}
		}
	}
	return map[string]operation{
		"signInWithIdToken":   {signInWithIDToken, with(vars{"idToken": "none"}), true, false},
		"revokeSession":       {revokeSession, with(vars{"sessionId": "ses_none"}), false, false},
		"revokeOtherSessions": {revokeOtherSessions, noVars, false, false},
		"beginSecondFactor":   {beginSecondFactor, noVars, false, false},
		"confirmSecondFactor": {confirmSecondFactor, with(vars{"code": "000000"}), false, false},
		"removeSecondFactor":  {removeSecondFactor, with(vars{"code": "000000"}), false, false},
		"grantRole":           {grantRole, with(vars{"phone": "+8613700000003", "name": "x", "role": "ADMIN", "orgUnitId": guiyuanID}), false, true},
		"revokeRole":          {revokeRole, about(vars{"role": "VOLUNTEER", "orgUnitId": guiyuanID, "reason": "x"}), false, true},
		"suspendAccount":      {ordering("suspendAccount"), about(vars{"reason": "x"}), false, true},
		"reinstateAccount":    {ordering("reinstateAccount"), about(vars{"reason": "x"}), false, true},
		"requireSecondFactor": {requireSecondFactor, about(vars{"required": true}), false, true},
		"resetSecondFactor":   {ordering("resetSecondFactor"), about(vars{"reason": "x"}), false, true},
	}
}

// authQueries are the reads.
func authQueries() map[string]operation {
	return map[string]operation{
		"mySessions": {mySessions, noVars, false, false},
		"staff":      {listStaff, unitVars, false, true},
	}
}

// ordering is a mutation on an account that takes a reason.
func ordering(name string) string {
	return fmt.Sprintf(`mutation ($input: %s%sInput!) { %s(input: $input) { account { id suspendedAt } } }`, strings.ToUpper(name[:1]), name[1:], name)
}

// staff are the accounts and roles on a unit, as the reader sees them.
func (r *resident) staff(t *testing.T, unitID string) map[string]vars {
	t.Helper()
	nodes, _ := dig(r.must(t, listStaff, vars{"id": unitID}), "staff", "nodes").([]any)
	found := map[string]vars{}
	for _, node := range nodes {
		found[word(node, "account", "id")+" "+word(node, "role")+" "+word(node, "orgUnit", "id")], _ = dig(node, "account").(vars)
	}
	return found
}

// identities stands in for a Firebase project.
type identities map[string]string

func (m identities) Verify(_ context.Context, token string) (string, error) {
	if m[token] == "" {
		return "", fault.Unauthenticated("id_token")
	}
	return m[token], nil
}

func TestAPISessions(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	r := tw.newResident(t, "王芳", "", "")
	second, third := r.speaking(t, "en"), r.speaking(t, "en")
	nodes, _ := dig(r.must(t, mySessions, nil), "mySessions", "nodes").([]any)
	if len(nodes) != 3 || word(nodes[0], "deviceName") != "test" || dig(nodes[0], "current") != true || dig(nodes[1], "current") != false {
		t.Fatalf("sessions are %v", nodes)
	}
	id := word(nodes[1], "id")
	run(t, second, me, nil)
	in := vars{"input": vars{"sessionId": id, "idempotencyKey": "k"}}
	for range 2 {
		if got := r.must(t, revokeSession, in); word(got, "revokeSession", "sessionId") != id {
			t.Errorf("got %v", got)
		}
	}
	expectRefusal(t, second, me, nil, problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.token"})
	theirs := word(tw.nobody.must(t, mySessions, nil), "mySessions", "nodes", 0, "id")
	for name, id := range map[string]string{"ended": id, "unknown": "ses_none", "somebody else's": theirs} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectRefusal(t, r.Client, revokeSession, vars{"input": vars{"sessionId": id}}, problem{Code: "NOT_FOUND", Reason: "not_found.sign_in"})
		})
	}
	if got := dig(r.must(t, revokeOtherSessions, nil), "revokeOtherSessions", "revoked"); got != 1.0 {
		t.Errorf("%v were revoked", got)
	}
	expectRefusal(t, third, me, nil, problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.token"})
	r.must(t, me, nil)
	tw.nobody.must(t, me, nil)
	for _, query := range []string{mySessions, revokeOtherSessions, beginSecondFactor} {
		expectRefusal(t, tw.client("en"), query, nil, problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.missing"})
	}
}

func TestAPIStaff(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	boss := tw.newResident(t, "街道管理员", auth.RoleAdmin, guiyuanID)
	const phone = "+8613700000001"
	in := vars{"input": vars{"phone": "137 0000 0001", "name": "新人", "role": "DISPATCHER", "orgUnitId": guiyuanOne, "idempotencyKey": "k"}}
	made := boss.must(t, grantRole, in)
	id := word(made, "grantRole", "account", "id")
	if diff := cmp.Diff(made, boss.must(t, grantRole, in)); diff != "" || word(made, "grantRole", "account", "phone") != phone {
		t.Errorf("%v\n%s", made, diff)
	}
	seen := boss.staff(t, guiyuanOne)
	want := vars{"id": id, "name": "新人", "phone": phone, "suspendedAt": nil, "secondFactor": vars{"required": false}}
	if diff := cmp.Diff(map[string]vars{id + " DISPATCHER " + guiyuanOne: want}, seen); diff != "" {
		t.Error(diff)
	}
	clerk := &resident{tw: tw, phone: phone, accountID: id}
	clerk.Client = clerk.speaking(t, "en")
	want["phone"], want["secondFactor"] = nil, nil
	if diff := cmp.Diff(map[string]vars{id + " DISPATCHER " + guiyuanOne: want}, clerk.staff(t, guiyuanOne)); diff != "" {
		t.Errorf("a dispatcher sees: %s", diff)
	}

	t.Run("is refused", func(t *testing.T) {
		good := func(change vars) vars {
			in := vars{"phone": "+8613700000002", "name": "x", "role": "TRAINER", "orgUnitId": guiyuanOne}
			for name, value := range change {
				in[name] = value
			}
			return vars{"input": in}
		}
		forbidden := problem{Code: "FORBIDDEN", Reason: "forbidden"}
		for name, c := range map[string]struct {
			by    *resident
			query string
			in    vars
			want  problem
		}{
			"to a volunteer":            {tw.nobody, grantRole, good(nil), forbidden},
			"to a dispatcher":           {tw.guiyuan, grantRole, good(nil), forbidden},
			"above one's scope":         {boss, grantRole, good(vars{"orgUnitId": luohuID, "role": "ADMIN"}), forbidden},
			"beside it":                 {boss, grantRole, good(vars{"orgUnitId": liantangID}), forbidden},
			"on an unknown unit":        {boss, grantRole, good(vars{"orgUnitId": unknownID}), problem{Code: "NOT_FOUND", Reason: "not_found.unit"}},
			"of a volunteer":            {boss, grantRole, good(vars{"role": "VOLUNTEER"}), problem{Code: "INVALID", Reason: "invalid.grant", Field: "role"}},
			"to a landline":             {boss, grantRole, good(vars{"phone": "0755-12345678"}), problem{Code: "INVALID", Reason: "invalid.phone", Field: "phone"}},
			"without a name":            {boss, grantRole, good(vars{"name": nil}), problem{Code: "INVALID", Reason: "invalid.required", Field: "name"}},
			"the list, elsewhere":       {tw.liantang, listStaff, vars{"id": guiyuanOne}, forbidden},
			"the list, to trainers":     {tw.trainer, listStaff, vars{"id": guiyuanOne}, forbidden},
			"the list, of nowhere":      {boss, listStaff, vars{"id": unknownID}, problem{Code: "NOT_FOUND", Reason: "not_found.unit"}},
			"to suspend those above":    {boss, ordering("suspendAccount"), vars{"input": vars{"accountId": tw.admin.accountID, "reason": "x"}}, forbidden},
			"to suspend nobody":         {boss, ordering("suspendAccount"), vars{"input": vars{"accountId": "acc_none", "reason": "x"}}, problem{Code: "NOT_FOUND", Reason: "not_found.account"}},
			"to suspend without reason": {boss, ordering("suspendAccount"), vars{"input": vars{"accountId": id, "reason": ""}}, problem{Code: "INVALID", Reason: "invalid.required", Field: "reason"}},
			"to suspend oneself":        {boss, ordering("suspendAccount"), vars{"input": vars{"accountId": boss.accountID, "reason": "x"}}, problem{Code: "CONFLICT", Reason: "conflict.own_account"}},
			"to dismiss oneself": {tw.admin, revokeRole, vars{"input": vars{"accountId": tw.admin.accountID, "role": "ADMIN", "orgUnitId": luohuID, "reason": "x"}},
				problem{Code: "CONFLICT", Reason: "conflict.own_role"}},
			"to dismiss from what one has not": {boss, revokeRole, vars{"input": vars{"accountId": id, "role": "TRAINER", "orgUnitId": guiyuanOne, "reason": "x"}},
				problem{Code: "NOT_FOUND", Reason: "not_found.role"}},
		} {
			t.Run(name, func(t *testing.T) { expectRefusal(t, c.by.Client, c.query, c.in, c.want) })
		}
	})

	order := vars{"input": vars{"accountId": id, "reason": "调查"}}
	if word(boss.must(t, ordering("suspendAccount"), order), "suspendAccount", "account", "suspendedAt") == "" {
		t.Error("it is not suspended")
	}
	expectRefusal(t, clerk.Client, me, nil, problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.token"})
	boss.must(t, ordering("reinstateAccount"), order)
	clerk.Client = clerk.speaking(t, "en")
	boss.must(t, revokeRole, vars{"input": vars{"accountId": id, "role": "DISPATCHER", "orgUnitId": guiyuanOne, "reason": "离任"}})
	expectRefusal(t, clerk.Client, listStaff, vars{"id": guiyuanOne}, problem{Code: "FORBIDDEN", Reason: "forbidden"})
	if got := boss.staff(t, guiyuanOne); len(got) != 0 {
		t.Errorf("staff are %v", got)
	}
	tw.expectLog(t, id, "REVOKE_ROLE DISPATCHER 离任", "REINSTATE_ACCOUNT 调查", "SUSPEND_ACCOUNT 调查", "READ_ACCOUNT", "GRANT_ROLE DISPATCHER")
}

// expectLog compares the audit log on a subject, newest first, without names.
func (tw *town) expectLog(t *testing.T, subjectID string, want ...string) {
	t.Helper()
	page, err := tw.app.audit.ListOfSubject(t.Context(), auth.Principal{}, subjectID, true, 100, "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range page.Items {
		words := []string{string(e.Action)}
		for _, d := range e.Details {
			words = append(words, d.Value)
		}
		if e.Reason != "" {
			words = append(words, e.Reason)
		}
		got = append(got, strings.Join(words, " "))
		if e.Community != guiyuanOne {
			t.Errorf("%s is filed under %q", e.Action, e.Community)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAPISecondFactor(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	clerk := tw.newResident(t, "调度员", auth.RoleDispatcher, guiyuanOne)
	roles := func(c *client.Client) int {
		t.Helper()
		out := vars{}
		err := c.Do(t.Context(), listStaff, vars{"id": guiyuanOne}, &out)
		if err == nil {
			return 1
		}
		return 0
	}
	state := func(active, required bool) {
		t.Helper()
		got := dig(clerk.must(t, mySecondFactor, nil), "me", "secondFactor")
		if diff := cmp.Diff(vars{"active": active, "required": required}, got); diff != "" {
			t.Error(diff)
		}
	}
	state(false, false)
	requirement := vars{"input": vars{"accountId": clerk.accountID, "required": true}}
	expectRefusal(t, tw.guiyuan.Client, requireSecondFactor, requirement, problem{Code: "FORBIDDEN", Reason: "forbidden"})
	tw.admin.must(t, requireSecondFactor, requirement)
	state(false, true)
	if roles(clerk.Client) != 0 {
		t.Error("staff without the second factor that they must have")
	}
	expectRefusal(t, clerk.Client, confirmSecondFactor, vars{"input": vars{"code": "000000"}}, problem{Code: "CONFLICT", Reason: "conflict.no_second_factor"})
	began := clerk.must(t, beginSecondFactor, nil)
	secret := word(began, "beginSecondFactor", "secret")
	contains(t, "the URL", word(began, "beginSecondFactor", "url"), "otpauth://totp/", "secret="+secret, "issuer=Muster")
	expectRefusal(t, clerk.Client, confirmSecondFactor, vars{"input": vars{"code": "x"}}, problem{Code: "INVALID", Reason: "invalid.second_factor", Field: "code"})
	code, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	confirmed := clerk.must(t, confirmSecondFactor, vars{"input": vars{"code": code}})
	recovery, _ := dig(confirmed, "confirmSecondFactor", "recoveryCodes").([]any)
	if len(recovery) != 10 || roles(clerk.Client) != 1 {
		t.Errorf("%d recovery codes, %d roles", len(recovery), roles(clerk.Client))
	}
	state(true, true)

	anew := tw.client("en")
	run(t, anew, requestSignInCode, vars{"input": vars{"phone": clerk.phone}})
	in := vars{"phone": clerk.phone, "code": townCode}
	missing := expectRefusal(t, anew, signInMutation, vars{"input": in}, problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.second_factor"})
	contains(t, "the message", missing.Message, "authenticator app")
	in["secondFactor"] = code // used
	expectRefusal(t, anew, signInMutation, vars{"input": in}, problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.second_factor_code"})
	in["secondFactor"] = recovery[0]
	if word(run(t, anew, signInMutation, vars{"input": in}), "signIn", "account", "id") != clerk.accountID {
		t.Error("somebody else is signed in")
	}

	clerk.must(t, removeSecondFactor, vars{"input": vars{"code": recovery[1]}})
	state(false, true)
	tw.admin.must(t, requireSecondFactor, vars{"input": vars{"accountId": clerk.accountID, "required": false}})
	state(false, false)
	reset := vars{"input": vars{"accountId": clerk.accountID, "reason": "手机遗失"}}
	expectRefusal(t, tw.liantang.Client, ordering("resetSecondFactor"), reset, problem{Code: "FORBIDDEN", Reason: "forbidden"})
	tw.admin.must(t, ordering("resetSecondFactor"), reset)
	expectRefusal(t, clerk.Client, me, nil, problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.token"})
	tw.expectLog(t, clerk.accountID, "RESET_SECOND_FACTOR 手机遗失", "REQUIRE_SECOND_FACTOR false", "REQUIRE_SECOND_FACTOR true")
}

func TestAPISignInWithIDToken(t *testing.T) {
	t.Parallel()
	tw := newTown(t, func(p *parts) { p.idTokens = identities{"mine": "+8613700000009"} })
	got := run(t, tw.client("en"), signInWithIDToken, vars{"input": vars{"idToken": "mine", "deviceName": "Pixel"}})
	if word(got, "signInWithIdToken", "account", "phone") != "+8613700000009" {
		t.Errorf("got %v", got)
	}
	contains(t, "what the token opens", ask(t, tw.url, word(got, "signInWithIdToken", "accessToken"), me), word(got, "signInWithIdToken", "account", "id"))
	for _, token := range []string{"", "theirs", strings.Repeat("x", 9000)} {
		expectRefusal(t, tw.client("en"), signInWithIDToken, vars{"input": vars{"idToken": token}}, problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.id_token"})
	}
	without := newTown(t, nil)
	expectRefusal(t, without.client("en"), signInWithIDToken, vars{"input": vars{"idToken": "mine"}}, problem{Code: "UNAVAILABLE", Reason: "unavailable.id_token"})
}

// tally counts the codes that are sent.
type tally struct {
	mu sync.Mutex
	n  int
}

func (s *tally) SendCode(context.Context, string, string, locale.Tag) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	return nil
}

// Five changes are the most that a request may have. Each alias of one counts,
// as if it had come alone.
func TestAPICountsAliases(t *testing.T) {
	t.Parallel()
	const phone = "+8613700000077"
	sent := &tally{}
	tw := newTown(t, func(p *parts) { p.sender, p.idTokens = sent, identities{"mine": phone} })
	tw.app.auth.Limits.RequestsPerPhone = auth.Limit{N: 7, Per: time.Hour}
	tw.app.auth.Limits.FailuresPerPhone = auth.Limit{N: 7, Per: time.Hour}
	// reasons runs a hundred aliases and counts how they ended; "" is a success.
	reasons := func(field, in, fields string) map[string]int {
		t.Helper()
		count := map[string]int{}
		for range 20 {
			var doc strings.Builder
			for i := range 5 {
				fmt.Fprintf(&doc, "a%d: %s(input: {%s}) { %s } ", i, field, in, fields)
			}
			var answer struct {
				Errors []struct{ Extensions struct{ Reason string } }
			}
			body := ask(t, tw.url, "", "mutation { "+doc.String()+"}")
			if err := json.Unmarshal([]byte(body), &answer); err != nil {
				t.Fatal(errors.Join(err, errors.New(body)))
			}
			for _, e := range answer.Errors {
				count[e.Extensions.Reason]++
			}
			count[""] += 5 - len(answer.Errors)
		}
		return count
	}
	before := sent.n
	got := reasons("requestSignInCode", fmt.Sprintf("phone: %q", phone), "expiresAt")
	if diff := cmp.Diff(map[string]int{"": 7, "rate_limited.sign_in_code": 93}, got); diff != "" || sent.n-before != 7 {
		t.Errorf("requestSignInCode, with %d codes sent: %s", sent.n-before, diff)
	}
	got = reasons("signIn", fmt.Sprintf(`phone: %q, code: "000000"`, phone), "accessToken")
	if diff := cmp.Diff(map[string]int{"": 0, "unauthenticated.code": 7, "rate_limited.sign_in": 93}, got); diff != "" {
		t.Errorf("signIn: %s", diff)
	}
	expectRefusal(t, tw.client("en"), signInMutation, vars{"input": vars{"phone": phone, "code": townCode}},
		problem{Code: "RATE_LIMITED", Reason: "rate_limited.sign_in"}) // the right one comes too late
	tw.app.auth.Limits.FailuresPerAddress = auth.Limit{N: 20, Per: time.Hour} // 7 were counted above
	got = reasons("signInWithIdToken", `idToken: "theirs"`, "accessToken")
	if diff := cmp.Diff(map[string]int{"": 0, "unauthenticated.id_token": 13, "rate_limited.sign_in": 87}, got); diff != "" {
		t.Errorf("signInWithIdToken: %s", diff)
	}
	expectRefusal(t, tw.client("en"), signInWithIDToken, vars{"input": vars{"idToken": "mine"}},
		problem{Code: "RATE_LIMITED", Reason: "rate_limited.sign_in"})
	for _, field := range []string{`requestSignInCode(input: {phone: "13700000078"}) { expiresAt }`, `signInWithIdToken(input: {idToken: "mine"}) { accessToken }`} {
		before := sent.n
		var doc strings.Builder
		for i := range 100 {
			fmt.Fprintf(&doc, "a%d: %s ", i, field)
		}
		contains(t, "a hundred in one request", ask(t, tw.url, "", "mutation { "+doc.String()+"}"), "invalid.query_too_")
		if sent.n != before {
			t.Errorf("%d codes were sent", sent.n-before)
		}
	}
}
