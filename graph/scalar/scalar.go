// Package scalar reads and writes the schema's own scalars.
package scalar

import (
	"io"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/musterhq/muster/fault"
)

// format is RFC 3339 with milliseconds, which is what the store keeps.
const format = "2006-01-02T15:04:05.000Z"

// MarshalDateTime writes a moment in UTC; the zero time is null.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	if t.IsZero() {
		return graphql.Null
	}
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = io.WriteString(w, strconv.Quote(t.UTC().Format(format))) // the response buffer
	})
}

// UnmarshalDateTime reads RFC 3339, with a time zone, or fails with an INVALID
// fault.
func UnmarshalDateTime(v any) (time.Time, error) {
	text, ok := v.(string)
	if !ok {
		return time.Time{}, fault.Invalid("", "date_time")
	}
	t, err := time.Parse(time.RFC3339, text)
	// A zone may carry a moment beyond the years that can be written down again.
	if t = t.UTC(); err != nil || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, fault.Invalid("", "date_time")
	}
	return t.Truncate(time.Millisecond), nil
}
