package demo

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/notify/fcm/fcmtest"
)

// While the story reads, an incident goes on: whatever is read second may say
// more than what was read first.
func TestLookKnowsWhomALineIsAbout(t *testing.T) {
	t.Parallel()
	alert := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answer := `{"data":{"incident":{"reportedAt":"2026-05-12T01:30:00Z","dispatch":{"alerts":{"nodes":[` + alert + `]}}}}}`
		if strings.Contains(string(body), "timeline") {
			answer = `{"data":{"incident":{"timeline":{"nodes":[{"id":"e","kind":"ALERT_ACCEPTED","alertId":"a","at":"2026-05-12T01:30:01Z"}]}}}}`
		}
		alert = `{"id":"a","number":7,"responderName":"张三"}` // from the first reading on
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	push, err := fcmtest.New(fcmtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = push.Close() })
	var out strings.Builder
	s := &Story{FCM: push, Out: &out, staff: client.New(server.URL, client.Options{}), printed: map[string]bool{}, pushes: map[string][]fcmtest.Delivery{}}
	if err := s.look(t.Context(), "i"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(out.String()); strings.Join(got, " ") != "+1.000 s ACCEPTED #7 张*" {
		t.Errorf("printed %q", out.String())
	}
}
