package transport

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// SSE streams the answers to one operation as server-sent events: the distinct
// connections mode of the GraphQL over SSE protocol, by POST. A stream ends with
// the operation, with the client, with the request's context, or with the process;
// only in the first case is there an event "complete". Make one with NewSSE.
type SSE struct {
	MaxBytes     int64         // of a request's body; more is answered with 413
	KeepAlive    time.Duration // between comments on a silent stream, against idle time-outs of proxies
	WriteTimeout time.Duration // of one event, to a client that does not read

	streams *Streams
}

// NewSSE makes a transport with a limit of DefaultMaxBytes, a comment every 15
// seconds (proxies commonly wait for 30 to 60), and 10 seconds for a write.
func NewSSE(streams *Streams) SSE {
	return SSE{MaxBytes: DefaultMaxBytes, KeepAlive: 15 * time.Second, WriteTimeout: 10 * time.Second, streams: streams}
}

var _ graphql.Transport = SSE{}

// Supports a POST that prefers text/event-stream to JSON. Some clients name it
// among others with each request.
func (SSE) Supports(r *http.Request) bool {
	return r.Method == http.MethodPost && negotiate(r.Header) == mediaEvents
}

// Do answers the request. What is no GraphQL request is refused with a status and
// JSON; any other error is an event.
func (t SSE) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	params, no := readRequest(w, r, t.MaxBytes)
	if no != nil {
		refuse(w, r, exec, mediaJSON, no)
		return
	}
	if f := t.streams.enter(); f != nil {
		refuse(w, r, exec, mediaJSON, &refusal{status: http.StatusServiceUnavailable, fault: f})
		return
	}
	defer t.streams.leave()
	s := stream{SSE: t, w: w, controller: http.NewResponseController(w)}
	s.serve(r.Context(), exec, params)
}

// stream is one open stream. Only the goroutine of the request writes to it.
type stream struct {
	SSE
	w          http.ResponseWriter
	controller *http.ResponseController
}

func (s *stream) serve(ctx context.Context, exec graphql.GraphExecutor, params *graphql.RawParams) {
	var operation sync.WaitGroup
	defer operation.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers, ended := make(chan []byte), make(chan bool, 1)
	operation.Go(func() {
		ended <- execute(ctx, exec, params, func(answer *graphql.Response) bool {
			encoded := encode(answer) // here: gqlgen makes the next one in the same buffer
			select {
			case answers <- encoded:
				return true
			case <-ctx.Done():
				return false
			}
		})
	})
	if s.open() {
		s.relay(ctx, answers, ended)
	}
}

// relay writes the answers until the stream ends.
func (s *stream) relay(ctx context.Context, answers <-chan []byte, ended <-chan bool) {
	silence := time.NewTicker(s.KeepAlive)
	defer silence.Stop()
	for alive := true; alive; {
		select {
		case answer := <-answers:
			alive = s.write("event: next\ndata: %s\n\n", answer)
			silence.Reset(s.KeepAlive)
		case <-silence.C:
			alive = s.write(":\n\n")
		case complete := <-ended:
			if complete {
				s.write("event: complete\ndata:\n\n")
			}
			return
		case <-ctx.Done():
			return
		case <-s.streams.closing:
			return
		}
	}
}

// open sends the header, so that the client knows that it is heard.
func (s *stream) open() bool {
	header := s.w.Header()
	header.Set("Content-Type", mediaEvents+"; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would collect the events
	return s.write(":\n\n")
}

// write sends one event or comment, and reports whether the client still listens.
// Each write moves the deadline, which also replaces that of the HTTP server: it is
// for requests and would end the stream.
func (s *stream) write(format string, args ...any) bool {
	if err := s.controller.SetWriteDeadline(time.Now().Add(s.WriteTimeout)); err != nil {
		return false // middleware hides the connection: better no stream than one without end
	}
	if _, err := fmt.Fprintf(s.w, format, args...); err != nil {
		return false
	}
	return s.controller.Flush() == nil
}
