package transport

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/musterhq/muster/fault"
)

// subprotocol is the only one that is spoken here:
// https://github.com/graphql/graphql-over-http/blob/main/rfcs/GraphQLOverWebSocket.md
const subprotocol = "graphql-transport-ws"

// The types of its messages.
const (
	typeInit      = "connection_init"
	typeAck       = "connection_ack"
	typePing      = "ping"
	typePong      = "pong"
	typeSubscribe = "subscribe"
	typeNext      = "next"
	typeError     = "error"
	typeComplete  = "complete"
)

// message is one message in either direction.
type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// The close codes that clients of the protocol know. The last two are the
// WebSocket protocol's own.
const (
	closeBadRequest   websocket.StatusCode = 4400
	closeUnauthorized websocket.StatusCode = 4401
	closeForbidden    websocket.StatusCode = 4403
	closeSubprotocol  websocket.StatusCode = 4406
	closeInitTimeout  websocket.StatusCode = 4408
	closeDuplicate    websocket.StatusCode = 4409
	closeTooMany      websocket.StatusCode = 4429
	closeInternal     websocket.StatusCode = 4500
	closeGoingAway                         = websocket.StatusGoingAway
	closeTryAgain                          = websocket.StatusTryAgainLater
)

// closing is why the server closes a socket.
type closing struct {
	code   websocket.StatusCode
	reason string // English, for developers, unless the fault's own sentence
}

// closeCode is the code for the fault that ends a socket.
func closeCode(code fault.Code) websocket.StatusCode {
	switch code {
	case fault.CodeInvalid:
		return closeBadRequest
	case fault.CodeUnauthenticated:
		return closeUnauthorized
	case fault.CodeForbidden:
		return closeForbidden
	case fault.CodeRateLimited:
		return closeTooMany
	case fault.CodeUnavailable:
		return closeTryAgain
	}
	return closeInternal
}

// maxReason is how many bytes a close frame has room for after the code
// (RFC 6455, section 5.5).
const maxReason = 123

// clip shortens a reason to what fits, at a character's end.
func clip(reason string) string {
	if len(reason) <= maxReason {
		return reason
	}
	end := maxReason
	for end > 0 && !utf8.RuneStart(reason[end]) {
		end--
	}
	return reason[:end]
}
