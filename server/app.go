package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/dispatch"
	"github.com/musterhq/muster/graph"
	"github.com/musterhq/muster/graph/transport"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/privacy"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/training"
)

// parts are what an app is made of that differs between production, the demo
// and tests.
type parts struct {
	engine   store.Engine
	keyring  *auth.Keyring
	channel  notify.Channel
	sender   auth.CodeSender
	idTokens auth.IDTokens // nil where none is set up
	newCode  func() (string, error)
	limits   auth.Limits
	issuer   string
	audience string
	zone     *time.Location
	keep     periods
	log      *slog.Logger
	web      web
}

// app is the whole server: services, the workers that do what is due, and the
// HTTP side. Close it.
type app struct {
	db        *store.DB
	log       *slog.Logger
	newID     func(prefix string) string
	catalogue *locale.Catalogue
	audit     *audit.Log
	auth      *auth.Service
	roster    *roster.Service
	imports   *roster.Imports
	tracker   *roster.Tracker
	training  *training.Service
	notify    *notify.Service
	dispatch  *dispatch.Service
	live      *dispatch.Live
	privacy   *privacy.Service
	keyring   *auth.Keyring
	streams   *transport.Streams
	web       web
}

// collections lists what all packages store.
func collections() []store.Definition {
	all := []store.Definition{store.Steps}
	for _, more := range [][]store.Definition{
		auth.Collections(), audit.Collections(), roster.Collections(), training.Collections(), notify.Collections(), dispatch.Collections(),
		privacy.Collections(),
	} {
		all = append(all, more...)
	}
	return all
}

// newApp opens the store and makes the services.
func newApp(ctx context.Context, p parts) (*app, error) {
	catalogue, err := locale.New()
	if err != nil {
		return nil, errors.Join(err, p.engine.Close())
	}
	db, err := store.Open(ctx, p.engine, collections()...)
	if err != nil {
		return nil, err
	}
	a := &app{
		db: db, log: p.log, newID: store.NewIDs(), catalogue: catalogue, keyring: p.keyring,
		streams: transport.NewStreams(p.web.maxStreams), web: p.web,
	}
	if err := a.makeServices(p); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return a, nil
}

func (a *app) makeServices(p parts) (err error) {
	a.audit = audit.New(audit.Config{DB: a.db, Now: store.Now, NewID: a.newID, Log: a.log, Keep: p.keep.audit})
	a.roster = roster.New(roster.Config{
		DB: a.db, Now: store.Now, NewID: a.newID, Log: a.log, Audit: a.audit, Zone: p.zone,
		OffDuty: func(ctx context.Context, tx *store.Tx, r *roster.Responder) error {
			return a.dispatch.LeaveDuty(ctx, tx, r)
		},
		Refile: append(dispatch.Refilers(a.db), func(ctx context.Context, from, to string, limit int) (int, error) {
			return a.auth.RefileAppointments(ctx, from, to, limit)
		}),
		Tell: func(ctx context.Context, tx *store.Tx, n roster.Notice) error { return a.tell(ctx, tx, n) },
	})
	a.tracker = roster.NewTracker(a.db, a.log)
	a.training = training.New(training.Config{
		DB: a.db, Now: store.Now, NewID: a.newID, NewSerial: training.RandomSerial, Scope: a.roster.LoadScope,
		OnQualified: a.roster.SetQualification,
	})
	a.notify = notify.New(notify.Config{
		DB: a.db, Now: store.Now, NewID: a.newID, Log: a.log, Catalogue: a.catalogue,
		Channel: p.channel, Rand: rand.Float64,
		OnSent: func(ctx context.Context, tx *store.Tx, m *notify.Message) error { return a.pushed(ctx, tx, m) },
	})
	a.auth, err = auth.New(auth.Config{
		DB: a.db, Now: store.Now, NewID: a.newID, Log: a.log, Keyring: p.keyring,
		Issuer: p.issuer, Audience: p.audience, NewCode: p.newCode, Sender: p.sender, Limits: p.limits,
		CurrentPath: a.roster.CurrentPath, IDTokens: p.idTokens, OnSignIn: a.signedIn, OnSignOut: a.signedOut, Place: a.placeOf,
		Record: a.recordAccount, RecordRead: a.recordAccountsRead,
	})
	if err != nil {
		return err
	}
	a.imports = roster.NewImports(roster.ImportsConfig{
		Roster: a.roster, Auth: a.auth, Issued: a.training.Issued, Certify: a.certify, Keep: p.keep.imports,
	})
	a.dispatch = dispatch.New(dispatch.Config{
		DB: a.db, Now: store.Now, NewID: a.newID, Log: a.log,
		Roster: a.roster, Tracker: a.tracker, Training: a.training, Notify: a.notify, Audit: a.audit,
	})
	a.live = dispatch.NewLive(a.db, a.log)
	a.privacy = a.newPrivacy(p.keep)
	return nil
}

// pushed tells dispatch that the push of an alert is on its way.
func (a *app) pushed(ctx context.Context, tx *store.Tx, m *notify.Message) error {
	if m.Class != notify.ClassAlert {
		return nil
	}
	return a.dispatch.Pushed(ctx, tx, m.Subject)
}

// signedIn tells the others that an account has one more session.
func (a *app) signedIn(ctx context.Context, tx *store.Tx, accountID string) error {
	return a.roster.SignedIn(ctx, tx, accountID)
}

// signedOut tells the others that a session has ended.
func (a *app) signedOut(ctx context.Context, tx *store.Tx, out auth.SignOut) error {
	if err := a.notify.ForgetSession(ctx, tx, out.SessionID); err != nil || !out.Last {
		return err
	}
	return a.roster.SignedOut(ctx, tx, out.AccountID)
}

// work does all that is due, until the context ends, and returns when it has
// stopped.
func (a *app) work(ctx context.Context) {
	var workers sync.WaitGroup
	for _, run := range []func(context.Context){
		a.auth.Run, a.tracker.Run, a.notify.Run, a.dispatch.Run, a.live.Run, a.privacy.Run,
		a.roster.FollowDirectory, a.roster.TurnDuties().Run, a.roster.Reorganise().Run, a.imports.Work().Run,
		a.audit.Enter().Run, a.audit.Forget().Run, store.ForgetSteps(a.db, store.Now, a.log).Run,
	} {
		workers.Go(func() { run(ctx) })
	}
	workers.Wait()
}

// shutdownTime is how long requests under way may take when the server stops.
const shutdownTime = 10 * time.Second

// serve answers requests and does what is due until the context ends; then it
// lets requests finish, closes the streams, stops the workers, and returns.
func (a *app) serve(ctx context.Context, listener net.Listener) error {
	if err := a.tracker.Load(ctx); err != nil {
		return fmt.Errorf("loading who is on duty: %w", err)
	}
	server := &http.Server{
		Handler: a.handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var running sync.WaitGroup
	running.Go(func() { a.work(working) })
	failed := make(chan error, 1)
	running.Go(func() { failed <- server.Serve(listener) })
	var err error
	select {
	case <-ctx.Done():
		err = a.stop(server)
	case err = <-failed:
	}
	stopWork()
	running.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// stop lets what came in end, and cuts it off when that takes too long.
func (a *app) stop(server *http.Server) error {
	a.log.Info("stopping")
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	if err := errors.Join(a.streams.Shutdown(ctx), server.Shutdown(ctx)); err != nil {
		a.log.Warn("cutting off what did not end in time", "error", err)
		return server.Close()
	}
	return nil
}

// close closes the store.
func (a *app) close() error { return a.db.Close() }

// endpoint is the GraphQL endpoint.
func (a *app) endpoint() http.Handler {
	resolver := &graph.Resolver{
		Auth: a.auth, Roster: a.roster, Imports: a.imports, Training: a.training, Notify: a.notify, Dispatches: a.dispatch,
		Live: a.live, Privacy: a.privacy, Audit: a.audit, Catalogue: a.catalogue, Now: store.Now, Log: a.log,
	}
	return graph.NewEndpoint(resolver, graph.Endpoint{
		Streams: a.streams, Authenticate: a.authenticateSocket, CheckOrigin: a.web.checkOrigin(), Introspection: a.web.graphiql,
	})
}
