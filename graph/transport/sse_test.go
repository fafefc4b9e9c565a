package transport

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const ticks = `{"query":"subscription{ticks}"}`

// listen opens an event stream. Its lines end when the stream does.
func listen(t *testing.T, url, body string) (response *http.Response, lines <-chan string, leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	response, err = http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	received, done := make(chan string), make(chan struct{})
	go func() {
		defer close(done)
		defer close(received)
		for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
			select {
			case received <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	leave = func() { cancel(); _ = response.Body.Close(); <-done }
	t.Cleanup(leave)
	return response, received, leave
}

// collect reads lines, but no comments, up to the end or the count.
func collect(t *testing.T, lines <-chan string, count int) []string {
	t.Helper()
	var got []string
	for len(got) < count {
		select {
		case line, more := <-lines:
			if !more {
				return got
			}
			if line != "" && !strings.HasPrefix(line, ":") {
				got = append(got, line)
			}
		case <-time.After(patience):
			t.Fatalf("only %q in %s", got, patience)
		}
	}
	return got
}

func TestSSEStreamsUntilTheOperationEnds(t *testing.T) {
	t.Parallel()
	service := newService(NewSSE(NewStreams(10)), NewPOST())
	response, lines, _ := listen(t, serve(t, service).URL, ticks)
	if got := response.Header.Get("Content-Type"); response.StatusCode != 200 || got != "text/event-stream; charset=utf-8" {
		t.Fatalf("answered %d %s", response.StatusCode, got)
	}
	service.send(t, "one\ntwo")
	service.send(t, "three")
	close(service.ticks)
	want := []string{"event: next", `data: {"data":{"ticks":"one\ntwo"}}`, "event: next", `data: {"data":{"ticks":"three"}}`, "event: complete", "data:"}
	if diff := cmp.Diff(want, collect(t, lines, 100)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSSEAnswersInEvents(t *testing.T) {
	t.Parallel()
	server := serve(t, newService(NewSSE(NewStreams(10)), NewPOST()))
	tests := map[string]struct{ body, want string }{
		"a query":             {`{"query":"{name}"}`, `{"data":{"name":"test"}}`},
		"an invalid document": {`{"query":"{"}`, `{"errors":[{"message":"Expected Name, found <EOF>","locations":[{"line":1,"column":2}],"extensions":{"code":"GRAPHQL_PARSE_FAILED"}}]}`},
		"a panic":             {`{"query":"subscription{panicking}"}`, `{"errors":[{"message":"internal","extensions":{"code":"INTERNAL"}}]}`},
		"a refusal":           {`{"query":"{private}"}`, `{"errors":[{"message":"unauthenticated.missing","extensions":{"code":"UNAUTHENTICATED"}}]}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, lines, _ := listen(t, server.URL, test.body)
			got := strings.ReplaceAll(strings.Join(collect(t, lines, 100), "\n"), `\u003c`, "<")
			got = strings.ReplaceAll(got, `\u003e`, ">")
			if diff := cmp.Diff("event: next\ndata: "+test.want+"\nevent: complete\ndata:", got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSSERefusesBeforeItStreams(t *testing.T) {
	t.Parallel()
	full := NewStreams(1)
	if f := full.enter(); f != nil {
		t.Fatal(f)
	}
	free := serve(t, newService(NewSSE(NewStreams(1)), NewPOST()))
	taken := serve(t, newService(NewSSE(full), NewPOST()))
	tests := map[string]struct {
		url, contentType, body string
		want                   outcome
	}{
		"malformed JSON":   {free.URL, "application/json", "hunter2", outcome{400, mediaJSON, "INVALID", "invalid.request_malformed", ""}},
		"too large":        {free.URL, "application/json", ticks + strings.Repeat(" ", DefaultMaxBytes), outcome{413, mediaJSON, "INVALID", "invalid.request_too_large", ""}},
		"not JSON":         {free.URL, "text/plain", ticks, outcome{415, mediaJSON, "INVALID", "invalid.request_not_json", ""}},
		"too many streams": {taken.URL, "application/json", ticks, outcome{503, mediaJSON, "UNAVAILABLE", "unavailable.too_many_streams", ""}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _, body := do(t, test.url, exchange{contentType: test.contentType, accept: mediaEvents, body: test.body})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(body, "hunter2") {
				t.Errorf("repeats what was sent: %s", body)
			}
		})
	}
}

func TestSSEEndsTheSubscriptionWhenTheClientLeaves(t *testing.T) {
	t.Parallel()
	streams := NewStreams(1)
	service := newService(NewSSE(streams))
	_, _, leave := listen(t, serve(t, service).URL, ticks)
	await(t, "start", service.started)
	leave()
	await(t, "end", service.ended)
	shutdown(t, streams) // returns when the stream has left
}

func TestSSEKeepsASilentStreamAlive(t *testing.T) {
	t.Parallel()
	sse := NewSSE(NewStreams(1))
	sse.KeepAlive = 10 * time.Millisecond
	_, lines, _ := listen(t, serve(t, newService(sse)).URL, ticks)
	comments := 0
	for comments < 3 {
		select {
		case line := <-lines:
			if line == ":" {
				comments++
			}
		case <-time.After(patience):
			t.Fatalf("%d comments in %s", comments, patience)
		}
	}
}

// The server's time-outs are for requests: a stream outlives them.
func TestSSEOutlivesTheServersTimeouts(t *testing.T) {
	t.Parallel()
	sse := NewSSE(NewStreams(1))
	sse.KeepAlive = 20 * time.Millisecond
	service := newService(sse)
	server := httptest.NewUnstartedServer(service)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	_, lines, _ := listen(t, server.URL, ticks)
	for range 30 { // comments and blank lines, over 300 ms
		if line, more := <-lines; !more {
			t.Fatalf("ended after %q", line)
		}
	}
	select {
	case <-service.ended:
		t.Fatal("the subscription ended")
	default:
	}
}

func TestSSEEndsAtShutdownWithoutCompleting(t *testing.T) {
	t.Parallel()
	streams := NewStreams(1)
	service := newService(NewSSE(streams), NewPOST())
	url := serve(t, service).URL
	_, lines, _ := listen(t, url, ticks)
	await(t, "start", service.started)
	shutdown(t, streams)
	await(t, "end", service.ended)
	if got := collect(t, lines, 100); len(got) != 0 {
		t.Errorf("sent %q", got)
	}
	got, _, _ := do(t, url, exchange{accept: mediaEvents, body: ticks})
	if got.Status != 503 || got.Key != "unavailable.shutting_down" {
		t.Errorf("after shutdown: %+v", got)
	}
}

func TestSSEDropsAClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	sse := NewSSE(NewStreams(1))
	sse.WriteTimeout = 100 * time.Millisecond
	service := newService(sse)
	server := serve(t, service)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(ticks))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", mediaEvents)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	flood(t, service)
	if _, err := io.Copy(io.Discard, response.Body); err == nil {
		t.Error("the stream ended in order")
	}
}

// flood sends more than the network buffers hold, until the subscription ends.
func flood(t *testing.T, service *service) {
	t.Helper()
	large := strings.Repeat("x", 1<<20)
	overdue := time.After(patience)
	for {
		select {
		case service.ticks <- large:
		case <-service.ended:
			return
		case <-overdue:
			t.Fatalf("still subscribed after %s", patience)
		}
	}
}
