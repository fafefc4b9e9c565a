package transport

import (
	"context"
	"fmt"
	"sync"

	"github.com/musterhq/muster/fault"
)

// Streams are the open WebSockets and event streams of one process. They outlive
// http.Server.Shutdown, which forgets hijacked connections and waits for streams
// that never end; Streams.Shutdown ends them.
type Streams struct {
	max     int
	closing chan struct{} // closed when Shutdown begins
	gone    chan struct{} // closed when the last has left after that

	mu      sync.Mutex
	open    int
	closed  bool
	allGone bool
}

// NewStreams allows at most limit open streams, which must be at least 1. One
// takes about 50 KB of memory.
func NewStreams(limit int) *Streams {
	return &Streams{max: limit, closing: make(chan struct{}), gone: make(chan struct{})}
}

// Open is the number of open streams.
func (s *Streams) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// Shutdown lets no new stream in, ends the open ones (a WebSocket with close code
// 1001) and waits until they have ended, or ctx has. Call it before
// http.Server.Shutdown. It may be called more than once.
func (s *Streams) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.announce()
	s.mu.Unlock()
	select {
	case <-s.gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("closing %d streams: %w", s.Open(), ctx.Err())
	}
}

// enter admits one more stream, which must leave.
func (s *Streams) enter() *fault.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fault.Unavailable("shutting_down")
	}
	if s.open >= s.max {
		return fault.Unavailable("too_many_streams")
	}
	s.open++
	return nil
}

func (s *Streams) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.announce()
}

// announce tells Shutdown that nothing is left. Call it with the lock held.
func (s *Streams) announce() {
	if s.closed && s.open == 0 && !s.allGone {
		s.allGone = true
		close(s.gone)
	}
}
