package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// Stream is a subscription, over a WebSocket of its own. One goroutine reads
// it. Close it.
type Stream struct{ conn *websocket.Conn }

// subprotocol is https://github.com/graphql/graphql-over-http/blob/main/rfcs/GraphQLOverWebSocket.md
const subprotocol = "graphql-transport-ws"

// message is one message of it, in either direction.
type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// streamID names the one operation of a socket.
const streamID = "1"

// Subscribe begins a subscription. It returns when the server has let the
// session in; what is wrong with the query itself shows in the first Next.
func (c *Client) Subscribe(ctx context.Context, query string, variables any) (*Stream, error) {
	token, err := c.token(ctx)
	if err != nil {
		return nil, err
	}
	start, err := json.Marshal(operation{Query: query, Variables: variables})
	if err != nil {
		return nil, fmt.Errorf("client: encoding the request: %w", err)
	}
	conn, resp, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(c.endpoint, "http"), &websocket.DialOptions{
		HTTPClient: c.http, HTTPHeader: c.header(""), Subprotocols: []string{subprotocol},
	})
	if err != nil {
		if resp != nil && resp.Body != nil {
			_ = resp.Body.Close() // the error says it all
		}
		return nil, fmt.Errorf("client: opening a socket: %w", err)
	}
	conn.SetReadLimit(maxAnswer)
	s := &Stream{conn: conn}
	if err := s.begin(ctx, token, start); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stream) begin(ctx context.Context, token string, start json.RawMessage) error {
	first := message{Type: "connection_init"}
	if token != "" {
		first.Payload = fmt.Appendf(nil, `{"Authorization":"Bearer %s"}`, token)
	}
	if err := s.write(ctx, first); err != nil {
		return err
	}
	ack, err := s.read(ctx)
	if err != nil {
		return err
	}
	if ack.Type != "connection_ack" {
		return fmt.Errorf("client: the server answers the socket's first message with %q", ack.Type)
	}
	return s.write(ctx, message{ID: streamID, Type: "subscribe", Payload: start})
}

// Next waits for the next answer and decodes its data into out. It fails with
// io.EOF at the subscription's end, and with Errors as Client.Do does. When the
// context ends while it waits, the stream is over.
func (s *Stream) Next(ctx context.Context, out any) error {
	m, err := s.read(ctx)
	if err != nil {
		return err
	}
	switch m.Type {
	case "next":
		return decode(m.Payload, "a message", out)
	case "error":
		var list Errors
		if err := json.Unmarshal(m.Payload, &list); err != nil {
			return fmt.Errorf("client: decoding errors: %w", err)
		}
		return list
	case "complete":
		return io.EOF
	}
	return fmt.Errorf("client: a message of type %q", m.Type)
}

// Close ends the subscription and its socket.
func (s *Stream) Close() {
	if err := s.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		_ = s.conn.CloseNow() // whoever is not there any more cannot be told
	}
}

// read returns the next message that is not about the connection itself.
func (s *Stream) read(ctx context.Context) (message, error) {
	for {
		var m message
		err := wsjson.Read(ctx, s.conn, &m)
		var closed websocket.CloseError
		if errors.As(err, &closed) {
			return m, fmt.Errorf("client: the server closed the socket: %d %s", closed.Code, closed.Reason)
		}
		if err != nil {
			return m, fmt.Errorf("client: reading from the socket: %w", err)
		}
		switch m.Type {
		case "ping":
			if err := s.write(ctx, message{Type: "pong"}); err != nil {
				return m, err
			}
		case "pong":
		default:
			return m, nil
		}
	}
}

func (s *Stream) write(ctx context.Context, m message) error {
	if err := wsjson.Write(ctx, s.conn, m); err != nil {
		return fmt.Errorf("client: writing to the socket: %w", err)
	}
	return nil
}
