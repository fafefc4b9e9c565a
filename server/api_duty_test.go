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

const availabilityFields = `availability { onDuty until reason explanation toggle { onDuty until }
	schedule { weekday from to } quietHours { from to } leaves { id from to reason } }`

// setting is a mutation of one's availability.
func setting(name string) string {
	return `mutation ($input: ` + strings.ToUpper(name[:1]) + name[1:] + `Input!) { ` + name + `(input: $input) { ` + availabilityFields + ` responder { id } } }`
}

// dutyMutations are those besides setAvailability, with inputs that are well
// made.
func dutyMutations() map[string]operation {
	all := map[string]operation{}
	for name, in := range map[string]vars{
		"followSchedule": {},
		"setSchedule":    {"shifts": []vars{{"weekday": "MONDAY", "from": "08:00", "to": "18:00"}}},
		"setQuietHours":  {"hours": []vars{{"from": "22:00", "to": "07:00"}}},
		"addLeave":       leaveFor(time.Hour),
		"endLeave":       {"leaveId": "lve_none"},
	} {
		all[name] = operation{setting(name), func(*alerted) vars { return vars{"input": in} }, false, false}
	}
	return all
}

// leaveFor is a leave from now on.
func leaveFor(d time.Duration) vars {
	now := store.Now()
	return vars{"from": now.Format(time.RFC3339), "to": now.Add(d).Format(time.RFC3339), "reason": "dentist"}
}

// say runs a mutation of the resident's availability and returns what it is
// then.
func (r *resident) arrange(t *testing.T, name string, in vars) vars {
	t.Helper()
	got, _ := dig(r.must(t, setting(name), vars{"input": in}), name, "availability").(vars)
	return got
}

// wholeWeek covers every minute.
func wholeWeek() []vars {
	var shifts []vars
	for _, day := range []string{"MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"} {
		shifts = append(shifts, vars{"weekday": day, "from": "00:00", "to": "24:00"})
	}
	return shifts
}

func TestAPISetsWhatDutyFollowsFrom(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	v := tw.newVolunteer(t, guiyuanOne, tw.scene())
	expect := func(t *testing.T, got vars, onDuty bool, reason, explanation string) {
		t.Helper()
		want := vars{"onDuty": onDuty, "reason": reason, "explanation": explanation}
		if diff := cmp.Diff(want, vars{"onDuty": got["onDuty"], "reason": got["reason"], "explanation": got["explanation"]}); diff != "" {
			t.Error(diff)
		}
	}
	got := v.arrange(t, "setSchedule", vars{"shifts": wholeWeek()})
	expect(t, got, true, "TOGGLE", "You are on duty, as you have switched it, until you switch it off.")
	if diff := cmp.Diff(vars{"onDuty": true, "until": nil}, got["toggle"]); diff != "" {
		t.Error(diff)
	}
	got = v.arrange(t, "followSchedule", vars{})
	expect(t, got, true, "SCHEDULE", "You are on duty around the clock by your schedule.")
	if got["toggle"] != nil || got["until"] != nil || dig(got, "schedule", 6) == nil || word(got, "schedule", 0, "to") != "24:00" {
		t.Errorf("%v", got)
	}
	got = v.arrange(t, "setQuietHours", vars{"hours": []vars{{"from": "00:00", "to": "24:00"}}})
	expect(t, got, false, "QUIET_HOURS", "You are off duty, because of your quiet hours.")
	got = v.arrange(t, "addLeave", leaveFor(time.Hour))
	if word(got, "reason") != "LEAVE" || word(got, "leaves", 0, "reason") != "dentist" || word(got, "until") != "" {
		t.Errorf("%v: after the leave, the quiet hours go on", got)
	}
	got = v.arrange(t, "setQuietHours", vars{"hours": []vars{}})
	end, _ := time.Parse(time.RFC3339, word(got, "until"))
	if word(got, "until") != word(got, "leaves", 0, "to") || !strings.Contains(word(got, "explanation"), end.Format("15:04")) {
		t.Errorf("%v", got)
	}
	leave := vars{"leaveId": word(got, "leaves", 0, "id")}
	expect(t, v.arrange(t, "endLeave", leave), true, "SCHEDULE", "You are on duty around the clock by your schedule.")
	expectRefusal(t, v.Client, setting("endLeave"), vars{"input": leave}, problem{Code: "NOT_FOUND", Reason: "not_found.leave"})
	got = v.arrange(t, "setAvailability", vars{"onDuty": false})
	expect(t, got, false, "TOGGLE", "You are off duty, as you have switched it, until you switch it on or follow your schedule again.")
}

func TestAPIDutyWithAKey(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	v := tw.newVolunteer(t, guiyuanOne, tw.scene())
	in := leaveFor(time.Hour)
	in["idempotencyKey"] = "once"
	first := v.arrange(t, "addLeave", in)
	if diff := cmp.Diff(first["leaves"], v.arrange(t, "addLeave", in)["leaves"]); diff != "" {
		t.Errorf("a second leave was taken:\n%s", diff)
	}
	for name, op := range dutyMutations() {
		in := vars{"idempotencyKey": strings.Repeat("k", 101)}
		for field, value := range op.v(nil)["input"].(vars) {
			in[field] = value
		}
		expectRefusal(t, v.Client, setting(name), vars{"input": in}, problem{Code: "INVALID", Reason: "invalid.too_long", Field: "idempotencyKey"})
	}
}

func TestAPIDutyIsForThoseOnTheRoster(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	for name, op := range dutyMutations() {
		for who, r := range map[string]*resident{"a dispatcher": tw.guiyuan, "the admin": tw.admin, "the roleless": tw.nobody} {
			t.Run(name+" by "+who, func(t *testing.T) {
				expectRefusal(t, r.Client, op.query, op.v(nil), problem{Code: "NOT_FOUND", Reason: "not_found.responder"})
			})
		}
	}
}

func TestAPIDutyBadInput(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	v := tw.newVolunteer(t, guiyuanOne, tw.scene())
	const (
		hours, hoursZH = "A beginning and an end must be different times of the day, such as 08:00 and 18:00.", "开始和结束必须是一天中不同的时间，例如 08:00 和 18:00。"
		end, endZH     = "The end of a leave must be in the future, and at most 366 days ahead.", "休假的结束时间必须晚于现在，且不超过 366 天。"
	)
	shift := func(from, to string) vars {
		return vars{"shifts": []vars{{"weekday": "MONDAY", "from": from, "to": to}}}
	}
	quiet := func(from, to string) vars { return vars{"hours": []vars{{"from": from, "to": to}}} }
	leave := func(from, to time.Duration) vars {
		now := store.Now()
		return vars{"from": now.Add(from).Format(time.RFC3339), "to": now.Add(to).Format(time.RFC3339)}
	}
	long := leave(0, time.Hour)
	long["reason"] = strings.Repeat("假", 201)
	many := make([]vars, 51)
	for i := range many {
		many[i] = vars{"weekday": "MONDAY", "from": "08:00", "to": "18:00"}
	}
	testBadInput(t, v.speakers(t), map[string]badInput{
		"a shift at 25":        {setting("setSchedule"), shift("25:00", "18:00"), "shifts", "invalid.hours", hours, hoursZH},
		"a shift from 24:00":   {setting("setSchedule"), shift("24:00", "18:00"), "shifts", "invalid.hours", hours, hoursZH},
		"a shift of no length": {setting("setSchedule"), shift("08:00", "08:00"), "shifts", "invalid.hours", hours, hoursZH},
		"a shift in words":     {setting("setSchedule"), shift("morning", "noon"), "shifts", "invalid.hours", hours, hoursZH},
		"51 shifts": {setting("setSchedule"), vars{"shifts": many}, "shifts", "invalid.too_many_shifts",
			"A schedule can have at most 50 shifts.", "值守安排最多可以有 50 个班次。"},
		"quiet until 24:01": {setting("setQuietHours"), quiet("22:00", "24:01"), "hours", "invalid.hours", hours, hoursZH},
		"six quiet hours": {setting("setQuietHours"), vars{"hours": []vars{
			{"from": "01:00", "to": "02:00"}, {"from": "01:00", "to": "02:00"}, {"from": "01:00", "to": "02:00"},
			{"from": "01:00", "to": "02:00"}, {"from": "01:00", "to": "02:00"}, {"from": "01:00", "to": "02:00"},
		}}, "hours", "invalid.too_many_quiet_hours", "You can have at most 5 quiet hours a day.", "每天最多可以设置 5 个免打扰时段。"},
		"a leave that is over":       {setting("addLeave"), leave(-2*time.Hour, -time.Hour), "to", "invalid.leave_end", end, endZH},
		"a leave beyond a year":      {setting("addLeave"), leave(0, 367*24*time.Hour), "to", "invalid.leave_end", end, endZH},
		"a leave the wrong way":      {setting("addLeave"), leave(2*time.Hour, time.Hour), "to", "invalid.leave_order", "A leave must end after it begins.", "休假的结束时间必须晚于开始时间。"},
		"a leave explained at large": {setting("addLeave"), long, "reason", "invalid.too_long", "This may have at most 200 characters.", "此项最多 200 个字符。"},
	})
}

// What one has set, and why one is away, is nobody else's business.
func TestAPIDutyAsOthersSeeIt(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	v := tw.newVolunteer(t, guiyuanOne, tw.scene())
	v.arrange(t, "setSchedule", vars{"shifts": wholeWeek()})
	own := v.arrange(t, "addLeave", leaveFor(time.Hour))
	const read = `query ($id: ID!) { responder(id: $id) { ` + availabilityFields + ` } }`
	want := vars{
		"onDuty": false, "until": own["until"], "reason": "LEAVE",
		"explanation": nil, "toggle": nil, "schedule": nil, "quietHours": nil, "leaves": nil,
	}
	for who, r := range map[string]*resident{"a dispatcher": tw.guiyuan, "the admin": tw.admin, "a trainer": tw.trainer} {
		t.Run(who, func(t *testing.T) {
			got := r.must(t, read, vars{"id": v.responderID})
			if diff := cmp.Diff(want, dig(got, "responder", "availability")); diff != "" {
				t.Error(diff)
			}
		})
	}
	expectRefusal(t, tw.liantang.Client, read, vars{"id": v.responderID}, problem{Code: "NOT_FOUND", Reason: "not_found.responder"})
	expectRefusal(t, tw.nobody.Client, read, vars{"id": v.responderID}, problem{Code: "NOT_FOUND", Reason: "not_found.responder"})
}

// Going off duty hands an alert on that was not answered, whichever way.
func TestAPIGoingOffDutyEndsTheAlert(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	for name, in := range map[string]vars{
		"setAvailability": {"onDuty": false},
		"addLeave":        leaveFor(time.Hour),
		"setQuietHours":   {"hours": []vars{{"from": "00:00", "to": "24:00"}}},
		"followSchedule":  {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := tw.alerted(t)
			before := len(a.pushes())
			a.arrange(t, name, in)
			got := a.must(t, `query ($id: ID!) { alert(id: $id) { state reason } }`, vars{"id": a.alertID})
			if diff := cmp.Diff(vars{"state": "DECLINED", "reason": "OFF_DUTY"}, got["alert"]); diff != "" {
				t.Error(diff)
			}
			expectRefusal(t, a.Client, answering("acceptAlert"), vars{"input": vars{"alertId": a.alertID}}, problem{"CONFLICT", "conflict.alert_state", "", "DECLINED"})
			if after := len(a.pushes()); before == 1 && after != 1 {
				t.Errorf("%d pushes, want no more than the alert's", after)
			}
		})
	}
	t.Run("but not one that was accepted", func(t *testing.T) {
		t.Parallel()
		a := tw.alerted(t)
		a.say(t, "acceptAlert")
		a.arrange(t, "setAvailability", vars{"onDuty": false})
		if got := a.state(t); got != "ACCEPTED" {
			t.Errorf("state %s", got)
		}
	})
}

// Signing out of the last device ends the alert; what was set holds again after
// signing in.
func TestAPISigningOutEndsTheAlert(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	a := tw.alerted(t)
	second := a.speaking(t, "zh-CN")
	run(t, second, signOut, nil)
	if got := a.state(t); got != "PENDING" && got != "SENT" {
		t.Errorf("signed out of one device of two: %s", got)
	}
	a.must(t, signOut, nil)
	read := vars{"id": a.alertID}
	got := tw.guiyuan.must(t, `query ($id: ID!) { alert(id: $id) { state reason responder { availability { onDuty reason } presence { recordedAt } } } }`, read)
	want := vars{"state": "DECLINED", "reason": "OFF_DUTY", "responder": vars{"availability": vars{"onDuty": false, "reason": "SIGNED_OUT"}, "presence": nil}}
	if diff := cmp.Diff(want, got["alert"]); diff != "" {
		t.Errorf("signed out of both:\n%s", diff)
	}
	a.Client = a.speaking(t, "en")
	mine := a.must(t, `{ me { responder { `+availabilityFields+` } } }`, nil)
	if on := dig(mine, "me", "responder", "availability"); word(on, "reason") != "TOGGLE" || dig(on, "onDuty") != true {
		t.Errorf("signed in again: %v", on)
	}
}

const readPresence = `query ($id: ID!) { responder(id: $id) { presence { position { latitude longitude datum } accuracyMeters recordedAt } } }`

func TestAPIPresence(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	scene := tw.scene()
	v := tw.newVolunteer(t, guiyuanOne, scene)
	read := func(t *testing.T, r *resident) (lat, lng, accuracy float64, there bool) {
		t.Helper()
		p, there := dig(r.must(t, readPresence, vars{"id": v.responderID}), "responder", "presence").(vars)
		lat, _ = dig(p, "position", "latitude").(float64)
		lng, _ = dig(p, "position", "longitude").(float64)
		accuracy, _ = dig(p, "accuracyMeters").(float64)
		return lat, lng, accuracy, there
	}
	if lat, lng, accuracy, _ := read(t, v); lat != scene.Latitude || lng != scene.Longitude || accuracy != 10 {
		t.Errorf("to itself at %v, %v within %v m", lat, lng, accuracy)
	}
	for who, r := range map[string]*resident{"a dispatcher": tw.guiyuan, "the admin": tw.admin} {
		lat, lng, accuracy, there := read(t, r)
		if !there || lat == scene.Latitude && lng == scene.Longitude || accuracy < 1000 || abs(lat-scene.Latitude) > 0.0051 || abs(lng-scene.Longitude) > 0.0056 {
			t.Errorf("to %s at %v, %v within %v m", who, lat, lng, accuracy)
		}
	}
	if _, _, _, there := read(t, tw.trainer); there {
		t.Error("a trainer sees where somebody is")
	}
	expectRefusal(t, tw.liantang.Client, readPresence, vars{"id": v.responderID}, problem{Code: "NOT_FOUND", Reason: "not_found.responder"})
	v.arrange(t, "setAvailability", vars{"onDuty": false})
	for who, r := range map[string]*resident{"itself": v, "a dispatcher": tw.guiyuan} {
		if _, _, _, there := read(t, r); there {
			t.Errorf("off duty, and %s sees the position", who)
		}
	}
	page, err := tw.app.audit.ListOfUnit(t.Context(), auth.Principal{AccountID: "acc_test", Grants: []auth.Grant{{Role: auth.RoleDispatcher, UnitPath: pathOf(luohuID)}}}, pathOf(guiyuanOne), 50, "")
	if err != nil {
		t.Fatal(err)
	}
	readers := map[string]int{}
	for _, e := range page.Items {
		if e.Action == "READ_PRESENCE" && e.SubjectID == v.responderID {
			readers[e.ActorID]++
		}
	}
	if diff := cmp.Diff(map[string]int{tw.guiyuan.accountID: 1, tw.admin.accountID: 1}, readers); diff != "" {
		t.Errorf("the audit log:\n%s", diff)
	}
}

func TestAPIAlertPresence(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	a := tw.alerted(t)
	const read = `query ($id: ID!) { alert(id: $id) { presence { position { latitude } accuracyMeters } } }`
	check := func(when string, r *resident, exact bool) {
		t.Helper()
		p := dig(r.must(t, read, vars{"id": a.alertID}), "alert", "presence")
		if lat, _ := dig(p, "position", "latitude").(float64); (p != nil) != exact || exact && lat != near(a.scene).Latitude {
			t.Errorf("%s: %v", when, p)
		}
	}
	check("before an answer", tw.guiyuan, false)
	for _, mutation := range []string{"acceptAlert", "markEnRoute", "markOnScene"} {
		a.say(t, mutation)
		check("after "+mutation, tw.guiyuan, true)
		check("to the responder, after "+mutation, a.resident, false)
	}
	a.say(t, "completeAlert")
	check("when it is done", tw.guiyuan, false)
	expectRefusal(t, tw.liantang.Client, read, vars{"id": a.alertID}, problem{Code: "NOT_FOUND", Reason: "not_found.alert"})
}

func TestAPIPresenceNeedsConsent(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	r := tw.newResident(t, "李四", auth.RoleVolunteer, guiyuanOne)
	_, err := tw.app.roster.Enrol(t.Context(), tw.app.db, roster.NewResponder{
		AccountID: r.accountID, Name: "李四", Phone: r.phone, UnitID: guiyuanOne, Status: roster.StatusActive, TransportMode: roster.EBike, Equipment: []string{},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.arrange(t, "setAvailability", vars{"onDuty": true}); got["onDuty"] != false || got["reason"] != "NO_POSITION_CONSENT" {
		t.Errorf("%v", got)
	}
	got := expectRefusal(t, r.Client, reportPosition, positionReport(at(guiyuanCenter)), problem{Code: "CONFLICT", Reason: "conflict.position_consent"})
	if want := "You have not agreed to your position being known, so it was not stored."; got.Message != want {
		t.Errorf("message %q", got.Message)
	}
}
