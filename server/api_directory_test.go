package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/dispatch"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
)

const (
	searchResponders = `query ($id: ID!, $filter: ResponderFilter, $sort: ResponderSort! = {by: NAME}, $status: ResponderStatus, $first: Int! = 50, $after: String) {
		responders(orgUnitId: $id, filter: $filter, sort: $sort, status: $status, first: $first, after: $after) {
			totalCount pageInfo { hasNextPage endCursor } nodes { id name }
		}
	}`
	exportResponders = `mutation ($input: ExportRespondersInput!) { exportResponders(input: $input) { download { url expiresAt } } }`
)

// enrolled puts somebody on the roster.
func (tw *town) enrolled(t *testing.T, name, unitID string, status roster.Status, equipment ...string) *resident {
	t.Helper()
	r := tw.newResident(t, name, auth.RoleVolunteer, unitID)
	got, err := tw.app.roster.Enrol(t.Context(), tw.app.db, roster.NewResponder{
		AccountID: r.accountID, Name: name, Phone: r.phone, UnitID: unitID, Status: status,
		TransportMode: roster.EBike, Equipment: equipment, Consents: roster.Agreed("1", store.Now()),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.responderID = got.ID
	return r
}

// found lists the names on the first page, and how many there are.
func (r *resident) found(t *testing.T, v vars) (names []string, total any) {
	t.Helper()
	got := r.must(t, searchResponders, v)
	nodes, _ := dig(got, "responders", "nodes").([]any)
	names = []string{}
	for _, n := range nodes {
		names = append(names, word(n, "name"))
	}
	return names, dig(got, "responders", "totalCount")
}

func TestAPISearch(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	duty := tw.newVolunteer(t, guiyuanOne, tw.scene()) // 张三
	tw.enrolled(t, "单雄信", guiyuanOne, roster.StatusActive)
	suspended := tw.enrolled(t, "解放", guiyuanOne, roster.StatusSuspended)
	tw.enrolled(t, "John Smith", guiyuanID, roster.StatusApplied)
	tw.enrolled(t, "赵四", "440303008001", roster.StatusActive)
	all := []string{"John Smith", "单雄信", "解放", "张三"}
	ending := suspended.phone[len(suspended.phone)-4:]
	course := func(state string, more vars) vars {
		q := vars{"courseId": dispatch.FirstResponderCourse, "state": state}
		for k, v := range more {
			q[k] = v
		}
		return vars{"qualification": q}
	}
	inThreeYears := vars{"before": time.Now().AddDate(3, 0, 0).Format(time.RFC3339)}
	for name, c := range map[string]struct {
		filter vars
		want   []string
	}{
		"nothing asked":             {vars{}, all},
		"initials":                  {vars{"text": "zs"}, []string{"张三"}},
		"a surname's reading":       {vars{"text": "shan xiong"}, []string{"单雄信"}},
		"another script":            {vars{"text": "smith"}, []string{"John Smith"}},
		"the end of a phone":        {vars{"text": ending}, []string{"解放"}},
		"another unit's":            {vars{"text": "赵四"}, []string{}},
		"statuses":                  {vars{"statuses": []string{"APPLIED", "SUSPENDED"}}, []string{"John Smith", "解放"}},
		"no status":                 {vars{"statuses": []string{}}, []string{}},
		"on duty":                   {vars{"onDuty": true}, []string{"张三"}},
		"off duty":                  {vars{"onDuty": false}, []string{"John Smith", "单雄信", "解放"}},
		"means of transport":        {vars{"transportModes": []string{"ON_FOOT", "CAR"}}, []string{"张三"}},
		"certified":                 {course("VALID", nil), []string{"张三"}},
		"not certified":             {course("MISSING", nil), []string{"John Smith", "单雄信", "解放"}},
		"certified until soon":      {course("EXPIRING", vars{"before": time.Now().AddDate(0, 1, 0).Format(time.RFC3339)}), []string{}},
		"certified for three years": {course("EXPIRING", inThreeYears), []string{"张三"}},
		"several things":            {vars{"text": "x", "onDuty": false, "statuses": []string{"ACTIVE"}}, []string{"单雄信"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, total := tw.guiyuan.found(t, vars{"id": guiyuanID, "filter": c.filter})
			if diff := cmp.Diff(c.want, got); diff != "" || total != float64(len(c.want)) {
				t.Errorf("total %v %s", total, diff)
			}
		})
	}
	t.Run("the old argument narrows the filter", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			filter vars
			want   []string
		}{{nil, []string{"解放"}}, {vars{"text": "zs"}, []string{}}, {vars{"statuses": []string{"ACTIVE"}}, []string{}}, {vars{"statuses": []string{"ACTIVE", "SUSPENDED"}}, []string{"解放"}}} {
			if got, _ := tw.guiyuan.found(t, vars{"id": guiyuanID, "status": "SUSPENDED", "filter": c.filter}); !cmp.Equal(got, c.want) {
				t.Errorf("%v: %v", c.filter, got)
			}
		}
	})
	t.Run("trainers find nobody by phone", func(t *testing.T) {
		t.Parallel()
		if got, total := tw.trainer.found(t, vars{"id": luohuID, "filter": vars{"text": ending}}); len(got) > 0 || total != 0.0 {
			t.Errorf("found %v of %v", got, total)
		}
	})
	t.Run("sorted, page by page", func(t *testing.T) {
		t.Parallel()
		testSortedPages(t, tw, all)
	})
	t.Run("one's own writes", func(t *testing.T) {
		t.Parallel()
		other := tw.newVolunteer(t, liantangID, tw.scene())
		for _, on := range []bool{true, false, true} {
			other.must(t, setAvailability, vars{"input": vars{"onDuty": on}})
			if _, total := tw.liantang.found(t, vars{"id": liantangID, "filter": vars{"onDuty": on, "text": "张三"}}); total != 1.0 {
				t.Errorf("after on duty %t, %v are", on, total)
			}
		}
	})
	t.Run("by whom, and of what", func(t *testing.T) {
		t.Parallel()
		forbidden := problem{Code: "FORBIDDEN", Reason: "forbidden"}
		for _, query := range []string{searchResponders, exportOf} {
			expectRefusal(t, tw.liantang.Client, query, vars{"id": guiyuanID}, forbidden)
			expectRefusal(t, tw.guiyuan.Client, query, vars{"id": luohuID}, forbidden)
			expectRefusal(t, duty.Client, query, vars{"id": guiyuanID}, forbidden)
			expectRefusal(t, tw.admin.Client, query, vars{"id": unknownID}, problem{Code: "NOT_FOUND", Reason: "not_found.unit"})
		}
	})
}

const exportOf = `mutation ($id: ID!) { exportResponders(input: {orgUnitId: $id}) { download { url } } }`

func testSortedPages(t *testing.T, tw *town, byName []string) {
	for by, want := range map[string][]string{
		"NAME": byName, "ORG_UNIT": {"John Smith", "单雄信", "解放", "张三"}, "STATUS": {"John Smith", "单雄信", "张三", "解放"},
		"ENROLLED_AT": {"张三", "单雄信", "解放", "John Smith"},
	} {
		got, after := []string{}, any(nil)
		for {
			page := tw.guiyuan.must(t, searchResponders, vars{"id": guiyuanID, "sort": vars{"by": by}, "first": 3, "after": after})
			nodes, _ := dig(page, "responders", "nodes").([]any)
			for _, n := range nodes {
				got = append(got, word(n, "name"))
			}
			if dig(page, "responders", "pageInfo", "hasNextPage") != true {
				break
			}
			after = dig(page, "responders", "pageInfo", "endCursor")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("by %s: %s", by, diff)
		}
		backwards, _ := tw.guiyuan.found(t, vars{"id": guiyuanID, "sort": vars{"by": by, "direction": "DESC"}})
		if len(backwards) != len(want) || backwards[0] != want[len(want)-1] {
			t.Errorf("by %s, descending: %v", by, backwards)
		}
		expectRefusal(t, tw.guiyuan.Client, searchResponders, vars{"id": guiyuanID, "sort": vars{"by": "EXPIRES"}, "after": after},
			problem{Code: "INVALID", Reason: "invalid.cursor", Field: "after"})
	}
}

func TestAPISearchBadInput(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	export := func(filter vars) vars { return vars{"orgUnitId": guiyuanID, "filter": filter} }
	testBadInput(t, tw.guiyuan.speakers(t), map[string]badInput{
		"a text of 51": {exportResponders, export(vars{"text": strings.Repeat("张", 51)}), "filter.text", "invalid.too_long",
			"This may have at most 50 characters.", "此项最多 50 个字符。"},
		"expiring some day": {exportResponders, export(vars{"qualification": vars{"courseId": "x", "state": "EXPIRING"}}),
			"filter.qualification.before", "invalid.required", "Please fill this in.", "请填写此项。"},
		"no course": {exportResponders, export(vars{"qualification": vars{"courseId": ""}}),
			"filter.qualification.courseId", "invalid.required", "Please fill this in.", "请填写此项。"},
		"a key of 101": {exportResponders, vars{"orgUnitId": guiyuanID, "idempotencyKey": strings.Repeat("k", 101)},
			"idempotencyKey", "invalid.too_long", "This may have at most 100 characters.", "此项最多 100 个字符。"},
	})
}

// fetched is the answer to a GET.
type fetched struct {
	status int
	header http.Header
	body   []byte
}

func (tw *town) fetch(t *testing.T, path string) fetched {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tw.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Language", "zh-CN")
	answer, err := tw.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return fetched{answer.StatusCode, answer.Header, body}
}

// export asks for a file and fetches it.
func (r *resident) export(t *testing.T, in vars) (path string, got fetched) {
	t.Helper()
	path = word(r.must(t, exportResponders, vars{"input": in}), "exportResponders", "download", "url")
	return path, r.tw.fetch(t, path)
}

func (f fetched) rows(t *testing.T, sheet string) [][]string {
	t.Helper()
	book, err := excelize.OpenReader(bytes.NewReader(f.body))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := book.GetRows(sheet)
	if err := errors.Join(err, book.Close()); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestAPIExport(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	one := tw.newVolunteer(t, guiyuanOne, tw.scene())
	two := tw.enrolled(t, "=1+1", guiyuanOne, roster.StatusSuspended, "AED", "@cmd")
	tw.enrolled(t, "赵四", "440303008001", roster.StatusActive)
	today := store.Now().Format(time.DateOnly)
	until := store.Now().AddDate(0, -1, 0).AddDate(0, 24, 0).Format(time.DateOnly)
	header := []string{"Name", "Phone", "Org unit", "Org unit code", "Status", "Transport mode", "Equipment", "Enrolled on", "Course", "Qualified until"}
	rowOne := []string{"张三", one.phone, "老围社区", guiyuanOne, "Active", "On foot", "AED", today, dispatch.FirstResponderCourse, until}
	rowTwo := []string{"=1+1", two.phone, "老围社区", guiyuanOne, "Suspended", "E-bike", "AED、@cmd", today}

	t.Run("by the dispatcher", func(t *testing.T) {
		t.Parallel()
		path, got := tw.guiyuan.export(t, vars{"orgUnitId": guiyuanID, "sort": vars{"by": "STATUS"}})
		if got.status != http.StatusOK || got.header.Get("Content-Type") != xlsxType || got.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %v %s", got.status, got.header, got.body)
		}
		how, params, err := mime.ParseMediaType(got.header.Get("Content-Disposition"))
		if err != nil || how != "attachment" || params["filename"] != "responders-"+today+".xlsx" {
			t.Errorf("%s %v, %v", how, params, err)
		}
		if diff := cmp.Diff([][]string{header, rowOne, rowTwo}, got.rows(t, "Responders")); diff != "" {
			t.Error(diff)
		}
		again := tw.fetch(t, path)
		wantRefused(t, again, http.StatusNotFound, "not_found.ticket", "该下载链接已使用或已过期，请重新获取。")
	})
	t.Run("in Chinese, of a view", func(t *testing.T) {
		t.Parallel()
		var made struct {
			ExportResponders struct{ Download struct{ URL string } }
		}
		v := vars{"input": vars{"orgUnitId": guiyuanID, "filter": vars{"statuses": []string{"SUSPENDED"}}}}
		if err := tw.guiyuan.speaking(t, "zh-CN").Do(t.Context(), exportResponders, v, &made); err != nil {
			t.Fatal(err)
		}
		got := tw.fetch(t, made.ExportResponders.Download.URL)
		want := [][]string{
			{"姓名", "手机号", "单位", "单位代码", "状态", "交通方式", "装备", "加入日期", "课程", "资格有效至"},
			{"=1+1", two.phone, "老围社区", guiyuanOne, "暂停", "电动自行车", "AED、@cmd", today},
		}
		if diff := cmp.Diff(want, got.rows(t, "响应人")); diff != "" {
			t.Error(diff)
		}
		_, params, err := mime.ParseMediaType(got.header.Get("Content-Disposition"))
		if err != nil || params["filename"] != "响应人名册-"+today+".xlsx" {
			t.Errorf("%v, %v", params, err)
		}
	})
	t.Run("by a trainer, with phones masked", func(t *testing.T) {
		t.Parallel()
		_, got := tw.trainer.export(t, vars{"orgUnitId": guiyuanID})
		for _, row := range got.rows(t, "Responders")[1:] {
			if !strings.Contains(row[1], "****") || row[1] == one.phone {
				t.Errorf("the phone is %s", row[1])
			}
		}
	})
	t.Run("is in the audit log", func(t *testing.T) {
		t.Parallel()
		_, got := tw.liantang.export(t, vars{"orgUnitId": liantangID, "idempotencyKey": "k"})
		if rows := got.rows(t, "Responders"); len(rows) != 2 {
			t.Errorf("%v", rows)
		}
		admin := auth.Principal{AccountID: "x", Grants: []auth.Grant{{Role: auth.RoleAdmin, UnitPath: pathOf(liantangID)}}}
		log, err := tw.app.audit.ListOfUnit(t.Context(), admin, pathOf(liantangID), 10, "")
		if err != nil || len(log.Items) != 1 || log.Items[0].Action != audit.ExportRoster || log.Items[0].ActorID != tw.liantang.accountID ||
			!cmp.Equal(log.Items[0].Details, []audit.Detail{{Name: "responders", Value: "1"}}) {
			t.Errorf("%v, %v", log.Items, err)
		}
	})
}

func wantRefused(t *testing.T, got fetched, status int, reason, message string) {
	t.Helper()
	var body struct {
		Errors []struct {
			Message    string
			Extensions struct{ Reason string }
		}
	}
	if err := json.Unmarshal(got.body, &body); err != nil || len(body.Errors) != 1 {
		t.Fatalf("%v: %s", err, got.body)
	}
	if got.status != status || body.Errors[0].Extensions.Reason != reason || body.Errors[0].Message != message || got.header.Get("Content-Disposition") != "" {
		t.Errorf("%d %v %s", got.status, got.header, got.body)
	}
}

func TestAPIDownloadsThatAreRefused(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	nobody, err := tw.app.auth.Authenticate(t.Context(), tw.tokenOf(t, tw.nobody))
	if err != nil {
		t.Fatal(err)
	}
	const gone = "该下载链接已使用或已过期，请重新获取。"
	t.Run("without a ticket", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"/downloads/none", "/downloads/" + strings.Repeat("x", 4000)} {
			wantRefused(t, tw.fetch(t, path), http.StatusNotFound, "not_found.ticket", gone)
		}
	})
	t.Run("signed out since", func(t *testing.T) {
		t.Parallel()
		r := tw.newResident(t, "调度员", auth.RoleDispatcher, guiyuanID)
		path := word(r.must(t, exportResponders, vars{"input": vars{"orgUnitId": guiyuanID}}), "exportResponders", "download", "url")
		r.must(t, signOut, nil)
		wantRefused(t, tw.fetch(t, path), http.StatusNotFound, "not_found.ticket", gone)
	})
	t.Run("for a purpose that there is not", func(t *testing.T) {
		t.Parallel()
		wantRefused(t, tw.fetch(t, tw.ticket(t, nobody, "none", "")), http.StatusNotFound, "not_found.ticket", gone)
	})
	t.Run("for what cannot be read", func(t *testing.T) {
		t.Parallel()
		wantRefused(t, tw.fetch(t, tw.ticket(t, nobody, "roster", "{")), http.StatusInternalServerError, "", tw.app.catalogue.Text(locale.Chinese, "internal", nil))
	})
	t.Run("without the role by now", func(t *testing.T) {
		t.Parallel()
		path := tw.ticket(t, nobody, "roster", `{"View":{"UnitID":"`+guiyuanID+`","Sort":{"Key":"NAME"}}}`)
		wantRefused(t, tw.fetch(t, path), http.StatusForbidden, "forbidden", "您没有权限进行此操作。")
	})
}

// ticket issues one, and returns where its file would be.
func (tw *town) ticket(t *testing.T, actor auth.Principal, purpose, args string) string {
	t.Helper()
	secret, _, err := tw.app.auth.IssueTicket(t.Context(), tw.app.db, actor, purpose, args)
	if err != nil {
		t.Fatal(err)
	}
	return "/downloads/" + secret
}

// tokenOf signs the resident in once more, and returns the access token.
func (tw *town) tokenOf(t *testing.T, r *resident) string {
	t.Helper()
	var got struct{ SignIn struct{ AccessToken string } }
	c := tw.client("en")
	in := vars{"input": vars{"phone": r.phone, "code": townCode}}
	err := errors.Join(c.RequestCode(t.Context(), r.phone), c.Do(t.Context(), `mutation ($input: SignInInput!) { signIn(input: $input) { accessToken } }`, in, &got))
	if err != nil {
		t.Fatal(err)
	}
	return got.SignIn.AccessToken
}
