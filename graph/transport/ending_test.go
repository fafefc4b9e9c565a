package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
)

// endingWith answers a subscription once, and then ends it for a reason; nil for
// none.
func endingWith(reason error, transports ...graphql.Transport) *service {
	s := newService(transports...)
	s.AroundOperations(func(ctx context.Context, _ graphql.OperationHandler) graphql.ResponseHandler {
		first := true
		return func(context.Context) *graphql.Response {
			if !first {
				if reason != nil {
					End(ctx, reason)
				}
				return nil
			}
			first = false
			return &graphql.Response{Data: []byte(`{"ticks":"one"}`)}
		}
	})
	return s
}

// endings are reasons, and what the client is told: the error presenter's words,
// or "" for a mere end.
var endings = map[string]struct {
	reason error
	told   string
}{
	"over":          {nil, ""},
	"a slow reader": {fault.Unavailable("refetch"), `{"message":"unavailable.refetch","extensions":{"code":"UNAVAILABLE"}}`},
	"no session":    {fault.Unauthenticated("token"), `{"message":"unauthenticated.token","extensions":{"code":"UNAUTHENTICATED"}}`},
	"a mistake":     {errors.New("dial mongodb://root:hunter2@db"), `{"message":"internal","extensions":{"code":"INTERNAL"}}`},
}

func TestEndOverWebSocket(t *testing.T) {
	t.Parallel()
	for name, c := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			streams := NewStreams(10)
			service := endingWith(c.reason, NewWebSocket(streams, welcome))
			conn := dial(t, serve(t, service))
			t.Cleanup(func() {
				_ = conn.conn.CloseNow() // or the server waits for its answer to the close frame
				shutdown(t, streams)
			})
			conn.start()
			conn.subscribe("a", "subscription{ticks}")
			conn.expect(`{"id":"a","type":"next","payload":{"data":{"ticks":"one"}}}`)
			if c.told == "" {
				conn.expect(`{"id":"a","type":"complete"}`)
			} else {
				conn.expect(`{"id":"a","type":"error","payload":[` + c.told + `]}`)
			}
			conn.write(`{"type":"ping"}`) // nothing comes after the last word
			conn.expect(`{"type":"pong"}`)
		})
	}
}

func TestEndOverSSE(t *testing.T) {
	t.Parallel()
	for name, c := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := endingWith(c.reason, NewSSE(NewStreams(10)), NewPOST())
			_, lines, _ := listen(t, serve(t, service).URL, ticks)
			want := []string{"event: next", `data: {"data":{"ticks":"one"}}`}
			if c.told != "" {
				want = append(want, "event: next", `data: {"errors":[`+c.told+`]}`)
			}
			want = append(want, "event: complete", "data:")
			if diff := cmp.Diff(want, collect(t, lines, 100)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// End is of no meaning to a query, or outside of any operation.
func TestEndOutsideOfAStream(t *testing.T) {
	t.Parallel()
	End(t.Context(), errors.New("nobody hears this"))
	ctx, e := withEnding(t.Context())
	if e.reason() != nil {
		t.Error("there is a reason already")
	}
	End(ctx, fault.Unavailable("refetch"))
	if got := e.reason(); !errors.Is(got, fault.Unavailable("refetch")) {
		t.Errorf("the reason is %v", got)
	}
}

// gqlgen makes each answer in the buffer of the one before; a stream must have
// done with it by then.
func TestSSEIsDoneWithAnAnswerBeforeTheNext(t *testing.T) {
	t.Parallel()
	const count = 100
	service := newService(NewSSE(NewStreams(10)), NewPOST())
	service.AroundOperations(func(context.Context, graphql.OperationHandler) graphql.ResponseHandler {
		var buffer bytes.Buffer
		n := 0
		return func(context.Context) *graphql.Response {
			if n == count {
				return nil
			}
			buffer.Reset()
			fmt.Fprintf(&buffer, `{"ticks":"%04d"}`, n)
			n++
			return &graphql.Response{Data: buffer.Bytes()}
		}
	})
	_, lines, _ := listen(t, serve(t, service).URL, ticks)
	var want []string
	for n := range count {
		want = append(want, "event: next", fmt.Sprintf(`data: {"data":{"ticks":"%04d"}}`, n))
	}
	want = append(want, "event: complete", "data:")
	if diff := cmp.Diff(want, collect(t, lines, 3*count)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
