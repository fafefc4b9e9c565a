package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/demo"
	"github.com/musterhq/muster/dispatch"
	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/notify/fcm/fcmtest"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/sqlite"
)

// crash is a server that is killed and started again on the same directory.
type crash struct {
	t       *testing.T
	binary  string
	environ []string
	url     string
	push    *fcmtest.Server
	client  *client.Client
	process *process

	mu        sync.Mutex
	incidents map[string]string // those that were acknowledged, by their keys
}

const (
	crashRounds  = 4
	crashReports = 4 // at once, in each round
)

// TestCrash kills the program while it calls responders out, again and again.
// Whatever was acknowledged is there afterwards, once, and everybody who was
// alerted is told.
func TestCrash(t *testing.T) {
	t.Parallel()
	c := newCrash(t)
	for round := range crashRounds {
		c.kill(round)
	}
	for key, id := range c.incidents {
		c.everybodyIsTold(key, id)
	}
	c.process.signal(t, syscall.SIGTERM)
	if code := c.process.exitCode(t); code != exitClean {
		t.Errorf("exit code %d", code)
	}
}

func newCrash(t *testing.T) *crash {
	t.Helper()
	push, err := fcmtest.New(fcmtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := push.Close(); err != nil {
			t.Error(err)
		}
	})
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String() // the same one after each restart
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	c := &crash{t: t, binary: built(t), url: "http://" + addr, push: push, incidents: map[string]string{}}
	c.environ = []string{
		"MUSTER_DATA_DIR=" + dir, "MUSTER_ADDR=" + addr, "MUSTER_CODE_LOG=true", "MUSTER_FIREBASE_ENDPOINT=" + push.Endpoint(),
		"MUSTER_FIREBASE_CREDENTIALS_FILE=" + write(t, "key.json", string(push.CredentialsJSON())),
	}
	c.seed(dir)
	push.Fail("", fcmtest.Failure{Delay: 100 * time.Millisecond}) // so that pushes are under way when it dies
	c.start()
	c.client = client.New(c.url, client.Options{Locale: "en"})
	if err := c.client.RequestCode(t.Context(), demo.Admin); err != nil {
		t.Fatal(err)
	}
	code := c.process.log.await(t, `"msg":"sign-in code".*"code":"([0-9]{6})"`)
	if err := c.client.SignIn(t.Context(), demo.Admin, code, "crash"); err != nil {
		t.Fatal(err)
	}
	return c
}

// seed fills the directory, with people who take their time to answer.
func (c *crash) seed(dir string) {
	c.t.Helper()
	engine, err := sqlite.Open(dir)
	if err != nil {
		c.t.Fatal(err)
	}
	keys, err := auth.LoadKeyring(filepath.Join(dir, "keys.json"))
	if err != nil {
		c.t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	a, err := newApp(c.t.Context(), parts{
		engine: engine, keyring: keys, channel: notify.Disabled{}, sender: auth.LogSender{Log: log},
		newCode: auth.RandomCode, limits: auth.DefaultLimits(), issuer: "muster", audience: "muster", zone: time.UTC, keep: usualPeriods(), log: log, web: web{maxStreams: 10},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	_, err = demo.Seed(c.t.Context(), demo.Services{
		DB: a.db, Now: store.Now, Auth: a.auth, Roster: a.roster, Training: a.training, Notify: a.notify, Register: c.push.Register,
	}, 2000)
	if err == nil {
		p := dispatch.DefaultPolicy(dispatch.Medical)
		p.AnswerTimeout = 5 * time.Minute
		err = a.dispatch.SetPolicy(c.t.Context(), dispatch.Medical, p)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	if err := a.close(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crash) start() {
	c.t.Helper()
	c.process = start(c.t, c.binary, c.environ...)
	c.process.log.await(c.t, serving)
}

// kill reports incidents, kills the program as soon as some are acknowledged,
// starts it again, and repeats the reports, as an app does that got no answer.
func (c *crash) kill(round int) {
	c.t.Helper()
	acknowledged := make(chan struct{}, crashReports)
	var reporting sync.WaitGroup
	for n := range crashReports {
		reporting.Go(func() {
			if c.report(round, n) == nil {
				acknowledged <- struct{}{}
			}
		})
	}
	for range 1 + round%crashReports {
		<-acknowledged
	}
	c.process.signal(c.t, syscall.SIGKILL)
	reporting.Wait()
	c.process.wait(c.t)
	c.start()
	for n := range crashReports {
		if err := c.report(round, n); err != nil {
			c.t.Errorf("after the restart: %v", err)
		}
	}
}

// report reports an incident of its own place for each round and number, with
// a key, and holds that the key makes one incident only.
func (c *crash) report(round, n int) error {
	key := fmt.Sprintf("%d.%d", round, n)
	var out struct {
		ReportIncident struct{ Incident struct{ ID string } }
	}
	err := c.client.Do(c.t.Context(), `mutation ($input: ReportIncidentInput!) { reportIncident(input: $input) { incident { id } } }`, vars{"input": vars{
		"type": "MEDICAL", "severity": "LEVEL_III", "idempotencyKey": key,
		"position": vars{"latitude": 22.545 + 0.004*float64(round), "longitude": 114.11 + 0.012*float64(n), "datum": "WGS84"},
	}}, &out)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	id := out.ReportIncident.Incident.ID
	if before := c.incidents[key]; before != "" && before != id {
		c.t.Errorf("key %s made two incidents", key)
	}
	c.incidents[key] = id
	return nil
}

// everybodyIsTold waits until all first alerts of an incident are pushed, and
// holds that the push service has heard of each.
func (c *crash) everybodyIsTold(key, id string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	stream, err := c.client.Subscribe(ctx, `subscription ($id: ID!) { incidentUpdated(id: $id) {
		dispatch { open alerts(first: 100) { nodes { id sentAt } } } } }`, vars{"id": id})
	if err != nil {
		c.t.Fatal(err)
	}
	defer stream.Close()
	for {
		var now struct {
			IncidentUpdated struct {
				Dispatch struct {
					Open   int
					Alerts struct{ Nodes []struct{ ID, SentAt string } }
				}
			}
		}
		if err := stream.Next(ctx, &now); err != nil {
			c.t.Fatalf("incident %s: not everybody was told: %v", key, err)
		}
		d := now.IncidentUpdated.Dispatch
		told := 0
		for _, a := range d.Alerts.Nodes {
			if a.SentAt != "" {
				told++
			}
		}
		if told < d.Open || d.Open < 7 {
			continue
		}
		for _, a := range d.Alerts.Nodes {
			if !c.heard(a.ID) {
				c.t.Errorf("incident %s: the push service has not heard of alert %s", key, a.ID)
			}
		}
		return
	}
}

func (c *crash) heard(alertID string) bool {
	for _, d := range c.push.Accepted() {
		if d.Message.Data["alertId"] == alertID {
			return true
		}
	}
	return false
}
