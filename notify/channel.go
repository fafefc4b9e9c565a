package notify

import (
	"context"
	"time"
)

// Channel hands pushes to a push service.
type Channel interface {
	// Send hands over one push and returns the service's name for it. It is
	// called from many goroutines, and returns when the context ends. Its
	// error is a *SendError where it knows the reason; any other error counts
	// as ReasonUnavailable.
	Send(ctx context.Context, p Push) (providerID string, err error)
}

// Push is a message as a device is to get it.
type Push struct {
	Token       string
	Platform    Platform
	Class       Class
	Title, Body string
	Data        map[string]string
	Drill       bool
	// TTL is how long the push is of use, which is until ExpiresAt.
	TTL       time.Duration
	ExpiresAt time.Time
	// CollapseKey: of pushes with the same one, a device that was away gets
	// the last, and one that shows an earlier replaces it.
	CollapseKey string
}

// Reason says why a push was not taken, and so what follows.
type Reason string

// The reasons.
const (
	// ReasonGone: the installation is no more. Its device is deleted.
	ReasonGone Reason = "GONE"
	// ReasonMisdirected: the token belongs to another app or project, which
	// is a mistake of ours. Its device is deleted and the log says so.
	ReasonMisdirected Reason = "MISDIRECTED"
	// ReasonThrottled: too many; tried again later.
	ReasonThrottled Reason = "THROTTLED"
	// ReasonUnavailable: the service, or the way there, is down; tried again.
	ReasonUnavailable Reason = "UNAVAILABLE"
	// ReasonAuth: our credentials are not accepted. The log says so; tried
	// again, since it may be put right in time.
	ReasonAuth Reason = "AUTH"
	// ReasonInvalid: the service cannot read the push. Never tried again; the
	// device stays, and the log says so.
	ReasonInvalid Reason = "INVALID"
	// ReasonNoChannel: there is no push service. Never tried again.
	ReasonNoChannel Reason = "NO_CHANNEL"
)

// retried reports whether another attempt may succeed.
func (r Reason) retried() bool {
	return r == ReasonThrottled || r == ReasonUnavailable || r == ReasonAuth
}

// SendError is why a channel did not take a push.
type SendError struct {
	Reason Reason
	// RetryAfter is how long the service wants to be left alone; 0 if it does
	// not say.
	RetryAfter time.Duration
	// Err is the service's error, for the log. It must not hold the token.
	Err error
}

func (e *SendError) Error() string {
	if e.Err == nil {
		return "notify: " + string(e.Reason)
	}
	return "notify: " + string(e.Reason) + ": " + e.Err.Error()
}

func (e *SendError) Unwrap() error { return e.Err }

// Disabled is the channel of an installation without a push service: every
// message ends as DEAD with NO_CHANNEL. Apps then learn of alerts only by
// asking the API.
type Disabled struct{}

// Send fails with ReasonNoChannel.
func (Disabled) Send(context.Context, Push) (string, error) {
	return "", &SendError{Reason: ReasonNoChannel}
}
