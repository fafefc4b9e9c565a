package transport

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/musterhq/muster/fault"
)

// socket is one open connection. One goroutine reads it, one supervises it, one
// pings, and one runs each operation; serve outlives them all.
type socket struct {
	*WebSocket
	conn    *websocket.Conn
	exec    graphql.GraphExecutor
	header  http.Header
	session context.Context      // nil until acknowledged; for the reading goroutine only
	ready   chan context.Context // hands the session to the supervisor
	tasks   sync.WaitGroup

	subscriptions subscriptions
}

func newSocket(t *WebSocket, conn *websocket.Conn, exec graphql.GraphExecutor, header http.Header) *socket {
	return &socket{
		WebSocket:     t,
		conn:          conn,
		exec:          exec,
		header:        header,
		ready:         make(chan context.Context, 1),
		subscriptions: subscriptions{max: t.MaxSubscriptions, live: map[string]*subscription{}},
	}
}

// serve returns when the connection is closed and nothing runs on it any more.
func (s *socket) serve(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer s.tasks.Wait()
	defer func() { _ = s.conn.CloseNow() }() // frees whoever is writing
	defer cancel()
	s.tasks.Go(func() { s.supervise(ctx, cancel) })
	s.tasks.Go(func() { s.ping(ctx) })
	if end := s.read(ctx); end != nil {
		cancel()
		s.close(end)
	}
}

// close does nothing if the connection is closed already, or being closed.
func (s *socket) close(end *closing) { _ = s.conn.Close(end.code, clip(end.reason)) }

// supervise closes the connection when its time has come.
func (s *socket) supervise(ctx context.Context, cancel context.CancelFunc) {
	if end := s.awaitEnd(ctx); end != nil {
		s.close(end)
		cancel()
	}
}

// awaitEnd returns why to close the connection, or nil when it is closed.
func (s *socket) awaitEnd(ctx context.Context) *closing {
	patience := time.NewTimer(s.InitTimeout)
	defer patience.Stop()
	var expired <-chan struct{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.streams.closing:
			return &closing{closeGoingAway, "server is shutting down"}
		case <-patience.C:
			return &closing{closeInitTimeout, "connection initialisation timeout"}
		case session := <-s.ready:
			patience.Stop()
			expired = session.Done()
		case <-expired:
			if ctx.Err() != nil { // the session ended with the connection
				return nil
			}
			return &closing{closeUnauthorized, "session has ended"}
		}
	}
}

// ping closes a connection that has silently been lost. It uses the WebSocket
// protocol's own pings, which every client answers without knowing.
func (s *socket) ping(ctx context.Context) {
	ticker := time.NewTicker(s.PingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		answered, cancel := context.WithTimeout(ctx, s.WriteTimeout)
		err := s.conn.Ping(answered)
		cancel()
		if err != nil && ctx.Err() == nil {
			_ = s.conn.CloseNow()
			return
		}
	}
}

// read handles messages until one of them is a reason to close the connection, or
// it is closed (nil).
func (s *socket) read(ctx context.Context) *closing {
	for {
		// Not with ctx, whose end would cut the connection off before the close frame.
		kind, data, err := s.conn.Read(context.WithoutCancel(ctx))
		if err != nil {
			return nil
		}
		var m message
		if kind != websocket.MessageText || json.Unmarshal(data, &m) != nil {
			return &closing{closeBadRequest, "invalid message"}
		}
		if end := s.handle(ctx, m); end != nil {
			return end
		}
	}
}

func (s *socket) handle(ctx context.Context, m message) *closing {
	switch m.Type {
	case typeInit:
		return s.start(ctx, m.Payload)
	case typePing:
		s.send(ctx, message{Type: typePong, Payload: m.Payload})
		return nil
	case typePong:
		return nil
	case typeSubscribe:
		return s.subscribe(m)
	case typeComplete:
		s.subscriptions.cancel(m.ID)
		return nil
	}
	return &closing{closeBadRequest, "invalid message type"}
}

// start authenticates the socket.
func (s *socket) start(ctx context.Context, payload json.RawMessage) *closing {
	if s.session != nil {
		return &closing{closeTooMany, "too many initialisation requests"}
	}
	var values map[string]any
	if payload != nil && json.Unmarshal(payload, &values) != nil {
		return &closing{closeBadRequest, "invalid initialisation payload"}
	}
	session, err := s.init(ctx, values)
	if err != nil {
		answer := present(ctx, s.exec, gqlerror.WrapIfUnwrapped(err))
		return &closing{closeCode(fault.CodeOf(err)), sentence(answer)}
	}
	s.session = session
	s.ready <- session
	s.send(ctx, message{Type: typeAck})
	return nil
}

func sentence(answer *graphql.Response) string {
	if len(answer.Errors) == 0 {
		return ""
	}
	return answer.Errors[0].Message
}

// send writes a message. Where that fails or takes too long the connection is
// lost, and with it what runs on it. It does not end with ctx: an operation that
// ends in the middle of a message must not take the connection with it.
func (s *socket) send(ctx context.Context, m message) bool {
	data, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Errorf("encoding message %s: %w", m.Type, err))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.WriteTimeout)
	defer cancel()
	if s.conn.Write(ctx, websocket.MessageText, data) == nil {
		return true
	}
	_ = s.conn.CloseNow()
	return false
}
