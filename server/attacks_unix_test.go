//go:build unix

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// attackCost is how much CPU time the answer to an assault may take, in the
// server and in the test, which share a process. The race detector slows
// everything down about tenfold.
func attackCost() time.Duration {
	if raceDetector {
		return 500 * time.Millisecond
	}
	return 50 * time.Millisecond
}

// cpuTime is what this process has used.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// TestAPIAttacks has every assault answered cheaply and with a code. It does not
// run beside other tests, whose CPU time it would count; and it takes the
// cheapest of three, because the machine and the collector do other things, too.
func TestAPIAttacks(t *testing.T) {
	tw := newTown(t, nil)
	token := tw.guiyuan.tokens(t).access
	socket := tw.socket(t, tw.http, tw.url, vars{"accessToken": token})
	for name, a := range attacks(t) {
		ways := map[string]func(*testing.T) (int, string){
			"POST": func(t *testing.T) (int, string) { return tw.assail(t, token, a) },
		}
		if !a.httpOnly {
			ways["event stream"] = func(t *testing.T) (int, string) {
				streamed := a
				streamed.header = [2]string{"Accept", "text/event-stream"}
				return tw.assail(t, token, streamed)
			}
			ways["socket"] = func(t *testing.T) (int, string) { return http.StatusOK, assailSocket(t, socket, a) }
		}
		for way, send := range ways {
			t.Run(name+" by "+way, func(t *testing.T) { checkAssault(t, tw, a, send) })
		}
	}
}

func checkAssault(t *testing.T, tw *town, a assault, send func(*testing.T) (int, string)) {
	cheapest, status, answer := time.Hour, 0, ""
	for range 3 {
		before := cpuTime(t)
		status, answer = send(t)
		cheapest = min(cheapest, cpuTime(t)-before)
		if cheapest <= attackCost()/2 {
			break
		}
	}
	if cheapest > attackCost() {
		t.Errorf("it took %s of CPU time, want at most %s", cheapest, attackCost())
	}
	if want := cmp.Or(a.status, http.StatusOK); status != want {
		t.Errorf("status %d, want %d", status, want)
	}
	if a.reason == "" {
		contains(t, "the answer", answer, a.harmless)
		lacks(t, "the answer", answer, "errors", "extensions")
	} else {
		contains(t, "the answer", answer, `"code":"`, `"reason":"`+a.reason)
	}
	lacks(t, "the answer", answer, "hunter2", tw.guiyuan.accountID, "INTERNAL", `"types"`, "id you mean",
		"goroutine", ".go:", "stack", "exception", "tracing", "panic", strings.Repeat("x", 400))
	if len(answer) > 10_000 {
		t.Errorf("the answer has %d bytes", len(answer))
	}
}

// assail sends the assault, and returns the status and the answer.
func (tw *town) assail(t *testing.T, token string, a assault) (int, string) {
	t.Helper()
	method := a.method
	if method == "" {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(t.Context(), method, tw.url+graphqlPath+a.target, bytes.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"Content-Type": {"application/json"}, "Accept-Language": {"en"}, "Authorization": {"Bearer " + token}}
	if a.header[0] != "" {
		request.Header.Set(a.header[0], a.header[1])
	}
	response, err := tw.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// assailSocket sends the assault as an operation on a socket, and returns all that
// comes of it.
func assailSocket(t *testing.T, socket *websocket.Conn, a assault) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := wsjson.Write(ctx, socket, vars{"type": "subscribe", "id": "1", "payload": json.RawMessage(a.body)}); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for {
		_, raw, err := socket.Read(ctx)
		if err != nil {
			t.Fatalf("reading: %v", err)
		}
		var message struct{ ID, Type string }
		if err := json.Unmarshal(raw, &message); err != nil {
			t.Fatal(err)
		}
		if message.ID != "1" {
			continue // a ping
		}
		all.Write(raw)
		if message.Type == "error" || message.Type == "complete" {
			return all.String()
		}
	}
}

// Nothing but the API is where tools look for a console.
func TestAPIConsolesAreShut(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	for _, path := range []string{graphiqlPath, "/playground", "/console", "/altair", "/voyager", "/graphql/console", "/", "/debug/pprof/", "/metrics"} {
		status, answer := tw.attack(t, http.MethodGet, path, "", nil)
		if status != http.StatusNotFound {
			t.Errorf("%s: status %d", path, status)
		}
		lacks(t, path, strings.ToLower(answer), "graphiql", "playground", "<script")
	}
}

// The headers of attacks are as long as the server reads them. Longer ones are
// refused by net/http, before any of ours looks at them.
func TestServeRefusesLongHeaders(t *testing.T) {
	t.Parallel()
	log, _ := background(t, []string{"MUSTER_DATA_DIR=" + t.TempDir(), "MUSTER_ADDR=127.0.0.1:0"})
	url := log.await(t, serving) + graphqlPath
	for size, want := range map[int]int{15_000: http.StatusOK, 1_000_000: http.StatusRequestHeaderFieldsTooLarge} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(document("{ __typename }")))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Accept", "application/json;a="+strings.Repeat("b", size))
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%d bytes: status %d, want %d", size, response.StatusCode, want)
		}
	}
}
