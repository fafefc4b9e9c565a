package transport

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/graph/limit"
)

// subscription is one operation on a socket, of whatever kind; the protocol calls
// them all that.
type subscription struct {
	id   string
	stop context.CancelFunc
}

// subscriptions are those of one socket. A live one may still send; whoever takes
// it out says the last word. One that is cancelled counts until it has ended, or
// else starting and cancelling would get around the limit.
type subscriptions struct {
	max int

	mu      sync.Mutex
	live    map[string]*subscription
	running int
}

// add reports whether the id is free, and whether there is room. Only if both
// hold is the subscription added.
func (s *subscriptions) add(sub *subscription) (free, room bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	free = s.live[sub.id] == nil
	room = s.running < s.max
	if free && room {
		s.live[sub.id] = sub
		s.running++
	}
	return free, room
}

func (s *subscriptions) isLive(sub *subscription) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live[sub.id] == sub
}

// settle takes a subscription out, and reports whether it was in. The id may be
// used again.
func (s *subscriptions) settle(sub *subscription) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live[sub.id] != sub {
		return false
	}
	delete(s.live, sub.id)
	return true
}

func (s *subscriptions) cancel(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub := s.live[id]; sub != nil {
		delete(s.live, id)
		sub.stop()
	}
}

func (s *subscriptions) ended() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
}

// subscribe starts an operation.
func (s *socket) subscribe(m message) *closing {
	if s.session == nil {
		return &closing{closeUnauthorized, "unauthorized"}
	}
	params, no := decodeRequest(m.Payload)
	if m.ID == "" || no != nil {
		return &closing{closeBadRequest, "invalid subscribe message"}
	}
	params.Headers = s.header
	ctx, stop := context.WithCancel(s.session)
	sub := &subscription{id: m.ID, stop: stop}
	free, room := s.subscriptions.add(sub)
	if free && room {
		s.tasks.Go(func() { s.run(ctx, sub, params) })
		return nil
	}
	stop()
	if !free {
		return &closing{closeDuplicate, "subscriber for this id already exists"}
	}
	s.refuseSubscription(m.ID)
	return nil
}

func (s *socket) refuseSubscription(id string) {
	err := limit.Refusal(fault.RateLimited("subscriptions", fault.Args{"max": s.MaxSubscriptions}))
	answer := present(s.session, s.exec, err)
	s.send(s.session, message{ID: id, Type: typeError, Payload: encodeErrors(answer.Errors)})
}

// run executes an operation and sends its answers.
func (s *socket) run(ctx context.Context, sub *subscription, params *graphql.RawParams) {
	defer s.subscriptions.ended()
	defer sub.stop()
	complete := execute(ctx, s.exec, params, func(answer *graphql.Response) bool {
		return s.answer(ctx, sub, answer)
	})
	if complete && s.subscriptions.settle(sub) {
		s.send(ctx, message{ID: sub.id, Type: typeComplete})
	}
}

// answer sends one answer, and reports whether more may follow: none does after a
// request error, nor after the client has cancelled.
func (s *socket) answer(ctx context.Context, sub *subscription, answer *graphql.Response) bool {
	if isRequestError(answer) {
		payload := encodeErrors(answer.Errors)
		if s.subscriptions.settle(sub) {
			s.send(ctx, message{ID: sub.id, Type: typeError, Payload: payload})
		}
		return false
	}
	payload := encode(answer)
	return s.subscriptions.isLive(sub) && s.send(ctx, message{ID: sub.id, Type: typeNext, Payload: payload})
}

func encodeErrors(errs gqlerror.List) json.RawMessage {
	payload, err := json.Marshal(errs)
	if err != nil {
		panic(fmt.Errorf("encoding errors: %w", err))
	}
	return payload
}
