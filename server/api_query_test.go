package main

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/geo"
)

func TestAPIMe(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	v := tw.newVolunteer(t, guiyuanOne, tw.scene())
	const query = `{ me { id phone name locale grants { role orgUnit { id name level parent { id parent { id parent { id } } } } }
		responder { id name status transportMode equipment orgUnit { name } availability { onDuty until } certificates { state course { id name } } } } }`
	want := vars{"me": vars{
		"id": v.accountID, "phone": v.phone, "name": "张三", "locale": "zh-CN",
		"grants": []any{vars{"role": "VOLUNTEER", "orgUnit": vars{
			"id": guiyuanOne, "name": "老围社区", "level": "COMMUNITY",
			"parent": vars{"id": guiyuanID, "parent": vars{"id": luohuID, "parent": nil}},
		}}},
		"responder": vars{
			"id": v.responderID, "name": "张三", "status": "ACTIVE", "transportMode": "ON_FOOT", "equipment": []any{"AED"},
			"orgUnit": vars{"name": "老围社区"}, "availability": vars{"onDuty": true, "until": nil},
			"certificates": []any{vars{"state": "VALID", "course": vars{"id": "first-responder", "name": "First responder"}}},
		},
	}}
	if diff := cmp.Diff(want, v.must(t, query, nil)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(vars{"me": vars{"responder": nil}}, tw.nobody.must(t, `{ me { responder { id } } }`, nil)); diff != "" {
		t.Error(diff)
	}
}

func TestAPIOrgUnits(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	const list = `query ($parent: ID, $first: Int!, $after: String) { orgUnits(parentId: $parent, first: $first, after: $after) {
		nodes { id } pageInfo { hasNextPage endCursor } } }`
	top := tw.nobody.must(t, list, vars{"first": 100})
	if diff := cmp.Diff([]any{vars{"id": luohuID}}, dig(top, "orgUnits", "nodes")); diff != "" {
		t.Error(diff)
	}
	page := tw.nobody.must(t, list, vars{"parent": luohuID, "first": 1})
	cursor := word(page, "orgUnits", "pageInfo", "endCursor")
	if word(page, "orgUnits", "nodes", 0, "id") != guiyuanID || dig(page, "orgUnits", "pageInfo", "hasNextPage") != true || cursor == "" {
		t.Errorf("first page %v", page)
	}
	page = tw.nobody.must(t, list, vars{"parent": luohuID, "first": 1, "after": cursor})
	if word(page, "orgUnits", "nodes", 0, "id") != liantangID || dig(page, "orgUnits", "pageInfo", "hasNextPage") != false {
		t.Errorf("last page %v", page)
	}
	page = tw.nobody.must(t, list, vars{"parent": guiyuanOne, "first": 1})
	if diff := cmp.Diff(vars{"orgUnits": vars{"nodes": []any{}, "pageInfo": vars{"hasNextPage": false, "endCursor": nil}}}, page); diff != "" {
		t.Error(diff)
	}
	noUnit := problem{Code: "NOT_FOUND", Reason: "not_found.unit"}
	expectRefusal(t, tw.nobody.Client, list, vars{"parent": unknownID, "first": 1}, noUnit)
	expectRefusal(t, tw.nobody.Client, list, vars{"first": 1, "after": "garbage"}, problem{Code: "INVALID", Reason: "invalid.cursor", Field: "after"})
	expectRefusal(t, tw.nobody.Client, list, vars{"first": 0}, problem{Code: "INVALID", Reason: "invalid.range", Field: "first"})
	expectRefusal(t, tw.nobody.Client, `query ($id: ID!) { orgUnit(id: $id) { id } }`, vars{"id": unknownID}, noUnit)
	got := tw.nobody.must(t, `query ($id: ID!) { orgUnit(id: $id) { name level } }`, vars{"id": liantangID})
	if diff := cmp.Diff(vars{"orgUnit": vars{"name": "莲塘街道", "level": "SUBDISTRICT"}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAPIResponders(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	west, east := tw.newVolunteer(t, guiyuanOne, tw.scene()), tw.newVolunteer(t, liantangID, tw.scene())
	const one, list = `query ($id: ID!) { responder(id: $id) { id certificates { number } } }`,
		`query ($id: ID!, $status: ResponderStatus) { responders(orgUnitId: $id, status: $status) { nodes { id } } }`
	for who, c := range map[string]struct {
		r               *resident
		west, east, all bool
	}{
		"the admin": {tw.admin, true, true, true}, "the trainer": {tw.trainer, true, true, true},
		"guiyuan's dispatcher": {tw.guiyuan, true, false, false}, "liantang's": {tw.liantang, false, true, false},
		"guiyuan's volunteer": {west, true, false, false}, "liantang's volunteer": {east, false, true, false},
		"the roleless": {tw.nobody, false, false, false},
	} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			for _, see := range []struct {
				of  *resident
				may bool
			}{{west, c.west}, {east, c.east}} {
				if !see.may {
					expectRefusal(t, c.r.Client, one, vars{"id": see.of.responderID}, problem{Code: "NOT_FOUND", Reason: "not_found.responder"})
				} else if got := c.r.must(t, one, vars{"id": see.of.responderID}); word(got, "responder", "id") != see.of.responderID || word(got, "responder", "certificates", 0, "number") == "" {
					t.Errorf("got %v", got)
				}
			}
			if c.r == west || c.r == east || c.r == tw.nobody {
				expectRefusal(t, c.r.Client, list, vars{"id": luohuID}, problem{Code: "FORBIDDEN", Reason: "forbidden"})
				return
			}
			if !c.all {
				expectRefusal(t, c.r.Client, list, vars{"id": luohuID}, problem{Code: "FORBIDDEN", Reason: "forbidden"})
			} else if nodes, _ := dig(c.r.must(t, list, vars{"id": luohuID, "status": "ACTIVE"}), "responders", "nodes").([]any); len(nodes) != 2 {
				t.Errorf("lists %v", nodes)
			}
			if c.west {
				got := c.r.must(t, list, vars{"id": guiyuanID})
				if diff := cmp.Diff([]any{vars{"id": west.responderID}}, dig(got, "responders", "nodes")); diff != "" {
					t.Error(diff)
				}
			} else {
				expectRefusal(t, c.r.Client, list, vars{"id": guiyuanID}, problem{Code: "FORBIDDEN", Reason: "forbidden"})
			}
		})
	}
	for _, status := range []string{"APPLIED", "SUSPENDED", "RETIRED"} {
		if nodes, _ := dig(tw.admin.must(t, list, vars{"id": luohuID, "status": status}), "responders", "nodes").([]any); len(nodes) != 0 {
			t.Errorf("%s: %v", status, nodes)
		}
	}
	expectRefusal(t, tw.admin.Client, list, vars{"id": unknownID}, problem{Code: "NOT_FOUND", Reason: "not_found.unit"})
	expectRefusal(t, tw.admin.Client, one, vars{"id": "rsp_none"}, problem{Code: "NOT_FOUND", Reason: "not_found.responder"})
}

func TestAPIVerifyCertificate(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	v := tw.newVolunteer(t, guiyuanOne, tw.scene())
	number := word(v.must(t, `{ me { responder { certificates { number } } } }`, nil), "me", "responder", "certificates", 0, "number")
	const query = `query ($number: String!) { verifyCertificate(number: $number) { number holderName courseName state } }`
	for tag, course := range map[string]string{"en": "First responder", "zh-CN": "应急第一响应人"} {
		got := run(t, tw.client(tag), query, vars{"number": number})
		want := vars{"verifyCertificate": vars{"number": number, "holderName": "张*", "courseName": course, "state": "VALID"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	expectRefusal(t, tw.client("en"), query, vars{"number": "12"}, problem{Code: "INVALID", Reason: "invalid.certificate_number", Field: "number"})
	// Of the ten numbers with another serial one has the right check digit, and
	// nobody holds that certificate.
	other := number[:10] + string('0'+(number[10]-'0'+1)%10)
	unknown := 0
	for digit := range 10 {
		got := refused(t, tw.client("en"), query, vars{"number": fmt.Sprint(other, digit)})
		if problemOf(got) == (problem{Code: "NOT_FOUND", Reason: "not_found.certificate"}) {
			unknown++
		} else if problemOf(got) != (problem{Code: "INVALID", Reason: "invalid.certificate_number", Field: "number"}) {
			t.Errorf("got %v", got)
		}
	}
	if unknown != 1 {
		t.Errorf("%d numbers of ten are well made", unknown)
	}
}

func TestAPIIncidents(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	first, second := tw.guiyuan.open(t, tw.scene()), tw.guiyuan.open(t, tw.scene())
	other := tw.liantang.open(t, geo.Position{Latitude: liantangCenter.Latitude, Longitude: liantangCenter.Longitude + 0.2})
	const list = `query ($id: ID!, $first: Int! = 20, $after: String) { incidents(orgUnitId: $id, first: $first, after: $after) {
		nodes { id orgUnit { id } } pageInfo { hasNextPage endCursor } } }`
	page := tw.guiyuan.must(t, list, vars{"id": guiyuanID, "first": 1})
	if word(page, "incidents", "nodes", 0, "id") != second.id {
		t.Errorf("the newest is not first: %v", page)
	}
	page = tw.guiyuan.must(t, list, vars{"id": guiyuanID, "first": 1, "after": word(page, "incidents", "pageInfo", "endCursor")})
	if word(page, "incidents", "nodes", 0, "id") != first.id || dig(page, "incidents", "pageInfo", "hasNextPage") != false {
		t.Errorf("last page %v", page)
	}
	if diff := cmp.Diff([]string{other.id}, tw.incidentIDs(t, liantangID)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{other.id, second.id, first.id}, tw.incidentIDs(t, luohuID)); diff != "" {
		t.Error(diff)
	}
	forbidden := problem{Code: "FORBIDDEN", Reason: "forbidden"}
	expectRefusal(t, tw.guiyuan.Client, list, vars{"id": luohuID}, forbidden)
	expectRefusal(t, tw.guiyuan.Client, list, vars{"id": liantangID}, forbidden)
	expectRefusal(t, tw.liantang.Client, list, vars{"id": guiyuanOne}, forbidden)
	expectRefusal(t, tw.guiyuan.Client, list, vars{"id": unknownID}, problem{Code: "NOT_FOUND", Reason: "not_found.unit"})
	expectRefusal(t, tw.guiyuan.Client, list, vars{"id": guiyuanID, "first": 101}, problem{Code: "INVALID", Reason: "invalid.range", Field: "first"})
	cursor := word(tw.guiyuan.must(t, list, vars{"id": guiyuanID, "first": 1}), "incidents", "pageInfo", "endCursor")
	expectRefusal(t, tw.guiyuan.Client, `query ($after: String) { orgUnits(after: $after) { nodes { id } } }`, vars{"after": cursor},
		problem{Code: "INVALID", Reason: "invalid.cursor", Field: "after"})
}

func TestAPIMyAlerts(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	a := tw.alerted(t)
	const query = `query ($active: Boolean) { myAlerts(active: $active) { nodes { id incident { id } } } }`
	ids := func(r *resident, active any) any {
		return dig(r.must(t, query, vars{"active": active}), "myAlerts", "nodes")
	}
	its := []any{vars{"id": a.alertID, "incident": vars{"id": a.id}}}
	none := []any{}
	check := func(when string, all, live, over []any) {
		t.Helper()
		if diff := cmp.Diff([]any{all, live, over}, []any{ids(a.resident, nil), ids(a.resident, true), ids(a.resident, false)}); diff != "" {
			t.Errorf("%s:\n%s", when, diff)
		}
	}
	check("alerted", its, its, none)
	a.say(t, "declineAlert")
	check("declined", its, none, its)
	for _, r := range []*resident{tw.nobody, tw.guiyuan, tw.newVolunteer(t, guiyuanOne, tw.scene())} {
		if diff := cmp.Diff(none, ids(r, nil)); diff != "" {
			t.Error(diff)
		}
	}
	expectRefusal(t, a.Client, `{ myAlerts(first: 101) { nodes { id } } }`, nil, problem{Code: "INVALID", Reason: "invalid.range", Field: "first"})
	expectRefusal(t, a.Client, `{ myAlerts(after: "x") { nodes { id } } }`, nil, problem{Code: "INVALID", Reason: "invalid.cursor", Field: "after"})
}
