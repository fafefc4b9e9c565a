package fcm

import (
	"firebase.google.com/go/v4/errorutils"
	"firebase.google.com/go/v4/messaging"

	"github.com/musterhq/muster/notify"
)

// reason says what an error of the SDK means. err must be the SDK's own, not
// one that wraps it: the SDK's predicates do not look inside.
//
// The messaging predicates need Firebase's own error code in the answer;
// errorutils go by Google's general one, or the HTTP status where there is no
// body. A 404 without Firebase's UNREGISTERED is no word on the device: a
// wrong address or project looks the same, and must not delete everyone's
// devices. What is unknown, such as a proxy's 502, is tried again.
func reason(err error) *notify.SendError {
	return &notify.SendError{Reason: reasonOf(err), RetryAfter: retryAfter(errorutils.HTTPResponse(err)), Err: err}
}

func reasonOf(err error) notify.Reason {
	switch {
	case messaging.IsUnregistered(err):
		return notify.ReasonGone
	case messaging.IsSenderIDMismatch(err):
		return notify.ReasonMisdirected
	case messaging.IsQuotaExceeded(err), errorutils.IsResourceExhausted(err):
		return notify.ReasonThrottled
	case messaging.IsThirdPartyAuthError(err), errorutils.IsUnauthenticated(err), errorutils.IsPermissionDenied(err):
		return notify.ReasonAuth
	case messaging.IsInvalidArgument(err), errorutils.IsInvalidArgument(err):
		return notify.ReasonInvalid
	}
	return notify.ReasonUnavailable
}
