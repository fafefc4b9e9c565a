package transport

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"github.com/musterhq/muster/fault"
)

// DefaultMaxBytes caps a request: 256 KiB, which is eight times the longest
// document that limit.Default lets pass, and leaves the rest to variables.
const DefaultMaxBytes = 256 << 10

// refusal is the answer to what is no well-formed GraphQL request.
type refusal struct {
	status int
	fault  *fault.Error
}

func refusing(status int, reason string, args ...fault.Args) *refusal {
	return &refusal{status: status, fault: fault.Invalid("", reason, args...)}
}

// readRequest reads the GraphQL request in r's body, of at most limit bytes.
func readRequest(w http.ResponseWriter, r *http.Request, limit int64) (*graphql.RawParams, *refusal) {
	start := graphql.Now()
	if no := checkContent(r.Header); no != nil {
		return nil, no
	}
	body, no := readBody(w, r, limit)
	if no != nil {
		return nil, no
	}
	params, no := decodeRequest(body)
	if no != nil {
		return nil, no
	}
	params.Headers = r.Header
	params.ReadTime = graphql.TraceTiming{Start: start, End: graphql.Now()}
	return params, nil
}

// checkContent insists on JSON. That is also what keeps other sites' forms out:
// a browser asks before it sends JSON across origins.
func checkContent(header http.Header) *refusal {
	media, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	charset := params["charset"]
	plain := header.Get("Content-Encoding") == ""
	if err == nil && media == "application/json" && plain && (charset == "" || strings.EqualFold(charset, "utf-8")) {
		return nil
	}
	return refusing(http.StatusUnsupportedMediaType, "request_not_json")
}

func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, *refusal) {
	tooLarge := refusing(http.StatusRequestEntityTooLarge, "request_too_large", fault.Args{"max": limit})
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close") // rather than read what is refused
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return nil, tooLarge
	}
	if err != nil {
		return nil, refusing(http.StatusBadRequest, "request_incomplete")
	}
	return body, nil
}

// decodeRequest reads one request. Its refusals never repeat what was sent, which
// may hold a password.
func decodeRequest(body []byte) (*graphql.RawParams, *refusal) {
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		return nil, refusing(http.StatusBadRequest, "request_batched")
	}
	params := &graphql.RawParams{}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // an Int of a resolver must not pass through a float
	if err := decoder.Decode(params); err != nil {
		return nil, refusing(http.StatusBadRequest, "request_malformed")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, refusing(http.StatusBadRequest, "request_malformed")
	}
	if params.Query == "" {
		return nil, refusing(http.StatusBadRequest, "request_without_query")
	}
	return params, nil
}
