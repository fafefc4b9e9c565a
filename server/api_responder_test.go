package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
)

// positionReport is reportPosition's input, with some fields changed.
func positionReport(position vars, changes ...vars) vars {
	in := vars{"position": position, "accuracyMeters": 12.5, "recordedAt": store.Now().Format(time.RFC3339Nano)}
	for _, change := range changes {
		for name, value := range change {
			in[name] = value
		}
	}
	return vars{"input": in}
}

func TestAPIAvailability(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	v := tw.newVolunteer(t, guiyuanOne, tw.scene())
	until := store.Now().Add(8 * time.Hour)
	got := v.must(t, setAvailability, vars{"input": vars{"onDuty": true, "until": until.Format(time.RFC3339Nano)}})
	want := vars{"setAvailability": vars{
		"availability": vars{"onDuty": true, "until": until.Format("2006-01-02T15:04:05.000Z")}, "responder": vars{"id": v.responderID},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	off := vars{"input": vars{"onDuty": false, "until": nil, "idempotencyKey": "k"}}
	for range 2 {
		got := v.must(t, setAvailability, off)
		if diff := cmp.Diff(vars{"onDuty": false, "until": nil}, dig(got, "setAvailability", "availability")); diff != "" {
			t.Error(diff)
		}
	}
	expectRefusal(t, tw.nobody.Client, setAvailability, off, problem{Code: "NOT_FOUND", Reason: "not_found.responder"})
	expectRefusal(t, tw.guiyuan.Client, reportPosition, positionReport(at(guiyuanCenter)), problem{Code: "NOT_FOUND", Reason: "not_found.responder"})
	expectRefusal(t, v.Client, reportPosition, positionReport(at(guiyuanCenter)), problem{Code: "CONFLICT", Reason: "conflict.off_duty"})
}

func TestAPIAvailabilityOfAnApplicant(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	r := tw.newResident(t, "李四", auth.RoleVolunteer, guiyuanOne)
	_, err := tw.app.roster.Enrol(t.Context(), tw.app.db, roster.NewResponder{
		AccountID: r.accountID, Name: "李四", Phone: r.phone, UnitID: guiyuanOne, Status: roster.StatusApplied, TransportMode: roster.EBike, Equipment: []string{},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := expectRefusal(t, r.Client, setAvailability, vars{"input": vars{"onDuty": true}}, problem{Code: "CONFLICT", Reason: "conflict.responder_not_active"})
	if got.Extensions["status"] != "APPLIED" {
		t.Errorf("extensions %v", got.Extensions)
	}
	read := r.must(t, `{ me { responder { status transportMode equipment availability { onDuty } certificates { id } } } }`, nil)
	want := vars{"me": vars{"responder": vars{
		"status": "APPLIED", "transportMode": "EBIKE", "equipment": []any{}, "availability": vars{"onDuty": false}, "certificates": []any{},
	}}}
	if diff := cmp.Diff(want, read); diff != "" {
		t.Error(diff)
	}
}

func TestAPIReportPosition(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	v := tw.newVolunteer(t, guiyuanOne, tw.scene())
	now := store.Now()
	recorded := vars{"recordedAt": now.Format(time.RFC3339Nano)}
	in := positionReport(vars{"latitude": 39.90245, "longitude": 116.42703, "datum": "GCJ02"}, recorded)
	v.must(t, reportPosition, in) // it is a jump, which takes two reports
	presence, _ := dig(v.must(t, reportPosition, in), "reportPosition", "presence").(vars)
	lat, _ := dig(presence, "position", "latitude").(float64)
	lng, _ := dig(presence, "position", "longitude").(float64)
	if abs(lat-39.90105) > 1e-5 || abs(lng-116.42079) > 1e-5 || dig(presence, "position", "datum") != "WGS84" {
		t.Errorf("position %v", presence["position"])
	}
	want := vars{"position": presence["position"], "accuracyMeters": 12.5, "recordedAt": now.Format("2006-01-02T15:04:05.000Z")}
	if diff := cmp.Diff(want, presence); diff != "" {
		t.Error(diff)
	}
	older := vars{"recordedAt": now.Add(-time.Minute).In(time.FixedZone("CST", 8*3600)).Format(time.RFC3339)}
	if diff := cmp.Diff(want, dig(v.must(t, reportPosition, positionReport(at(guiyuanCenter), older)), "reportPosition", "presence")); diff != "" {
		t.Errorf("an older position has replaced the newer:\n%s", diff)
	}
}

func TestAPIRegisterDevice(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	input := func(changes vars) vars {
		in := vars{"token": "shared", "platform": "IOS", "locale": "en-US", "appVersion": "2.1", "idempotencyKey": "k"}
		for name, value := range changes {
			in[name] = value
		}
		return in
	}
	first := tw.guiyuan.must(t, registerDevice, vars{"input": input(nil)})
	device, _ := dig(first, "registerDevice", "device").(vars)
	if diff := cmp.Diff(vars{"id": device["id"], "platform": "IOS", "locale": "en", "appVersion": "2.1"}, device); diff != "" {
		t.Error(diff)
	}
	moved := tw.nobody.must(t, registerDevice, vars{"input": input(vars{"locale": "fr"})})
	if diff := cmp.Diff(vars{"id": device["id"], "platform": "IOS", "locale": "zh-CN", "appVersion": "2.1"}, dig(moved, "registerDevice", "device")); diff != "" {
		t.Error(diff)
	}
	const token, tokenZH = "The push token is missing or too long.", "推送令牌缺失或过长。"
	testBadInput(t, tw.guiyuan.speakers(t), map[string]badInput{
		"no token":         {registerDevice, input(vars{"token": ""}), "token", "invalid.device_token", token, tokenZH},
		"a token of 4,097": {registerDevice, input(vars{"token": strings.Repeat("t", 4097)}), "token", "invalid.device_token", token, tokenZH},
		"a version of 65": {registerDevice, input(vars{"appVersion": strings.Repeat("1", 65)}), "appVersion", "invalid.device_app_version",
			"The app version may have at most 64 bytes.", "应用版本号最多 64 个字节。"},
	})
}

func TestAPIResponderBadInput(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	v := tw.newVolunteer(t, guiyuanOne, tw.scene())
	reading := func(changes vars) vars { return positionReport(at(guiyuanCenter), changes)["input"].(vars) }
	const (
		date, dateZH   = "This must be a date and time with a time zone, such as 2026-11-23T08:00:00Z.", "此项必须是带时区的日期时间，例如 2026-11-23T08:00:00Z。"
		until, untilZH = "The end of your duty must be in the future, and at most 7 days ahead.", "值守结束时间必须晚于现在，且不超过 7 天。"
		circle         = "The accuracy must be more than 0 and at most 2000 metres."
		circleZH       = "定位精度必须大于 0 米且不超过 2000 米。"
		long, longZH   = "This may have at most 500 characters.", "此项最多 500 个字符。"
	)
	cases := map[string]badInput{
		"duty until yesterday":         {setAvailability, vars{"onDuty": true, "until": store.Now().Add(-24 * time.Hour).Format(time.RFC3339)}, "until", "invalid.until", until, untilZH},
		"duty for eight days":          {setAvailability, vars{"onDuty": true, "until": store.Now().Add(8 * 24 * time.Hour).Format(time.RFC3339)}, "until", "invalid.until", until, untilZH},
		"duty until tomorrow":          {setAvailability, vars{"onDuty": true, "until": "tomorrow"}, "until", "invalid.date_time", date, dateZH},
		"recorded at noon":             {reportPosition, reading(vars{"recordedAt": "noon"}), "recordedAt", "invalid.date_time", date, dateZH},
		"recorded without a time zone": {reportPosition, reading(vars{"recordedAt": "2026-11-23T08:00:00"}), "recordedAt", "invalid.date_time", date, dateZH},
		"recorded as a number":         {reportPosition, reading(vars{"recordedAt": 1}), "recordedAt", "invalid.date_time", date, dateZH},
		"recorded in the future": {reportPosition, reading(vars{"recordedAt": store.Now().Add(time.Hour).Format(time.RFC3339)}), "recordedAt", "invalid.recorded_in_future",
			"The position's time is in the future. Please check your phone's clock.", "定位时间晚于当前时间，请检查手机的时钟。"},
		"recorded an hour ago": {reportPosition, reading(vars{"recordedAt": store.Now().Add(-time.Hour).Format(time.RFC3339)}), "recordedAt", "invalid.recorded_too_long_ago",
			"The position is more than 15 minutes old.", "定位时间已超过 15 分钟。"},
		"a circle of 0":     {reportPosition, reading(vars{"accuracyMeters": 0}), "accuracyMeters", "invalid.accuracy", circle, circleZH},
		"a circle of 2,001": {reportPosition, reading(vars{"accuracyMeters": 2001}), "accuracyMeters", "invalid.accuracy", circle, circleZH},
		"a longitude of 181": {reportPosition, reading(vars{"position": vars{"latitude": 22, "longitude": 181, "datum": "BD09"}}), "position", "invalid.position",
			"This is not a place on the map.", "这不是地图上的有效位置。"},
		"declined at length":  {answering("declineAlert"), vars{"alertId": "a", "reason": strings.Repeat("忙", 501)}, "reason", "invalid.too_long", long, longZH},
		"withdrawn at length": {answering("withdrawAlert"), vars{"alertId": "a", "reason": strings.Repeat("忙", 501)}, "reason", "invalid.too_long", long, longZH},
		"completed at length": {answering("completeAlert"), vars{"alertId": "a", "note": strings.Repeat("忙", 501)}, "note", "invalid.too_long", long, longZH},
	}
	for _, mutation := range answers {
		cases["a key of 101 for "+mutation] = badInput{answering(mutation), vars{"alertId": "a", "idempotencyKey": strings.Repeat("k", 101)},
			"idempotencyKey", "invalid.too_long", "This may have at most 100 characters.", "此项最多 100 个字符。"}
	}
	testBadInput(t, v.speakers(t), cases)
}
