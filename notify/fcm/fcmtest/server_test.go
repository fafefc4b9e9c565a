package fcmtest_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/notify/fcm/fcmtest"
)

func start(t *testing.T, o fcmtest.Options) *fcmtest.Server {
	t.Helper()
	s, err := fcmtest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return s
}

type account struct {
	ClientEmail string `json:"client_email"`
	PrivateKey  string `json:"private_key"`
	TokenURI    string `json:"token_uri"`
}

func credentials(t *testing.T, s *fcmtest.Server) (account, *rsa.PrivateKey) {
	t.Helper()
	var a account
	if err := json.Unmarshal(s.CredentialsJSON(), &a); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(a.PrivateKey))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return a, key.(*rsa.PrivateKey)
}

func claims(a account) jwt.MapClaims {
	return jwt.MapClaims{
		"iss":   a.ClientEmail,
		"aud":   a.TokenURI,
		"exp":   time.Now().Add(time.Hour).Unix(),
		"scope": "https://www.googleapis.com/auth/firebase.messaging",
	}
}

func askToken(t *testing.T, uri string, key *rsa.PrivateKey, c jwt.MapClaims) (int, string) {
	t.Helper()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, c).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.PostForm(uri, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {signed},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer.AccessToken
}

func accessToken(t *testing.T, s *fcmtest.Server) string {
	t.Helper()
	a, key := credentials(t, s)
	status, token := askToken(t, a.TokenURI, key, claims(a))
	if status != http.StatusOK || token == "" {
		t.Fatalf("no token: status %d", status)
	}
	return token
}

func post(t *testing.T, uri, token, body string) (int, http.Header, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, uri, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return resp.StatusCode, resp.Header, answer
}

func sendURL(s *fcmtest.Server) string {
	return s.Endpoint() + "/projects/" + s.ProjectID() + "/messages:send"
}

func TestToken(t *testing.T) {
	t.Parallel()
	s := start(t, fcmtest.Options{})
	a, key := credentials(t, s)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		key    *rsa.PrivateKey
		change jwt.MapClaims
		want   int
	}{
		{"the service account's assertion", key, nil, 200},
		{"signed by another key", stranger, nil, 400},
		{"of another issuer", key, jwt.MapClaims{"iss": "somebody@example.com"}, 400},
		{"for another audience", key, jwt.MapClaims{"aud": "https://example.com/token"}, 400},
		{"expired", key, jwt.MapClaims{"exp": time.Now().Add(-time.Hour).Unix()}, 400},
		{"for another scope", key, jwt.MapClaims{"scope": "openid"}, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := claims(a)
			maps.Copy(c, tt.change)
			if status, _ := askToken(t, a.TokenURI, tt.key, c); status != tt.want {
				t.Errorf("status %d, want %d", status, tt.want)
			}
		})
	}
}

func TestSend_answersAndAccepts(t *testing.T) {
	t.Parallel()
	s := start(t, fcmtest.Options{})
	s.Register("phone")
	heard := make(chan fcmtest.Delivery, 1)
	s.OnAccept(func(d fcmtest.Delivery) { heard <- d })
	status, _, answer := post(t, sendURL(s), accessToken(t, s), `{"message":{"token":"phone","data":{"a":"b"}}}`)
	if status != 200 {
		t.Fatalf("status %d: %v", status, answer)
	}
	d := <-heard
	if answer["name"] != d.Name || !strings.HasPrefix(d.Name, "projects/"+s.ProjectID()+"/messages/") {
		t.Errorf("answered %v, heard %q", answer, d.Name)
	}
	want := fcmtest.Message{Token: "phone", Data: map[string]string{"a": "b"}}
	if diff := cmp.Diff(want, d.Message); diff != "" {
		t.Error(diff)
	}
	if got := s.Accepted(); len(got) != 1 || got[0].Name != d.Name {
		t.Errorf("accepted %v", got)
	}
}

func TestSend_refuses(t *testing.T) {
	t.Parallel()
	s := start(t, fcmtest.Options{})
	s.Register("phone")
	token := accessToken(t, s)
	big, err := json.Marshal(map[string]any{"message": map[string]any{"token": "phone", "data": map[string]string{"x": strings.Repeat("y", 4096)}}})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, url, token, body string
		status                 int
		general, detail        string
	}{
		{"no bearer token", sendURL(s), "", `{"message":{"token":"phone"}}`, 401, "UNAUTHENTICATED", ""},
		{"a forged bearer token", sendURL(s), "ya29.AAAAAAAAAAAAAAAAAAAAAAAAAAAA", `{"message":{"token":"phone"}}`, 401, "UNAUTHENTICATED", ""},
		{"another project", s.Endpoint() + "/projects/other/messages:send", token, `{"message":{"token":"phone"}}`, 403, "PERMISSION_DENIED", ""},
		{"no JSON", sendURL(s), token, `{`, 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"},
		{"two values", sendURL(s), token, `{"message":{"token":"phone"}} {}`, 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"},
		{"no message", sendURL(s), token, `{}`, 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"},
		{"no target", sendURL(s), token, `{"message":{"data":{}}}`, 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"},
		{"two targets", sendURL(s), token, `{"message":{"token":"phone","topic":"all"}}`, 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"},
		{"an unknown field", sendURL(s), token, `{"message":{"token":"phone","notificaton":{}}}`, 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"},
		{"an unknown field within", sendURL(s), token, `{"message":{"token":"phone","android":{"channel":"x"}}}`, 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"},
		{"data that is no string", sendURL(s), token, `{"message":{"token":"phone","data":{"a":1}}}`, 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"},
		{"a reserved data key", sendURL(s), token, `{"message":{"token":"phone","data":{"google.x":"1"}}}`, 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"},
		{"a TTL in the wrong form", sendURL(s), token, `{"message":{"token":"phone","android":{"ttl":"60"}}}`, 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"},
		{"a priority that there is not", sendURL(s), token, `{"message":{"token":"phone","android":{"priority":"max"}}}`, 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"},
		{"more than 4,096 bytes", sendURL(s), token, string(big), 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"},
		{"an unknown token", sendURL(s), token, `{"message":{"token":"lost phone"}}`, 404, "NOT_FOUND", "UNREGISTERED"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, _, answer := post(t, tt.url, tt.token, tt.body)
			if status != tt.status {
				t.Fatalf("status %d, want %d: %v", status, tt.status, answer)
			}
			e := answer["error"].(map[string]any)
			if e["code"] != float64(tt.status) || e["status"] != tt.general {
				t.Errorf("got %v", e)
			}
			if got := detail(e); got != tt.detail {
				t.Errorf("detail %q, want %q", got, tt.detail)
			}
		})
	}
	t.Cleanup(func() {
		if n := s.Count(); n != 0 {
			t.Errorf("%d messages were accepted", n)
		}
	})
}

func detail(e map[string]any) string {
	details, ok := e["details"].([]any)
	if !ok {
		return ""
	}
	d := details[0].(map[string]any)
	if d["@type"] != "type.googleapis.com/google.firebase.fcm.v1.FcmError" {
		return ""
	}
	return d["errorCode"].(string)
}

func TestSend_dryRunIsNotAccepted(t *testing.T) {
	t.Parallel()
	s := start(t, fcmtest.Options{})
	s.Register("phone")
	status, _, _ := post(t, sendURL(s), accessToken(t, s), `{"validate_only":true,"message":{"token":"phone"}}`)
	if status != 200 || s.Count() != 0 {
		t.Errorf("status %d, %d accepted", status, s.Count())
	}
}

func TestFail(t *testing.T) {
	t.Parallel()
	s := start(t, fcmtest.Options{})
	s.Register("phone")
	s.Register("other")
	token := accessToken(t, s)
	send := func(to string) (int, http.Header, map[string]any) {
		return post(t, sendURL(s), token, `{"message":{"token":"`+to+`"}}`)
	}
	s.Fail("phone", fcmtest.Failure{Status: 429, Code: "QUOTA_EXCEEDED", RetryAfter: 7 * time.Second, Times: 2})
	for range 2 {
		status, header, answer := send("phone")
		e := answer["error"].(map[string]any)
		if status != 429 || header.Get("Retry-After") != "7" || detail(e) != "QUOTA_EXCEEDED" || e["status"] != "RESOURCE_EXHAUSTED" {
			t.Errorf("status %d, header %v: %v", status, header, answer)
		}
	}
	if status, _, _ := send("phone"); status != 200 {
		t.Errorf("the third time: status %d", status)
	}
	s.Fail("", fcmtest.Failure{Status: 503})
	if status, header, answer := send("other"); status != 503 || header.Get("Retry-After") != "" || answer["error"].(map[string]any)["details"] != nil {
		t.Errorf("status %d, header %v: %v", status, header, answer)
	}
	s.Heal("")
	if status, _, _ := send("other"); status != 200 {
		t.Errorf("healed: status %d", status)
	}
}

func TestFail_dropped(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		failure  fcmtest.Failure
		accepted int
	}{
		"connection": {fcmtest.Failure{DropConnection: true}, 0},
		"answer":     {fcmtest.Failure{DropAnswer: true}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, fcmtest.Options{})
			s.Register("phone")
			s.Fail("phone", tt.failure)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sendURL(s), bytes.NewBufferString(`{"message":{"token":"phone"}}`))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+accessToken(t, s))
			if resp, err := http.DefaultClient.Do(r); err == nil {
				resp.Body.Close()
				t.Errorf("an answer: %s", resp.Status)
			}
			if s.Count() != tt.accepted {
				t.Errorf("%d accepted, want %d", s.Count(), tt.accepted)
			}
		})
	}
}

func TestAccepted_isBounded(t *testing.T) {
	t.Parallel()
	s := start(t, fcmtest.Options{Keep: 4})
	s.Register("phone")
	token := accessToken(t, s)
	var last any
	for range 11 {
		_, _, answer := post(t, sendURL(s), token, `{"message":{"token":"phone"}}`)
		last = answer["name"]
	}
	got := s.Accepted()
	if len(got) == 0 || len(got) > 4 || got[len(got)-1].Name != last || s.Count() != 11 {
		t.Errorf("%d kept of %d", len(got), s.Count())
	}
}

func TestClose_endsDelays(t *testing.T) {
	t.Parallel()
	s := start(t, fcmtest.Options{})
	s.Register("phone")
	s.Fail("phone", fcmtest.Failure{Delay: time.Hour})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sendURL(s), strings.NewReader(`{"message":{"token":"phone"}}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+accessToken(t, s))
	sent := make(chan struct{})
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { close(sent) },
	}))
	ended := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(r)
		if err == nil {
			resp.Body.Close()
		}
		ended <- err
	}()
	<-sent
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("there was an answer")
	}
}

func TestSend_overHTTP2(t *testing.T) {
	t.Parallel()
	s := start(t, fcmtest.Options{})
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sendURL(s), strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("%s %s", resp.Proto, resp.Status)
	}
}
