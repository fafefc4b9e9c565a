package fcmtest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// FCM's own error codes, which are in an error's details.
//
// https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
const (
	codeInvalid      = "INVALID_ARGUMENT"
	codeUnregistered = "UNREGISTERED"
)

// Failure is a way to go wrong, for messages that are well made.
type Failure struct {
	// Status is the HTTP status to answer; 0 lets the message through, after
	// Delay.
	Status int
	// Code is the FCM error code in the answer's details, such as
	// "QUOTA_EXCEEDED"; "" for an error without any.
	Code string
	// RetryAfter goes into the header of that name, in whole seconds; 0
	// leaves it out.
	RetryAfter time.Duration
	// Delay is how long to wait before anything else.
	Delay time.Duration
	// DropConnection hangs up without an answer, and without accepting.
	DropConnection bool
	// DropAnswer accepts the message and then hangs up: the sender cannot
	// know.
	DropAnswer bool
	// Times is how often to fail; 0 means until Heal.
	Times int
}

// Fail makes messages to the token fail, in the place of what was said of it
// before; "" stands for all messages to tokens of which nothing is said.
func (s *Server) Fail(token string, f Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures[token] = &f
}

// Heal ends what Fail began.
func (s *Server) Heal(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.failures, token)
}

// takeFailure returns how a message to the token is to fail, and counts it.
// The zero Failure does not.
func (s *Server) takeFailure(token string) Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.failures[token]
	if !ok {
		token = ""
		if f, ok = s.failures[token]; !ok {
			return Failure{}
		}
	}
	if f.Times == 1 {
		delete(s.failures, token)
	} else if f.Times > 1 {
		f.Times--
	}
	return *f
}

// wait waits, and reports whether somebody is still there for the answer.
func (s *Server) wait(r *http.Request, delay time.Duration) bool {
	if delay <= 0 {
		return true
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.done:
	}
	return false
}

func (f Failure) write(w http.ResponseWriter) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter/time.Second)))
	}
	writeError(w, f.Status, f.Code, http.StatusText(f.Status))
}

// statuses are Google's names of the HTTP statuses.
//
// https://cloud.google.com/apis/design/errors#handling_errors
var statuses = map[int]string{
	http.StatusBadRequest:          "INVALID_ARGUMENT",
	http.StatusUnauthorized:        "UNAUTHENTICATED",
	http.StatusForbidden:           "PERMISSION_DENIED",
	http.StatusNotFound:            "NOT_FOUND",
	http.StatusTooManyRequests:     "RESOURCE_EXHAUSTED",
	http.StatusInternalServerError: "INTERNAL",
	http.StatusServiceUnavailable:  "UNAVAILABLE",
}

type apiError struct {
	Code    int           `json:"code"`
	Message string        `json:"message"`
	Status  string        `json:"status"`
	Details []errorDetail `json:"details,omitempty"`
}

type errorDetail struct {
	Type      string `json:"@type"`
	ErrorCode string `json:"errorCode"`
}

// writeError answers in Google's form.
func writeError(w http.ResponseWriter, status int, code, message string) {
	e := apiError{Code: status, Message: message, Status: or(statuses[status], "UNKNOWN")}
	if code != "" {
		e.Details = []errorDetail{{Type: "type.googleapis.com/google.firebase.fcm.v1.FcmError", ErrorCode: code}}
	}
	writeJSON(w, status, map[string]apiError{"error": e})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	// An error means that the client is gone, which it must be allowed to be.
	_ = json.NewEncoder(w).Encode(v)
}
