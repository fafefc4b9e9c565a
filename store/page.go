package store

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Page is one page of a list.
type Page[T any] struct {
	Items       []*T
	HasNext     bool
	StartCursor string // of the first item; "" when there is none
	EndCursor   string // of the last item; what the next call's after is
}

// cursor is what an opaque cursor holds: the list's index and direction, and
// the place of one document in that order.
type cursor struct {
	Index      string `bson:"i"`
	Descending bool   `bson:"d"`
	Values     bson.A `bson:"v"`
}

func encodeCursor(s *Scan, doc bson.Raw) string {
	c := cursor{Index: s.Index.Name, Descending: s.Descending}
	for _, f := range s.Rest() {
		c.Values = append(c.Values, Value(doc, f))
	}
	c.Values = append(c.Values, Value(doc, "_id"))
	raw, err := bson.Marshal(c)
	if err != nil { // scalars that came out of BSON go in again
		panic(fmt.Sprintf("store: encoding a cursor: %v", err))
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func decodeCursor(s *Scan, text string) ([]any, error) {
	if text == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, ErrCursor
	}
	var c cursor
	if err := bson.Unmarshal(raw, &c); err != nil {
		return nil, ErrCursor
	}
	if c.Index != s.Index.Name || c.Descending != s.Descending || len(c.Values) != len(s.Rest())+1 {
		return nil, ErrCursor
	}
	values := make([]any, len(c.Values))
	for i, v := range c.Values {
		switch v := v.(type) {
		case string, int64, float64, bool:
			values[i] = v
		case bson.DateTime:
			values[i] = v.Time().UTC()
		default:
			return nil, ErrCursor
		}
	}
	if _, ok := values[len(values)-1].(string); !ok {
		return nil, ErrCursor
	}
	return values, nil
}

// Value returns the scalar at a dotted path of a document as engines index it:
// string, int64, float64, bool or time.Time, and nil if it is missing.
func Value(doc bson.Raw, path string) any {
	v, err := doc.LookupErr(strings.Split(path, ".")...)
	if err != nil {
		return nil
	}
	switch v.Type {
	case bson.TypeString:
		return v.StringValue()
	case bson.TypeInt32:
		return int64(v.Int32())
	case bson.TypeInt64:
		return v.Int64()
	case bson.TypeDouble:
		return v.Double()
	case bson.TypeBoolean:
		return v.Boolean()
	case bson.TypeDateTime:
		return time.UnixMilli(v.DateTime()).UTC()
	default:
		return nil
	}
}
