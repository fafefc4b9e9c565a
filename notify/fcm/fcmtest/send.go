package fcmtest

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// Delivery is a message that was accepted.
type Delivery struct {
	Name    string // what the sender was told
	Message Message
	At      time.Time
}

// maxBody is the largest request that is read, in bytes.
const maxBody = 64 << 10

func (s *Server) serveSend(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("method") != "messages:send" {
		http.NotFound(w, r)
		return
	}
	if !s.authorized(r) {
		writeError(w, http.StatusUnauthorized, "", "Request had invalid authentication credentials.")
		return
	}
	if r.PathValue("project") != s.project {
		writeError(w, http.StatusForbidden, "", "Permission 'cloudmessaging.messages.create' denied on resource.")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		writeError(w, http.StatusBadRequest, codeInvalid, "Request is too big.")
		return
	}
	req, err := parse(body)
	if err != nil {
		writeError(w, http.StatusBadRequest, codeInvalid, err.Error())
		return
	}
	s.serveMessage(w, r, req)
}

// serveMessage answers a request that is well made.
func (s *Server) serveMessage(w http.ResponseWriter, r *http.Request, req *sendRequest) {
	token := req.Message.Token
	failure := s.takeFailure(token)
	if !s.wait(r, failure.Delay) {
		return
	}
	if failure.DropConnection {
		panic(http.ErrAbortHandler) // how a handler hangs up
	}
	if failure.Status != 0 {
		failure.write(w)
		return
	}
	if token != "" && !s.registered(token) {
		writeError(w, http.StatusNotFound, codeUnregistered, "Requested entity was not found.")
		return
	}
	name := fmt.Sprintf("projects/%s/messages/%s", s.project, rand.Text())
	if !req.ValidateOnly {
		s.accept(Delivery{Name: name, Message: *req.Message, At: time.Now()})
	}
	if failure.DropAnswer {
		panic(http.ErrAbortHandler)
	}
	writeJSON(w, http.StatusOK, map[string]string{"name": name})
}

// accept remembers a delivery and tells who listens.
func (s *Server) accept(d Delivery) {
	s.mu.Lock()
	if len(s.accepted) == s.keep {
		s.accepted = slices.Delete(s.accepted, 0, max(1, s.keep/2))
	}
	s.accepted = append(s.accepted, d)
	s.count++
	listener := s.onAccept
	s.mu.Unlock()
	if listener != nil {
		listener(d)
	}
}

// Accepted returns the messages that were accepted, in that order. When there
// have been more than Options.Keep, the first are missing.
func (s *Server) Accepted() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.accepted)
}

// Count returns how many messages were accepted since the start.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// OnAccept makes f be called with every message that is accepted from now on,
// before the sender has its answer; nil ends that. f is called from many
// goroutines and must be quick, since the sender waits for it.
func (s *Server) OnAccept(f func(Delivery)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onAccept = f
}
