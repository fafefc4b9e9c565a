package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/client"
)

// owner is a simulated responder with a phone in hand.
type owner struct {
	phone  string
	client *client.Client
	pace   Pace
}

// errPlace reports a breach of what the demonstration shows: nobody knows where
// the incident is who has not accepted, and whoever has does.
var errPlace = errors.New("the exact place was shown to the wrong responder, or not to the right one")

// alert is what a phone reads of an alert.
type alert struct {
	Number   int
	State    string
	Incident struct {
		Address  *string
		Position *struct{ Latitude, Longitude float64 }
	}
}

func (a *alert) exact() bool { return a.Incident.Address != nil && a.Incident.Position != nil }
func (a *alert) vague() bool { return a.Incident.Address == nil && a.Incident.Position == nil }

// answer does what the script says about an alert.
func (o *owner) answer(ctx context.Context, alertID string) error {
	if err := pause(ctx, o.pace.Notice); err != nil {
		return err
	}
	if err := o.signIn(ctx); err != nil {
		return err
	}
	a, err := o.say(ctx, "acknowledgeAlert", alertID)
	if err != nil {
		return unlessOver(err)
	}
	if !a.vague() {
		return errPlace
	}
	if a.State != "DELIVERED" {
		return nil // it came too late
	}
	pace := o.pace.personal(a.Number)
	switch actOf(a.Number) {
	case decline:
		if err := pause(ctx, pace.Decide); err != nil {
			return err
		}
		_, err = o.say(ctx, "declineAlert", alertID)
	case accept:
		err = o.respond(ctx, alertID, pace)
	case silent:
	}
	return unlessOver(err)
}

// respond accepts and goes.
func (o *owner) respond(ctx context.Context, alertID string, pace Pace) error {
	for _, step := range []struct {
		after time.Duration
		say   string
	}{
		{pace.Decide, "acceptAlert"}, {pace.SetOff, "markEnRoute"},
		{pace.Travel, "markOnScene"}, {pace.OnScene, "completeAlert"},
	} {
		if err := pause(ctx, step.after); err != nil {
			return err
		}
		a, err := o.say(ctx, step.say, alertID)
		if err != nil {
			return err
		}
		if !a.exact() {
			return errPlace
		}
	}
	return nil
}

// signIn signs in when the phone is used for the first time.
func (o *owner) signIn(ctx context.Context) error {
	if o.client.SignedIn() {
		return nil
	}
	if err := o.client.RequestCode(ctx, o.phone); err != nil {
		return err
	}
	return o.client.SignIn(ctx, o.phone, Code, "simulated phone")
}

// say calls one of the mutations by which a responder answers. Its idempotency
// key is what an app would use: the alert and what is said of it.
func (o *owner) say(ctx context.Context, mutation, alertID string) (*alert, error) {
	query := fmt.Sprintf(`mutation ($id: ID!, $key: String) { payload: %s(input: {alertId: $id, idempotencyKey: $key}) {
		alert { number state incident { address position { latitude longitude } } } } }`, mutation)
	var out struct{ Payload struct{ Alert alert } }
	err := o.client.Do(ctx, query, map[string]any{"id": alertID, "key": mutation + " " + alertID}, &out)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", mutation, err)
	}
	return &out.Payload.Alert, nil
}

// unlessOver passes over that an alert is over already: others were quicker, or
// its time ran out.
func unlessOver(err error) error {
	if client.CodeOf(err) == "CONFLICT" {
		return nil
	}
	return err
}

// pause waits as long as a person takes.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
