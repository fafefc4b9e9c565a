package auth

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
)

// CodeSender brings a sign-in code to a phone. The phone is in E.164. Errors
// are logged: they must not contain the code.
type CodeSender interface {
	SendCode(ctx context.Context, phone, code string, tag locale.Tag) error
}

// LogSender writes codes to the log. Whoever reads the log can sign in as
// anyone: it is for demonstrations and development.
type LogSender struct{ Log *slog.Logger }

// SendCode logs the code, and enough of the phone to know whose it is.
func (s LogSender) SendCode(_ context.Context, phone, code string, _ locale.Tag) error {
	s.Log.Info("sign-in code", "phone", MaskPhone(phone), "code", code)
	return nil
}

const (
	// SignatureHeader has the hex HMAC-SHA256 of timestamp, "." and body.
	SignatureHeader = "X-Muster-Signature"
	// TimestampHeader has the Unix time in seconds at which the request was
	// signed, so that a gateway can refuse old ones.
	TimestampHeader = "X-Muster-Timestamp"

	sendTimeout = 5 * time.Second
	// maxAnswer is how much of an answer is read, for the connection's sake.
	maxAnswer = 64 << 10
	// minSecret is how many bytes a secret must have at least.
	minSecret = 16
)

// HTTPSender posts codes to a text message gateway, as JSON with the phone, the
// text as it is to be sent, and the code and locale for gateways that fill in
// templates of their own. Any answer 2xx means that it was accepted. A request
// has five seconds.
type HTTPSender struct {
	url    string
	secret []byte
	texts  *locale.Catalogue
	now    func() time.Time
	client *http.Client
}

// NewHTTPSender returns a sender to the gateway's URL, which signs with the
// secret of at least 16 bytes.
func NewHTTPSender(gateway string, secret []byte, texts *locale.Catalogue, now func() time.Time) (*HTTPSender, error) {
	u, err := url.Parse(gateway)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("auth: the gateway for sign-in codes needs an http or https URL")
	}
	if len(secret) < minSecret {
		return nil, fmt.Errorf("auth: the gateway's secret needs %d bytes at least", minSecret)
	}
	client := &http.Client{
		Timeout: sendTimeout,
		// A code goes where it was meant to, or nowhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &HTTPSender{url: gateway, secret: secret, texts: texts, now: now, client: client}, nil
}

type codeMessage struct {
	Phone  string     `json:"phone"`
	Text   string     `json:"text"`
	Code   string     `json:"code"`
	Locale locale.Tag `json:"locale"`
}

// SendCode posts the code. It fails with UNAVAILABLE, wrapped with the cause.
func (s *HTTPSender) SendCode(ctx context.Context, phone, code string, tag locale.Tag) error {
	text := s.texts.Text(tag, "sign_in_code.text", map[string]any{"code": code, "minutes": int(CodeLifetime.Minutes())})
	body, err := json.Marshal(codeMessage{Phone: phone, Text: text, Code: code, Locale: tag})
	if err != nil {
		return fmt.Errorf("encoding a code's message: %w", err)
	}
	if err := s.post(ctx, body); err != nil {
		return fmt.Errorf("%w: %w", fault.Unavailable("sign_in_code"), err)
	}
	return nil
}

func (s *HTTPSender) post(ctx context.Context, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return withoutURL(err)
	}
	timestamp := strconv.FormatInt(s.now().Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(TimestampHeader, timestamp)
	request.Header.Set(SignatureHeader, Signature(s.secret, timestamp, body))
	response, err := s.client.Do(request)
	if err != nil {
		return withoutURL(err)
	}
	defer response.Body.Close() // it was only read
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer)); err != nil {
		return withoutURL(err)
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("the gateway answered %d", response.StatusCode)
	}
	return nil
}

// Signature returns what SignatureHeader has, for those who check it.
func Signature(secret []byte, timestamp string, body []byte) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(timestamp + "."))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// withoutURL drops the URL from the error, since a gateway's often has a
// password in it.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
