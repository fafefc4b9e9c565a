//go:build unix

package main

import (
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/demo"
)

// TestEndToEnd builds the program, runs its demonstration, and takes part in it
// as a visitor with two phones would: an incident from the report to the end,
// over HTTP and WebSocket, with the wrong turns that people take.
func TestEndToEnd(t *testing.T) {
	t.Parallel()
	binary := built(t)
	p := startDemo(t, binary)
	// From the invitation on, phones are as slow as people.
	town := &town{url: p.log.await(t, `keeps running(?s:.*)API +(http://\S+)/graphql`)}
	dispatcher, volunteer := town.guest(t, demo.Dispatcher), town.guest(t, demo.VolunteerWest)
	other, admin := town.guest(t, demo.VolunteerEast), town.guest(t, demo.Admin)

	mine := volunteer.follow(t, myAlertsUpdated, nil)
	a := &alerted{resident: volunteer, scene: near(demo.VolunteerPosition())}
	a.opened = dispatcher.open(t, a.scene, vars{"needed": 20, "idempotencyKey": "e2e"})
	if again := dispatcher.open(t, a.scene, vars{"needed": 20, "idempotencyKey": "e2e"}); again.id != a.id {
		t.Errorf("the repeated report is another incident: %s, %s", a.id, again.id)
	}
	board := dispatcher.follow(t, incidentUpdated, vars{"id": a.id})
	a.alertID = mine.alertOf(t, a)
	board.next(t)

	a.seesIncident(t, "alerted", false)
	takeWrongTurns(t, a, dispatcher, other, admin)
	for _, step := range []struct{ say, state string }{
		{"acknowledgeAlert", "DELIVERED"}, {"acceptAlert", "ACCEPTED"}, {"markEnRoute", "EN_ROUTE"}, {"markOnScene", "ON_SCENE"}, {"completeAlert", "COMPLETED"},
	} {
		if got := a.say(t, step.say); got != step.state {
			t.Fatalf("%s: state %s, want %s", step.say, got, step.state)
		}
		mine.until(t, func(v vars) bool {
			return word(v, "myAlertsUpdated", "id") == a.alertID && word(v, "myAlertsUpdated", "state") == step.state
		})
		a.seesIncident(t, "after "+step.say, step.say != "acknowledgeAlert")
		if step.say == "acceptAlert" {
			again := vars{"input": vars{"alertId": a.alertID}}
			expectRefusal(t, a.Client, answering("acceptAlert"), again, problem{"CONFLICT", "conflict.alert_state", "", "ACCEPTED"})
		}
	}
	closed := dispatcher.must(t, closeIncident, vars{"input": vars{"incidentId": a.id, "outcome": "已处置"}})
	if got := word(closed, "closeIncident", "incident", "status") + word(closed, "closeIncident", "incident", "dispatch", "state"); got != "CLOSEDENDED" {
		t.Errorf("closed as %s", got)
	}
	board.until(t, func(v vars) bool { return word(v, "incidentUpdated", "status") == "CLOSED" })
	checkTimeline(t, a, dispatcher)

	p.signal(t, syscall.SIGTERM)
	if err := board.lastWord(t); !strings.Contains(err.Error(), "closed the socket: 1001") {
		t.Errorf("the socket ends with %v, want 1001, going away", err)
	}
	if code := p.exitCode(t); code != exitClean {
		t.Errorf("exit code %d, want %d; it said:\n%s", code, exitClean, p.log)
	}
}

// startDemo runs the demonstration with a small roster.
func startDemo(t *testing.T, binary string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary, "demo", "--addr", "127.0.0.1:0", "--responders", "200", "--answer", "5m"), log: new(transcript)}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = []string{"TMPDIR=" + t.TempDir()}, p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill() // it may have ended
			_ = p.cmd.Wait()
		}
	})
	return p
}

// guest signs in as one of the demonstration's accounts.
func (tw *town) guest(t *testing.T, phone string) *resident {
	t.Helper()
	r := &resident{tw: tw, phone: phone, Client: client.New(tw.url, client.Options{Locale: "en"})}
	if err := errors.Join(r.RequestCode(t.Context(), phone), r.SignIn(t.Context(), phone, demo.Code, "e2e")); err != nil {
		t.Fatal(err)
	}
	got := r.must(t, `{ me { id name responder { id } } }`, nil)
	r.accountID, r.name, r.responderID = word(got, "me", "id"), word(got, "me", "name"), word(got, "me", "responder", "id")
	return r
}

// alertOf waits for the alert of that incident: the story may have left another.
func (f followed) alertOf(t *testing.T, a *alerted) string {
	t.Helper()
	var id string
	f.until(t, func(v vars) bool {
		id = word(v, "myAlertsUpdated", "id")
		got := a.must(t, `query ($id: ID!) { alert(id: $id) { incident { id } } }`, vars{"id": id})
		return word(got, "alert", "incident", "id") == a.id
	})
	return id
}

// takeWrongTurns does what must not be possible, before the alert is accepted.
func takeWrongTurns(t *testing.T, a *alerted, dispatcher, other, admin *resident) {
	t.Helper()
	in := vars{"input": vars{"alertId": a.alertID}}
	expectRefusal(t, other.Client, answering("acceptAlert"), in, problem{Code: "NOT_FOUND", Reason: "not_found.alert"})
	expectRefusal(t, other.Client, readIncident, vars{"id": a.id}, problem{Code: "NOT_FOUND", Reason: "not_found.incident"})
	expectRefusal(t, a.Client, closeIncident, vars{"input": vars{"incidentId": a.id}}, problem{Code: "FORBIDDEN", Reason: "forbidden"})
	early := refused(t, a.Client, answering("completeAlert"), in)
	if early.Code != "CONFLICT" || early.Extensions["state"] == nil {
		t.Errorf("completing too early: %v", early)
	}

	east := liantangCenter
	expectRefusal(t, dispatcher.Client, reportIncident, report(east), problem{Code: "FORBIDDEN", Reason: "forbidden"})
	elsewhere := admin.open(t, east, vars{"drill": true})
	expectRefusal(t, dispatcher.Client, readIncident, vars{"id": elsewhere.id}, problem{Code: "NOT_FOUND", Reason: "not_found.incident"})
	expectRefusal(t, dispatcher.Client, closeIncident, vars{"input": vars{"incidentId": elsewhere.id}}, problem{Code: "NOT_FOUND", Reason: "not_found.incident"})
	admin.must(t, closeIncident, vars{"input": vars{"incidentId": elsewhere.id}})
}

// checkTimeline checks that the timeline has the volunteer's whole way.
func checkTimeline(t *testing.T, a *alerted, dispatcher *resident) {
	t.Helper()
	var kinds []string
	after := any(nil)
	for more := true; more; {
		got := dispatcher.must(t, `query ($id: ID!, $after: String) { incident(id: $id) {
			timeline(first: 100, after: $after) { nodes { kind alertId } pageInfo { hasNextPage endCursor } } } }`, vars{"id": a.id, "after": after})
		nodes, _ := dig(got, "incident", "timeline", "nodes").([]any)
		for _, n := range nodes {
			if word(n, "alertId") == a.alertID && word(n, "kind") != "ALERT_SENT" { // which races the acknowledgement
				kinds = append(kinds, word(n, "kind"))
			}
		}
		more = dig(got, "incident", "timeline", "pageInfo", "hasNextPage") == true
		after = dig(got, "incident", "timeline", "pageInfo", "endCursor")
	}
	want := []string{"ALERT_PENDING", "ALERT_DELIVERED", "ALERT_ACCEPTED", "ALERT_EN_ROUTE", "ALERT_ON_SCENE", "ALERT_COMPLETED"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("timeline:\n%s", diff)
	}
}

// lastWord reads until the socket ends.
func (f followed) lastWord(t *testing.T) error {
	t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		if err := f.Next(t.Context(), nil); err != nil {
			return err
		}
	}
	return errors.New("it does not end")
}
