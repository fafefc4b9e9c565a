package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/auth"
)

// onResponder is a mutation that answers with the responder.
func onResponder(name string) string {
	input := strings.ToUpper(name[:1]) + name[1:] + "Input!"
	return `mutation ($input: ` + input + `) { ` + name + `(input: $input) { responder { id name status statusReason } } }`
}

// asking is a mutation that asks for an org unit.
func asking(name string) string {
	input := strings.ToUpper(name[:1]) + name[1:] + "Input!"
	return `mutation ($input: ` + input + `) { ` + name + `(input: $input) {
		request { id kind orgUnit { id } responderName responder { id } requestedAt reason } responder { id orgUnit { id } memberships { orgUnit { id } } } } }`
}

const (
	refuseRequest  = `mutation ($input: RefuseRequestInput!) { refuseRequest(input: $input) { requestId } }`
	cancelRequest  = `mutation ($input: CancelRequestInput!) { cancelRequest(input: $input) { requestId } }`
	addNote        = `mutation ($input: AddNoteInput!) { addNote(input: $input) { note { id text authorId authorName } } }`
	recordConsent  = `mutation ($input: RecordConsentInput!) { recordConsent(input: $input) { consents { privacy { holds version } position { holds version } } } }`
	rosterRequests = `query ($id: ID!) { rosterRequests(orgUnitId: $id) { nodes { id kind responderName responder { id } orgUnit { id } reason } } }`
	readNotes      = `query ($id: ID!) { responder(id: $id) { notes { nodes { text authorName } pageInfo { hasNextPage } } } }`

	entries      = `{ nodes { action actorId actorName subjectId orgUnit { id } reason details { name value } } pageInfo { hasNextPage } }`
	auditLog     = `query ($id: ID!) { auditLog(orgUnitId: $id) ` + entries + ` }`
	auditLogOf   = `query ($id: ID!) { auditLogOf(subjectId: $id) ` + entries + ` }`
	auditLogBy   = `query ($id: ID!) { auditLogBy(accountId: $id) ` + entries + ` }`
	myAuditLog   = `{ myAuditLog ` + entries + ` }`
	responderFor = `query ($id: ID!) { responder(id: $id) { id phone statusReason leftSuspended consents { position { holds } } notes { nodes { text } } pendingRequests { id } memberships { orgUnit { id } } } }`
)

// lifeMutations are the changes of the roster's life, for those who may not
// make them.
func lifeMutations() map[string]operation {
	in := func(more vars) func(*alerted) vars {
		return func(a *alerted) vars {
			input := vars{"responderId": a.responderID}
			for name, value := range more {
				input[name] = value
			}
			return vars{"input": input}
		}
	}
	bare := func(input vars) func(*alerted) vars { return func(*alerted) vars { return vars{"input": input} } }
	why, unit := vars{"reason": "因为"}, vars{"orgUnitId": liantangID}
	return map[string]operation{
		"applyToRoster":      {onResponder("applyToRoster"), bare(applicationTo(guiyuanOne)), false, false},
		"approveApplication": {onResponder("approveApplication"), in(nil), false, true},
		"rejectApplication":  {onResponder("rejectApplication"), in(why), false, true},
		"suspendResponder":   {onResponder("suspendResponder"), in(why), false, true},
		"reinstateResponder": {onResponder("reinstateResponder"), in(why), false, true},
		"retireResponder":    {onResponder("retireResponder"), in(why), false, true},
		"correctResponder":   {onResponder("correctResponder"), in(why), false, true},
		"leaveRoster":        {onResponder("leaveRoster"), bare(vars{}), false, false},
		"changeProfile":      {onResponder("changeProfile"), bare(vars{"transportMode": "CAR"}), false, false},
		"recordConsent":      {recordConsent, bare(vars{"purpose": "POSITION", "version": "1", "given": false}), false, false},
		"requestTransfer":    {asking("requestTransfer"), in(unit), false, false},
		"requestMembership":  {asking("requestMembership"), in(unit), false, false},
		"acceptRequest":      {onResponder("acceptRequest"), bare(vars{"requestId": "req_none"}), false, true},
		"refuseRequest":      {refuseRequest, bare(vars{"requestId": "req_none", "reason": "因为"}), false, true},
		"cancelRequest":      {cancelRequest, bare(vars{"requestId": "req_none"}), false, false},
		"endMembership":      {onResponder("endMembership"), in(unit), false, false},
		"addNote":            {addNote, in(vars{"text": "记"}), false, true},
	}
}

// lifeQueries are the reads of the roster's life.
func lifeQueries() map[string]operation {
	account := func(a *alerted) vars { return vars{"id": a.accountID} }
	return map[string]operation{
		"rosterRequests": {rosterRequests, unitVars, false, true},
		"auditLog":       {auditLog, unitVars, false, true},
		"auditLogOf":     {auditLogOf, account, false, true},
		"auditLogBy":     {auditLogBy, account, false, true},
		"myAuditLog":     {myAuditLog, noVars, false, false},
	}
}

// applicationTo is applyToRoster's input, with some fields changed.
func applicationTo(unitID string, changes ...vars) vars {
	in := vars{
		"name": "李四", "orgUnitId": unitID, "transportMode": "EBIKE", "equipment": []any{"AED"},
		"privacyConsentVersion": "p1", "positionConsentVersion": "l1",
	}
	for _, change := range changes {
		for name, value := range change {
			in[name] = value
		}
	}
	return in
}

// newApplicant is somebody with a phone who has applied.
func (tw *town) newApplicant(t *testing.T, unitID string) *resident {
	t.Helper()
	r := tw.newResident(t, "李四", "", "")
	r.token = "phone-of-" + r.accountID
	tw.fcm.Register(r.token)
	r.must(t, registerDevice, vars{"input": vars{"token": r.token, "platform": "ANDROID", "locale": "zh-CN", "appVersion": "1"}})
	got := r.must(t, onResponder("applyToRoster"), vars{"input": applicationTo(unitID, vars{"idempotencyKey": "k"})})
	r.responderID = word(got, "applyToRoster", "responder", "id")
	return r
}

// decided runs a decision about the responder that must succeed, and returns
// the status.
func (r *resident) decided(t *testing.T, mutation, responderID string) string {
	t.Helper()
	got := r.must(t, onResponder(mutation), vars{"input": vars{"responderId": responderID, "reason": "因为"}})
	return word(got, mutation, "responder", "status")
}

// noticesTo waits until the resident's phone has as many pushes, and returns
// their titles.
func (r *resident) noticesTo(t *testing.T, n int) []string {
	t.Helper()
	r.awaitPush(t, n)
	var titles []string
	for _, m := range r.pushes() {
		titles = append(titles, m.Notification.Title)
	}
	slices.Sort(titles) // the outbox may send several at a time
	return titles
}

func TestAPILifeOfAResponder(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	r := tw.newApplicant(t, guiyuanOne)
	again := r.must(t, onResponder("applyToRoster"), vars{"input": applicationTo(guiyuanOne, vars{"idempotencyKey": "k"})})
	if word(again, "applyToRoster", "responder", "id") != r.responderID {
		t.Errorf("applied twice: %v", again)
	}
	expectRefusal(t, r.Client, onResponder("applyToRoster"), vars{"input": applicationTo(guiyuanOne)}, problem{Code: "CONFLICT", Reason: "conflict.on_roster"})
	listed := tw.guiyuan.must(t, `query ($id: ID!) { responders(orgUnitId: $id, status: APPLIED) { nodes { id phone } } }`, vars{"id": guiyuanOne})
	if diff := cmp.Diff([]any{vars{"id": r.responderID, "phone": r.phone}}, dig(listed, "responders", "nodes")); diff != "" {
		t.Error(diff)
	}
	for _, step := range []struct{ mutation, status string }{
		{"rejectApplication", "REJECTED"}, {"", "APPLIED"}, {"approveApplication", "ACTIVE"},
		{"suspendResponder", "SUSPENDED"}, {"reinstateResponder", "ACTIVE"}, {"retireResponder", "RETIRED"},
	} {
		if step.mutation == "" {
			r.must(t, onResponder("applyToRoster"), vars{"input": applicationTo(guiyuanOne)})
			continue
		}
		if got := tw.guiyuan.decided(t, step.mutation, r.responderID); got != step.status {
			t.Errorf("%s: %s", step.mutation, got)
		}
	}
	want := slices.Sorted(slices.Values([]string{"关于您的申请", "您已加入响应人名册", "名册状态变更", "您的资格已恢复", "您已退出名册"}))
	got := r.noticesTo(t, len(want))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("told:\n%s", diff)
	}
	for _, m := range r.pushes() {
		if m.Data["alertId"] != "" || strings.Contains(m.Notification.Body, "因为") {
			t.Errorf("a notice says %v", m)
		}
	}
	read := r.must(t, `{ me { responder { status statusReason consents { position { holds version givenAt withdrawnAt } } } } }`, nil)
	if word(read, "me", "responder", "status") != "RETIRED" || word(read, "me", "responder", "statusReason") != "因为" ||
		word(read, "me", "responder", "consents", "position", "version") != "l1" {
		t.Errorf("read %v", read)
	}
	refusal := expectRefusal(t, tw.guiyuan.Client, onResponder("suspendResponder"), vars{"input": vars{"responderId": r.responderID, "reason": "因为"}},
		problem{Code: "CONFLICT", Reason: "conflict.responder_status"})
	if refusal.Extensions["status"] != "RETIRED" {
		t.Errorf("extensions %v", refusal.Extensions)
	}
	// Whoever comes back and leaves by itself.
	r.must(t, onResponder("applyToRoster"), vars{"input": applicationTo(guiyuanOne)})
	left := r.must(t, onResponder("leaveRoster"), vars{"input": vars{"reason": "搬家"}})
	if word(left, "leaveRoster", "responder", "status") != "RETIRED" || word(left, "leaveRoster", "responder", "statusReason") != "搬家" {
		t.Errorf("left %v", left)
	}
	expectRefusal(t, r.Client, onResponder("leaveRoster"), vars{"input": vars{}}, problem{Code: "CONFLICT", Reason: "conflict.responder_status"})
}

// Every decision is refused to who may not take it, and the foreign
// dispatcher learns nothing.
func TestAPIDecisionsByWhom(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	v := tw.newVolunteer(t, guiyuanOne, tw.scene())
	staffed := tw.newVolunteer(t, guiyuanOne, tw.scene())
	if _, err := tw.app.auth.Grant(t.Context(), tw.app.db, staffed.accountID, auth.Grant{Role: auth.RoleDispatcher, UnitPath: pathOf(guiyuanID)}); err != nil {
		t.Fatal(err)
	}
	self := staffed.speaking(t, "en")
	for name, more := range map[string]vars{
		"approveApplication": {}, "rejectApplication": {"reason": "因为"}, "suspendResponder": {"reason": "因为"}, "reinstateResponder": {"reason": "因为"},
		"retireResponder": {"reason": "因为"}, "correctResponder": {"reason": "因为", "name": "王五"}, "addNote": {"text": "记"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			query := onResponder(name)
			if name == "addNote" {
				query = addNote
			}
			in := func(id string) vars {
				input := vars{"responderId": id}
				for field, value := range more {
					input[field] = value
				}
				return vars{"input": input}
			}
			unknown := problem{Code: "NOT_FOUND", Reason: "not_found.responder"}
			expectRefusal(t, tw.liantang.Client, query, in(v.responderID), unknown)
			expectRefusal(t, tw.guiyuan.Client, query, in("rsp_none"), unknown)
			expectRefusal(t, tw.trainer.Client, query, in(v.responderID), problem{Code: "FORBIDDEN", Reason: "forbidden"})
			expectRefusal(t, v.Client, query, in(v.responderID), problem{Code: "FORBIDDEN", Reason: "forbidden"})
			expectRefusal(t, self, query, in(staffed.responderID), problem{Code: "FORBIDDEN", Reason: "forbidden"})
		})
	}
}

// Each sees of a responder what it needs.
func TestAPIResponderAsEachSeesIt(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	v := tw.newVolunteer(t, guiyuanOne, tw.scene())
	tw.guiyuan.must(t, addNote, vars{"input": vars{"responderId": v.responderID, "text": "可靠", "idempotencyKey": "k"}})
	tw.guiyuan.must(t, addNote, vars{"input": vars{"responderId": v.responderID, "text": "可靠", "idempotencyKey": "k"}})
	q := v.must(t, asking("requestTransfer"), vars{"input": vars{"responderId": v.responderID, "orgUnitId": liantangID, "reason": "搬家"}})
	pending := []any{vars{"id": word(q, "requestTransfer", "request", "id")}}
	holds, noted := vars{"position": vars{"holds": true}}, vars{"nodes": []any{vars{"text": "可靠"}}}
	masked := v.phone[3:6] + "******" + v.phone[12:]
	for who, c := range map[string]struct {
		r    *resident
		want vars
	}{
		"itself":         {v, vars{"phone": v.phone, "leftSuspended": false, "consents": holds, "notes": nil, "pendingRequests": pending}},
		"its dispatcher": {tw.guiyuan, vars{"phone": v.phone, "leftSuspended": false, "consents": holds, "notes": noted, "pendingRequests": pending}},
		"its admin":      {tw.admin, vars{"phone": v.phone, "leftSuspended": false, "consents": holds, "notes": noted, "pendingRequests": pending}},
		"its trainer":    {tw.trainer, vars{"phone": masked, "leftSuspended": nil, "consents": nil, "notes": nil, "pendingRequests": nil}},
	} {
		c.want["id"], c.want["statusReason"], c.want["memberships"] = v.responderID, nil, []any{}
		if diff := cmp.Diff(c.want, c.r.must(t, responderFor, vars{"id": v.responderID})["responder"]); diff != "" {
			t.Errorf("%s:\n%s", who, diff)
		}
	}
	notes := tw.admin.must(t, readNotes, vars{"id": v.responderID})
	if word(notes, "responder", "notes", "nodes", 0, "authorName") != tw.guiyuan.name || dig(notes, "responder", "notes", "nodes", 1) != nil {
		t.Errorf("notes %v", notes)
	}
	expectRefusal(t, tw.liantang.Client, responderFor, vars{"id": v.responderID}, problem{Code: "NOT_FOUND", Reason: "not_found.responder"})
}

func TestAPITransferAndTeams(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	v := tw.newVolunteer(t, guiyuanOne, tw.scene())
	ask := func(r *resident, mutation, unitID string) string {
		t.Helper()
		got := r.must(t, asking(mutation), vars{"input": vars{"responderId": v.responderID, "orgUnitId": unitID, "reason": "搬家"}})
		return word(got, mutation, "request", "id")
	}
	request := func(id string, more ...vars) vars {
		in := vars{"requestId": id}
		for _, m := range more {
			for field, value := range m {
				in[field] = value
			}
		}
		return vars{"input": in}
	}
	join := ask(tw.guiyuan, "requestMembership", liantangID)
	listed := tw.liantang.must(t, rosterRequests, vars{"id": liantangID})
	want := []any{vars{"id": join, "kind": "JOIN", "responderName": "张三", "responder": nil, "orgUnit": vars{"id": liantangID}, "reason": "搬家"}}
	if diff := cmp.Diff(want, dig(listed, "rosterRequests", "nodes")); diff != "" {
		t.Error(diff)
	}
	expectRefusal(t, tw.guiyuan.Client, rosterRequests, vars{"id": liantangID}, problem{Code: "FORBIDDEN", Reason: "forbidden"})
	expectRefusal(t, tw.guiyuan.Client, asking("requestMembership"), vars{"input": vars{"responderId": v.responderID, "orgUnitId": liantangID}},
		problem{Code: "CONFLICT", Reason: "conflict.request_pending"})
	expectRefusal(t, tw.guiyuan.Client, onResponder("acceptRequest"), request(join), problem{Code: "FORBIDDEN", Reason: "forbidden"})
	expectRefusal(t, tw.liantang.Client, cancelRequest, request(join), problem{Code: "FORBIDDEN", Reason: "forbidden"})
	for range 2 {
		tw.liantang.must(t, onResponder("acceptRequest"), request(join, vars{"idempotencyKey": "k"}))
	}
	expectRefusal(t, tw.liantang.Client, onResponder("acceptRequest"), request(join), problem{Code: "NOT_FOUND", Reason: "not_found.request"})
	seen := tw.liantang.must(t, responderFor, vars{"id": v.responderID})
	if word(seen, "responder", "phone") != v.phone || word(seen, "responder", "memberships", 0, "orgUnit", "id") != liantangID {
		t.Errorf("the team sees %v", seen)
	}
	expectRefusal(t, tw.liantang.Client, onResponder("suspendResponder"), vars{"input": vars{"responderId": v.responderID, "reason": "因为"}}, problem{Code: "FORBIDDEN", Reason: "forbidden"})
	ended := tw.liantang.must(t, onResponder("endMembership"), vars{"input": vars{"responderId": v.responderID, "orgUnitId": liantangID, "reason": "人满"}})
	if payload, ok := dig(ended, "endMembership").(vars); !ok || payload["responder"] != nil {
		t.Errorf("ended %v", ended)
	}
	expectRefusal(t, tw.liantang.Client, responderFor, vars{"id": v.responderID}, problem{Code: "NOT_FOUND", Reason: "not_found.responder"})

	refused := ask(v, "requestTransfer", liantangID)
	tw.liantang.must(t, refuseRequest, request(refused, vars{"reason": "人满"}))
	cancelled := ask(v, "requestTransfer", liantangID)
	v.must(t, cancelRequest, request(cancelled))
	ask(v, "requestTransfer", liantangID)
	// The admin is staff of both sides: what it asks for is done at once.
	done := tw.admin.must(t, asking("requestTransfer"), vars{"input": vars{"responderId": v.responderID, "orgUnitId": liantangID}})
	if payload, _ := dig(done, "requestTransfer").(vars); payload["request"] != nil || word(done, "requestTransfer", "responder", "orgUnit", "id") != liantangID {
		t.Errorf("done %v", done)
	}
	expectRefusal(t, tw.guiyuan.Client, responderFor, vars{"id": v.responderID}, problem{Code: "NOT_FOUND", Reason: "not_found.responder"})
	if waiting, _ := dig(tw.liantang.must(t, rosterRequests, vars{"id": liantangID}), "rosterRequests", "nodes").([]any); len(waiting) > 0 {
		t.Errorf("there waits %v", waiting)
	}
	titles := slices.Sorted(slices.Values([]string{"您已加入队伍", "关于您的调动", "所属单位变更"}))
	if diff := cmp.Diff(titles, v.noticesTo(t, len(titles))); diff != "" {
		t.Errorf("told:\n%s", diff)
	}
	for mutation, in := range map[string]vars{
		"requestTransfer": {"responderId": "rsp_none", "orgUnitId": liantangID}, "requestMembership": {"responderId": "rsp_none", "orgUnitId": liantangID},
	} {
		expectRefusal(t, tw.admin.Client, asking(mutation), vars{"input": in}, problem{Code: "NOT_FOUND", Reason: "not_found.responder"})
		in["responderId"], in["orgUnitId"] = v.responderID, unknownID
		expectRefusal(t, v.Client, asking(mutation), vars{"input": in}, problem{Code: "NOT_FOUND", Reason: "not_found.unit"})
		expectRefusal(t, tw.trainer.Client, asking(mutation), vars{"input": in}, problem{Code: "FORBIDDEN", Reason: "forbidden"})
	}
}

func TestAPIConsents(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	v := tw.newVolunteer(t, guiyuanOne, tw.scene())
	say := func(purpose, version string, given bool) vars {
		return vars{"input": vars{"purpose": purpose, "version": version, "given": given}}
	}
	got := v.must(t, recordConsent, say("POSITION", "2", false))
	want := vars{"privacy": vars{"holds": true, "version": "1"}, "position": vars{"holds": false, "version": "1"}}
	if diff := cmp.Diff(want, dig(got, "recordConsent", "consents")); diff != "" {
		t.Error(diff)
	}
	if on := dig(v.must(t, `{ me { responder { availability { onDuty } } } }`, nil), "me", "responder", "availability", "onDuty"); on != false {
		t.Errorf("on duty: %v", on)
	}
	refusal := expectRefusal(t, v.Client, recordConsent, say("PRIVACY", "1", false), problem{Code: "CONFLICT", Reason: "conflict.privacy_consent"})
	if !strings.Contains(refusal.Message, "leave the roster") {
		t.Errorf("message %q", refusal.Message)
	}
	v.must(t, recordConsent, say("POSITION", "3", true))
	expectRefusal(t, tw.nobody.Client, recordConsent, say("POSITION", "3", true), problem{Code: "NOT_FOUND", Reason: "not_found.responder"})
	file := tw.fetch(t, word(v.must(t, requestMyData, nil), "requestMyData", "download", "url"))
	contains(t, "the copy", string(file.body), `"purpose":"POSITION","version":"1","given":false`, `"purpose":"POSITION","version":"3","given":true`)
}

func TestAPIProfile(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	v := tw.newVolunteer(t, guiyuanOne, tw.scene())
	const change = `mutation ($input: ChangeProfileInput!) { changeProfile(input: $input) { responder { transportMode equipment } } }`
	got := v.must(t, change, vars{"input": vars{"equipment": []any{"急救包"}}})
	if diff := cmp.Diff(vars{"transportMode": "ON_FOOT", "equipment": []any{"急救包"}}, dig(got, "changeProfile", "responder")); diff != "" {
		t.Error(diff)
	}
	expectRefusal(t, tw.nobody.Client, change, vars{"input": vars{}}, problem{Code: "NOT_FOUND", Reason: "not_found.responder"})
	corrected := tw.guiyuan.must(t, onResponder("correctResponder"), vars{"input": vars{"responderId": v.responderID, "name": "张叁", "reason": "笔误"}})
	if word(corrected, "correctResponder", "responder", "name") != "张叁" {
		t.Errorf("corrected %v", corrected)
	}
	const fill, fillZH, long, longZH = "Please fill this in.", "请填写此项。", "This may have at most 500 characters.", "此项最多 500 个字符。"
	decision := func(reason string) vars { return vars{"responderId": v.responderID, "reason": reason} }
	testBadInput(t, tw.guiyuan.speakers(t), map[string]badInput{
		"suspended for nothing":    {onResponder("suspendResponder"), decision(" "), "reason", "invalid.required", fill, fillZH},
		"rejected for nothing":     {onResponder("rejectApplication"), decision(""), "reason", "invalid.required", fill, fillZH},
		"reinstated for nothing":   {onResponder("reinstateResponder"), decision(""), "reason", "invalid.required", fill, fillZH},
		"retired at length":        {onResponder("retireResponder"), decision(strings.Repeat("忙", 501)), "reason", "invalid.too_long", long, longZH},
		"approved at length":       {onResponder("approveApplication"), decision(strings.Repeat("忙", 501)), "reason", "invalid.too_long", long, longZH},
		"corrected to nobody":      {onResponder("correctResponder"), vars{"responderId": v.responderID, "name": "", "reason": "笔误"}, "name", "invalid.required", fill, fillZH},
		"a note that says nothing": {addNote, vars{"responderId": v.responderID, "text": ""}, "text", "invalid.required", fill, fillZH},
		"refused for nothing":      {refuseRequest, vars{"requestId": "req_none", "reason": ""}, "reason", "invalid.required", fill, fillZH},
		"an empty key":             {onResponder("suspendResponder"), vars{"responderId": v.responderID, "reason": "因为", "idempotencyKey": ""}, "idempotencyKey", "invalid.required", fill, fillZH},
		"applied with 21 things": {onResponder("applyToRoster"), applicationTo(guiyuanOne, vars{"equipment": make21()}), "equipment", "invalid.too_many_items",
			"At most 20 are possible.", "最多 20 项。"},
		"applied without consent": {onResponder("applyToRoster"), applicationTo(guiyuanOne, vars{"privacyConsentVersion": ""}), "privacyConsentVersion",
			"invalid.privacy_consent", "To be on the roster you must agree to the privacy notice.", "您需要同意隐私声明，才能加入响应人名册。"},
	})
	expectRefusal(t, tw.nobody.Client, onResponder("applyToRoster"), vars{"input": applicationTo(unknownID)}, problem{Code: "NOT_FOUND", Reason: "not_found.unit"})
}

func make21() []any {
	items := make([]any, 21)
	for i := range items {
		items[i] = "AED"
	}
	return items
}

// logged reads one of the audit logs and returns its entries, readings left
// out, as "action subject".
func logged(t *testing.T, r *resident, query string, id string) []string {
	t.Helper()
	got := r.must(t, query, vars{"id": id})
	list := []string{}
	for _, connection := range got {
		nodes, _ := dig(connection, "nodes").([]any)
		for _, n := range nodes {
			list = append(list, word(n, "action")+" "+word(n, "subjectId"))
		}
	}
	return list
}

func TestAPIAuditLog(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	v := tw.newVolunteer(t, guiyuanOne, tw.scene())
	tw.trainer.must(t, `query ($id: ID!) { responder(id: $id) { id } }`, vars{"id": v.responderID})
	tw.guiyuan.decided(t, "suspendResponder", v.responderID)
	want := []string{"SUSPEND_RESPONDER " + v.responderID, "READ_RESPONDER " + v.responderID}
	for name, got := range map[string][]string{
		"of the community":   logged(t, tw.guiyuan, auditLog, guiyuanOne),
		"of the district":    logged(t, tw.admin, auditLog, luohuID),
		"of the subject":     logged(t, tw.admin, auditLogOf, v.responderID),
		"of what is oneself": logged(t, v, `query { myAuditLog `+entries+` }`, ""),
	} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	for name, got := range map[string][]string{
		"of the actor, to the admin": logged(t, tw.admin, auditLogBy, tw.guiyuan.accountID),
		"of the actor, to itself":    logged(t, tw.guiyuan, auditLogBy, tw.guiyuan.accountID),
	} {
		if diff := cmp.Diff(want[:1], got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	for name, got := range map[string][]string{
		"of another's subject":  logged(t, tw.liantang, auditLogOf, v.responderID),
		"of another's doings":   logged(t, tw.liantang, auditLogBy, tw.guiyuan.accountID),
		"of one with no record": logged(t, tw.nobody, `query { myAuditLog `+entries+` }`, ""),
	} {
		if len(got) > 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
	expectRefusal(t, tw.liantang.Client, auditLog, vars{"id": guiyuanOne}, problem{Code: "FORBIDDEN", Reason: "forbidden"})
	expectRefusal(t, tw.trainer.Client, auditLog, vars{"id": guiyuanOne}, problem{Code: "FORBIDDEN", Reason: "forbidden"})
	expectRefusal(t, tw.admin.Client, auditLog, vars{"id": unknownID}, problem{Code: "NOT_FOUND", Reason: "not_found.unit"})

	entry := func(name any) vars {
		return vars{
			"action": "SUSPEND_RESPONDER", "actorId": tw.guiyuan.accountID, "actorName": name, "subjectId": v.responderID, "orgUnit": vars{"id": guiyuanOne},
			"reason": "因为", "details": []any{vars{"name": "from", "value": "ACTIVE"}, vars{"name": "to", "value": "SUSPENDED"}},
		}
	}
	if diff := cmp.Diff(entry(tw.guiyuan.name), dig(tw.admin.must(t, auditLog, vars{"id": luohuID}), "auditLog", "nodes", 0)); diff != "" {
		t.Errorf("as staff see it:\n%s", diff)
	}
	if diff := cmp.Diff(entry(nil), dig(v.must(t, myAuditLog, nil), "myAuditLog", "nodes", 0)); diff != "" {
		t.Errorf("as the subject sees it:\n%s", diff)
	}
}
