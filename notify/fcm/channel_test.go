package fcm_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/notify/fcm"
	"github.com/musterhq/muster/notify/fcm/fcmtest"
)

const phone = "phone-token"

func start(t *testing.T) (*fcm.Channel, *fcmtest.Server) {
	t.Helper()
	server, err := fcmtest.New(fcmtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	server.Register(phone)
	channel, err := fcm.New(t.Context(), fcm.Config{CredentialsJSON: server.CredentialsJSON(), Endpoint: server.Endpoint()})
	if err != nil {
		t.Fatal(err)
	}
	return channel, server
}

var expires = time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)

func push(p notify.Platform, c notify.Class) notify.Push {
	return notify.Push{
		Token: phone, Platform: p, Class: c, Title: "title", Body: "body",
		Data:        map[string]string{"alertId": "alr_1"},
		TTL:         90*time.Second + 500*time.Millisecond,
		ExpiresAt:   expires,
		CollapseKey: "alr_1",
	}
}

func TestSend_saysThePushToEachPlatform(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		push notify.Push
		want fcmtest.Message
	}{
		{"alert to Android", push(notify.Android, notify.ClassAlert), fcmtest.Message{Android: &fcmtest.Android{
			CollapseKey: "alr_1", Priority: "high", TTL: "90s", DirectBootOK: true,
			Notification: &fcmtest.AndroidNotification{ChannelID: "alert", Tag: "alr_1", Priority: "PRIORITY_MAX", Visibility: "PUBLIC", DefaultSound: true},
		}}},
		{"update to Android", push(notify.Android, notify.ClassAlertUpdate), fcmtest.Message{Android: &fcmtest.Android{
			CollapseKey: "alr_1", Priority: "high", TTL: "90s", DirectBootOK: true,
			Notification: &fcmtest.AndroidNotification{ChannelID: "notice", Tag: "alr_1", Priority: "PRIORITY_HIGH", Visibility: "PUBLIC"},
		}}},
		{"notice to Android", push(notify.Android, notify.ClassNotice), fcmtest.Message{Android: &fcmtest.Android{
			CollapseKey: "alr_1", Priority: "normal", TTL: "90s", DirectBootOK: true,
			Notification: &fcmtest.AndroidNotification{ChannelID: "notice", Tag: "alr_1", Priority: "PRIORITY_DEFAULT", Visibility: "PUBLIC"},
		}}},
		{"alert to iOS", push(notify.IOS, notify.ClassAlert), fcmtest.Message{APNS: &fcmtest.APNS{
			Headers: map[string]string{"apns-push-type": "alert", "apns-priority": "10", "apns-expiration": "1777622400", "apns-collapse-id": "alr_1"},
			Payload: map[string]any{"aps": map[string]any{"sound": "default", "interruption-level": "time-sensitive"}},
		}}},
		{"update to iOS", push(notify.IOS, notify.ClassAlertUpdate), fcmtest.Message{APNS: &fcmtest.APNS{
			Headers: map[string]string{"apns-push-type": "alert", "apns-priority": "10", "apns-expiration": "1777622400", "apns-collapse-id": "alr_1"},
			Payload: map[string]any{"aps": map[string]any{"interruption-level": "active"}},
		}}},
		{"notice to iOS", push(notify.IOS, notify.ClassNotice), fcmtest.Message{APNS: &fcmtest.APNS{
			Headers: map[string]string{"apns-push-type": "alert", "apns-priority": "5", "apns-expiration": "1777622400", "apns-collapse-id": "alr_1"},
			Payload: map[string]any{"aps": map[string]any{"interruption-level": "active"}},
		}}},
		{"alert to the web", push(notify.Web, notify.ClassAlert), fcmtest.Message{Webpush: &fcmtest.Webpush{
			Headers:      map[string]string{"Urgency": "high", "TTL": "90"},
			Notification: map[string]any{"tag": "alr_1", "renotify": true, "requireInteraction": true},
		}}},
		{"notice to the web", push(notify.Web, notify.ClassNotice), fcmtest.Message{Webpush: &fcmtest.Webpush{
			Headers:      map[string]string{"Urgency": "normal", "TTL": "90"},
			Notification: map[string]any{"tag": "alr_1"},
		}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			channel, server := start(t)
			name, err := channel.Send(t.Context(), tt.push)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Token = phone
			tt.want.Notification = &fcmtest.Notification{Title: "title", Body: "body"}
			tt.want.Data = map[string]string{"alertId": "alr_1"}
			got := server.Accepted()
			if len(got) != 1 || got[0].Name != name {
				t.Fatalf("accepted %v, told %q", got, name)
			}
			if diff := cmp.Diff(tt.want, got[0].Message); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestSend_withoutTimeLeft_isNowOrNever(t *testing.T) {
	t.Parallel()
	channel, server := start(t)
	for _, platform := range []notify.Platform{notify.Android, notify.IOS, notify.Web} {
		p := push(platform, notify.ClassAlert)
		p.TTL = -time.Second
		if _, err := channel.Send(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	got := server.Accepted()
	if ttl := got[0].Message.Android.TTL; ttl != "0s" {
		t.Errorf("Android: %s", ttl)
	}
	if ttl := got[1].Message.APNS.Headers["apns-expiration"]; ttl != "0" {
		t.Errorf("iOS: %s", ttl)
	}
	if ttl := got[2].Message.Webpush.Headers["TTL"]; ttl != "0" {
		t.Errorf("web: %s", ttl)
	}
}

// Each failure happens once: a channel that tried again itself would succeed.
func TestSend_saysWhatAnErrorMeans(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		failure fcmtest.Failure
		want    notify.SendError
	}{
		{"404 UNREGISTERED", fcmtest.Failure{Status: 404, Code: "UNREGISTERED"}, notify.SendError{Reason: notify.ReasonGone}},
		{"404 that is no word on the device", fcmtest.Failure{Status: 404}, notify.SendError{Reason: notify.ReasonUnavailable}},
		{"403 SENDER_ID_MISMATCH", fcmtest.Failure{Status: 403, Code: "SENDER_ID_MISMATCH"}, notify.SendError{Reason: notify.ReasonMisdirected}},
		{"403 without a code", fcmtest.Failure{Status: 403}, notify.SendError{Reason: notify.ReasonAuth}},
		{"401", fcmtest.Failure{Status: 401}, notify.SendError{Reason: notify.ReasonAuth}},
		{"401 THIRD_PARTY_AUTH_ERROR", fcmtest.Failure{Status: 401, Code: "THIRD_PARTY_AUTH_ERROR"}, notify.SendError{Reason: notify.ReasonAuth}},
		{"400 INVALID_ARGUMENT", fcmtest.Failure{Status: 400, Code: "INVALID_ARGUMENT"}, notify.SendError{Reason: notify.ReasonInvalid}},
		{"400 without a code", fcmtest.Failure{Status: 400}, notify.SendError{Reason: notify.ReasonInvalid}},
		{"429 QUOTA_EXCEEDED", fcmtest.Failure{Status: 429, Code: "QUOTA_EXCEEDED"}, notify.SendError{Reason: notify.ReasonThrottled}},
		{"429 with Retry-After", fcmtest.Failure{Status: 429, Code: "QUOTA_EXCEEDED", RetryAfter: 17 * time.Second}, notify.SendError{Reason: notify.ReasonThrottled, RetryAfter: 17 * time.Second}},
		{"429 without a code", fcmtest.Failure{Status: 429, RetryAfter: time.Minute}, notify.SendError{Reason: notify.ReasonThrottled, RetryAfter: time.Minute}},
		{"500 INTERNAL", fcmtest.Failure{Status: 500, Code: "INTERNAL"}, notify.SendError{Reason: notify.ReasonUnavailable}},
		{"502 of a proxy", fcmtest.Failure{Status: 502}, notify.SendError{Reason: notify.ReasonUnavailable}},
		{"503 UNAVAILABLE", fcmtest.Failure{Status: 503, Code: "UNAVAILABLE"}, notify.SendError{Reason: notify.ReasonUnavailable}},
		{"503 with Retry-After", fcmtest.Failure{Status: 503, RetryAfter: 110 * time.Second}, notify.SendError{Reason: notify.ReasonUnavailable, RetryAfter: 110 * time.Second}},
		{"a lost connection", fcmtest.Failure{DropConnection: true}, notify.SendError{Reason: notify.ReasonUnavailable}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			channel, server := start(t)
			tt.failure.Times = 1
			server.Fail(phone, tt.failure)
			_, err := channel.Send(t.Context(), push(notify.Android, notify.ClassAlert))
			assertFailure(t, err, tt.want)
			if n := server.Count(); n != 0 {
				t.Errorf("%d messages were accepted", n)
			}
		})
	}
}

func assertFailure(t *testing.T, err error, want notify.SendError) {
	t.Helper()
	var got *notify.SendError
	if !errors.As(err, &got) {
		t.Fatalf("got %v, want a SendError", err)
	}
	if got.Reason != want.Reason || got.RetryAfter != want.RetryAfter {
		t.Errorf("got %s after %s (%v), want %s after %s", got.Reason, got.RetryAfter, err, want.Reason, want.RetryAfter)
	}
	if strings.Contains(err.Error(), phone) {
		t.Errorf("the error tells the token: %v", err)
	}
}

func TestSend_unknownToken_isGone(t *testing.T) {
	t.Parallel()
	channel, server := start(t)
	server.Unregister(phone)
	_, err := channel.Send(t.Context(), push(notify.IOS, notify.ClassAlert))
	assertFailure(t, err, notify.SendError{Reason: notify.ReasonGone})
}

func TestSend_tooLarge_isInvalid(t *testing.T) {
	t.Parallel()
	channel, _ := start(t)
	p := push(notify.Web, notify.ClassNotice)
	p.Body = strings.Repeat("大", 1400)
	_, err := channel.Send(t.Context(), p)
	assertFailure(t, err, notify.SendError{Reason: notify.ReasonInvalid})
}

func TestSend_withoutToken_isInvalid(t *testing.T) {
	t.Parallel()
	channel, _ := start(t)
	_, err := channel.Send(t.Context(), notify.Push{Title: "title"})
	assertFailure(t, err, notify.SendError{Reason: notify.ReasonInvalid})
}

func TestSend_slowService_endsWithTheContext(t *testing.T) {
	t.Parallel()
	channel, server := start(t)
	server.Fail(phone, fcmtest.Failure{Delay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := channel.Send(ctx, push(notify.Android, notify.ClassAlert))
	assertFailure(t, err, notify.SendError{Reason: notify.ReasonUnavailable})
}

func TestSend_serviceDown_isUnavailable(t *testing.T) {
	t.Parallel()
	channel, server := start(t)
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := channel.Send(t.Context(), push(notify.Android, notify.ClassAlert))
	assertFailure(t, err, notify.SendError{Reason: notify.ReasonUnavailable})
}

// google answers everything in the same way: the token endpoint of a broken
// service account.
func google(t *testing.T, answer http.HandlerFunc) *fcm.Channel {
	t.Helper()
	_, server := start(t)
	stub := httptest.NewServer(answer)
	t.Cleanup(stub.Close)
	var file map[string]string
	if err := json.Unmarshal(server.CredentialsJSON(), &file); err != nil {
		t.Fatal(err)
	}
	file["token_uri"] = stub.URL
	credentials, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	channel, err := fcm.New(t.Context(), fcm.Config{CredentialsJSON: credentials, Endpoint: server.Endpoint()})
	if err != nil {
		t.Fatal(err)
	}
	return channel
}

func TestSend_tokenService(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   notify.Reason
	}{
		{"refuses", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		}, notify.ReasonAuth},
		{"is down", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "", http.StatusServiceUnavailable)
		}, notify.ReasonUnavailable},
		{"hangs", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client is gone
			<-r.Context().Done()
		}, notify.ReasonUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			channel := google(t, tt.answer)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			_, err := channel.Send(ctx, push(notify.Android, notify.ClassAlert))
			assertFailure(t, err, notify.SendError{Reason: tt.want})
		})
	}
}

func TestSend_wrongProject_isAuth(t *testing.T) {
	t.Parallel()
	_, server := start(t)
	channel, err := fcm.New(t.Context(), fcm.Config{
		CredentialsJSON: server.CredentialsJSON(), ProjectID: "another", Endpoint: server.Endpoint(),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = channel.Send(t.Context(), push(notify.Android, notify.ClassAlert))
	assertFailure(t, err, notify.SendError{Reason: notify.ReasonAuth})
}

func TestNew_refusesCredentialsThatItCannotRead(t *testing.T) {
	t.Parallel()
	for name, credentials := range map[string]string{
		"none":          "",
		"no JSON":       "secret",
		"no key":        `{"type":"service_account","project_id":"p","client_email":"a@b"}`,
		"another type":  `{"type":"authorized_user","client_id":"a","client_secret":"b","refresh_token":"c"}`,
		"a broken file": `{"type":"service_account"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := fcm.New(t.Context(), fcm.Config{CredentialsJSON: []byte(credentials)}); err == nil {
				t.Error("no error")
			}
		})
	}
}
