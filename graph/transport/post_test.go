package transport

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type exchange struct {
	method, contentType, accept, body string
}

type outcome struct {
	Status int
	Media  string
	Code   string // of the first error
	Key    string
	Data   string
}

// do sends the request; what is left out is that of a proper one.
func do(t *testing.T, url string, e exchange, header ...string) (outcome, *http.Response, string) {
	t.Helper()
	if e.method == "" {
		e.method = http.MethodPost
	}
	if e.contentType == "" {
		e.contentType = "application/json"
	}
	request, err := http.NewRequestWithContext(t.Context(), e.method, url, strings.NewReader(e.body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", e.contentType)
	if e.accept != "" {
		request.Header.Set("Accept", e.accept)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("sending: %v", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("reading: %v", err)
	}
	return read(t, response, body), response, string(body)
}

func read(t *testing.T, response *http.Response, body []byte) outcome {
	t.Helper()
	var answer struct {
		Data   json.RawMessage
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Fatalf("answer %q: %v", body, err)
		}
	}
	media, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
	o := outcome{Status: response.StatusCode, Media: media, Data: string(answer.Data)}
	if len(answer.Errors) > 0 {
		o.Code, o.Key = answer.Errors[0].Extensions.Code, answer.Errors[0].Message
	}
	return o
}

func TestPOST(t *testing.T) {
	t.Parallel()
	server := serve(t, newService(NewPOST()))
	const gql = "application/graphql-response+json"
	const js = "application/json"
	name := `{"query":"{name}"}`
	tests := []struct {
		name string
		exchange
		want outcome
	}{
		{"query", exchange{body: name}, outcome{200, js, "", "", `{"name":"test"}`}},
		{"query accepting the new type", exchange{body: name, accept: gql}, outcome{200, gql, "", "", `{"name":"test"}`}},
		{"preference by order", exchange{body: name, accept: gql + ", " + js}, outcome{200, gql, "", "", `{"name":"test"}`}},
		{"preference by weight", exchange{body: name, accept: gql + ";q=0.5, " + js}, outcome{200, js, "", "", `{"name":"test"}`}},
		{"anything accepted", exchange{body: name, accept: "*/*"}, outcome{200, js, "", "", `{"name":"test"}`}},
		{"new type among those of urql", exchange{body: name, accept: gql + ", application/graphql+json, application/json, text/event-stream, multipart/mixed"}, outcome{200, gql, "", "", `{"name":"test"}`}},
		{"charset", exchange{body: name, contentType: "application/json; charset=UTF-8"}, outcome{200, js, "", "", `{"name":"test"}`}},
		{"nulls", exchange{body: `{"query":"{name}","operationName":null,"variables":null,"extensions":null}`}, outcome{200, js, "", "", `{"name":"test"}`}},
		{"field error", exchange{body: `{"query":"{nothing}"}`, accept: gql}, outcome{200, gql, "", "none", "null"}},
		{"field error in JSON", exchange{body: `{"query":"{nothing}"}`}, outcome{200, js, "", "none", "null"}},

		{"document that does not parse", exchange{body: `{"query":"{"}`, accept: gql}, outcome{400, gql, "GRAPHQL_PARSE_FAILED", "Expected Name, found <EOF>", ""}},
		{"document that does not parse in JSON", exchange{body: `{"query":"{"}`}, outcome{200, js, "GRAPHQL_PARSE_FAILED", "Expected Name, found <EOF>", ""}},
		{"document beyond a limit", exchange{body: `{"query":"{name` + strings.Repeat(" name", 20) + `}"}`, accept: gql}, outcome{400, gql, "INVALID", "invalid.query_too_many_repeats", ""}},
		{"document beyond a limit in JSON", exchange{body: `{"query":"{name` + strings.Repeat(" name", 20) + `}"}`}, outcome{200, js, "INVALID", "invalid.query_too_many_repeats", ""}},
		{"operation that is not allowed", exchange{body: `{"query":"{private}"}`, accept: gql}, outcome{401, gql, "UNAUTHENTICATED", "unauthenticated.missing", ""}},
		{"operation that is not allowed in JSON", exchange{body: `{"query":"{private}"}`}, outcome{200, js, "UNAUTHENTICATED", "unauthenticated.missing", ""}},
		{"subscription", exchange{body: `{"query":"subscription{ticks}"}`, accept: gql}, outcome{400, gql, "INVALID", "invalid.request_not_streamed", ""}},

		{"empty body", exchange{}, outcome{400, js, "INVALID", "invalid.request_malformed", ""}},
		{"malformed JSON", exchange{body: `{"query":"{name}","variables":{"password":"hunter2"`}, outcome{400, js, "INVALID", "invalid.request_malformed", ""}},
		{"malformed JSON accepting the new type", exchange{body: `hunter2`, accept: gql}, outcome{400, gql, "INVALID", "invalid.request_malformed", ""}},
		{"two requests", exchange{body: name + name}, outcome{400, js, "INVALID", "invalid.request_malformed", ""}},
		{"variables in a list", exchange{body: `{"query":"{name}","variables":["hunter2"]}`}, outcome{400, js, "INVALID", "invalid.request_malformed", ""}},
		{"query that is no string", exchange{body: `{"query":{"hunter2":1}}`}, outcome{400, js, "INVALID", "invalid.request_malformed", ""}},
		{"no query", exchange{body: `{"qeury":"{name}"}`}, outcome{400, js, "INVALID", "invalid.request_without_query", ""}},
		{"null", exchange{body: `null`}, outcome{400, js, "INVALID", "invalid.request_without_query", ""}},
		{"batch", exchange{body: ` [` + name + `]`}, outcome{400, js, "INVALID", "invalid.request_batched", ""}},
		{"body at the limit", exchange{body: name + strings.Repeat(" ", DefaultMaxBytes-len(name))}, outcome{200, js, "", "", `{"name":"test"}`}},
		{"body beyond the limit", exchange{body: name + strings.Repeat(" ", DefaultMaxBytes-len(name)+1)}, outcome{413, js, "INVALID", "invalid.request_too_large", ""}},
		{"form", exchange{contentType: "application/x-www-form-urlencoded", body: "query={name}"}, outcome{415, js, "INVALID", "invalid.request_not_json", ""}},
		{"multipart", exchange{contentType: "multipart/form-data; boundary=x", body: ""}, outcome{415, js, "INVALID", "invalid.request_not_json", ""}},
		{"bare query", exchange{contentType: "application/graphql", body: "{name}"}, outcome{415, js, "INVALID", "invalid.request_not_json", ""}},
		{"other charset", exchange{contentType: "application/json; charset=utf-16", body: name}, outcome{415, js, "INVALID", "invalid.request_not_json", ""}},
		{"only HTML accepted", exchange{body: name, accept: "text/html"}, outcome{406, js, "INVALID", "invalid.answer_only_json", ""}},
		{"JSON refused", exchange{body: name, accept: "application/json;q=0"}, outcome{406, js, "INVALID", "invalid.answer_only_json", ""}},
		{"GET", exchange{method: http.MethodGet}, outcome{405, js, "INVALID", "invalid.request_not_post", ""}},
		{"PUT", exchange{method: http.MethodPut, body: name}, outcome{405, js, "INVALID", "invalid.request_not_post", ""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, response, body := do(t, server.URL+"?query={name}", test.exchange)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(body, "hunter2") {
				t.Errorf("repeats what was sent: %s", body)
			}
			if strings.Contains(body, `"data"`) != (test.want.Data != "") {
				t.Errorf("data entry in %s", body)
			}
			if got.Status == http.StatusMethodNotAllowed && response.Header.Get("Allow") != "OPTIONS, POST" {
				t.Errorf("allows %q", response.Header.Get("Allow"))
			}
		})
	}
}

func TestPOSTWithoutContentLength(t *testing.T) {
	t.Parallel()
	server := serve(t, newService(NewPOST()))
	endless := io.LimitReader(zeros{}, 1<<30)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, endless)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("sending: %v", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", response.StatusCode)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// Java's HTTP client offers h2c with each request.
func TestPOSTIgnoresOtherUpgrades(t *testing.T) {
	t.Parallel()
	server := serve(t, newService(NewWebSocket(NewStreams(1), nil), NewPOST()))
	got, _, _ := do(t, server.URL, exchange{body: `{"query":"{name}"}`}, "Connection", "Upgrade, HTTP2-Settings", "Upgrade", "h2c")
	if got.Data != `{"name":"test"}` {
		t.Errorf("got %+v", got)
	}
}

func TestPOSTTellsWhatOPTIONSAre(t *testing.T) {
	t.Parallel()
	server := serve(t, newService(NewPOST()))
	got, response, _ := do(t, server.URL, exchange{method: http.MethodOptions})
	if got.Status != http.StatusNoContent || response.Header.Get("Allow") != "OPTIONS, POST" {
		t.Errorf("status %d, allow %q", got.Status, response.Header.Get("Allow"))
	}
}

func TestPOSTUnauthorizedNamesTheScheme(t *testing.T) {
	t.Parallel()
	server := serve(t, newService(NewPOST()))
	_, response, _ := do(t, server.URL, exchange{body: `{"query":"{private}"}`, accept: mediaGraphQL})
	if got := response.Header.Get("WWW-Authenticate"); got != "Bearer" {
		t.Errorf("WWW-Authenticate %q", got)
	}
}

// A deadline that other middleware sets ends the request with an answer.
func TestPOSTAnswersWhenTimeIsUp(t *testing.T) {
	t.Parallel()
	service := newService(NewPOST())
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		service.ServeHTTP(w, r.WithContext(ctx))
	}))
	got, _, _ := do(t, server.URL, exchange{body: `{"query":"{stuck}"}`, accept: mediaGraphQL})
	want := outcome{503, mediaGraphQL, "UNAVAILABLE", "unavailable.interrupted", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPOSTPanicIsInternal(t *testing.T) {
	t.Parallel()
	server := serve(t, newService(NewPOST()))
	got, _, body := do(t, server.URL, exchange{body: `{"query":"{panic}"}`})
	if got.Status != http.StatusInternalServerError || got.Code != "INTERNAL" || strings.Contains(body, "hunter2") {
		t.Errorf("answered %d %s", got.Status, body)
	}
}

// A small document can have hundreds of mistakes.
func TestPOSTTellsTheFirstMistakes(t *testing.T) {
	t.Parallel()
	server := serve(t, newService(NewPOST()))
	for mistakes, want := range map[int]int{1: 1, 9: 9, 10: 10} {
		_, _, body := do(t, server.URL, exchange{body: `{"query":"{` + unknownFields(mistakes) + `}"}`})
		if got := strings.Count(body, `"message"`); got != want {
			t.Errorf("%d mistakes: %d errors, want %d", mistakes, got, want)
		}
	}
	_, _, body := do(t, server.URL, exchange{body: `{"query":"query(` + unusedVariables(100) + `){name}"}`})
	if got := strings.Count(body, `"message"`); got != maxFound {
		t.Errorf("100 mistakes: %d errors, want %d", got, maxFound)
	}
}

func unknownFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "x%d ", i)
	}
	return b.String()
}

func unusedVariables(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "$x%d: Int ", i)
	}
	return b.String()
}
