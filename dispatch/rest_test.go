package dispatch

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/notify"
)

// respond takes a through the whole of an incident, and closes it.
func (v *town) respond(i *Incident) {
	v.t.Helper()
	v.run()
	v.answer(i, Accepted, "a")
	v.answer(i, OnScene, "a")
	v.answer(i, Completed, "a")
	_, err := v.Close(v.t.Context(), v.staff, CallOff{ID: i.ID})
	must(v.t, err)
}

func TestRest_afterACompletedResponse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*Report)
		rests  bool
	}{
		{"to a cardiac arrest", func(r *Report) { r.Type = CardiacArrest }, true},
		{"to a fire", func(r *Report) { r.Type = Fire }, true},
		{"to a medical emergency", func(*Report) {}, false},
		{"to a drill of a cardiac arrest", func(r *Report) { r.Type, r.Drill = CardiacArrest, true }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := begin(t)
			v.row(1)
			v.respond(v.report(tt.change))
			want := []string{"a"}
			if tt.rests {
				want = nil
				v.clock.Advance(24*time.Hour - time.Millisecond)
				v.stand("a", at(50, 0))
			}
			i := v.report()
			v.run()
			if diff := cmp.Diff(want, v.alerted(i)); diff != "" {
				t.Errorf("alerted meanwhile (-want +got):\n%s", diff)
			}
			v.after(15 * time.Second)
			if diff := cmp.Diff([]string{"a"}, v.alerted(i)); diff != "" {
				t.Errorf("alerted afterwards (-want +got):\n%s", diff)
			}
			v.check()
		})
	}
}

func TestRest_afterTheSceneOfAClosedIncident(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(2)
	i := v.report(func(r *Report) { r.Type = CardiacArrest })
	v.run()
	v.answer(i, Accepted, "a", "b")
	v.answer(i, OnScene, "a")
	_, err := v.Close(t.Context(), v.staff, CallOff{ID: i.ID})
	must(t, err)
	next := v.report()
	v.run()
	if diff := cmp.Diff([]string{"b"}, v.alerted(next)); diff != "" {
		t.Errorf("alerted (-want +got):\n%s", diff)
	}
}

func TestRest_notForThoseWhoWereNotThere(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(4)
	i := v.report(func(r *Report) { r.Type = CardiacArrest })
	v.run()
	v.answer(i, Declined, "a")
	v.answer(i, Accepted, "b", "c")
	v.answer(i, Withdrawn, "c")
	_, err := v.Close(t.Context(), v.staff, CallOff{ID: i.ID})
	must(t, err)
	next := v.report()
	v.run()
	if diff := cmp.Diff([]string{"a", "b", "c", "d"}, v.alerted(next)); diff != "" {
		t.Errorf("alerted (-want +got):\n%s", diff)
	}
}

// A drill looks like one everywhere: in the alert, and in what the phone shows.
// The real thing never does.
func TestDrill_isMarked(t *testing.T) {
	t.Parallel()
	for _, drill := range []bool{true, false} {
		t.Run(map[bool]string{true: "a drill", false: "the real thing"}[drill], func(t *testing.T) {
			t.Parallel()
			v := begin(t)
			v.responder("a", 100)
			v.refresh()
			i := v.report(func(r *Report) { r.Drill = drill })
			v.run() // a is alerted, and staff hear that there are too few
			v.answer(i, Accepted, "a")
			_, err := v.StandDown(t.Context(), v.staff, CallOff{ID: i.DispatchID})
			must(t, err)
			v.run()
			if i.Drill != drill || v.dispatchOf(i).Drill != drill || v.alert(i, "a").Drill != drill {
				t.Error("the mark is not on the incident, the dispatch or the alert")
			}
			pushes := append(v.phones.to("acc_a"), v.phones.to("acc_staff")...)
			if len(pushes) != 3 {
				t.Fatalf("%d pushes", len(pushes))
			}
			for _, push := range pushes {
				marks := []bool{push.Drill, push.Data["drill"] == "true", strings.Contains(push.Title, "DRILL"), strings.Contains(push.Body, "drill")}
				if diff := cmp.Diff([]bool{drill, drill, drill, drill}, marks); diff != "" {
					t.Errorf("%s %q: %s", push.Class, push.Title, diff)
				}
			}
		})
	}
}

// A push says "look", and never where or what exactly.
func TestPush_saysNothingThatMayNotBeSaid(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.responder("a", 700)
	v.refresh()
	i := v.report(func(r *Report) { r.Type, r.Address, r.Description = Fire, "人民南路1001号", "三楼有人" })
	v.run()
	push := v.phones.to("acc_a")[0]
	want := notify.Push{
		Token: "acc_a", Platform: notify.Android, Class: notify.ClassAlert,
		Title: "Emergency call-out: Fire", Body: "Someone needs help within about 1 km. Open the app to respond.",
		Data: map[string]string{"alertId": v.alert(i, "a").ID, "incidentType": "FIRE", "distanceBand": "WITHIN_1KM"},
		TTL:  30 * time.Second, ExpiresAt: began.Add(30 * time.Second), CollapseKey: v.alert(i, "a").ID,
	}
	if diff := cmp.Diff(want, push); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Every incident type has a name to be said in a push, in every language.
func TestIncidentTypes_haveNames(t *testing.T) {
	t.Parallel()
	catalogue, err := locale.New()
	must(t, err)
	for _, typ := range IncidentTypes() {
		for _, tag := range locale.Tags() {
			if key := "incident_type." + string(typ); catalogue.Text(tag, key, nil) == key {
				t.Errorf("no %s in %s", key, tag)
			}
		}
	}
}
