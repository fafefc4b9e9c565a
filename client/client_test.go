package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/musterhq/muster/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve answers each request with what answer says of its query and token.
func serve(t *testing.T, answer func(query, token string) (status int, body string)) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Query string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.URL.Path != "/graphql" {
			t.Errorf("request to %s: %v", r.URL.Path, err)
		}
		status, body := answer(in.Query, r.Header.Get("Authorization"))
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return s
}

func TestDoDecodesErrors(t *testing.T) {
	t.Parallel()
	s := serve(t, func(string, string) (int, string) {
		return http.StatusOK, `{"data": {"one": 1, "two": null}, "errors": [
			{"message": "Answered already.", "path": ["two", 0, "x"],
			 "extensions": {"code": "CONFLICT", "reason": "conflict.alert_state", "field": "f", "state": "EXPIRED"}},
			{"message": "Bare."}]}`
	})
	var out struct{ One int }
	err := client.New(s.URL, client.Options{HTTP: s.Client()}).Do(t.Context(), "{ one two }", nil, &out)
	var got client.Errors
	if !errors.As(err, &got) {
		t.Fatalf("got %v", err)
	}
	want := client.Errors{
		{
			Code: "CONFLICT", Reason: "conflict.alert_state", Field: "f", Message: "Answered already.", Path: "two.0.x",
			Extensions: map[string]any{"code": "CONFLICT", "reason": "conflict.alert_state", "field": "f", "state": "EXPIRED"},
		},
		{Message: "Bare."},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if out.One != 1 || client.CodeOf(fmt.Errorf("wrapped: %w", err)) != "CONFLICT" {
		t.Errorf("data %+v, code %q", out, client.CodeOf(err))
	}
}

func TestDoRefusesWhatIsNoAnswer(t *testing.T) {
	t.Parallel()
	s := serve(t, func(string, string) (int, string) { return http.StatusBadGateway, "<html>secret</html>" })
	err := client.New(s.URL, client.Options{HTTP: s.Client()}).Do(t.Context(), "{ one }", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "502") || strings.Contains(err.Error(), "secret") || client.CodeOf(err) != "" {
		t.Errorf("got %v", err)
	}
}

func TestSessionIsRenewedBeforeItsEnd(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 12, 1, 30, 0, 0, time.UTC)
	var seen []string
	s := serve(t, func(query, token string) (int, string) {
		seen = append(seen, token)
		switch {
		case strings.Contains(query, "signIn("):
			return http.StatusOK, tokens("signIn", "one", now.Add(5*time.Minute))
		case strings.Contains(query, "refreshSession("):
			return http.StatusOK, tokens("refreshSession", "two", now.Add(10*time.Minute))
		}
		return http.StatusOK, `{"data": {}}`
	})
	c := client.New(s.URL, client.Options{HTTP: s.Client(), Now: func() time.Time { return now }})
	if err := c.SignIn(t.Context(), "+8613800000001", "246810", ""); err != nil {
		t.Fatal(err)
	}
	for _, later := range []time.Duration{0, 4*time.Minute + 50*time.Second} {
		now = now.Add(later)
		if err := c.Do(t.Context(), "{ me }", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"", "Bearer one", "", "Bearer two"}, seen); diff != "" {
		t.Error(diff)
	}
}

func tokens(field, token string, expires time.Time) string {
	return fmt.Sprintf(`{"data": {%q: {"accessToken": %q, "refreshToken": "r", "expiresAt": %q}}}`,
		field, token, expires.Format(time.RFC3339))
}
