package transport

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
)

// welcome lets everyone in.
func welcome(ctx context.Context, _ map[string]any) (context.Context, error) { return ctx, nil }

// client is the other end of a socket.
type client struct {
	t    *testing.T
	conn *websocket.Conn
}

func dial(t *testing.T, server *httptest.Server) client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, response, err := websocket.Dial(ctx, server.URL, &websocket.DialOptions{Subprotocols: []string{subprotocol}})
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	if response.Body != nil {
		_ = response.Body.Close()
	}
	conn.SetReadLimit(-1)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return client{t: t, conn: conn}
}

func (c client) write(text string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	if err := c.conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		c.t.Fatalf("writing %s: %v", text, err)
	}
}

// read returns the next message, and fails the test if there is none.
func (c client) read() string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	_, data, err := c.conn.Read(ctx)
	if err != nil {
		c.t.Fatalf("reading: %v", err)
	}
	return string(data)
}

func (c client) expect(want string) {
	c.t.Helper()
	if diff := cmp.Diff(want, c.read()); diff != "" {
		c.t.Fatalf("message (-want +got):\n%s", diff)
	}
}

// start sends the first message and reads the acknowledgement.
func (c client) start() {
	c.t.Helper()
	c.write(`{"type":"connection_init"}`)
	c.expect(`{"type":"connection_ack"}`)
}

func (c client) subscribe(id, query string) {
	c.t.Helper()
	payload, _ := json.Marshal(map[string]string{"query": query})
	data, _ := json.Marshal(message{ID: id, Type: typeSubscribe, Payload: payload})
	c.write(string(data))
}

// expectClose reads until the socket is closed.
func (c client) expectClose(code websocket.StatusCode, reason string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	_, data, err := c.conn.Read(ctx)
	if err == nil {
		c.t.Fatalf("read %s", data)
	}
	var end websocket.CloseError
	if !errors.As(err, &end) {
		c.t.Fatalf("lost: %v", err)
	}
	if diff := cmp.Diff(websocket.CloseError{Code: code, Reason: reason}, end); diff != "" {
		c.t.Fatalf("closed (-want +got):\n%s", diff)
	}
}

// connected is a server with WebSocket as the test sets it up, and a client of it.
func connected(t *testing.T, init InitFunc, set func(*WebSocket)) (*service, client, *Streams) {
	t.Helper()
	streams := NewStreams(10)
	transport := NewWebSocket(streams, init)
	if set != nil {
		set(transport)
	}
	service := newService(transport, NewPOST())
	c := dial(t, serve(t, service))
	t.Cleanup(func() {
		_ = c.conn.CloseNow() // or the server waits for its answer to the close frame
		shutdown(t, streams)
	})
	return service, c, streams
}

func TestWebSocketStreamsUntilTheOperationEnds(t *testing.T) {
	t.Parallel()
	service, c, _ := connected(t, welcome, nil)
	c.start()
	c.subscribe("a", "subscription{ticks}")
	service.send(t, "one")
	c.expect(`{"id":"a","type":"next","payload":{"data":{"ticks":"one"}}}`)
	service.send(t, "two")
	c.expect(`{"id":"a","type":"next","payload":{"data":{"ticks":"two"}}}`)
	close(service.ticks)
	c.expect(`{"id":"a","type":"complete"}`)
	await(t, "end", service.ended)
}

func TestWebSocketAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		query string
		want  []string
	}{
		"a query":                {"{name}", []string{`{"id":"a","type":"next","payload":{"data":{"name":"test"}}}`, `{"id":"a","type":"complete"}`}},
		"a field error":          {"{nothing}", []string{`{"id":"a","type":"next","payload":{"errors":[{"message":"none"}],"data":null}}`, `{"id":"a","type":"complete"}`}},
		"an invalid document":    {"{absent}", []string{`{"id":"a","type":"error","payload":[{"message":"Cannot query field \"absent\" on type \"Query\".","locations":[{"line":1,"column":2}],"extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}`}},
		"one beyond a limit":     {"{name" + strings.Repeat(" name", 20) + "}", []string{`{"id":"a","type":"error","payload":[{"message":"invalid.query_too_many_repeats","extensions":{"code":"INVALID"}}]}`}},
		"a refusal":              {"{private}", []string{`{"id":"a","type":"error","payload":[{"message":"unauthenticated.missing","extensions":{"code":"UNAUTHENTICATED"}}]}`}},
		"a panic":                {"{panic}", []string{`{"id":"a","type":"error","payload":[{"message":"internal","extensions":{"code":"INTERNAL"}}]}`}},
		"a panicking subscriber": {"subscription{panicking}", []string{`{"id":"a","type":"error","payload":[{"message":"internal","extensions":{"code":"INTERNAL"}}]}`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, c, _ := connected(t, welcome, nil)
			c.start()
			c.subscribe("a", test.query)
			for _, want := range test.want {
				c.expect(want)
			}
			c.write(`{"type":"ping","payload":{"n":1}}`) // nothing comes before its answer
			c.expect(`{"type":"pong","payload":{"n":1}}`)
		})
	}
}

func TestWebSocketCancels(t *testing.T) {
	t.Parallel()
	service, c, _ := connected(t, welcome, nil)
	c.start()
	c.subscribe("a", "subscription{ticks}")
	await(t, "start", service.started)
	c.write(`{"id":"a","type":"complete"}`)
	await(t, "end", service.ended)
	c.write(`{"id":"a","type":"complete"}`) // again is no harm
	c.write(`{"type":"pong"}`)
	c.subscribe("a", "{name}") // the id is free again, and nothing was said of the old
	c.expect(`{"id":"a","type":"next","payload":{"data":{"name":"test"}}}`)
}

func TestWebSocketEndsWhatRunsWhenTheClientLeaves(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*websocket.Conn) error{
		"with a close frame": func(c *websocket.Conn) error { return c.Close(websocket.StatusNormalClosure, "") },
		"without":            (*websocket.Conn).CloseNow,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service, c, streams := connected(t, welcome, nil)
			c.start()
			c.subscribe("a", "subscription{ticks}")
			c.subscribe("b", "subscription{ticks}")
			await(t, "start", service.started)
			await(t, "start", service.started)
			if err := leave(c.conn); err != nil {
				t.Logf("leaving: %v", err)
			}
			await(t, "end", service.ended)
			await(t, "end", service.ended)
			shutdown(t, streams)
			if streams.Open() != 0 {
				t.Errorf("%d streams open", streams.Open())
			}
		})
	}
}

func TestWebSocketLimitsSubscriptions(t *testing.T) {
	t.Parallel()
	service, c, _ := connected(t, welcome, func(w *WebSocket) { w.MaxSubscriptions = 2 })
	c.start()
	c.subscribe("a", "subscription{ticks}")
	c.subscribe("b", "subscription{ticks}")
	c.subscribe("c", "subscription{ticks}")
	c.expect(`{"id":"c","type":"error","payload":[{"message":"rate_limited.subscriptions","extensions":{"code":"RATE_LIMITED"}}]}`)
	await(t, "start", service.started)
	await(t, "start", service.started)
	if len(service.started) != 0 {
		t.Error("the third has started")
	}
	close(service.ticks) // both end
	ends := map[string]bool{c.read(): true, c.read(): true}
	if diff := cmp.Diff(map[string]bool{`{"id":"a","type":"complete"}`: true, `{"id":"b","type":"complete"}`: true}, ends); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
}

// An operation that has been cancelled counts until it has ended.
func TestSubscriptionsCountUntilTheyHaveEnded(t *testing.T) {
	t.Parallel()
	s := subscriptions{max: 1, live: map[string]*subscription{}}
	stopped := false
	first := &subscription{id: "a", stop: func() { stopped = true }}
	if free, room := s.add(first); !free || !room {
		t.Fatalf("first: free %t, room %t", free, room)
	}
	s.cancel("a")
	if !stopped || s.isLive(first) || s.settle(first) {
		t.Errorf("cancelled: stopped %t, live %t", stopped, s.isLive(first))
	}
	second := &subscription{id: "a", stop: func() {}}
	if free, room := s.add(second); !free || room {
		t.Errorf("before the end: free %t, room %t", free, room)
	}
	s.ended()
	if free, room := s.add(second); !free || !room {
		t.Errorf("after the end: free %t, room %t", free, room)
	}
	if s.settle(first) || !s.isLive(second) {
		t.Error("the first has settled the second, which has its id")
	}
}

func TestWebSocketClosesOnBreachOfProtocol(t *testing.T) {
	t.Parallel()
	const subscribe = `{"id":"a","type":"subscribe","payload":{"query":"subscription{ticks}"}}`
	tests := map[string]struct {
		started bool
		writes  []string
		code    websocket.StatusCode
		reason  string
	}{
		"subscribe before initialisation": {false, []string{subscribe}, 4401, "unauthorized"},
		"initialised twice":               {true, []string{`{"type":"connection_init"}`}, 4429, "too many initialisation requests"},
		"payload that is no object":       {false, []string{`{"type":"connection_init","payload":[1]}`}, 4400, "invalid initialisation payload"},
		"no JSON":                         {false, []string{`hunter2`}, 4400, "invalid message"},
		"unknown type":                    {true, []string{`{"type":"start"}`}, 4400, "invalid message type"},
		"server's type":                   {true, []string{`{"type":"next","id":"a"}`}, 4400, "invalid message type"},
		"subscribe without id":            {true, []string{strings.Replace(subscribe, `"a"`, `""`, 1)}, 4400, "invalid subscribe message"},
		"subscribe without payload":       {true, []string{`{"id":"a","type":"subscribe"}`}, 4400, "invalid subscribe message"},
		"id in use":                       {true, []string{subscribe, subscribe}, 4409, "subscriber for this id already exists"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, c, _ := connected(t, welcome, nil)
			if test.started {
				c.start()
			}
			for _, text := range test.writes {
				c.write(text)
			}
			c.expectClose(test.code, test.reason)
		})
	}
}

func TestWebSocketClosesOnBinary(t *testing.T) {
	t.Parallel()
	_, c, _ := connected(t, welcome, nil)
	if err := c.conn.Write(t.Context(), websocket.MessageBinary, []byte(`{"type":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	c.expectClose(4400, "invalid message")
}

func TestWebSocketClosesOnLargeMessage(t *testing.T) {
	t.Parallel()
	_, c, _ := connected(t, welcome, func(w *WebSocket) { w.MaxBytes = 100 })
	c.write(`{"type":"ping","payload":"` + strings.Repeat("x", 100) + `"}`)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, _, err := c.conn.Read(ctx)
	if websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("ended with %v", err)
	}
}

func TestWebSocketInit(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("应急", 100)
	tests := map[string]struct {
		err    error
		code   websocket.StatusCode
		reason string
	}{
		"no session":      {fault.Unauthenticated("expired"), 4401, "unauthenticated.expired"},
		"forbidden":       {fault.Forbidden(), 4403, "forbidden"},
		"bad payload":     {fault.Invalid("token", "required"), 4400, "invalid.required"},
		"too often":       {fault.RateLimited("sign_in"), 4429, "rate_limited.sign_in"},
		"unavailable":     {fault.Unavailable("store"), 1013, "unavailable.store"},
		"unexpected":      {errors.New("dial mongodb://root:hunter2@db"), 4500, "internal"},
		"a long sentence": {&fault.Error{Code: fault.CodeForbidden, Key: long}, 4403, long[:123]},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got map[string]any
			_, c, _ := connected(t, func(ctx context.Context, payload map[string]any) (context.Context, error) {
				got = payload
				return ctx, test.err
			}, nil)
			c.write(`{"type":"connection_init","payload":{"authorization":"Bearer x"}}`)
			c.expectClose(test.code, test.reason)
			if diff := cmp.Diff(map[string]any{"authorization": "Bearer x"}, got); diff != "" {
				t.Errorf("payload (-want +got):\n%s", diff)
			}
		})
	}
}

type who struct{}

// What the hook puts into the context, operations find there, and its end is the
// socket's.
func TestWebSocketRunsInTheSession(t *testing.T) {
	t.Parallel()
	expire := make(chan context.CancelFunc, 1)
	service, c, _ := connected(t, func(ctx context.Context, _ map[string]any) (context.Context, error) {
		ctx, cancel := context.WithCancel(context.WithValue(ctx, who{}, "acc_1"))
		expire <- cancel
		return ctx, nil
	}, nil)
	seen := make(chan any, 1)
	service.AroundOperations(func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		seen <- ctx.Value(who{})
		return next(ctx)
	})
	c.start()
	c.subscribe("a", "subscription{ticks}")
	await(t, "start", service.started)
	if got := <-seen; got != "acc_1" {
		t.Errorf("ran as %v", got)
	}
	(<-expire)()
	c.expectClose(4401, "session has ended")
	await(t, "end", service.ended)
}

func TestWebSocketClosesWhenNobodySpeaks(t *testing.T) {
	t.Parallel()
	_, c, _ := connected(t, welcome, func(w *WebSocket) { w.InitTimeout = 20 * time.Millisecond })
	c.expectClose(4408, "connection initialisation timeout")
}

func TestWebSocketStaysOpenAfterInitialisation(t *testing.T) {
	t.Parallel()
	const timeout = 50 * time.Millisecond
	_, c, _ := connected(t, welcome, func(w *WebSocket) { w.InitTimeout, w.PingInterval = timeout, timeout/10 })
	c.start()
	for started := time.Now(); time.Since(started) < 3*timeout; {
		c.write(`{"type":"ping"}`)
		c.expect(`{"type":"pong"}`)
	}
}

func TestWebSocketEndsAtShutdown(t *testing.T) {
	t.Parallel()
	for name, started := range map[string]bool{"before initialisation": false, "while subscribed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service, c, streams := connected(t, welcome, nil)
			if started {
				c.start()
				c.subscribe("a", "subscription{ticks}")
				await(t, "start", service.started)
			}
			done := make(chan struct{})
			go func() { defer close(done); shutdown(t, streams) }()
			c.expectClose(1001, "server is shutting down")
			await(t, "shutdown", done)
			if started {
				await(t, "end", service.ended)
			}
		})
	}
}

func TestWebSocketShutdownGivesUpInTime(t *testing.T) {
	t.Parallel()
	streams := NewStreams(1)
	if f := streams.enter(); f != nil {
		t.Fatal(f)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := streams.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if f := streams.enter(); f == nil || f.Key != "unavailable.shutting_down" {
		t.Errorf("afterwards: %v", f)
	}
	streams.leave()
	shutdown(t, streams)
}

func TestWebSocketDropsAClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	service, c, streams := connected(t, welcome, func(w *WebSocket) { w.WriteTimeout = 100 * time.Millisecond })
	c.start()
	c.subscribe("a", "subscription{ticks}")
	await(t, "start", service.started)
	flood(t, service)
	shutdown(t, streams)
}

// A client that does not read does not answer pings either: like one that is gone.
func TestWebSocketDropsAClientThatDoesNotAnswerPings(t *testing.T) {
	t.Parallel()
	service, c, _ := connected(t, welcome, func(w *WebSocket) {
		w.PingInterval, w.WriteTimeout = 10*time.Millisecond, 100*time.Millisecond
	})
	c.start()
	c.subscribe("a", "subscription{ticks}")
	await(t, "start", service.started)
	await(t, "end", service.ended)
}

func TestWebSocketRefusesToConnect(t *testing.T) {
	t.Parallel()
	full := NewStreams(1)
	if f := full.enter(); f != nil {
		t.Fatal(f)
	}
	strict := NewWebSocket(NewStreams(1), welcome)
	strict.CheckOrigin = func(r *http.Request) bool { return r.Header.Get("Origin") == "https://muster.example" }
	tests := map[string]struct {
		transport *WebSocket
		origin    string
		status    int
		body      string
	}{
		"another origin":         {NewWebSocket(NewStreams(1), welcome), "https://evil.example", 403, ""},
		"origin that is refused": {strict, "https://evil.example", 403, `{"errors":[{"message":"forbidden","extensions":{"code":"FORBIDDEN"}}]}`},
		"origin that is allowed": {strict, "https://muster.example", 101, ""},
		"no room":                {NewWebSocket(full, welcome), "", 503, `{"errors":[{"message":"unavailable.too_many_streams","extensions":{"code":"UNAVAILABLE"}}]}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, newService(test.transport))
			header := http.Header{}
			if test.origin != "" {
				header.Set("Origin", test.origin)
			}
			conn, response, err := websocket.Dial(t.Context(), server.URL, &websocket.DialOptions{Subprotocols: []string{subprotocol}, HTTPHeader: header})
			if err == nil {
				_ = conn.CloseNow()
				t.Cleanup(func() { shutdown(t, test.transport.streams) })
			}
			if response.StatusCode != test.status {
				t.Fatalf("status %d, want %d", response.StatusCode, test.status)
			}
			if test.body == "" {
				return
			}
			body := make([]byte, 1024)
			n, _ := response.Body.Read(body)
			if diff := cmp.Diff(test.body, string(body[:n])); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWebSocketSpeaksOneSubprotocol(t *testing.T) {
	t.Parallel()
	server := serve(t, newService(NewWebSocket(NewStreams(1), welcome)))
	conn, _, err := websocket.Dial(t.Context(), server.URL, &websocket.DialOptions{Subprotocols: []string{"graphql-ws"}})
	if err != nil {
		t.Fatal(err)
	}
	client{t: t, conn: conn}.expectClose(4406, "subprotocol must be graphql-transport-ws")
}
