package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/dispatch"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
)

// failing answers the query me with an error, and returns what the client gets.
func failing(t *testing.T, tag locale.Tag, err error) (answer, log string) {
	t.Helper()
	e := newTestExecutor(t, &Resolver{Catalogue: words(t)}, meStub{me: func(context.Context) (*auth.Account, error) { return nil, err }})
	raw, jsonErr := json.Marshal(e.run(contextOf(t, holder(), tag), "{ me { id } }").Errors)
	if jsonErr != nil {
		t.Fatal(jsonErr)
	}
	return string(raw), e.log.String()
}

func TestFaultsKeepTheirCode(t *testing.T) {
	t.Parallel()
	const at = `"path":["me"],"locations":[{"line":1,"column":3}],`
	for name, c := range map[string]struct {
		err        error
		en, zh     string
		extensions string
	}{
		"invalid": {
			fault.Invalid("until", "until", fault.Args{"days": 7}), "The end of your duty must be in the future, and at most 7 days ahead.", "值守结束时间必须晚于现在，且不超过 7 天。",
			`"code":"INVALID","days":7,"field":"until","reason":"invalid.until"`,
		},
		"unauthenticated": {fault.Unauthenticated("token"), "Please sign in again.", "请重新登录。", `"code":"UNAUTHENTICATED","reason":"unauthenticated.token"`},
		"forbidden":       {fault.Forbidden(), "You may not do this.", "您没有权限进行此操作。", `"code":"FORBIDDEN","reason":"forbidden"`},
		"not found":       {fault.NotFound("incident"), "There is no such incident.", "没有这个事件。", `"code":"NOT_FOUND","reason":"not_found.incident"`},
		"conflict": {
			fault.Conflict("alert_state", fault.Args{"state": dispatch.Expired}), "This is not possible in the state that the alert is in.", "此出动通知目前的状态不允许此操作。",
			`"code":"CONFLICT","reason":"conflict.alert_state","state":"EXPIRED"`,
		},
		"rate limited": {
			fault.RateLimited("subscriptions", fault.Args{"max": 50}), "This connection already has 50 subscriptions; end one before starting another.", "此连接已有 50 个订阅，请先结束一个再开始新的订阅。",
			`"code":"RATE_LIMITED","max":50,"reason":"rate_limited.subscriptions"`,
		},
		"unavailable":         {fault.Unavailable("refetch"), "You have missed some changes. Please load afresh.", "您错过了部分更新，请重新加载。", `"code":"UNAVAILABLE","reason":"unavailable.refetch"`},
		"wrapped":             {fmt.Errorf("reading: %w", fault.Forbidden()), "You may not do this.", "您没有权限进行此操作。", `"code":"FORBIDDEN","reason":"forbidden"`},
		"a lost race":         {fmt.Errorf("replace: %w", store.ErrStale), "This was changed by somebody else at the same moment. Please try again.", "这项内容刚刚被其他人修改，请重试。", `"code":"CONFLICT","reason":"conflict.changed"`},
		"the client has left": {context.Canceled, "The request ended before its answer was ready. Please try again.", "请求在得到结果之前已中断，请重试。", `"code":"UNAVAILABLE","reason":"unavailable.interrupted"`},
		"out of time":         {fmt.Errorf("find: %w", context.DeadlineExceeded), "The request ended before its answer was ready. Please try again.", "请求在得到结果之前已中断，请重试。", `"code":"UNAVAILABLE","reason":"unavailable.interrupted"`},
		"args named like ours": {
			fault.Conflict("changed", fault.Args{"code": "OK", "reason": "none"}), "This was changed by somebody else at the same moment. Please try again.", "这项内容刚刚被其他人修改，请重试。",
			`"code":"CONFLICT","reason":"conflict.changed"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for tag, message := range map[locale.Tag]string{locale.English: c.en, locale.Chinese: c.zh} {
				want := `[{"message":"` + message + `",` + at + `"extensions":{` + c.extensions + `}}]`
				got, log := failing(t, tag, c.err)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s:\n%s", tag, diff)
				}
				if log != "" {
					t.Errorf("an expected failure is in the log: %s", log)
				}
			}
		})
	}
}

func TestUnknownErrorsTellNothing(t *testing.T) {
	t.Parallel()
	secret := errors.New("dial mongodb://root:hunter2@db: refused")
	for name, err := range map[string]error{
		"an error": secret, "a wrapped one": fmt.Errorf("reading an account: %w", secret), "one of the store": fmt.Errorf("%w: hunter2", store.ErrNotFound),
	} {
		for tag, message := range map[locale.Tag]string{
			locale.English: "Something went wrong on our side. Please try again; if it happens again, tell us the request id.",
			locale.Chinese: "系统出错了，请重试；如果再次出现，请把请求编号告诉我们。",
		} {
			got, log := failing(t, tag, err)
			want := `[{"message":"` + message + `","path":["me"],"locations":[{"line":1,"column":3}],"extensions":{"code":"INTERNAL","requestId":"req_1"}}]`
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s:\n%s", name, tag, diff)
			}
			if !strings.Contains(log, "hunter2") || !strings.Contains(log, "req_1") {
				t.Errorf("%s: the log has %q", name, log)
			}
		}
	}
}

func TestPanicsTellNothing(t *testing.T) {
	t.Parallel()
	e := newTestExecutor(t, &Resolver{Catalogue: words(t)}, meStub{me: func(context.Context) (*auth.Account, error) { panic("hunter2") }})
	got := e.run(contextOf(t, holder(), locale.English), "{ me { id } }")
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != fault.CodeInternal || got.Errors[0].Extensions["requestId"] != "req_1" || strings.Contains(string(raw), "hunter2") {
		t.Errorf("got %s", raw)
	}
	if log := e.log.String(); !strings.Contains(log, "hunter2") || !strings.Contains(log, "errors_test.go") {
		t.Errorf("the log lacks the panic or its stack: %s", log)
	}
}

func TestWrongDocumentsAreInvalid(t *testing.T) {
	t.Parallel()
	e := newTestExecutor(t, &Resolver{Catalogue: words(t)}, nil)
	const reportWith = `mutation ($input: ReportIncidentInput!) { reportIncident(input: $input) { incident { id } } }`
	for name, c := range map[string]struct {
		query     string
		variables map[string]any
		reason    string
		field     any
	}{
		"a syntax error":             {"{ me { id ", nil, "invalid.document", nil},
		"an unknown field":           {"{ you }", nil, "invalid.document", nil},
		"an unknown enum value":      {reportWith, map[string]any{"input": map[string]any{"type": "NOPE"}}, "invalid.document", "type"},
		"a number that is none":      {reportWith, map[string]any{"input": map[string]any{"type": "FIRE", "severity": "LEVEL_I", "position": map[string]any{"latitude": "x"}}}, "invalid.document", "position.latitude"},
		"a field that is missing":    {reportWith, map[string]any{"input": map[string]any{"type": "FIRE", "severity": "LEVEL_I"}}, "invalid.document", "position"},
		"a variable that is missing": {`query ($unit: ID!) { orgUnit(id: $unit) { id } }`, nil, "invalid.document", "unit"},
		"an input that is missing":   {reportWith, nil, "invalid.document", nil},
		"a time that is none": {
			`mutation ($input: SetAvailabilityInput!) { setAvailability(input: $input) { availability { onDuty } } }`,
			map[string]any{"input": map[string]any{"onDuty": true, "until": "noon"}}, "invalid.date_time", "until",
		},
		"a time in the document": {`mutation { setAvailability(input: {onDuty: true, until: "noon"}) { availability { onDuty } } }`, nil, "invalid.date_time", "until"},
		"a place that is none": {
			`mutation { reportPosition(input: {position: {latitude: 91, longitude: 0, datum: WGS84}, accuracyMeters: 1, recordedAt: "2026-01-01T00:00:00Z"}) { presence { recordedAt } } }`,
			nil, "invalid.position", "position",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := e.runWith(staffContext(t), c.query, c.variables)
			if len(got.Errors) == 0 {
				t.Fatal("no error")
			}
			x := got.Errors[0].Extensions
			if x["code"] != fault.CodeInvalid || x["reason"] != c.reason || x["field"] != c.field {
				t.Errorf("%v: %s", x, got.Errors[0].Message)
			}
		})
	}
}

func TestAllow(t *testing.T) {
	t.Parallel()
	people := map[string]Request{
		"nobody":             {},
		"a bad token":        {AuthError: fault.Unauthenticated("token")},
		"a bad token of one": {Actor: holder(auth.RoleAdmin), AuthError: fault.Unauthenticated("token")},
		"the roleless":       {Actor: holder()},
		"a volunteer":        {Actor: holder(auth.RoleVolunteer)},
		"a trainer":          {Actor: holder(auth.RoleTrainer)},
		"a dispatcher":       {Actor: holder(auth.RoleDispatcher)},
		"an admin":           {Actor: holder(auth.RoleAdmin)},
		"both":               {Actor: holder(auth.RoleVolunteer, auth.RoleDispatcher)},
	}
	unknown := []string{"nobody", "a bad token", "a bad token of one"}
	for _, c := range []struct {
		to  []Audience
		may []string
	}{
		{nil, nil},
		{[]Audience{"NONSENSE"}, nil},
		{[]Audience{AudienceAnyone}, []string{"nobody", "a bad token", "a bad token of one", "the roleless", "a volunteer", "a trainer", "a dispatcher", "an admin", "both"}},
		{[]Audience{AudienceSignedIn}, []string{"the roleless", "a volunteer", "a trainer", "a dispatcher", "an admin", "both"}},
		{[]Audience{AudienceTrainer}, []string{"a trainer", "an admin"}},
		{[]Audience{AudienceDispatcher}, []string{"a dispatcher", "an admin", "both"}},
		{[]Audience{AudienceAdmin}, []string{"an admin"}},
		{[]Audience{AudienceDispatcher, AudienceTrainer}, []string{"a trainer", "a dispatcher", "an admin", "both"}},
	} {
		for who, request := range people {
			t.Run(fmt.Sprintf("%v for %s", c.to, who), func(t *testing.T) {
				t.Parallel()
				called := false
				_, err := allow(WithRequest(t.Context(), request), nil, func(context.Context) (any, error) { called = true; return nil, nil }, c.to)
				want := fault.CodeForbidden
				switch {
				case slices.Contains(c.may, who):
					want = ""
				case slices.Contains(unknown, who):
					want = fault.CodeUnauthenticated
				}
				if fault.CodeOf(err) != want || called != (want == "") {
					t.Errorf("error %v, called %t, want %q", err, called, want)
				}
			})
		}
	}
}
