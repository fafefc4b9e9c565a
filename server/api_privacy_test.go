package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/auth"
)

// Everything that can be reached from an alert and from an incident.
const (
	incidentFields = `id description drill position { latitude longitude } address outcome closedAt
		timeline { nodes { kind note } } dispatch { id state alerts { nodes { id responderName responder { id name } } } decisions { nodes { kind responderId } } }`
	walkFromAlert = `query ($id: ID!) { alert(id: $id) { id responderName responder { id } incident { ` + incidentFields + ` } } }`
	readIncident  = `query ($id: ID!) { incident(id: $id) { ` + incidentFields + ` } }`
)

// shown is what a responder sees of an incident: position and address if exact,
// and never what is for staff.
func (a *alerted) shown(exact bool) vars {
	seen := vars{
		"id": a.id, "description": "一人跌倒", "drill": false, "position": nil, "address": nil, "outcome": nil, "closedAt": nil,
		"timeline": nil, "dispatch": nil,
	}
	if exact {
		seen["position"], seen["address"] = vars{"latitude": a.scene.Latitude, "longitude": a.scene.Longitude}, "蔡屋围路 1 号"
	}
	return seen
}

// seesIncident checks what the volunteer is shown, by whatever way.
func (a *alerted) seesIncident(t *testing.T, when string, exact bool) {
	t.Helper()
	want := a.shown(exact)
	alert, _ := a.must(t, walkFromAlert, vars{"id": a.alertID})["alert"].(vars)
	if diff := cmp.Diff(vars{"id": a.alertID, "responderName": a.name, "responder": vars{"id": a.responderID}, "incident": want}, alert); diff != "" {
		t.Errorf("%s, from the alert:\n%s", when, diff)
	}
	if diff := cmp.Diff(want, a.must(t, readIncident, vars{"id": a.id})["incident"]); diff != "" {
		t.Errorf("%s, asked directly:\n%s", when, diff)
	}
	mine := a.must(t, `{ myAlerts { nodes { incident { `+incidentFields+` } } } }`, nil)
	if diff := cmp.Diff(want, dig(mine, "myAlerts", "nodes", 0, "incident")); diff != "" {
		t.Errorf("%s, from one's own alerts:\n%s", when, diff)
	}
}

func TestAPIShowsTheExactPlaceToThoseWhoAccepted(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	for name, c := range map[string][]struct {
		say   string
		exact bool
	}{
		"who respond":  {{"", false}, {"acknowledgeAlert", false}, {"acceptAlert", true}, {"markEnRoute", true}, {"markOnScene", true}, {"completeAlert", true}},
		"and withdraw": {{"acceptAlert", true}, {"withdrawAlert", false}},
		"and decline":  {{"declineAlert", false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := tw.alerted(t)
			for _, step := range c {
				if step.say != "" {
					a.say(t, step.say)
				}
				a.seesIncident(t, "after "+step.say, step.exact)
			}
		})
	}
	t.Run("but not to those who are stood down", func(t *testing.T) {
		t.Parallel()
		a := tw.alerted(t)
		a.say(t, "acceptAlert")
		tw.guiyuan.must(t, standDownDispatch, vars{"input": vars{"dispatchId": a.dispatchID}})
		a.seesIncident(t, "stood down", false)
	})
	t.Run("in the answer to accepting", func(t *testing.T) {
		t.Parallel()
		a := tw.alerted(t)
		got := a.must(t, `mutation ($id: ID!) { acceptAlert(input: {alertId: $id}) { alert { incident { `+incidentFields+` } } } }`, vars{"id": a.alertID})
		if diff := cmp.Diff(a.shown(true), dig(got, "acceptAlert", "alert", "incident")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAPIHidesWhatIsNotOnesOwn(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	a := tw.alerted(t)
	for who, r := range map[string]*resident{
		"a volunteer who was not alerted": tw.newVolunteer(t, guiyuanOne, tw.scene()), "a foreign dispatcher": tw.liantang,
		"a trainer": tw.trainer, "the roleless": tw.nobody,
	} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			expectRefusal(t, r.Client, walkFromAlert, vars{"id": a.alertID}, problem{Code: "NOT_FOUND", Reason: "not_found.alert"})
			expectRefusal(t, r.Client, readIncident, vars{"id": a.id}, problem{Code: "NOT_FOUND", Reason: "not_found.incident"})
		})
	}
	t.Run("its staff see all of it", func(t *testing.T) {
		t.Parallel()
		for _, r := range []*resident{tw.guiyuan, tw.admin} {
			got, _ := r.must(t, walkFromAlert, vars{"id": a.alertID})["alert"].(vars)
			if word(got, "incident", "address") == "" || word(got, "incident", "timeline", "nodes", 0, "kind") != "REPORTED" ||
				word(got, "incident", "dispatch", "alerts", "nodes", 0, "responder", "id") != a.responderID ||
				word(got, "incident", "dispatch", "decisions", "nodes", 0, "kind") != "ALERTED" {
				t.Errorf("got %v", got)
			}
		}
	})
}

// A neighbour comes to help: whose staff see what of whom.
func TestAPIAcrossSubdistricts(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	scene := tw.scene()
	neighbour := tw.newVolunteer(t, liantangID, near(scene))
	o := tw.guiyuan.open(t, scene)
	id := neighbour.awaitAlert(t)

	got := tw.guiyuan.must(t, walkFromAlert, vars{"id": id})
	if word(got, "alert", "responderName") != "张三" || dig(got, "alert", "responder") != nil ||
		dig(got, "alert", "incident", "dispatch", "alerts", "nodes", 0, "responder") != nil {
		t.Errorf("the incident's staff see the neighbour's file: %v", got)
	}
	const responder = `query ($id: ID!) { responder(id: $id) { id } }`
	expectRefusal(t, tw.guiyuan.Client, responder, vars{"id": neighbour.responderID}, problem{Code: "NOT_FOUND", Reason: "not_found.responder"})
	tw.liantang.must(t, responder, vars{"id": neighbour.responderID})
	expectRefusal(t, tw.liantang.Client, walkFromAlert, vars{"id": id}, problem{Code: "NOT_FOUND", Reason: "not_found.alert"})
	expectRefusal(t, tw.liantang.Client, readIncident, vars{"id": o.id}, problem{Code: "NOT_FOUND", Reason: "not_found.incident"})

	// Being staff elsewhere opens nothing.
	_, err := tw.app.auth.Grant(t.Context(), tw.app.db, neighbour.accountID, auth.Grant{Role: auth.RoleDispatcher, UnitPath: pathOf(liantangID)})
	if err != nil {
		t.Fatal(err)
	}
	a := &alerted{neighbour, o, id, scene}
	a.seesIncident(t, "a dispatcher of elsewhere, before accepting", false)
	a.say(t, "acceptAlert")
	a.seesIncident(t, "a dispatcher of elsewhere, after accepting", true)
}
