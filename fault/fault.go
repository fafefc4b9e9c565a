// Package fault is the error vocabulary that every other package speaks.
//
// A fault is an expected failure that a client is told about: a code that
// programs act on, the key of a sentence that people read (its words are in
// package locale) and, for bad input, the field that is wrong. Any other error
// is unexpected; package graph shows it to clients as INTERNAL and nothing more.
//
// Sentences, HTTP and GraphQL do not belong here.
package fault

import (
	"errors"
	"fmt"
)

// Code says what kind of failure a fault is. Clients see it in
// extensions.code; the set is closed.
type Code string

// The codes.
const (
	CodeInvalid         Code = "INVALID"         // the input is wrong; Field says where
	CodeUnauthenticated Code = "UNAUTHENTICATED" // no valid session
	CodeForbidden       Code = "FORBIDDEN"       // a valid session that may not do this
	CodeNotFound        Code = "NOT_FOUND"       // not there, or not for this account to know
	CodeConflict        Code = "CONFLICT"        // the state does not allow it any more
	CodeRateLimited     Code = "RATE_LIMITED"    // too many attempts; try later
	CodeUnavailable     Code = "UNAVAILABLE"     // a part is down; try again
	CodeInternal        Code = "INTERNAL"        // our mistake
)

// Args are the values that a fault's sentence names. They reach the client
// both in the sentence and, as they are, in the error's extensions: never put
// a secret or somebody else's personal data in them.
type Args map[string]any

// Error is one fault.
type Error struct {
	Code  Code
	Key   string // of the sentence in the catalogues of package locale
	Field string // dotted path of the input field, for CodeInvalid
	Args  Args
}

// Error describes the fault for logs, in English and without Args.
func (e *Error) Error() string {
	if e.Field != "" {
		return fmt.Sprintf("%s %s (%s)", e.Code, e.Key, e.Field)
	}
	return fmt.Sprintf("%s %s", e.Code, e.Key)
}

// Is reports whether target is a fault with the same code and key, so that
// errors.Is works with a fault as its target.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Key == "" || t.Key == e.Key)
}

// Invalid reports that the input's field is wrong. The sentence is found under
// "invalid." + reason.
func Invalid(field, reason string, args ...Args) *Error {
	return &Error{Code: CodeInvalid, Key: "invalid." + reason, Field: field, Args: first(args)}
}

// Unauthenticated reports that there is no valid session, for the reason
// under "unauthenticated." + reason.
func Unauthenticated(reason string) *Error {
	return &Error{Code: CodeUnauthenticated, Key: "unauthenticated." + reason}
}

// Forbidden reports that the account may not do what it asked for.
func Forbidden() *Error {
	return &Error{Code: CodeForbidden, Key: "forbidden"}
}

// NotFound reports that there is no such thing, or none that this account may
// know of: the two look the same from outside.
func NotFound(thing string) *Error {
	return &Error{Code: CodeNotFound, Key: "not_found." + thing}
}

// Conflict reports that the current state does not allow the change. Put that
// state into args.
func Conflict(reason string, args ...Args) *Error {
	return &Error{Code: CodeConflict, Key: "conflict." + reason, Args: first(args)}
}

// RateLimited reports that there were too many attempts.
func RateLimited(reason string, args ...Args) *Error {
	return &Error{Code: CodeRateLimited, Key: "rate_limited." + reason, Args: first(args)}
}

// Unavailable reports that a part of the system is down for the moment.
func Unavailable(reason string) *Error {
	return &Error{Code: CodeUnavailable, Key: "unavailable." + reason}
}

// CodeOf returns the code of the fault in err's chain: CodeInternal if there
// is none, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var f *Error
	if errors.As(err, &f) {
		return f.Code
	}
	return CodeInternal
}

func first(args []Args) Args {
	if len(args) == 0 {
		return nil
	}
	return args[0]
}
