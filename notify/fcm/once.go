package fcm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"cloud.google.com/go/auth"

	"github.com/musterhq/muster/notify"
)

// once ends a send at its first lost connection or 503. The SDK would try
// again itself, without jitter and for up to 120 s, which would keep one of
// the outbox's workers from everybody else's messages; and when that outlasts
// the context, the SDK's error does not say what Retry-After the service asked
// for.
type once struct{ next http.RoundTripper }

// stopKey is the context's key of the function that ends a send.
type stopKey struct{}

func withStop(ctx context.Context, stop context.CancelCauseFunc) context.Context {
	return context.WithValue(ctx, stopKey{}, stop)
}

// RoundTrip passes the request on, and ends the send that it belongs to if it
// is one that the SDK would repeat.
func (o once) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := o.next.RoundTrip(r)
	stop, ok := r.Context().Value(stopKey{}).(context.CancelCauseFunc)
	if !ok {
		return resp, err
	}
	if err != nil {
		stop(&notify.SendError{Reason: transportReason(err), Err: err})
	} else if resp.StatusCode == http.StatusServiceUnavailable {
		stop(&notify.SendError{
			Reason:     notify.ReasonUnavailable,
			RetryAfter: retryAfter(resp),
			Err:        fmt.Errorf("fcm: %s", resp.Status),
		})
	}
	return resp, err
}

// transportReason tells a refusal of our credentials by Google's token service
// from a way there that is down.
func transportReason(err error) notify.Reason {
	var refused *auth.Error
	if errors.As(err, &refused) && !refused.Temporary() {
		return notify.ReasonAuth
	}
	return notify.ReasonUnavailable
}

// retryAfter returns how long the service wants to be left alone, 0 if it does
// not say: a number of seconds, or a date, which is taken by the service's own
// clock (RFC 9110, section 10.2.3).
func retryAfter(resp *http.Response) time.Duration {
	if resp == nil {
		return 0
	}
	value := resp.Header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0
	}
	return max(0, until.Sub(now))
}
