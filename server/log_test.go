package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/notify/fcm/fcmtest"
	"github.com/musterhq/muster/store"
)

// unlucky is a phone that the gateway of the tests refuses, with an answer that
// repeats all that it was told.
const unlucky = "+8613911112222"

// gateway is a text message gateway that talks too much.
func gateway(t *testing.T) auth.CodeSender {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if strings.Contains(string(body), unlucky) {
			http.Error(w, string(body), http.StatusInternalServerError)
		}
	}))
	t.Cleanup(server.Close)
	texts, err := locale.New()
	if err != nil {
		t.Fatal(err)
	}
	sender, err := auth.NewHTTPSender(server.URL+"/?key=gateway-key", []byte("gateway-secret-0123"), texts, store.Now)
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

// What goes wrong and what goes well are in the log, and nobody is.
func TestTheLogNamesNobody(t *testing.T) {
	t.Parallel()
	log := new(transcript)
	var secrets []string
	t.Run("a day", func(t *testing.T) {
		tw := newTown(t, func(p *parts) {
			p.log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))
			p.sender = gateway(t)
		})
		secrets = tw.busyDay(t, log)
	})
	text := log.String()
	contains(t, "the log", text, `"msg":"signed in"`, `"msg":"sending a sign-in code"`, `"msg":"an old refresh token was used again; the session has ended"`, `"msg":"push refused"`, `"msg":"erased an account"`, "139******22")
	lacks(t, "the log", text, secrets...)
}

// busyDay does what people do, well and badly, and returns what must not be in
// the log.
func (tw *town) busyDay(t *testing.T, log *transcript) (secrets []string) {
	t.Helper()
	a := tw.alerted(t)
	got := a.tokens(t)
	c := tw.client("en")
	for _, wrong := range []vars{{"phone": a.phone, "code": "000111"}, {"phone": a.phone, "code": got.refresh}} {
		refused(t, c, signInMutation, vars{"input": wrong})
	}
	refused(t, c, requestSignInCode, vars{"input": vars{"phone": unlucky}})
	refused(t, c, refreshSession, vars{"input": vars{"refreshToken": got.refresh + "x"}})
	ask(t, tw.url, got.access+"x", me)
	tw.steal(t, got.refresh)

	a.say(t, "acceptAlert")
	a.must(t, answering("withdrawAlert"), vars{"input": vars{"alertId": a.alertID, "reason": "我崴了脚", "idempotencyKey": "w"}})
	where := near(near(a.scene))
	a.must(t, reportPosition, positionReport(at(where)))
	tw.guiyuan.must(t, closeIncident, vars{"input": vars{"incidentId": a.id, "outcome": "送往人民医院"}})
	tw.refusedPush(t)
	log.await(t, `"msg":"push refused"`)
	a.must(t, eraseMyAccount, vars{"input": vars{"confirmation": a.phone}})
	tw.erased(t, a.accountID)

	secrets = []string{
		"张三", "管理员", "桂园", "蔡屋围", "一人跌倒", "送往人民医院", "我崴了脚", "来信", townCode, "000111", "gateway-key", "gateway-secret",
		got.access, got.refresh, "phone-of-", a.token, strings.TrimPrefix(unlucky, "+86"), strings.TrimPrefix(a.phone, "+86"),
		strings.TrimPrefix(tw.guiyuan.phone, "+86"), "AED",
	}
	for _, p := range []float64{where.Latitude, where.Longitude, a.scene.Latitude, a.scene.Longitude} {
		secrets = append(secrets, fmt.Sprint(p))
	}
	return secrets
}

// steal uses a refresh token that two others have followed already.
func (tw *town) steal(t *testing.T, refresh string) {
	t.Helper()
	c := tw.client("en")
	next := run(t, c, refreshSession, vars{"input": vars{"refreshToken": refresh}})
	run(t, c, refreshSession, vars{"input": vars{"refreshToken": word(next, "refreshSession", "refreshToken")}})
	refused(t, c, refreshSession, vars{"input": vars{"refreshToken": refresh}})
}

// refusedPush has the push service find fault with a push.
func (tw *town) refusedPush(t *testing.T) {
	t.Helper()
	scene := tw.scene()
	v := tw.newVolunteer(t, guiyuanOne, near(scene))
	tw.fcm.Fail(v.token, fcmtest.Failure{Status: http.StatusBadRequest, Code: "INVALID_ARGUMENT"})
	tw.guiyuan.open(t, scene)
	v.awaitAlert(t)
}
