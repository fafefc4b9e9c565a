package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/demo"
	"github.com/musterhq/muster/notify/fcm"
	"github.com/musterhq/muster/notify/fcm/fcmtest"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/sqlite"
)

// demoOptions are what the demonstration can be told.
type demoOptions struct {
	addr       string
	responders int
	once       bool
	// answer is how long an alert waits for an answer once the story is over.
	answer time.Duration
	// limit is how long the incident may take.
	limit time.Duration
	// within is where the temporary directory is made; "" for where the
	// system has them.
	within string
	// prepare, if set, is called before the incident; for tests.
	prepare func(*fcmtest.Server)
}

const (
	demoAddr       = "127.0.0.1:8080"
	demoResponders = 1058 // as many as Luohu had trained and assessed in 2023
)

// runDemo is "server demo": it seeds a store of its own, plays one incident
// and, unless told otherwise, serves until the context ends. It returns the
// exit code.
func runDemo(ctx context.Context, args []string, out, errOut io.Writer) int {
	o, err := parseDemo(args, errOut)
	if errors.Is(err, flag.ErrHelp) {
		return exitClean
	}
	if err != nil {
		return exitUsage // parseDemo has said why
	}
	if err := playDemo(ctx, o, out, errOut); err != nil {
		fmt.Fprintf(errOut, "demo: %v\n", err)
		return exitFailure
	}
	return exitClean
}

func parseDemo(args []string, errOut io.Writer) (demoOptions, error) {
	o := demoOptions{limit: demo.StoryTime}
	addr := os.Getenv("MUSTER_ADDR")
	if addr == "" {
		addr = demoAddr
	}
	flags := flag.NewFlagSet("server demo", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.StringVar(&o.addr, "addr", addr, "where to serve, as `HOST:PORT`; port 0 takes any that is free")
	flags.IntVar(&o.responders, "responders", demoResponders, fmt.Sprintf("how many responders `N` to make up, from %d to %d", demo.MinResponders, demo.MaxResponders))
	flags.DurationVar(&o.answer, "answer", demo.StoryAnswer, "how long alerts wait for an answer after the story, from 1s to 10m; with 1m there is time to answer by hand")
	flags.BoolVar(&o.once, "once", false, "end after the incident, with code 0 only if every step happened")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var err error
	switch {
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.responders < demo.MinResponders || o.responders > demo.MaxResponders:
		err = fmt.Errorf("--responders must be from %d to %d", demo.MinResponders, demo.MaxResponders)
	case o.answer < time.Second || o.answer > 10*time.Minute:
		err = errors.New("--answer must be from 1s to 10m")
	}
	if err != nil {
		fmt.Fprintf(errOut, "demo: %v\n", err)
	}
	return o, err
}

// demonstration is the demo under way.
type demonstration struct {
	demoOptions
	out      io.Writer
	log      *slog.Logger
	listener net.Listener
	fcm      *fcmtest.Server
	app      *app
	url      string
	client   *http.Client
	seeded   *demo.Seeded
	closers  []func() error // run last to first
}

// playDemo makes everything that the demonstration needs, runs it, and takes
// it down again.
func playDemo(ctx context.Context, o demoOptions, out, errOut io.Writer) (err error) {
	d := &demonstration{
		demoOptions: o, out: out,
		log:    slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: slog.LevelWarn})),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}},
	}
	defer func() { err = errors.Join(err, d.close()) }()
	for _, prepare := range []func(context.Context) error{d.listen, d.furnish, d.seed} {
		if err := prepare(ctx); err != nil {
			return err
		}
	}
	return d.run(ctx)
}

func (d *demonstration) close() error {
	d.client.CloseIdleConnections()
	var errs []error
	for i := len(d.closers) - 1; i >= 0; i-- {
		errs = append(errs, d.closers[i]())
	}
	return errors.Join(errs...)
}

// listen takes the address first, since that is what most likely fails.
func (d *demonstration) listen(ctx context.Context) (err error) {
	d.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", d.addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is taken by another program; choose another address with --addr, such as 127.0.0.1:0", d.addr)
	}
	if err != nil {
		return err
	}
	d.url = "http://" + d.listener.Addr().String()
	d.closers = append(d.closers, func() error {
		_ = d.listener.Close() // the server has closed it, if it came to serving
		return nil
	})
	return nil
}

// furnish makes the store, the push service and the server.
func (d *demonstration) furnish(ctx context.Context) error {
	dir, err := os.MkdirTemp(d.within, "muster-demo-")
	if err != nil {
		return err
	}
	d.closers = append(d.closers, func() error { return os.RemoveAll(dir) })
	if d.fcm, err = fcmtest.New(fcmtest.Options{}); err != nil {
		return err
	}
	d.closers = append(d.closers, d.fcm.Close)
	if d.app, err = d.open(ctx, dir); err != nil {
		return err
	}
	d.closers = append(d.closers, d.app.close)
	return nil
}

// open makes the server, with the parts that are the demonstration's own.
func (d *demonstration) open(ctx context.Context, dir string) (*app, error) {
	channel, err := fcm.New(ctx, fcm.Config{
		CredentialsJSON: d.fcm.CredentialsJSON(), ProjectID: d.fcm.ProjectID(), Endpoint: d.fcm.Endpoint(),
	})
	if err != nil {
		return nil, err
	}
	engine, err := sqlite.Open(dir)
	if err != nil {
		return nil, err
	}
	return newApp(ctx, parts{
		engine: engine, keyring: auth.NewKeyring(), channel: channel, sender: auth.LogSender{Log: d.log},
		newCode: func() (string, error) { return demo.Code, nil }, limits: demoLimits(),
		issuer: d.url, audience: "muster-demo", zone: time.UTC, keep: usualPeriods(), log: d.log, web: web{graphiql: true, maxStreams: demoStreams},
	})
}

// demoStreams is how many subscriptions may be open at a time.
const demoStreams = 1000

// demoLimits are the real ones for guessing at a phone's code, but hardly limit
// anything else: all phones have one address here, and nobody pays for codes.
func demoLimits() auth.Limits {
	limits := auth.DefaultLimits()
	wide := auth.Limit{N: 1_000_000, Per: time.Minute}
	limits.FailuresPerAddress, limits.RequestsPerPhone, limits.RequestsPerAddress, limits.Requests = wide, wide, wide, wide
	return limits
}

// seed fills the store and says with what.
func (d *demonstration) seed(ctx context.Context) (err error) {
	fmt.Fprint(d.out, "Muster demo: one incident, from report to arrival, on made-up data.\n\n")
	begin := time.Now()
	if err := demo.SetAnswerTimeout(ctx, d.app.dispatch, demo.StoryAnswer); err != nil {
		return err
	}
	d.seeded, err = demo.Seed(ctx, demo.Services{
		DB: d.app.db, Now: store.Now, Auth: d.app.auth, Roster: d.app.roster, Training: d.app.training,
		Notify: d.app.notify, Register: d.fcm.Register,
	}, d.responders)
	if err != nil {
		return fmt.Errorf("seeding: %w", err)
	}
	d.introduce(time.Since(begin))
	return nil
}

func (d *demonstration) introduce(seeding time.Duration) {
	s := d.seeded
	for _, row := range [][2]string{
		{"org units", fmt.Sprintf("%d district, %d subdistricts, %d communities of Luohu, Shenzhen (real)", s.Districts, s.Subdistricts, s.Communities)},
		{"responders", fmt.Sprintf("%d made-up people, all certified, %d on duty", s.Responders, s.OnDuty)},
		{"store", fmt.Sprintf("embedded, in a temporary directory; seeded in %.1f s", seeding.Seconds())},
		{"pushes", "through the Firebase Admin SDK to a local FCM server, " + d.fcm.URL()},
		{"API", d.url + graphqlPath},
	} {
		fmt.Fprintf(d.out, "  %-11s %s\n", row[0], row[1])
	}
	fmt.Fprintln(d.out)
}

// run serves and plays, and ends when both have.
func (d *demonstration) run(ctx context.Context) error {
	serving, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	served := make(chan error, 1)
	running.Go(func() { served <- d.app.serve(serving, d.listener) })
	beacon := &demo.Beacon{DB: d.app.db, Now: store.Now, Roster: d.app.roster, Phones: d.seeded.Phones, Log: d.log}
	running.Go(func() { beacon.Run(serving) })
	err := d.play(ctx, served)
	stop()
	running.Wait()
	return errors.Join(err, endOf(served))
}

// play plays the incident, and then lets visitors in unless that was all.
func (d *demonstration) play(ctx context.Context, served <-chan error) error {
	story := &demo.Story{API: d.url, HTTP: d.client, FCM: d.fcm, Out: d.out, Limit: d.limit}
	trouble := func(err error) {
		story.Trouble(err)
		d.log.Warn("a simulated phone is in trouble", "error", err) // also after the story
	}
	phones := demo.NewPhones(demo.PhonesConfig{API: d.url, HTTP: d.client, Trouble: trouble}, demo.StoryPace())
	defer phones.Close()
	d.fcm.OnAccept(phones.Receive)
	if d.prepare != nil {
		d.prepare(d.fcm)
	}
	err := story.Play(ctx)
	if d.once || ctx.Err() != nil {
		return err
	}
	return d.stay(ctx, err, phones, served)
}

// endOf is how serving ended; nil if somebody else has been told.
func endOf(served <-chan error) error {
	select {
	case err := <-served:
		return err
	default:
		return nil
	}
}

// stay lets visitors play until the context ends, or serving fails.
func (d *demonstration) stay(ctx context.Context, played error, phones *demo.Phones, served <-chan error) error {
	if played != nil {
		fmt.Fprintf(d.out, "\nThe story is not complete:\n%v\n", played)
	}
	if d.answer >= demo.ByHand {
		phones.SetPace(demo.VisitorPace())
	}
	if err := demo.SetAnswerTimeout(ctx, d.app.dispatch, d.answer); err != nil {
		return errors.Join(played, err)
	}
	demo.Invite(d.out, d.url+graphqlPath, d.url+graphiqlPath, d.answer)
	select {
	case <-ctx.Done():
		return played
	case err := <-served:
		return errors.Join(played, err)
	}
}
