package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
)

var gatewaySecret = []byte("a secret of the gateway")

func senderTo(t *testing.T, url string) *HTTPSender {
	t.Helper()
	texts, err := locale.New()
	must(t, err)
	now := func() time.Time { return time.Unix(1772352000, 0) }
	s, err := NewHTTPSender(url, gatewaySecret, texts, now)
	must(t, err)
	return s
}

func gateway(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return server.URL + "/send?password=hunter2"
}

func TestHTTPSenderPostsASignedMessage(t *testing.T) {
	t.Parallel()
	tests := map[locale.Tag]string{
		locale.English: "[Muster] 012345 is your sign-in code. It is valid for 5 minutes. Do not share it with anyone.",
		locale.Chinese: "【Muster】您的登录验证码是 012345，5 分钟内有效，请勿告诉他人。",
	}
	for tag, text := range tests {
		t.Run(string(tag), func(t *testing.T) {
			t.Parallel()
			var request *http.Request
			var body []byte
			url := gateway(t, func(_ http.ResponseWriter, r *http.Request) {
				request = r
				body, _ = io.ReadAll(r.Body)
			})
			must(t, senderTo(t, url).SendCode(t.Context(), phone, "012345", tag))
			var got codeMessage
			must(t, json.Unmarshal(body, &got))
			if diff := cmp.Diff(codeMessage{Phone: phone, Text: text, Code: "012345", Locale: tag}, got); diff != "" {
				t.Error(diff)
			}
			if request.Method != http.MethodPost || request.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s of %s", request.Method, request.Header.Get("Content-Type"))
			}
			if got := request.Header.Get(TimestampHeader); got != "1772352000" {
				t.Errorf("signed at %s", got)
			}
			if got := request.Header.Get(SignatureHeader); got != Signature(gatewaySecret, "1772352000", body) {
				t.Errorf("the signature %s is not the body's", got)
			}
		})
	}
}

// Computed with: printf '1772352000.{}' | openssl dgst -sha256 -hmac 'a secret of the gateway'
func TestSignatureIsWhatOpensslSays(t *testing.T) {
	t.Parallel()
	const want = "003f016b2f5e8d9660ed33746bb2b9735cba49efd90e4232328c3a92ce806455"
	if got := Signature(gatewaySecret, "1772352000", []byte("{}")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestHTTPSenderFailsWithUnavailable(t *testing.T) {
	t.Parallel()
	elsewhere := gateway(t, func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") })
	tests := map[string]http.HandlerFunc{
		"on 500": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"on 401": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"on a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
		},
		"on a lost connection": func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		},
	}
	for name, handle := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := senderTo(t, gateway(t, handle)).SendCode(t.Context(), phone, "012345", locale.English)
			wantUnavailable(t, err)
		})
	}
	t.Run("without a gateway", func(t *testing.T) {
		t.Parallel()
		err := senderTo(t, "http://127.0.0.1:1/?password=hunter2").SendCode(t.Context(), phone, "012345", locale.English)
		wantUnavailable(t, err)
	})
}

// wantUnavailable also looks for what must not be in the error.
func wantUnavailable(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, fault.Unavailable("sign_in_code")) {
		t.Fatalf("got %v", err)
	}
	for _, secret := range []string{"hunter2", "012345", phone, string(gatewaySecret)} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s is in %v", secret, err)
		}
	}
}

func TestHTTPSenderWaitsForNoSilentGateway(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	url := gateway(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the server notices the end
		close(arrived)
		<-r.Context().Done()
	})
	s := senderTo(t, url)
	if s.client.Timeout != 5*time.Second {
		t.Errorf("a request has %s", s.client.Timeout)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	wantUnavailable(t, s.SendCode(ctx, phone, "012345", locale.English))
}

func TestHTTPSenderReadsNoEndlessAnswer(t *testing.T) {
	t.Parallel()
	url := gateway(t, func(w http.ResponseWriter, _ *http.Request) {
		for chunk := make([]byte, 1<<20); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	must(t, senderTo(t, url).SendCode(t.Context(), phone, "012345", locale.English))
}

func TestNewHTTPSenderRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		url    string
		secret []byte
	}{
		"no URL":         {"", gatewaySecret},
		"a path":         {"/send", gatewaySecret},
		"another scheme": {"ftp://gateway.example", gatewaySecret},
		"no host":        {"https://", gatewaySecret},
		"no secret":      {"https://gateway.example", nil},
		"a short secret": {"https://gateway.example", []byte("short")},
	} {
		if _, err := NewHTTPSender(tt.url, tt.secret, nil, time.Now); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestLogSenderShowsTheCodeAndMasksThePhone(t *testing.T) {
	t.Parallel()
	var logs bytes.Buffer
	must(t, LogSender{Log: slog.New(slog.NewTextHandler(&logs, nil))}.SendCode(t.Context(), phone, "012345", locale.English))
	if got := logs.String(); !strings.Contains(got, "code=012345") || !strings.Contains(got, "phone=138******00") || strings.Contains(got, phone) {
		t.Errorf("logged %s", got)
	}
}

// Every sentence that the package names is there, in each language.
func TestCatalogueHasEverySentence(t *testing.T) {
	t.Parallel()
	texts, err := locale.New()
	must(t, err)
	args := map[string]any{"max": 1, "retryAfterSeconds": 42, "code": "012345", "minutes": 5}
	seen := map[string]string{}
	for _, key := range []string{
		"conflict.phone_taken", "invalid.account_name", "invalid.grant", "invalid.phone",
		"not_found.account", "not_found.sign_in", "rate_limited.sign_in", "rate_limited.sign_in_code", "sign_in_code.text",
		"unauthenticated.code", "unauthenticated.suspended", "unauthenticated.token", "unavailable.sign_in_code",
	} {
		for _, tag := range locale.Tags() {
			text := texts.Text(tag, key, args)
			if text == key || strings.Contains(text, "<no value>") || seen[text] != "" {
				t.Errorf("%s %s is %q", tag, key, text)
			}
			seen[text] = key
		}
	}
}
