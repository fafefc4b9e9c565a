package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// answers are the mutations of responders.
var answers = []string{"acknowledgeAlert", "acceptAlert", "declineAlert", "markEnRoute", "markOnScene", "completeAlert", "withdrawAlert"}

func TestAPIAnswers(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	t.Run("each leads to its state", func(t *testing.T) {
		t.Parallel()
		for name, path := range map[string][][2]string{
			"to the end": {
				{"acknowledgeAlert", "DELIVERED"}, {"acknowledgeAlert", "DELIVERED"}, {"acceptAlert", "ACCEPTED"}, {"acknowledgeAlert", "ACCEPTED"},
				{"markEnRoute", "EN_ROUTE"}, {"markOnScene", "ON_SCENE"}, {"completeAlert", "COMPLETED"},
			},
			"declined":            {{"declineAlert", "DECLINED"}},
			"withdrawn":           {{"acceptAlert", "ACCEPTED"}, {"withdrawAlert", "WITHDRAWN"}},
			"en route is skipped": {{"acceptAlert", "ACCEPTED"}, {"markOnScene", "ON_SCENE"}},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				a := tw.alerted(t)
				for _, step := range path {
					if got := a.say(t, step[0]); got != step[1] {
						t.Fatalf("%s: state %s, want %s", step[0], got, step[1])
					}
				}
			})
		}
	})
	t.Run("conflicts name the state", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			before   []string
			mutation string
			state    string
		}{
			{[]string{"declineAlert"}, "acknowledgeAlert", "DECLINED"},
			{[]string{"acceptAlert"}, "acceptAlert", "ACCEPTED"},
			{[]string{"acceptAlert"}, "declineAlert", "ACCEPTED"},
			{[]string{"acknowledgeAlert"}, "markEnRoute", "DELIVERED"},
			{[]string{"acknowledgeAlert"}, "markOnScene", "DELIVERED"},
			{[]string{"acceptAlert", "markEnRoute"}, "completeAlert", "EN_ROUTE"},
			{[]string{"acknowledgeAlert"}, "withdrawAlert", "DELIVERED"},
			{[]string{"declineAlert"}, "acceptAlert", "DECLINED"},
		} {
			t.Run(c.mutation+" when "+c.state, func(t *testing.T) {
				t.Parallel()
				a := tw.alerted(t)
				for _, mutation := range c.before {
					a.say(t, mutation)
				}
				got := expectRefusal(t, a.Client, answering(c.mutation), vars{"input": vars{"alertId": a.alertID}},
					problem{"CONFLICT", "conflict.alert_state", "", c.state})
				if want := "This is not possible in the state that the alert is in."; got.Message != want {
					t.Errorf("message %q, want %q", got.Message, want)
				}
				if a.state(t) != c.state {
					t.Errorf("state %s, want %s", a.state(t), c.state)
				}
			})
		}
	})
	t.Run("nobody else's", func(t *testing.T) {
		t.Parallel()
		a := tw.alerted(t)
		other := tw.newVolunteer(t, guiyuanOne, tw.scene())
		for _, mutation := range answers {
			for who, r := range map[string]*resident{
				"another volunteer": other, "its dispatcher": tw.guiyuan, "a foreign dispatcher": tw.liantang,
				"the admin": tw.admin, "a trainer": tw.trainer, "nobody": tw.nobody,
			} {
				t.Run(mutation+" by "+who, func(t *testing.T) {
					of := expectRefusal(t, r.Client, answering(mutation), vars{"input": vars{"alertId": a.alertID}}, problem{Code: "NOT_FOUND", Reason: "not_found.alert"})
					none := expectRefusal(t, r.Client, answering(mutation), vars{"input": vars{"alertId": "alr_none"}}, problem{Code: "NOT_FOUND", Reason: "not_found.alert"})
					if diff := cmp.Diff(none.Message, of.Message); diff != "" {
						t.Errorf("differs from one that does not exist:\n%s", diff)
					}
				})
			}
		}
		if got := a.state(t); got != "PENDING" && got != "SENT" {
			t.Errorf("state %s: one of the refused has changed it", got)
		}
	})
}

func TestAPIAnswersWithAKey(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	for mutation, before := range map[string][]string{
		"acknowledgeAlert": nil, "acceptAlert": nil, "declineAlert": nil,
		"markEnRoute": {"acceptAlert"}, "markOnScene": {"acceptAlert"}, "withdrawAlert": {"acceptAlert"},
		"completeAlert": {"acceptAlert", "markOnScene"},
	} {
		t.Run(mutation, func(t *testing.T) {
			t.Parallel()
			a := tw.alerted(t)
			for _, b := range before {
				a.say(t, b)
			}
			in := vars{"input": vars{"alertId": a.alertID, "idempotencyKey": "once"}}
			first := a.must(t, answering(mutation), in)
			again := a.must(t, answering(mutation), in)
			if diff := cmp.Diff(first, again); diff != "" {
				t.Errorf("the second answer differs:\n%s", diff)
			}
			if n := tw.entries(t, a.opened, "ALERT_"+word(first, mutation, "alert", "state")); n != 1 {
				t.Errorf("the timeline says so %d times, want once", n)
			}
			expectRefusal(t, a.Client, answering(mutation), vars{"input": vars{"alertId": a.alertID, "idempotencyKey": strings.Repeat("k", 101)}},
				problem{Code: "INVALID", Reason: "invalid.too_long", Field: "idempotencyKey"})
		})
	}
}

// entries counts the entries of a kind in the incident's timeline.
func (tw *town) entries(t *testing.T, o opened, kind string) int {
	t.Helper()
	got := tw.guiyuan.must(t, `query ($id: ID!) { incident(id: $id) { timeline(first: 100) { nodes { kind } } } }`, vars{"id": o.id})
	nodes, _ := dig(got, "incident", "timeline", "nodes").([]any)
	n := 0
	for _, node := range nodes {
		if word(node, "kind") == kind {
			n++
		}
	}
	return n
}
