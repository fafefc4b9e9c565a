package transport

import (
	"context"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
)

// boundedService gives each operation a context of its own that ends with its
// first answer, as one with a deadline does; at once if it is to be late.
func boundedService(late bool, transports ...graphql.Transport) *service {
	s := newService(transports...)
	s.AroundOperations(func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		ctx, cancel := context.WithCancel(ctx)
		responses := next(ctx)
		if late {
			cancel()
		}
		return func(context.Context) *graphql.Response {
			defer cancel()
			return responses(ctx)
		}
	})
	return s
}

func TestBoundedOperationsCompleteOverWebSocket(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		late bool
		want string
	}{
		"in time": {false, `{"id":"a","type":"next","payload":{"data":{"name":"test"}}}`},
		"never":   {true, `{"id":"a","type":"error","payload":[{"message":"unavailable.interrupted","extensions":{"code":"UNAVAILABLE"}}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			streams := NewStreams(10)
			conn := dial(t, serve(t, boundedService(c.late, NewWebSocket(streams, welcome))))
			t.Cleanup(func() {
				_ = conn.conn.CloseNow() // or the server waits for its answer to the close frame
				shutdown(t, streams)
			})
			conn.start()
			for range 2 { // the id is free again
				conn.subscribe("a", "{name}")
				conn.expect(c.want)
				if !c.late {
					conn.expect(`{"id":"a","type":"complete"}`)
				}
			}
		})
	}
}

func TestBoundedOperationsCompleteOverSSE(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		late bool
		want string
	}{
		"in time": {false, `{"data":{"name":"test"}}`},
		"never":   {true, `{"errors":[{"message":"unavailable.interrupted","extensions":{"code":"UNAVAILABLE"}}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, boundedService(c.late, NewSSE(NewStreams(10))))
			_, lines, _ := listen(t, server.URL, `{"query":"{name}"}`)
			got := strings.Join(collect(t, lines, 100), "\n")
			if diff := cmp.Diff("event: next\ndata: "+c.want+"\nevent: complete\ndata:", got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
