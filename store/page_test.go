package store

import (
	"encoding/base64"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
)

func TestCursorIsThePlaceOfADocument(t *testing.T) {
	t.Parallel()
	at := time.Date(1969, 12, 31, 23, 59, 59, 999_000_000, time.UTC)
	raw, err := bson.Marshal(bson.D{
		{Key: "_id", Value: "深\x00"}, {Key: "text", Value: ""}, {Key: "int", Value: int64(math.MinInt64)},
		{Key: "small", Value: int32(-7)}, {Key: "float", Value: 0.1}, {Key: "bool", Value: true}, {Key: "at", Value: at},
	})
	if err != nil {
		t.Fatal(err)
	}
	ix := Index{Name: "all", Fields: []string{"tied", "text", "int", "small", "float", "bool", "at"}}
	scan := Scan{Index: &ix, Equal: [][]any{{"x"}}, Descending: true}
	got, err := decodeCursor(&scan, encodeCursor(&scan, raw))
	if err != nil {
		t.Fatal(err)
	}
	want := []any{"", int64(math.MinInt64), int64(-7), 0.1, true, at, "深\x00"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestNoCursorIsTheBeginning(t *testing.T) {
	t.Parallel()
	if got, err := decodeCursor(&Scan{Index: &byID}, ""); got != nil || err != nil {
		t.Errorf("got %v, %v, want nothing", got, err)
	}
}

func TestCursorRefused(t *testing.T) {
	t.Parallel()
	ix := Index{Name: "name", Fields: []string{"name"}}
	scan := Scan{Index: &ix}
	good := cursor{Index: "name", Values: bson.A{"a", "id"}}
	for name, text := range map[string]string{
		"another index":     encode(t, cursor{Index: "size", Values: good.Values}),
		"another direction": encode(t, cursor{Index: "name", Descending: true, Values: good.Values}),
		"too few values":    encode(t, cursor{Index: "name", Values: bson.A{"id"}}),
		"too many values":   encode(t, cursor{Index: "name", Values: bson.A{"a", "b", "id"}}),
		"an id of no text":  encode(t, cursor{Index: "name", Values: bson.A{"a", int64(1)}}),
		"a missing value":   encode(t, cursor{Index: "name", Values: bson.A{nil, "id"}}),
		"a document":        encode(t, cursor{Index: "name", Values: bson.A{bson.D{{Key: "$gt", Value: ""}}, "id"}}),
		"a pattern":         encode(t, cursor{Index: "name", Values: bson.A{bson.Regex{Pattern: ".*"}, "id"}}),
		"no BSON":           base64.RawURLEncoding.EncodeToString([]byte("hello")),
		"no base64":         "a b",
		"nothing decoded":   "====",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := decodeCursor(&scan, text); !errors.Is(err, ErrCursor) {
				t.Errorf("got %v, %v, want %v", got, err, ErrCursor)
			}
		})
	}
	if _, err := decodeCursor(&scan, encode(t, good)); err != nil {
		t.Errorf("a good cursor: %v", err)
	}
}

func encode(t *testing.T, c cursor) string {
	t.Helper()
	raw, err := bson.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// FuzzCursor lets anything be a cursor: it is refused or a place, and never
// more.
func FuzzCursor(f *testing.F) {
	ix := Index{Name: "name", Fields: []string{"name"}}
	scan := Scan{Index: &ix}
	raw, err := bson.Marshal(bson.D{{Key: "_id", Value: "id"}, {Key: "name", Value: "a"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encodeCursor(&scan, raw))
	f.Add("?")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := decodeCursor(&scan, text)
		if err == nil && text != "" && len(got) != 2 {
			t.Errorf("%q: got %v", text, got)
		}
	})
}

func TestValue(t *testing.T) {
	t.Parallel()
	raw, err := bson.Marshal(bson.D{
		{Key: "a", Value: bson.D{{Key: "b", Value: "x"}}}, {Key: "null", Value: nil}, {Key: "list", Value: bson.A{"x"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]any{
		"a.b": "x", "a": nil, "a.c": nil, "b": nil, "null": nil, "list": nil, "a.b.c": nil, "": nil,
	} {
		if got := Value(raw, path); got != want {
			t.Errorf("%q: got %v, want %v", path, got, want)
		}
	}
}
