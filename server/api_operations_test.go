package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/geo"
)

// vars is a JSON object.
type vars = map[string]any

// The operations of the tests, as any client could send them.
const (
	registerDevice  = `mutation ($input: RegisterDeviceInput!) { registerDevice(input: $input) { device { id platform locale appVersion } } }`
	setAvailability = `mutation ($input: SetAvailabilityInput!) { setAvailability(input: $input) { availability { onDuty until } responder { id } } }`
	reportPosition  = `mutation ($input: ReportPositionInput!) { reportPosition(input: $input) {
		presence { position { latitude longitude datum } accuracyMeters recordedAt } } }`
	reportIncident = `mutation ($input: ReportIncidentInput!) { reportIncident(input: $input) {
		incident { id type severity status drill address description orgUnit { id } dispatch { id state needed } } } }`
	closeIncident     = `mutation ($input: CloseIncidentInput!) { closeIncident(input: $input) { incident { id status closedAt outcome dispatch { state } } } }`
	standDownDispatch = `mutation ($input: StandDownDispatchInput!) { standDownDispatch(input: $input) { dispatch { id state endedAt } } }`
	signOut           = `mutation { signOut { signedOutAt } }`
	me                = `{ me { id phone } }`

	myAlertsUpdated = `subscription { myAlertsUpdated { id state } }`
)

// answering is the mutation by which a responder answers an alert.
func answering(name string) string {
	return fmt.Sprintf(`mutation ($input: %s%sInput!) { %s(input: $input) { alert { id state } } }`, strings.ToUpper(name[:1]), name[1:], name)
}

// dig follows names into a decoded answer. It is nil where there is nothing.
func dig(value any, path ...any) any {
	for _, part := range path {
		switch part := part.(type) {
		case string:
			object, _ := value.(vars)
			value = object[part]
		case int:
			list, _ := value.([]any)
			if part >= len(list) {
				return nil
			}
			value = list[part]
		}
	}
	return value
}

func word(value any, path ...any) string {
	s, _ := dig(value, path...).(string)
	return s
}

// must runs an operation that must succeed, and returns its data.
func (r *resident) must(t testing.TB, query string, v vars) vars {
	t.Helper()
	return run(t, r.Client, query, v)
}

// run runs an operation that must succeed.
func run(t testing.TB, c *client.Client, query string, v vars) vars {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out := vars{}
	if err := c.Do(ctx, query, v, &out); err != nil {
		t.Fatalf("%v\n%s\n%v", err, query, v)
	}
	return out
}

// refused runs an operation that must fail, with one error and no data that is
// not null.
func refused(t *testing.T, c *client.Client, query string, v vars) *client.Error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out := vars{}
	var errs client.Errors
	if err := c.Do(ctx, query, v, &out); !errors.As(err, &errs) || len(errs) != 1 {
		t.Fatalf("got %v, %v, want one error\n%s\n%v", err, out, query, v)
	}
	for name, value := range out {
		if value != nil {
			t.Errorf("%s: there is data beside the error: %v", name, value)
		}
	}
	return errs[0]
}

// problem is what an error says to programs.
type problem struct{ Code, Reason, Field, State string }

func problemOf(e *client.Error) problem {
	state, _ := e.Extensions["state"].(string)
	return problem{e.Code, e.Reason, e.Field, state}
}

// expectRefusal runs an operation that must fail in that way.
func expectRefusal(t *testing.T, c *client.Client, query string, v vars, want problem) *client.Error {
	t.Helper()
	got := refused(t, c, query, v)
	if diff := cmp.Diff(want, problemOf(got)); diff != "" {
		t.Errorf("-want +got:\n%s\n%s\n%s", diff, got.Message, query)
	}
	return got
}

// at is an input's position.
func at(p geo.Position) vars {
	return vars{"latitude": p.Latitude, "longitude": p.Longitude, "datum": "WGS84"}
}

// report is a report's input, with some fields changed.
func report(p geo.Position, changes ...vars) vars {
	in := vars{"type": "OTHER", "severity": "LEVEL_III", "position": at(p), "address": "蔡屋围路 1 号", "description": "一人跌倒"}
	for _, change := range changes {
		for name, value := range change {
			in[name] = value
		}
	}
	return vars{"input": in}
}

// opened is an incident that has been reported.
type opened struct{ id, dispatchID string }

// open reports an incident.
func (r *resident) open(t *testing.T, p geo.Position, changes ...vars) opened {
	t.Helper()
	got := r.must(t, reportIncident, report(p, changes...))
	return opened{word(got, "reportIncident", "incident", "id"), word(got, "reportIncident", "incident", "dispatch", "id")}
}

// alerted is a volunteer with an alert, and what it is about.
type alerted struct {
	*resident
	opened
	alertID string
	scene   geo.Position
}

// alerted makes a volunteer near a scene of its own, and an incident there.
func (tw *town) alerted(t *testing.T, changes ...vars) *alerted {
	t.Helper()
	scene := tw.scene()
	v := tw.newVolunteer(t, guiyuanOne, near(scene))
	o := tw.guiyuan.open(t, scene, changes...)
	return &alerted{v, o, v.awaitAlert(t), scene}
}

// awaitAlert waits until the resident has a live alert, and returns its id.
func (r *resident) awaitAlert(t *testing.T) string {
	t.Helper()
	return word(r.follow(t, myAlertsUpdated, nil).next(t), "myAlertsUpdated", "id")
}

// say answers the alert, which must succeed, and returns the alert's state.
func (a *alerted) say(t *testing.T, mutation string) string {
	t.Helper()
	got := a.must(t, answering(mutation), vars{"input": vars{"alertId": a.alertID}})
	return word(got, mutation, "alert", "state")
}

// state is the alert's.
func (a *alerted) state(t *testing.T) string {
	t.Helper()
	return word(a.must(t, `query ($id: ID!) { alert(id: $id) { state } }`, vars{"id": a.alertID}), "alert", "state")
}

// followed is an open subscription.
type followed struct{ *client.Stream }

// follow opens a subscription that is closed with the test.
func (r *resident) follow(t *testing.T, query string, v vars) followed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := r.Subscribe(ctx, query, v)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return followed{s}
}

// next waits for the next answer.
func (f followed) next(t *testing.T) vars {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out := vars{}
	if err := f.Next(ctx, &out); err != nil {
		t.Fatalf("following: %v", err)
	}
	return out
}

// until waits for an answer that is as wanted, and returns all of them.
func (f followed) until(t *testing.T, wanted func(vars) bool) []vars {
	t.Helper()
	var all []vars
	for {
		all = append(all, f.next(t))
		if wanted(all[len(all)-1]) {
			return all
		}
	}
}

// end reads until the subscription ends with an error, which it returns.
func (f followed) end(t *testing.T, seen func(vars)) *client.Error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		out := vars{}
		err := f.Next(ctx, &out)
		var errs client.Errors
		if errors.As(err, &errs) && len(errs) == 1 {
			return errs[0]
		}
		if err != nil {
			t.Fatalf("following: %v", err)
		}
		seen(out)
	}
}
