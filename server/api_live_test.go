package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/google/go-cmp/cmp"
)

const (
	incidentUpdated  = `subscription ($id: ID!) { incidentUpdated(id: $id) { id status address dispatch { accepted } } }`
	incidentsUpdated = `subscription ($id: ID!) { incidentsUpdated(orgUnitId: $id) { id status } }`
)

func TestAPIIncidentUpdated(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	a := tw.alerted(t)
	staff := tw.guiyuan.follow(t, incidentUpdated, vars{"id": a.id})
	responder := a.follow(t, incidentUpdated, vars{"id": a.id})
	first := staff.next(t)
	want := vars{"incidentUpdated": vars{"id": a.id, "status": "OPEN", "address": "蔡屋围路 1 号", "dispatch": vars{"accepted": 0.0}}}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("as it is now:\n%s", diff)
	}
	want = vars{"incidentUpdated": vars{"id": a.id, "status": "OPEN", "address": nil, "dispatch": nil}}
	if diff := cmp.Diff(want, responder.next(t)); diff != "" {
		t.Errorf("as the responder sees it:\n%s", diff)
	}
	a.say(t, "acceptAlert")
	staff.until(t, func(v vars) bool { return dig(v, "incidentUpdated", "dispatch", "accepted") == 1.0 })
	for _, seen := range responder.until(t, func(v vars) bool { return dig(v, "incidentUpdated", "address") != nil }) {
		if dig(seen, "incidentUpdated", "dispatch") != nil {
			t.Errorf("the responder is shown the dispatch: %v", seen)
		}
	}
	tw.guiyuan.must(t, closeIncident, vars{"input": vars{"incidentId": a.id}})
	staff.until(t, func(v vars) bool { return word(v, "incidentUpdated", "status") == "CLOSED" })
	// Who is stood down hears no more, not even where it was.
	if got := problemOf(responder.end(t, func(v vars) {
		if word(v, "incidentUpdated", "status") != "OPEN" {
			t.Errorf("the responder is shown %v", v)
		}
	})); got != (problem{Code: "NOT_FOUND", Reason: "not_found.incident"}) {
		t.Errorf("the responder's subscription ends with %v", got)
	}
}

func TestAPISubscriptionsAreRefused(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	a := tw.alerted(t)
	for name, c := range map[string]struct {
		r     *resident
		query string
		id    string
		want  problem
	}{
		"a foreign incident":        {tw.liantang, incidentUpdated, a.id, problem{Code: "NOT_FOUND", Reason: "not_found.incident"}},
		"an incident of no concern": {tw.nobody, incidentUpdated, a.id, problem{Code: "NOT_FOUND", Reason: "not_found.incident"}},
		"an incident that is none":  {tw.admin, incidentUpdated, "inc_none", problem{Code: "NOT_FOUND", Reason: "not_found.incident"}},
		"a foreign unit":            {tw.liantang, incidentsUpdated, guiyuanID, problem{Code: "FORBIDDEN", Reason: "forbidden"}},
		"a unit above one's own":    {tw.guiyuan, incidentsUpdated, luohuID, problem{Code: "FORBIDDEN", Reason: "forbidden"}},
		"a unit that is none":       {tw.guiyuan, incidentsUpdated, unknownID, problem{Code: "NOT_FOUND", Reason: "not_found.unit"}},
		"a unit, by a volunteer":    {a.resident, incidentsUpdated, guiyuanID, problem{Code: "FORBIDDEN", Reason: "forbidden"}},
		"a unit, by the roleless":   {tw.nobody, incidentsUpdated, guiyuanID, problem{Code: "FORBIDDEN", Reason: "forbidden"}},
		"a unit, by a mere trainer": {tw.trainer, incidentsUpdated, guiyuanID, problem{Code: "FORBIDDEN", Reason: "forbidden"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			end := c.r.follow(t, c.query, vars{"id": c.id}).end(t, func(v vars) { t.Errorf("shows %v", v) })
			if diff := cmp.Diff(c.want, problemOf(end)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Each follows its own unit, and hears of nothing else.
func TestAPIIncidentsUpdated(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	west := tw.guiyuan.hear(t, incidentsUpdated, vars{"id": guiyuanOne})
	east := tw.liantang.hear(t, incidentsUpdated, vars{"id": liantangID})
	both := tw.admin.hear(t, incidentsUpdated, vars{"id": luohuID})
	inWest := west.begun(t, func() string { return tw.guiyuan.open(t, tw.scene()).id })
	inEast := east.begun(t, func() string { return tw.liantang.open(t, liantangCenter).id })
	both.begun(t, func() string { return tw.guiyuan.open(t, tw.scene()).id })
	for _, c := range []struct {
		r    *resident
		id   string
		ears []*ears
	}{{tw.guiyuan, inWest, []*ears{west, both}}, {tw.liantang, inEast, []*ears{east, both}}} {
		c.r.must(t, closeIncident, vars{"input": vars{"incidentId": c.id}})
		for _, e := range c.ears {
			e.until(t, c.id, "CLOSED")
		}
	}
	for _, c := range []struct {
		ears   *ears
		unitID string
	}{{west, guiyuanID}, {east, liantangID}} {
		theirs := tw.incidentIDs(t, c.unitID)
		for id := range c.ears.heard {
			if !slices.Contains(theirs, id) {
				t.Errorf("who follows %s hears of %s", c.unitID, id)
			}
		}
	}
}

// ears are a subscription to a unit's incidents that is read all the time.
type ears struct {
	events chan vars
	heard  map[string]string // the last status, by incident
}

// hear follows without stopping.
func (r *resident) hear(t *testing.T, query string, v vars) *ears {
	t.Helper()
	stream := r.follow(t, query, v)
	e := &ears{events: make(chan vars, 10_000), heard: map[string]string{}}
	done := make(chan struct{})
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		defer close(done)
		for {
			out := vars{}
			if stream.Next(ctx, &out) != nil {
				return
			}
			e.events <- out
		}
	}()
	t.Cleanup(func() { stop(); <-done })
	return e
}

// listen takes the next event in, and reports whether there was one in time.
func (e *ears) listen(timeout <-chan time.Time) bool {
	select {
	case v := <-e.events:
		e.heard[word(v, "incidentsUpdated", "id")] = word(v, "incidentsUpdated", "status")
		return true
	case <-timeout:
		return false
	}
}

// begun causes events until one is heard, since a subscription that begins with
// nothing does not say when it has begun, and returns the last event's id.
func (e *ears) begun(t *testing.T, cause func() string) string {
	t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		id := cause()
		for again := time.After(time.Second); e.heard[id] == "" && e.listen(again); {
		}
		if e.heard[id] != "" {
			return id
		}
	}
	t.Fatal("nothing was heard")
	return ""
}

// until listens until the incident has the status.
func (e *ears) until(t *testing.T, id, status string) {
	t.Helper()
	deadline := time.After(patience)
	for e.heard[id] != status {
		if !e.listen(deadline) {
			t.Fatalf("%s was never heard to be %s", id, status)
		}
	}
}

func TestAPIMyAlertsUpdated(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	a, other := tw.alerted(t), tw.alerted(t)
	mine := a.follow(t, myAlertsUpdated, nil)
	if got := word(mine.next(t), "myAlertsUpdated", "id"); got != a.alertID {
		t.Errorf("begins with %s, want %s", got, a.alertID)
	}
	other.say(t, "acceptAlert")
	a.say(t, "acceptAlert")
	for _, v := range mine.until(t, func(v vars) bool { return word(v, "myAlertsUpdated", "state") == "ACCEPTED" }) {
		if word(v, "myAlertsUpdated", "id") != a.alertID {
			t.Errorf("hears of %v", v)
		}
	}
}

// events opens an event stream, and hands out the data of what comes.
func (r *resident) events(t *testing.T, token, query string) <-chan string {
	t.Helper()
	body, err := json.Marshal(vars{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.tw.url+graphqlPath, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Accept-Language", "en")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := r.tw.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	events, done := make(chan string, 100), make(chan struct{})
	go func() {
		defer close(done)
		defer close(events)
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			if line, ok := strings.CutPrefix(lines.Text(), "data:"); ok {
				events <- strings.TrimSpace(line)
			}
		}
	}()
	t.Cleanup(func() { _ = response.Body.Close(); <-done })
	return events
}

func nextEvent(t *testing.T, events <-chan string) string {
	t.Helper()
	select {
	case e, open := <-events:
		if !open {
			return "the end"
		}
		return e
	case <-time.After(patience):
		t.Fatal("no event")
		return ""
	}
}

func TestAPIEventStream(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	a := tw.alerted(t)
	query := fmt.Sprintf(`subscription { incidentUpdated(id: %q) { status address } }`, a.id)
	events := a.events(t, a.tokens(t).access, query)
	if got, want := nextEvent(t, events), `{"data":{"incidentUpdated":{"status":"OPEN","address":null}}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	a.say(t, "acceptAlert")
	for got := ""; got != `{"data":{"incidentUpdated":{"status":"OPEN","address":"蔡屋围路 1 号"}}}`; {
		if got = nextEvent(t, events); got == "the end" {
			t.Fatal("it ended")
		}
	}
	refused := tw.liantang.events(t, tw.liantang.tokens(t).access, query)
	contains(t, "a foreign dispatcher's stream", nextEvent(t, refused), `"code":"NOT_FOUND"`, "There is no such incident.")
	contains(t, "a stream without a session", nextEvent(t, tw.nobody.events(t, "garbage", query)), `"code":"UNAUTHENTICATED"`)
}

// socket opens a socket and sends its first message.
func (tw *town) socket(t *testing.T, c *http.Client, url string, hello any) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), strings.Replace(url, "http", "ws", 1)+graphqlPath, &websocket.DialOptions{
		HTTPClient: c, Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"Accept-Language": {"en"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	if err := wsjson.Write(t.Context(), conn, vars{"type": "connection_init", "payload": hello}); err != nil {
		t.Fatal(err)
	}
	return conn
}

// exchange sends an operation and returns the first answer to it.
func exchange(t *testing.T, conn *websocket.Conn, id, query string) string {
	t.Helper()
	if err := wsjson.Write(t.Context(), conn, vars{"type": "subscribe", "id": id, "payload": vars{"query": query}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		_, raw, err := conn.Read(ctx)
		if err != nil {
			t.Fatalf("reading: %v", err)
		}
		if strings.Contains(string(raw), fmt.Sprintf("%q", id)) && !strings.Contains(string(raw), `"complete"`) {
			return string(raw)
		}
	}
}

func TestAPISocketsNeedASession(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	got := tw.guiyuan.tokens(t)
	for name, hello := range map[string]any{
		"no payload": nil, "an empty one": vars{}, "garbage": vars{"Authorization": "Bearer garbage"},
		"a refresh token": vars{"Authorization": "Bearer " + got.refresh}, "another scheme": vars{"Authorization": "Basic " + got.access},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if code := closeCode(t, tw.socket(t, tw.http, tw.url, hello)); code != 4401 {
				t.Errorf("closed with %d", code)
			}
		})
	}
	for name, hello := range map[string]any{
		"Authorization": vars{"Authorization": "Bearer " + got.access}, "authorization": vars{"authorization": got.access}, "accessToken": vars{"accessToken": got.access},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contains(t, "the answer", exchange(t, tw.socket(t, tw.http, tw.url, hello), "1", me), tw.guiyuan.accountID)
		})
	}
}

// What an open socket may do ends with its session, and not with itself.
func TestAPISocketsEndWithTheirSession(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	a := tw.alerted(t)
	got := a.tokens(t)
	conn := tw.socket(t, tw.http, tw.url, vars{"accessToken": got.access})
	contains(t, "before", exchange(t, conn, "1", me), a.accountID)
	contains(t, "signing out", exchange(t, conn, "2", signOut), "signedOutAt")
	for i, query := range []string{me, fmt.Sprintf(`mutation { acceptAlert(input: {alertId: %q}) { alert { id } } }`, a.alertID), myAlertsUpdated} {
		answer := exchange(t, conn, fmt.Sprint(10+i), query)
		contains(t, "after signing out", answer, `"UNAUTHENTICATED"`)
		lacks(t, "after signing out", answer, a.accountID, a.alertID)
	}
	if state := a.state(t); state != "PENDING" && state != "SENT" {
		t.Errorf("the alert is %s", state)
	}
}

// A subscription whose session has ended delivers nothing more.
func TestAPISubscriptionsEndWithTheirSession(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	a := tw.alerted(t)
	got := tw.guiyuan.tokens(t)
	conn := tw.socket(t, tw.http, tw.url, vars{"accessToken": got.access})
	query := fmt.Sprintf(`subscription { incidentUpdated(id: %q) { status dispatch { accepted } } }`, a.id)
	contains(t, "at first", exchange(t, conn, "1", query), `"OPEN"`)
	contains(t, "the sign-out", ask(t, tw.url, got.access, signOut), "signedOutAt")
	a.say(t, "acceptAlert")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		_, raw, err := conn.Read(ctx)
		if err != nil {
			t.Fatalf("reading: %v", err)
		}
		lacks(t, "what comes after the sign-out", string(raw), `"accepted":1`)
		if strings.Contains(string(raw), `"error"`) || strings.Contains(string(raw), "errors") {
			contains(t, "the end", string(raw), `"UNAUTHENTICATED"`, "Please sign in again.")
			return
		}
	}
}

// A reader that never reads holds nobody up: another sees all that happens.
func TestAPISlowReader(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	slow := tw.socket(t, slowClient(t), tw.url, vars{"accessToken": tw.guiyuan.tokens(t).access})
	// Each answer has the description, of 6 kB, 15 times, which soon fills all
	// buffers on the way.
	var fields strings.Builder
	for i := range 15 {
		fmt.Fprintf(&fields, "d%d: description ", i)
	}
	heavy := fmt.Sprintf(`subscription { incidentsUpdated(orgUnitId: %q) { id %s } }`, guiyuanID, &fields)
	if _, _, err := slow.Read(t.Context()); err != nil { // the acknowledgement
		t.Fatal(err)
	}
	if err := wsjson.Write(t.Context(), slow, vars{"type": "subscribe", "id": "1", "payload": vars{"query": heavy}}); err != nil {
		t.Fatal(err)
	}
	fast := tw.guiyuan.hear(t, incidentsUpdated, vars{"id": guiyuanID})
	fast.begun(t, func() string { return tw.guiyuan.open(t, tw.scene()).id })
	for range 60 {
		o := tw.guiyuan.open(t, tw.scene(), vars{"description": strings.Repeat("伤", 2000)})
		fast.until(t, o.id, "OPEN")
	}
}

// slowClient has next to no room for what it does not read.
func slowClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if tcp, ok := conn.(*net.TCPConn); ok {
			err = errors.Join(err, tcp.SetReadBuffer(4096))
		}
		return conn, err
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}
