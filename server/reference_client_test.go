package main

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/Khan/genqlient/graphql"

	"github.com/musterhq/muster/client"
)

// typed lets the reference client ask as somebody. What is refused ends the
// test, so that callers need not look at errors.
type typed struct {
	t *testing.T
	c *client.Client
}

var (
	_ graphql.Client          = typed{}
	_ graphql.WebSocketClient = typed{}
)

// typed returns the reference client of the resident, for a test.
func (r *resident) typed(t *testing.T) typed { return typed{t, r.Client} }

// MakeRequest runs a query or a mutation.
func (c typed) MakeRequest(ctx context.Context, q *graphql.Request, answer *graphql.Response) error {
	c.t.Helper()
	if err := c.c.Do(ctx, q.Query, q.Variables, answer.Data); err != nil {
		c.t.Fatalf("%s: %v", q.OpName, err)
	}
	return nil
}

// Subscribe forwards the first answer to a subscription, and closes it.
func (c typed) Subscribe(q *graphql.Request, answers any, forward graphql.ForwardDataFunction) (string, error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	stream, err := c.c.Subscribe(ctx, q.Query, q.Variables)
	if err != nil {
		cancel()
		c.t.Fatalf("%s: %v", q.OpName, err)
	}
	go func() {
		defer cancel()
		defer stream.Close()
		var data json.RawMessage
		err := stream.Next(ctx, &data)
		if err == nil {
			data, err = json.Marshal(map[string]json.RawMessage{"data": data})
		}
		if err == nil {
			err = forward(answers, data)
		}
		if err != nil {
			c.t.Errorf("%s: %v", q.OpName, err)
		}
	}()
	return q.OpName, nil
}

// Start, Close and Unsubscribe have nothing to do: each subscription has a
// socket of its own, which closes by itself.
func (typed) Start(context.Context) (chan error, error) { return nil, errors.ErrUnsupported }

// Close does nothing.
func (typed) Close() error { return nil }

// Unsubscribe does nothing.
func (typed) Unsubscribe(string) error { return nil }

// first waits for the answer to a subscription.
func first[T any](t *testing.T, answers <-chan T) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case answer := <-answers:
		return answer
	case <-ctx.Done():
		t.Fatal("no answer to the subscription came")
		panic("unreachable")
	}
}
