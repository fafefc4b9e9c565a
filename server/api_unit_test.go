package main

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/client"
)

// amending is a mutation of an org unit.
func amending(name string) string {
	return fmt.Sprintf(`mutation ($input: %s%sInput!) { %s(input: $input) { orgUnit { id name level parent { id } timeZone closedAt
		center { latitude longitude } mergedInto { id } formerNames { name } boundary } } }`, strings.ToUpper(name[:1]), name[1:], name)
}

const (
	liantangOne = "440303008001"
	newUnitID   = "440303001777"
	unitSquare  = `{"type":"Polygon","coordinates":[[[114.05,22.5],[114.1,22.5],[114.1,22.55],[114.05,22.55],[114.05,22.5]]]}`
)

// unitInputs are the changes of the tree that can be asked for, and succeed in
// this order.
func unitInputs() []struct {
	name  string
	input vars
} {
	return []struct {
		name  string
		input vars
	}{
		{"createUnit", vars{"code": newUnitID, "name": " 新社区 ", "level": "COMMUNITY", "parentId": guiyuanID, "center": at(guiyuanCenter), "reason": "新设"}},
		{"renameUnit", vars{"orgUnitId": newUnitID, "name": "新围社区", "reason": "更名"}},
		{"locateUnit", vars{"orgUnitId": newUnitID, "center": at(liantangCenter), "reason": "勘界"}},
		{"setBoundary", vars{"orgUnitId": newUnitID, "geoJson": unitSquare, "datum": "WGS84", "reason": "勘界"}},
		{"moveUnit", vars{"orgUnitId": newUnitID, "parentId": liantangID, "reason": "区划调整"}},
		{"mergeUnit", vars{"orgUnitId": newUnitID, "intoId": liantangOne, "reason": "合并"}},
		{"closeUnit", vars{"orgUnitId": liantangOne, "reason": "撤销"}},
	}
}

// unitMutations are the rows of the table of all mutations.
func unitMutations() map[string]operation {
	all := map[string]operation{}
	for _, c := range unitInputs() {
		all[c.name] = operation{amending(c.name), func(*alerted) vars { return vars{"input": c.input} }, false, true}
	}
	return all
}

// extended is an input with more in it.
func extended(input, more vars) vars {
	in := maps.Clone(input)
	maps.Copy(in, more)
	return vars{"input": in}
}

const readUnit = `query ($id: ID!) { orgUnit(id: $id) { name level parent { id } timeZone closedAt mergedInto { id } formerNames { name } boundary reorganising } }`

func TestAPIUnits(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	others := map[string]*client.Client{
		"dispatcher": tw.guiyuan.Client, "trainer": tw.trainer.Client, "nobody": tw.nobody.Client,
		"admin of another unit": tw.newResident(t, "东湖", auth.RoleAdmin, guiyuanOne).Client,
	}
	last := map[string]vars{}
	for i, c := range unitInputs() {
		if c.name == "closeUnit" { // what the merger brought is on its way for some time
			break
		}
		for who, other := range others {
			t.Run(c.name+" by "+who, func(t *testing.T) {
				expectRefusal(t, other, amending(c.name), vars{"input": c.input}, problem{Code: "FORBIDDEN", Reason: "forbidden"})
			})
		}
		in := extended(c.input, vars{"idempotencyKey": fmt.Sprintf("k%d", i)})
		first, again := tw.admin.must(t, amending(c.name), in), tw.admin.must(t, amending(c.name), in)
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("%s twice:\n%s", c.name, diff)
		}
		last[c.name], _ = dig(first, c.name, "orgUnit").(vars)
	}
	place := vars{"latitude": liantangCenter.Latitude, "longitude": liantangCenter.Longitude}
	want := vars{
		"id": newUnitID, "name": "新围社区", "level": "COMMUNITY", "parent": vars{"id": liantangID}, "timeZone": nil, "closedAt": nil,
		"center": place, "mergedInto": nil, "formerNames": []any{vars{"name": "新社区"}}, "boundary": unitSquare,
	}
	if diff := cmp.Diff(want, last["moveUnit"]); diff != "" {
		t.Error(diff)
	}
	if got := last["mergeUnit"]["id"]; got != liantangOne {
		t.Errorf("left is %v", got)
	}
	got, _ := dig(tw.nobody.must(t, readUnit, vars{"id": newUnitID}), "orgUnit").(vars)
	if dig(got, "mergedInto", "id") != liantangOne || got["closedAt"] == nil || got["name"] != "新围社区" {
		t.Errorf("the unit that was merged is %v", got)
	}
	expectRefusal(t, tw.admin.Client, amending("renameUnit"), vars{"input": vars{"orgUnitId": newUnitID, "name": "x", "reason": "x"}},
		problem{Code: "CONFLICT", Reason: "conflict.unit_closed", State: "CLOSED"})
}

func TestAPICloseUnit(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	closing := func(id string) vars { return vars{"input": vars{"orgUnitId": id, "reason": "撤销"}} }
	tw.newVolunteer(t, guiyuanOne, tw.scene())
	got := expectRefusal(t, tw.admin.Client, amending("closeUnit"), closing(guiyuanOne), problem{Code: "CONFLICT", Reason: "conflict.unit_not_empty"})
	if want := "Not closed: 1 responders and 0 units are left in it. Please transfer or retire the responders and close or move the units first."; got.Message != want {
		t.Errorf("message %q", got.Message)
	}
	expectRefusal(t, tw.admin.Client, amending("closeUnit"), closing(liantangID), problem{Code: "CONFLICT", Reason: "conflict.unit_not_empty"})
	for _, id := range []string{liantangOne, liantangID} {
		if word(tw.admin.must(t, amending("closeUnit"), closing(id)), "closeUnit", "orgUnit", "closedAt") == "" {
			t.Errorf("%s is open", id)
		}
	}
	// What happens there is the business of those who are left.
	incident := tw.admin.must(t, reportIncident, report(liantangCenter))
	if got := word(incident, "reportIncident", "incident", "orgUnit", "id"); got != guiyuanOne {
		t.Errorf("the incident belongs to %s", got)
	}
}

func TestAPIIncidentFindsItsCommunityByBoundary(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	where := near(guiyuanCenter)
	in := vars{"input": vars{"orgUnitId": liantangOne, "geoJson": around(guiyuanCenter.Latitude, guiyuanCenter.Longitude), "datum": "WGS84", "reason": "勘界"}}
	tw.admin.must(t, amending("setBoundary"), in)
	opened := tw.admin.must(t, reportIncident, report(where))
	if got := word(opened, "reportIncident", "incident", "orgUnit", "id"); got != liantangOne {
		t.Errorf("the incident belongs to %s, want the community whose boundary contains it", got)
	}
	tw.admin.must(t, amending("setBoundary"), vars{"input": vars{"orgUnitId": liantangOne, "geoJson": nil, "datum": "WGS84", "reason": "有误"}})
	opened = tw.admin.must(t, reportIncident, report(where))
	if got := word(opened, "reportIncident", "incident", "orgUnit", "id"); got != guiyuanOne {
		t.Errorf("the incident belongs to %s, want the community whose centre is nearest", got)
	}
}

func around(latitude, longitude float64) string {
	const half = 0.01
	w, e, s, n := longitude-half, longitude+half, latitude-half, latitude+half
	return fmt.Sprintf(`{"type":"Polygon","coordinates":[[[%f,%f],[%f,%f],[%f,%f],[%f,%f],[%f,%f]]]}`, w, s, e, s, e, n, w, n, w, s)
}

func TestAPIUnitMovesItsResponders(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	r := tw.newVolunteer(t, guiyuanOne, tw.scene())
	const list = `query ($id: ID!) { responders(orgUnitId: $id) { nodes { id } } orgUnit(id: $id) { reorganising } }`
	tw.admin.must(t, amending("moveUnit"), vars{"input": vars{"orgUnitId": guiyuanOne, "parentId": liantangID, "reason": "区划调整"}})
	settled := func() bool {
		got := tw.admin.must(t, list, vars{"id": liantangID})
		return word(got, "responders", "nodes", 0, "id") == r.responderID && dig(got, "orgUnit", "reorganising") == false
	}
	for deadline := time.Now().Add(patience); !settled(); {
		if time.Now().After(deadline) {
			t.Fatal("the responder has not followed")
		}
	}
	if got := tw.guiyuan.must(t, list, vars{"id": guiyuanID}); dig(got, "responders", "nodes", 0) != nil {
		t.Errorf("the old staff still list %v", got)
	}
	if got := tw.liantang.must(t, list, vars{"id": guiyuanOne}); word(got, "responders", "nodes", 0, "id") != r.responderID {
		t.Errorf("the new staff list %v", got)
	}
}

func TestAPIUnitBadInput(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	ok := map[string]vars{}
	for _, c := range unitInputs() {
		ok[c.name] = c.input
	}
	bad := func(name string, more vars) vars { return extended(ok[name], more)["input"].(vars) }
	const tooLong, tooLongZH = "This may have at most 100 characters.", "此项最多 100 个字符。"
	const levels = "The levels do not fit: a subdistrict belongs to a district and a community to a subdistrict, and only units of one level can be merged."
	const levelsZH = "层级不符：街道隶属于区，社区隶属于街道，且只有同级单位才能合并。"
	moving := func(id, parent string) vars { return vars{"orgUnitId": id, "parentId": parent, "reason": "x"} }
	create, rename, move, merge, bound := amending("createUnit"), amending("renameUnit"), amending("moveUnit"), amending("mergeUnit"), amending("setBoundary")
	open := `{"type":"Polygon","coordinates":[[[114,22],[115,22],[115,23],[114,23]]]}`
	testBadInput(t, tw.admin.speakers(t), map[string]badInput{
		"a code of 11":       {create, bad("createUnit", vars{"code": "44030300177"}), "code", "invalid.unit_code", "A division code has 12 digits.", "区划代码必须为 12 位数字。"},
		"a blank name":       {create, bad("createUnit", vars{"name": " "}), "name", "invalid.required", "Please fill this in.", "请填写此项。"},
		"a name of 101":      {rename, vars{"orgUnitId": guiyuanOne, "name": strings.Repeat("名", 101), "reason": "x"}, "name", "invalid.too_long", tooLong, tooLongZH},
		"no reason":          {rename, vars{"orgUnitId": guiyuanOne, "name": "x", "reason": ""}, "reason", "invalid.required", "Please fill this in.", "请填写此项。"},
		"a key of 101":       {move, bad("moveUnit", vars{"idempotencyKey": strings.Repeat("k", 101)}), "idempotencyKey", "invalid.too_long", tooLong, tooLongZH},
		"a new district":     {create, bad("createUnit", vars{"level": "DISTRICT"}), "level", "invalid.unit_level", levels, levelsZH},
		"a level left out":   {create, bad("createUnit", vars{"parentId": luohuID}), "level", "invalid.unit_level", levels, levelsZH},
		"a move too high":    {move, moving(guiyuanOne, luohuID), "parentId", "invalid.unit_level", levels, levelsZH},
		"two levels merged":  {merge, vars{"orgUnitId": guiyuanOne, "intoId": liantangID, "reason": "x"}, "intoId", "invalid.unit_level", levels, levelsZH},
		"a centre in space":  {create, bad("createUnit", vars{"center": vars{"latitude": 91, "longitude": 0, "datum": "WGS84"}}), "center", "invalid.position", "This is not a place on the map.", "这不是地图上的有效位置。"},
		"a zone of nowhere":  {amending("locateUnit"), vars{"orgUnitId": luohuID, "timeZone": "Mars/Olympus", "reason": "x"}, "timeZone", "invalid.time_zone", "There is no such time zone. Please use a name such as Asia/Shanghai.", "没有这个时区，请使用如 Asia/Shanghai 的名称。"},
		"a community's zone": {amending("locateUnit"), vars{"orgUnitId": guiyuanOne, "timeZone": "Asia/Shanghai", "reason": "x"}, "timeZone", "invalid.time_zone_of_district", "Only a district has a time zone.", "只有区一级可以设置时区。"},
		"an open ring": {bound, vars{"orgUnitId": guiyuanOne, "geoJson": open, "datum": "WGS84", "reason": "x"}, "geoJson", "invalid.boundary_open",
			"Polygon 1, ring 1 is not closed: its last point must be the first again.", "第 1 个多边形第 1 环没有闭合：最后一点必须与第一点相同。"},
		"a ring in a knot": {bound, vars{"orgUnitId": guiyuanOne, "geoJson": `{"type":"Polygon","coordinates":[[[114,22],[115,23],[115,22],[114,23],[114,22]]]}`, "datum": "WGS84", "reason": "x"},
			"geoJson", "invalid.boundary_crosses", "Polygon 1, ring 1 crosses or touches itself after its points 1 and 3.", "第 1 个多边形第 1 环在第 1 点和第 3 点之后自相交或自接触。"},
	})
	for name, c := range map[string]struct {
		query string
		input vars
		want  problem
	}{
		"an unknown unit":    {rename, vars{"orgUnitId": unknownID, "name": "x", "reason": "x"}, problem{Code: "NOT_FOUND", Reason: "not_found.unit"}},
		"an unknown parent":  {move, moving(guiyuanOne, unknownID), problem{Code: "NOT_FOUND", Reason: "not_found.unit"}},
		"a code that is had": {create, bad("createUnit", vars{"code": liantangOne}), problem{Code: "CONFLICT", Reason: "conflict.unit_code_taken", State: "OPEN"}},
		"where it is":        {move, moving(guiyuanOne, guiyuanID), problem{Code: "CONFLICT", Reason: "conflict.unit_there_already"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectRefusal(t, tw.admin.Client, c.query, vars{"input": c.input}, c.want)
		})
	}
}
