package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/client"
)

func TestAPIReportIncident(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	t.Run("by the subdistrict's dispatcher and the admin", func(t *testing.T) {
		t.Parallel()
		for _, r := range []*resident{tw.guiyuan, tw.admin} {
			got := r.must(t, reportIncident, report(tw.scene(), vars{"needed": 2, "drill": true, "idempotencyKey": "k"}))
			incident, _ := dig(got, "reportIncident", "incident").(vars)
			want := vars{
				"id": incident["id"], "type": "OTHER", "severity": "LEVEL_III", "status": "OPEN", "drill": true,
				"address": "蔡屋围路 1 号", "description": "一人跌倒", "orgUnit": vars{"id": guiyuanOne},
				"dispatch": vars{"id": dig(incident, "dispatch", "id"), "state": "SEARCHING", "needed": 2.0},
			}
			if diff := cmp.Diff(want, incident); diff != "" || !strings.HasPrefix(word(incident, "id"), "inc_") {
				t.Error(diff, incident["id"])
			}
		}
	})
	t.Run("of another subdistrict", func(t *testing.T) { // before all those that report something somewhere
		before := tw.incidentIDs(t, liantangID)
		expectRefusal(t, tw.liantang.Client, reportIncident, report(tw.scene()), problem{Code: "FORBIDDEN", Reason: "forbidden"})
		expectRefusal(t, tw.guiyuan.Client, reportIncident, report(liantangCenter), problem{Code: "FORBIDDEN", Reason: "forbidden"})
		if diff := cmp.Diff(before, tw.incidentIDs(t, liantangID)); diff != "" {
			t.Errorf("something was reported:\n%s", diff)
		}
	})
	t.Run("again with the same key", func(t *testing.T) {
		t.Parallel()
		in := report(tw.scene(), vars{"idempotencyKey": "retry"})
		first, again := tw.guiyuan.must(t, reportIncident, in), tw.guiyuan.must(t, reportIncident, in)
		if id := word(first, "reportIncident", "incident", "id"); id == "" || id != word(again, "reportIncident", "incident", "id") {
			t.Errorf("two incidents: %v, %v", first, again)
		}
		if other := tw.admin.open(t, tw.scene(), vars{"idempotencyKey": "retry"}); other.id == word(first, "reportIncident", "incident", "id") {
			t.Error("the key of one account is another's")
		}
		got := expectRefusal(t, tw.guiyuan.Client, reportIncident, report(tw.scene(), vars{"idempotencyKey": "retry"}),
			problem{Code: "INVALID", Reason: "invalid.key_reused", Field: "idempotencyKey"})
		if want := "This key was used for something else before. Please use a new one."; got.Message != want {
			t.Errorf("message %q", got.Message)
		}
	})
	t.Run("in whatever datum", func(t *testing.T) {
		t.Parallel()
		testDatums(t, tw)
	})
}

// incidentIDs lists the incidents of a unit, as the admin sees them.
func (tw *town) incidentIDs(t *testing.T, unitID string) []string {
	t.Helper()
	got := tw.admin.must(t, `query ($id: ID!) { incidents(orgUnitId: $id, first: 100) { nodes { id } } }`, vars{"id": unitID})
	nodes, _ := dig(got, "incidents", "nodes").([]any)
	ids := []string{}
	for _, node := range nodes {
		ids = append(ids, word(node, "id"))
	}
	return ids
}

// testDatums has a place of which both names are known to 1e-5 degrees: the
// published pair for Beijing.
func testDatums(t *testing.T, tw *town) {
	const wgsLat, wgsLng, gcjLat, gcjLng = 39.90105, 116.42079, 39.90245, 116.42703
	got := tw.admin.must(t, reportIncident, vars{"input": vars{
		"type": "OTHER", "severity": "LEVEL_IV", "position": vars{"latitude": gcjLat, "longitude": gcjLng, "datum": "GCJ02"},
	}})
	read := tw.admin.must(t, `query ($id: ID!) { incident(id: $id) {
		wgs: position { latitude longitude datum } gcj: position(datum: GCJ02) { latitude longitude datum } bd: position(datum: BD09) { latitude longitude datum } } }`,
		vars{"id": word(got, "reportIncident", "incident", "id")})
	near := func(name, datum string, lat, lng, tolerance float64) {
		p, _ := dig(read, "incident", name).(vars)
		gotLat, _ := p["latitude"].(float64)
		gotLng, _ := p["longitude"].(float64)
		if p["datum"] != datum || abs(gotLat-lat) > tolerance || abs(gotLng-lng) > tolerance {
			t.Errorf("%s: %v, want %v %v", name, p, lat, lng)
		}
	}
	near("wgs", "WGS84", wgsLat, wgsLng, 1e-5)
	near("gcj", "GCJ02", gcjLat, gcjLng, 1e-7)
	near("bd", "BD09", gcjLat+0.006, gcjLng+0.0065, 1e-3) // Baidu's constant offset, and its small wave
}

func abs(x float64) float64 {
	if x < 0 {
		return -x
	}
	return x
}

func TestAPICallOff(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	t.Run("standing down stands everybody down", func(t *testing.T) {
		t.Parallel()
		a := tw.alerted(t)
		a.say(t, "acceptAlert")
		in := vars{"input": vars{"dispatchId": a.dispatchID, "reason": "误报", "idempotencyKey": "k"}}
		first, again := tw.guiyuan.must(t, standDownDispatch, in), tw.guiyuan.must(t, standDownDispatch, in)
		if diff := cmp.Diff(first, again); diff != "" || word(first, "standDownDispatch", "dispatch", "state") != "STOOD_DOWN" {
			t.Error(first, diff)
		}
		if got := a.state(t); got != "STOOD_DOWN" {
			t.Errorf("the alert is %s", got)
		}
		got := expectRefusal(t, tw.guiyuan.Client, standDownDispatch, vars{"input": vars{"dispatchId": a.dispatchID}},
			problem{"CONFLICT", "conflict.dispatch_over", "", "STOOD_DOWN"})
		if got.Message != "This call-out is over already." {
			t.Errorf("message %q", got.Message)
		}
		expectRefusal(t, a.Client, answering("markEnRoute"), vars{"input": vars{"alertId": a.alertID}}, problem{"CONFLICT", "conflict.alert_state", "", "STOOD_DOWN"})
	})
	t.Run("closing ends the dispatch", func(t *testing.T) {
		t.Parallel()
		a := tw.alerted(t)
		in := vars{"input": vars{"incidentId": a.id, "outcome": "已处置", "idempotencyKey": "k2"}}
		first, again := tw.admin.must(t, closeIncident, in), tw.admin.must(t, closeIncident, in)
		incident, _ := dig(first, "closeIncident", "incident").(vars)
		want := vars{"id": a.id, "status": "CLOSED", "closedAt": incident["closedAt"], "outcome": "已处置", "dispatch": vars{"state": "ENDED"}}
		if diff := cmp.Diff(want, incident) + cmp.Diff(first, again); diff != "" || incident["closedAt"] == nil {
			t.Error(incident["closedAt"], diff)
		}
		expectRefusal(t, tw.guiyuan.Client, closeIncident, vars{"input": vars{"incidentId": a.id}}, problem{"CONFLICT", "conflict.incident_closed", "", "CLOSED"})
		expectRefusal(t, tw.guiyuan.Client, standDownDispatch, vars{"input": vars{"dispatchId": a.dispatchID}}, problem{"CONFLICT", "conflict.dispatch_over", "", "ENDED"})
		expectRefusal(t, a.Client, answering("acceptAlert"), vars{"input": vars{"alertId": a.alertID}}, problem{"CONFLICT", "conflict.alert_state", "", "STOOD_DOWN"})
	})
	t.Run("of another subdistrict, or of none", func(t *testing.T) {
		t.Parallel()
		a := tw.alerted(t)
		for _, id := range []string{a.id, "inc_none", ""} {
			expectRefusal(t, tw.liantang.Client, closeIncident, vars{"input": vars{"incidentId": id}}, problem{Code: "NOT_FOUND", Reason: "not_found.incident"})
		}
		for _, id := range []string{a.dispatchID, "dsp_none", ""} {
			expectRefusal(t, tw.liantang.Client, standDownDispatch, vars{"input": vars{"dispatchId": id}}, problem{Code: "NOT_FOUND", Reason: "not_found.dispatch"})
		}
		if got := a.state(t); got != "PENDING" && got != "SENT" {
			t.Errorf("the alert is %s", got)
		}
		got := tw.guiyuan.must(t, `query ($id: ID!) { incident(id: $id) { status dispatch { endedAt } } }`, vars{"id": a.id})
		if diff := cmp.Diff(vars{"incident": vars{"status": "OPEN", "dispatch": vars{"endedAt": nil}}}, got); diff != "" {
			t.Error(diff)
		}
	})
}

// speakers are the resident in both languages.
func (r *resident) speakers(t *testing.T) map[string]*client.Client {
	t.Helper()
	return map[string]*client.Client{"en": r.Client, "zh-CN": r.speaking(t, "zh-CN")}
}

// badInput is an input of which a field is wrong.
type badInput struct {
	query         string
	input         vars
	field, reason string
	en, zh        string
}

// testBadInput sends each bad input in both languages.
func testBadInput(t *testing.T, speakers map[string]*client.Client, cases map[string]badInput) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for tag, words := range map[string]string{"en": c.en, "zh-CN": c.zh} {
				got := expectRefusal(t, speakers[tag], c.query, vars{"input": c.input}, problem{Code: "INVALID", Reason: c.reason, Field: c.field})
				if got.Message != words {
					t.Errorf("%s: message %q, want %q", tag, got.Message, words)
				}
			}
		})
	}
}

func TestAPIStaffBadInput(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	scene := tw.scene()
	bad := func(changes vars) vars { return report(scene, changes)["input"].(vars) }
	const tooLong, tooLongZH = "This may have at most 2000 characters.", "此项最多 2000 个字符。"
	testBadInput(t, tw.guiyuan.speakers(t), map[string]badInput{
		"a latitude of 91": {reportIncident, bad(vars{"position": vars{"latitude": 91, "longitude": 114, "datum": "WGS84"}}),
			"position", "invalid.position", "This is not a place on the map.", "这不是地图上的有效位置。"},
		"an address of 201": {reportIncident, bad(vars{"address": strings.Repeat("路", 201)}),
			"address", "invalid.too_long", "This may have at most 200 characters.", "此项最多 200 个字符。"},
		"a description of 2,001": {reportIncident, bad(vars{"description": strings.Repeat("伤", 2001)}),
			"description", "invalid.too_long", tooLong, tooLongZH},
		"a zero byte": {reportIncident, bad(vars{"description": "a\x00b"}),
			"description", "invalid.text", "This contains characters that cannot be stored.", "此项含有无法保存的字符。"},
		"501 needed": {reportIncident, bad(vars{"needed": 501}),
			"needed", "invalid.range", "This must lie between 1 and 500.", "此项必须在 1 到 500 之间。"},
		"-1 needed": {reportIncident, bad(vars{"needed": -1}),
			"needed", "invalid.range", "This must lie between 1 and 500.", "此项必须在 1 到 500 之间。"},
		"0 needed": {reportIncident, bad(vars{"needed": 0}),
			"needed", "invalid.range", "This must lie between 1 and 500.", "此项必须在 1 到 500 之间。"},
		"a key of 101": {reportIncident, bad(vars{"idempotencyKey": strings.Repeat("k", 101)}),
			"idempotencyKey", "invalid.too_long", "This may have at most 100 characters.", "此项最多 100 个字符。"},
		"an outcome of 2,001": {closeIncident, vars{"incidentId": "inc_none", "outcome": strings.Repeat("好", 2001)},
			"outcome", "invalid.too_long", tooLong, tooLongZH},
		"a closing key of 101": {closeIncident, vars{"incidentId": "inc_none", "idempotencyKey": strings.Repeat("k", 101)},
			"idempotencyKey", "invalid.too_long", "This may have at most 100 characters.", "此项最多 100 个字符。"},
		"a reason of 2,001": {standDownDispatch, vars{"dispatchId": "dsp_none", "reason": strings.Repeat("停", 2001)},
			"reason", "invalid.too_long", tooLong, tooLongZH},
	})
}
