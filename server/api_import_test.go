package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
)

// Operations on imports.
const (
	readImport = `query ($id: ID!) { rosterImport(id: $id) {
		state failure mode orgUnit { id } ignoredColumns
		progress { rows checked applied } counts { new changed unchanged problems }
		problems { nodes { row problems { column header field code message value } } pageInfo { hasNextPage } }
		changes { nodes { row kind name fields { field before after } } }
	} }`
	importState   = `query ($id: ID!) { rosterImport(id: $id) { state progress { rows checked applied } } }`
	listImports   = `query ($unit: ID!) { rosterImports(orgUnitId: $unit) { nodes { id } pageInfo { hasNextPage } } }`
	applyImport   = `mutation ($input: ApplyRosterImportInput!) { applyRosterImport(input: $input) { rosterImport { id state mode } } }`
	cancelImport  = `mutation ($input: CancelRosterImportInput!) { cancelRosterImport(input: $input) { rosterImport { id state } } }`
	signInForREST = `mutation ($input: SignInInput!) { signIn(input: $input) { accessToken } }`
)

// importMutations are for the table of all.
func importMutations() map[string]operation {
	return map[string]operation{
		"applyRosterImport":  {applyImport, func(*alerted) vars { return vars{"input": vars{"id": "imp_none", "mode": "GOOD_ROWS"}} }, false, true},
		"cancelRosterImport": {cancelImport, func(*alerted) vars { return vars{"input": vars{"id": "imp_none"}} }, false, true},
	}
}

func importVars(*alerted) vars { return vars{"id": "imp_none"} }

// bearer signs the resident in once more, and returns the access token.
func (r *resident) bearer(t testing.TB) string {
	t.Helper()
	c := r.tw.client("en")
	if err := c.RequestCode(t.Context(), r.phone); err != nil {
		t.Fatal(err)
	}
	var got vars
	if err := c.Do(t.Context(), signInForREST, vars{"input": vars{"phone": r.phone, "code": townCode}}, &got); err != nil {
		t.Fatal(err)
	}
	return word(got, "signIn", "accessToken")
}

// upload sends a file, and returns the status and the answer.
func (tw *town) upload(t testing.TB, token, query, tag string, file io.Reader) (int, vars) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, tw.url+importPath+query, file)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Language", tag)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := tw.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // it is read
	var body vars
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		t.Fatal(answer.Status, err)
	}
	return answer.StatusCode, body
}

// upload uploads a file that must be taken, and waits until it is checked.
func (r *resident) upload(t testing.TB, unitID, file string) string {
	t.Helper()
	status, body := r.tw.upload(t, r.bearer(t), "?orgUnitId="+unitID, "en", strings.NewReader(file))
	id := word(body, "id")
	if status != http.StatusAccepted || id == "" {
		t.Fatal(status, body)
	}
	r.awaitImport(t, id, "CHECKED")
	return id
}

// awaitImport asks again and again, as an app does.
func (r *resident) awaitImport(t testing.TB, id, state string) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.After(patience); ; {
		got := word(r.must(t, importState, vars{"id": id}), "rosterImport", "state")
		if got == state {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("the import is %s, not %s", got, state)
		}
	}
}

// rollOf is a file of one new person, by Excel.
func rollOf(t *testing.T, phone string) string {
	t.Helper()
	f := excelize.NewFile()
	for ref, value := range map[string]any{
		"A1": "桂园街道名册", "A2": "序号", "B2": "姓 名", "C2": "手机\n号码", "D2": "所属社区", "E2": "发证日期",
		"A3": 1, "B3": "赵六", "C3": phone, "D3": "老围", "E3": time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC),
	} {
		if err := f.SetCellValue("Sheet1", ref, value); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAPIImport(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	tw.guiyuan = tw.newResident(t, "管理员", auth.RoleAdmin, guiyuanID) // who may say that somebody is certified
	file := rollOf(t, "138 1234 5678")
	id := tw.guiyuan.upload(t, guiyuanID, file)
	want := vars{
		"state": "CHECKED", "failure": nil, "mode": nil, "orgUnit": vars{"id": guiyuanID}, "ignoredColumns": []any{"序号"},
		"progress": vars{"rows": 1.0, "checked": 1.0, "applied": 0.0},
		"counts":   vars{"new": 1.0, "changed": 0.0, "unchanged": 0.0, "problems": 0.0},
		"problems": vars{"nodes": []any{}, "pageInfo": vars{"hasNextPage": false}},
		"changes": vars{"nodes": []any{vars{"row": 3.0, "kind": "NEW", "name": "赵六", "fields": []any{
			vars{"field": "NAME", "before": nil, "after": "赵六"}, vars{"field": "PHONE", "before": nil, "after": "+8613812345678"},
			vars{"field": "ORG_UNIT", "before": nil, "after": guiyuanOne}, vars{"field": "STATUS", "before": nil, "after": "ACTIVE"},
			vars{"field": "TRANSPORT_MODE", "before": nil, "after": "ON_FOOT"}, vars{"field": "CERTIFIED_ON", "before": nil, "after": "2026-01-02"},
		}}}},
	}
	if diff := cmp.Diff(want, tw.guiyuan.must(t, readImport, vars{"id": id})["rosterImport"]); diff != "" {
		t.Error(diff)
	}
	const people = `query ($unit: ID!) { responders(orgUnitId: $unit) { nodes { name status equipment certificates { state } } } }`
	if got := tw.guiyuan.must(t, people, vars{"unit": guiyuanOne}); len(dig(got, "responders", "nodes").([]any)) != 0 {
		t.Error("the check put somebody on the roster", got)
	}

	in := vars{"input": vars{"id": id, "mode": "ALL_OR_NOTHING", "idempotencyKey": "k"}}
	got := tw.guiyuan.must(t, applyImport, in)
	if diff := cmp.Diff(vars{"id": id, "state": "APPLYING", "mode": "ALL_OR_NOTHING"}, dig(got, "applyRosterImport", "rosterImport")); diff != "" {
		t.Error(diff)
	}
	tw.guiyuan.awaitImport(t, id, "DONE")
	tw.guiyuan.must(t, applyImport, in) // the same again is no conflict
	wantPeople := []any{vars{"name": "赵六", "status": "ACTIVE", "equipment": []any{}, "certificates": []any{vars{"state": "VALID"}}}}
	if diff := cmp.Diff(wantPeople, dig(tw.guiyuan.must(t, people, vars{"unit": guiyuanOne}), "responders", "nodes")); diff != "" {
		t.Error(diff)
	}
	expectRefusal(t, tw.guiyuan.Client, applyImport, vars{"input": vars{"id": id, "mode": "GOOD_ROWS"}}, problem{"CONFLICT", "conflict.import_state", "", "DONE"})
	expectRefusal(t, tw.guiyuan.Client, cancelImport, vars{"input": vars{"id": id}}, problem{"CONFLICT", "conflict.import_state", "", "DONE"})

	again := tw.guiyuan.upload(t, guiyuanID, file)
	counts := dig(tw.guiyuan.must(t, readImport, vars{"id": again}), "rosterImport", "counts")
	if diff := cmp.Diff(vars{"new": 0.0, "changed": 0.0, "unchanged": 1.0, "problems": 0.0}, counts); diff != "" {
		t.Error(diff)
	}
	got = tw.guiyuan.must(t, cancelImport, vars{"input": vars{"id": again}})
	if diff := cmp.Diff(vars{"id": again, "state": "CANCELLED"}, dig(got, "cancelRosterImport", "rosterImport")); diff != "" {
		t.Error(diff)
	}
	wantList := []any{vars{"id": again}, vars{"id": id}}
	for name, r := range map[string]*resident{"who uploaded them": tw.guiyuan, "the admin": tw.admin} {
		if diff := cmp.Diff(wantList, dig(r.must(t, listImports, vars{"unit": guiyuanID}), "rosterImports", "nodes")); diff != "" {
			t.Error(name, diff)
		}
	}
}

func TestAPIImportProblems(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	const bad = "序号,姓名,手机号,单位\n1,钱七,1.38E+10,老围\n2,,13812340001,莲塘街道\n"
	id := tw.guiyuan.upload(t, guiyuanID, bad)
	problems := func(values ...any) []any {
		return []any{
			vars{"row": 2.0, "problems": []any{vars{
				"column": "C", "header": "手机号", "field": "PHONE", "code": "phone_rounded", "value": values[0],
				"message": "The spreadsheet program has shortened this number, and digits are lost. Please enter it again as text.",
			}}},
			vars{"row": 3.0, "problems": []any{
				vars{"column": "B", "header": "姓名", "field": "NAME", "code": "missing", "value": nil, "message": "This is missing."},
				vars{"column": "D", "header": "单位", "field": "ORG_UNIT", "code": "unit_outside", "value": values[1],
					"message": "This does not belong to the org unit for which the file was uploaded."},
			}},
		}
	}
	for name, c := range map[string]struct {
		r      *resident
		values []any
	}{"to who uploaded it": {tw.guiyuan, []any{"1.38E+10", "莲塘街道"}}, "to the admin, without what the cells have": {tw.admin, []any{nil, nil}}} {
		got := dig(c.r.must(t, readImport, vars{"id": id}), "rosterImport", "problems", "nodes")
		if diff := cmp.Diff(problems(c.values...), got); diff != "" {
			t.Error(name, diff)
		}
	}
	chinese := vars{}
	if err := tw.guiyuan.speaking(t, "zh-CN").Do(t.Context(), readImport, vars{"id": id}, &chinese); err != nil {
		t.Fatal(err)
	}
	if got := word(chinese, "rosterImport", "problems", "nodes", 1, "problems", 0, "message"); got != "此项未填写。" {
		t.Error(got)
	}
	expectRefusal(t, tw.guiyuan.Client, applyImport, vars{"input": vars{"id": id, "mode": "ALL_OR_NOTHING"}}, problem{Code: "CONFLICT", Reason: "conflict.import_has_problems"})
	expectRefusal(t, tw.guiyuan.Client, applyImport, vars{"input": vars{"id": id, "mode": "GOOD_ROWS", "idempotencyKey": ""}},
		problem{Code: "INVALID", Reason: "invalid.required", Field: "idempotencyKey"})

	t.Run("is nobody else's", func(t *testing.T) {
		missing := problem{Code: "NOT_FOUND", Reason: "not_found.import"}
		for _, id := range []string{id, "imp_none", ""} {
			expectRefusal(t, tw.liantang.Client, readImport, vars{"id": id}, missing)
			expectRefusal(t, tw.liantang.Client, applyImport, vars{"input": vars{"id": id, "mode": "GOOD_ROWS"}}, missing)
			expectRefusal(t, tw.liantang.Client, cancelImport, vars{"input": vars{"id": id}}, missing)
		}
		forbidden := problem{Code: "FORBIDDEN", Reason: "forbidden"}
		expectRefusal(t, tw.liantang.Client, listImports, vars{"unit": guiyuanID}, forbidden)
		expectRefusal(t, tw.guiyuan.Client, listImports, vars{"unit": unknownID}, problem{Code: "NOT_FOUND", Reason: "not_found.unit"})
		for _, r := range []*resident{tw.nobody, tw.trainer} {
			expectRefusal(t, r.Client, readImport, vars{"id": id}, forbidden)
			expectRefusal(t, r.Client, listImports, vars{"unit": guiyuanID}, forbidden)
			expectRefusal(t, r.Client, applyImport, vars{"input": vars{"id": id, "mode": "GOOD_ROWS"}}, forbidden)
			expectRefusal(t, r.Client, cancelImport, vars{"input": vars{"id": id}}, forbidden)
		}
	})
}

// endless is a file of so many bytes that nobody has in memory.
type endless struct {
	left int
	sent atomic.Int64 // the client may go on with it when it has the answer
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	copy(p, bytes.Repeat([]byte("a,b\n"), n/4+1)[:n])
	e.left -= n
	e.sent.Add(int64(n))
	return n, nil
}

func TestAPIUploadRefuses(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	const good = "姓名,手机,单位\n赵六,13812345678,老围\n"
	guiyuan, nobody, trainer := tw.guiyuan.bearer(t), tw.nobody.bearer(t), tw.trainer.bearer(t)
	for name, c := range map[string]struct {
		token, query, file string
		status             int
		want               problem
	}{
		"nobody":            {"", "?orgUnitId=" + guiyuanID, good, 401, problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.missing"}},
		"a forged token":    {"abc", "?orgUnitId=" + guiyuanID, good, 401, problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.token"}},
		"a resident":        {nobody, "?orgUnitId=" + guiyuanID, good, 403, problem{Code: "FORBIDDEN", Reason: "forbidden"}},
		"a trainer":         {trainer, "?orgUnitId=" + guiyuanID, good, 403, problem{Code: "FORBIDDEN", Reason: "forbidden"}},
		"of another unit":   {guiyuan, "?orgUnitId=" + liantangID, good, 403, problem{Code: "FORBIDDEN", Reason: "forbidden"}},
		"of the one above":  {guiyuan, "?orgUnitId=" + luohuID, good, 403, problem{Code: "FORBIDDEN", Reason: "forbidden"}},
		"of no unit":        {guiyuan, "?orgUnitId=" + unknownID, good, 404, problem{Code: "NOT_FOUND", Reason: "not_found.unit"}},
		"without a unit":    {guiyuan, "", good, 400, problem{Code: "INVALID", Reason: "invalid.required", Field: "orgUnitId"}},
		"an empty file":     {guiyuan, "?orgUnitId=" + guiyuanID, "", 400, problem{Code: "INVALID", Reason: "invalid.sheet_empty", Field: "file"}},
		"a PDF":             {guiyuan, "?orgUnitId=" + guiyuanID, "%PDF-1.7\n", 400, problem{Code: "INVALID", Reason: "invalid.sheet_format", Field: "file"}},
		"no names":          {guiyuan, "?orgUnitId=" + guiyuanID, "手机,单位\n1,2\n", 400, problem{Code: "INVALID", Reason: "invalid.import_no_names", Field: "file"}},
		"an unknown course": {guiyuan, "?courseId=cooking&orgUnitId=" + guiyuanID, "姓名,手机,单位,发证日期\n赵六,13812345678,老围,\n", 404, problem{Code: "NOT_FOUND", Reason: "not_found.course"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, body := tw.upload(t, c.token, c.query, "zh-CN", strings.NewReader(c.file))
			extensions, _ := dig(body, "errors", 0, "extensions").(vars)
			got := problem{word(extensions, "code"), word(extensions, "reason"), "", ""}
			got.Field, _ = extensions["field"].(string)
			if diff := cmp.Diff(c.want, got); diff != "" || status != c.status {
				t.Error(status, body, diff)
			}
		})
	}
	t.Run("100 MB", func(t *testing.T) {
		t.Parallel()
		file := &endless{left: 100 << 20}
		status, body := tw.upload(t, guiyuan, "?orgUnitId="+guiyuanID, "zh-CN", file)
		if message := word(body, "errors", 0, "message"); status != http.StatusRequestEntityTooLarge || message != "文件太大，最大为 20 MB。" {
			t.Error(status, body)
		}
		if sent := file.sent.Load(); sent > 30<<20 {
			t.Errorf("%d MB were taken", sent>>20)
		}
	})
	t.Run("another method", func(t *testing.T) {
		t.Parallel()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tw.url+importPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := tw.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close() // only the status matters
		if answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != "OPTIONS, POST" {
			t.Error(answer.Status, answer.Header)
		}
	})
}

// Somebody who was imported has not agreed to be located, and so cannot be
// alerted.
func TestAPIImportConsentsForNobody(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	chief := tw.newResident(t, "管理员", auth.RoleAdmin, guiyuanID)
	id := chief.upload(t, guiyuanID, rollOf(t, "13812345699"))
	chief.must(t, applyImport, vars{"input": vars{"id": id, "mode": "GOOD_ROWS"}})
	chief.awaitImport(t, id, "DONE")
	account, err := tw.app.auth.AccountByPhone(t.Context(), tw.app.db, "13812345699")
	if err != nil || len(account.Grants) > 0 {
		t.Fatal(account, err)
	}
	r, err := tw.app.roster.OfAccount(t.Context(), account.ID)
	if err != nil || r.Consents.Privacy.Holds() || r.Consents.Position.Holds() || r.OnDutyAt(store.Now()) || r.Status != roster.StatusActive {
		t.Error(fmt.Sprint(r), err)
	}
}
