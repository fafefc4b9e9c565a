package client

import (
	"encoding/json"
	"errors"
	"strings"
)

// Error is one error of an answer.
type Error struct {
	// Code is what programs act on, such as CONFLICT; "" if there is none.
	Code string
	// Reason says more, such as conflict.alert_state.
	Reason string
	// Field is the input's field that is wrong, for INVALID.
	Field string
	// Message is a sentence for people.
	Message string
	// Path is where in the answer it happened, such as acceptAlert or
	// nodes.0.name.
	Path string
	// Extensions are all that the server says of it.
	Extensions map[string]any
}

// Error is the code, the reason and where it happened.
func (e *Error) Error() string {
	text := strings.TrimSpace(e.Code + " " + e.Message)
	for _, detail := range []string{e.Reason, e.Field, e.Path} {
		if detail != "" {
			text += ", " + detail
		}
	}
	return text
}

// UnmarshalJSON reads an error of a GraphQL answer.
func (e *Error) UnmarshalJSON(raw []byte) error {
	var in struct {
		Message    string            `json:"message"`
		Path       []json.RawMessage `json:"path"`
		Extensions map[string]any    `json:"extensions"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return err
	}
	path := make([]string, len(in.Path))
	for i, part := range in.Path {
		path[i] = strings.Trim(string(part), `"`)
	}
	text := func(name string) string {
		s, _ := in.Extensions[name].(string)
		return s
	}
	*e = Error{
		Code: text("code"), Reason: text("reason"), Field: text("field"),
		Message: in.Message, Path: strings.Join(path, "."), Extensions: in.Extensions,
	}
	return nil
}

// Errors are the errors of one answer, at least one. errors.As finds the first
// *Error in it.
type Errors []*Error

// Error joins them.
func (es Errors) Error() string {
	texts := make([]string, len(es))
	for i, e := range es {
		texts[i] = e.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns them one by one.
func (es Errors) Unwrap() []error {
	list := make([]error, len(es))
	for i, e := range es {
		list[i] = e
	}
	return list
}

// CodeOf returns the code of the first Error in err, or "" if there is none.
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
