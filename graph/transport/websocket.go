package transport

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"

	"github.com/musterhq/muster/fault"
)

// InitFunc authenticates a socket by the payload of its first message, which is
// nil if there was none. What the socket runs, it runs with the returned context,
// which must descend from ctx; when that ends (give it the session's expiry as its
// deadline) the socket is closed with code 4401. An error closes it at once, with
// a code that fits the fault and with the error presenter's sentence.
type InitFunc func(ctx context.Context, payload map[string]any) (context.Context, error)

// WebSocket serves any number of operations over one connection, in the
// graphql-transport-ws protocol. It stands in for gqlgen's transport of that name,
// which does not limit the subscriptions of a socket, replaces one when its id is
// used again, sends errors past the error presenter, waits without end for a
// client that does not read, and leaves sockets open at shutdown. Make one with
// NewWebSocket.
type WebSocket struct {
	// CheckOrigin decides whether a page from another origin may connect. Without
	// one, a browser's Origin must be the request's host. Apps send no Origin.
	CheckOrigin func(*http.Request) bool

	InitTimeout      time.Duration // from the connection to its first message
	PingInterval     time.Duration // between the pings that notice a silent loss
	WriteTimeout     time.Duration // of one message, and of the answer to a ping
	MaxBytes         int64         // of a message from the client; more closes with 1009
	MaxSubscriptions int           // that run at once on one socket

	init    InitFunc
	streams *Streams
}

// NewWebSocket makes a transport with time-outs of 10 seconds, a ping every 25
// (mobile networks forget silent connections after 30 and more), messages of
// DefaultMaxBytes and 50 subscriptions a socket, several times what a
// dispatcher's screen shows.
func NewWebSocket(streams *Streams, init InitFunc) *WebSocket {
	return &WebSocket{
		InitTimeout:      10 * time.Second,
		PingInterval:     25 * time.Second,
		WriteTimeout:     10 * time.Second,
		MaxBytes:         DefaultMaxBytes,
		MaxSubscriptions: 50,
		init:             init,
		streams:          streams,
	}
}

var _ graphql.Transport = (*WebSocket)(nil)

// Supports a request to upgrade to WebSocket.
func (t *WebSocket) Supports(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// Do serves the socket until it is closed.
func (t *WebSocket) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	if t.CheckOrigin != nil && !t.CheckOrigin(r) {
		refuse(w, r, exec, mediaJSON, &refusal{status: http.StatusForbidden, fault: fault.Forbidden()})
		return
	}
	if f := t.streams.enter(); f != nil {
		refuse(w, r, exec, mediaJSON, &refusal{status: http.StatusServiceUnavailable, fault: f})
		return
	}
	defer t.streams.leave()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		InsecureSkipVerify: t.CheckOrigin != nil, // checked above
	})
	if err != nil {
		return // Accept has answered
	}
	if conn.Subprotocol() != subprotocol {
		_ = conn.Close(closeSubprotocol, "subprotocol must be "+subprotocol)
		return
	}
	conn.SetReadLimit(t.MaxBytes)
	newSocket(t, conn, exec, r.Header).serve(r.Context())
}
