package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/demo"
	"github.com/musterhq/muster/notify/fcm/fcmtest"
)

// smallDemo is a demonstration with a roster of few, on any free port.
func smallDemo(t *testing.T) demoOptions {
	t.Helper()
	return demoOptions{addr: "127.0.0.1:0", responders: 300, once: true, limit: time.Minute, within: t.TempDir()}
}

// nothingLeft fails the test if the demonstration has left anything behind.
func nothingLeft(t *testing.T, o demoOptions) {
	t.Helper()
	left, err := os.ReadDir(o.within)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestDemoPlaysTheWholeStory(t *testing.T) {
	t.Parallel()
	o := smallDemo(t)
	var out, errOut transcript
	if err := playDemo(t.Context(), o, &out, &errOut); err != nil {
		t.Fatalf("%v\n%s%s", err, out.String(), errOut.String())
	}
	for _, line := range []string{
		`org units   1 district, 10 subdistricts, 109 communities`,
		`responders  300 made-up people`,
		`\+0\.000 s  incident reported       cardiac arrest in 桂园街道`,
		`push accepted by FCM    #1  .\*+, \d+ m, .*\d+ s away\n`,
		`its screen shows        “紧急出动：心脏骤停”`,
		`phone acknowledged      #1 `,
		`declined                #2 `,
		`push accepted by FCM    #8  .* \(replacement\)`,
		`no answer in time       #3 `,
		`ACCEPTED                #1 `,
		`enough have accepted`,
		`not needed, stood down  #`,
		`on the way              #1 `,
		`arrived                 #1 `,
		`done                    #1 `,
		`incident closed`,
		`candidates considered     \d+ on duty within`,
		`accepted                  3 of 3 needed`,
		`declined                  2\n`,
		`report to first push      0\.\d+ s`,
	} {
		if !regexp.MustCompile(line).MatchString(out.String()) {
			t.Errorf("no line %q", line)
		}
	}
	if strings.Contains(out.String(), "keeps running") || errOut.String() != "" {
		t.Errorf("an invitation, or complaints: %s", errOut.String())
	}
	if t.Failed() {
		t.Log(out.String())
	}
	nothingLeft(t, o)
}

func TestDemoSaysWhatDidNotHappen(t *testing.T) {
	t.Parallel()
	o := smallDemo(t)
	o.limit = 4 * time.Second
	o.prepare = func(s *fcmtest.Server) {
		s.Fail("", fcmtest.Failure{Status: http.StatusNotFound, Code: "UNREGISTERED"})
	}
	err := playDemo(t.Context(), o, io.Discard, io.Discard)
	if err == nil {
		t.Fatal("a demonstration without pushes succeeds")
	}
	for _, what := range []string{"phones acknowledged alerts", "as many accepted as were needed", "the incident was closed"} {
		if !strings.Contains(err.Error(), what) {
			t.Errorf("%v does not say %q", err, what)
		}
	}
	nothingLeft(t, o)
}

func TestDemoGoesOnForVisitors(t *testing.T) {
	t.Parallel()
	o := smallDemo(t)
	o.once, o.answer = false, time.Minute
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out := new(transcript)
	ended := make(chan error, 1)
	go func() { ended <- playDemo(ctx, o, out, io.Discard) }()
	visit(t, out.await(t, `keeps running(?s:.*)API +(http://\S+)/graphql`))
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	nothingLeft(t, o)
}

// visit does what the invitation says: it reports as the dispatcher, and
// accepts as the volunteer.
func visit(t *testing.T, api string) {
	t.Helper()
	enter := func(phone string) *client.Client {
		c := client.New(api, client.Options{HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}})
		if err := c.RequestCode(t.Context(), phone); err != nil {
			t.Fatal(err)
		}
		if err := c.SignIn(t.Context(), phone, demo.Code, "test"); err != nil {
			t.Fatal(err)
		}
		return c
	}
	staff, volunteer := enter(demo.Dispatcher), enter(demo.VolunteerWest)
	alerts, err := volunteer.Subscribe(t.Context(), `subscription { myAlertsUpdated { id state } }`, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer alerts.Close()
	at := demo.VolunteerPosition()
	err = staff.Do(t.Context(), `mutation ($latitude: Float!, $longitude: Float!) { reportIncident(input: {
		type: FIRE, severity: LEVEL_III, drill: true, position: {latitude: $latitude, longitude: $longitude, datum: WGS84}
	}) { incident { id } } }`, map[string]any{"latitude": at.Latitude, "longitude": at.Longitude}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var mine struct{ MyAlertsUpdated struct{ ID, State string } }
	if err := alerts.Next(t.Context(), &mine); err != nil {
		t.Fatal(err)
	}
	var out struct {
		AcceptAlert struct{ Alert struct{ State string } }
	}
	err = volunteer.Do(t.Context(), `mutation ($id: ID!) { acceptAlert(input: {alertId: $id}) { alert { state } } }`,
		map[string]any{"id": mine.MyAlertsUpdated.ID}, &out)
	if err != nil || out.AcceptAlert.Alert.State != "ACCEPTED" {
		t.Errorf("accepted: %+v, %v", out, err)
	}
}

func TestDemoAddressTaken(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	var out, errOut transcript
	code := runDemo(t.Context(), []string{"--once", "--addr", taken.Addr().String()}, &out, &errOut)
	want := "demo: " + taken.Addr().String() + " is taken by another program; choose another address with --addr, such as 127.0.0.1:0\n"
	if code != exitFailure || out.String() != "" || errOut.String() != want {
		t.Errorf("code %d, %q, %q", code, out.String(), errOut.String())
	}
}

func TestDemoRefusesWrongArguments(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"too few":          {[]string{"--responders", "29"}, exitUsage, "from 30 to 100000"},
		"too many":         {[]string{"--responders", "100001"}, exitUsage, "from 30 to 100000"},
		"an argument":      {[]string{"now"}, exitUsage, `unexpected argument "now"`},
		"an unknown flag":  {[]string{"--twice"}, exitUsage, "-twice"},
		"hardly an answer": {[]string{"--answer", "1ms"}, exitUsage, "from 1s to 10m"},
		"no address":       {[]string{"--addr", "nowhere"}, exitFailure, "missing port"},
		"help":             {[]string{"--help"}, exitClean, "-responders"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errOut transcript
			if code := runDemo(t.Context(), c.args, &out, &errOut); code != c.code || !strings.Contains(errOut.String(), c.says) || out.String() != "" {
				t.Errorf("code %d, %q, %q", code, out.String(), errOut.String())
			}
		})
	}
}
