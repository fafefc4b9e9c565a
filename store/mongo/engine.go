package mongo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/musterhq/muster/store"
)

const (
	// startPatience is how long Open waits for a primary. Later operations
	// wait as long as the URI's serverSelectionTimeoutMS says, by default 30 s,
	// so that they outlast an election.
	startPatience = 10 * time.Second
	// endPatience is how long Close and clean-up after an error may talk to
	// the server.
	endPatience = 5 * time.Second
)

// Engine is a database on MongoDB. Its methods may be called from any
// goroutine.
type Engine struct {
	ops
	client *driver.Client
	log    *slog.Logger
	plain  bool // see WithoutTransactions

	mu         sync.Mutex
	closed     bool
	stop       context.CancelFunc // ends the change stream
	running    sync.WaitGroup     // operations under way, and the change stream
	disconnect func() error
}

var _ store.Engine = (*Engine)(nil)

// settings are what options change.
type settings struct {
	log     *slog.Logger
	plain   bool
	monitor *event.CommandMonitor
}

// Option changes how an Engine works.
type Option func(*settings)

// WithLogger has the engine say when the change stream breaks and is resumed.
// By default it is silent.
func WithLogger(log *slog.Logger) Option { return func(s *settings) { s.log = log } }

// WithoutTransactions is for servers that only speak MongoDB's protocol: it
// leaves out the check of the server, the change stream (feeds stay silent)
// and what makes an index partial, and Atomically fails with
// ErrNoTransactions. It is there for smoke tests, not for production.
func WithoutTransactions() Option { return func(s *settings) { s.plain = true } }

// ErrNoTransactions is what Atomically returns under WithoutTransactions.
var ErrNoTransactions = errors.New("mongo: opened without transactions")

// Open connects to the server that the URI names and waits up to 10 s for its
// primary. The database is the given one or, if that is "", the one in the
// URI's path. Pool sizes, TLS and timeouts are the URI's; read and write
// concerns and the read preference are not, since correctness rests on them.
// No error shows the URI's password.
func Open(ctx context.Context, uri, database string, opts ...Option) (*Engine, error) {
	s := settings{log: slog.New(slog.DiscardHandler)}
	for _, o := range opts {
		o(&s)
	}
	if database == "" {
		database = databaseIn(uri)
	}
	if database == "" {
		return nil, errors.New("mongo: no database given, and none in the URI's path")
	}
	o, err := clientOptions(uri, s)
	if err != nil {
		return nil, err
	}
	client, err := driver.Connect(o)
	if err != nil {
		return nil, fmt.Errorf("mongo: connecting: %w", withoutSecrets(uri, err))
	}
	e := newEngine(client, database, s)
	if err := e.reach(ctx, o.Hosts); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func newEngine(client *driver.Client, database string, s settings) *Engine {
	e := &Engine{client: client, log: s.log, plain: s.plain}
	e.ops = ops{db: client.Database(database), run: e.alone}
	e.disconnect = sync.OnceValue(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), endPatience)
		defer cancel()
		return client.Disconnect(ctx)
	})
	return e
}

func clientOptions(uri string, s settings) (*options.ClientOptions, error) {
	o := options.Client().ApplyURI(uri)
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("mongo: reading the URI: %w", withoutSecrets(uri, err))
	}
	if o.AppName == nil {
		o.SetAppName("muster")
	}
	if s.monitor != nil {
		o.SetMonitor(s.monitor)
	}
	return o.SetReadPreference(readpref.Primary()).
		SetReadConcern(readconcern.Majority()).
		SetWriteConcern(durable()), nil
}

// durable is the write concern of everything that must not be lost.
func durable() *writeconcern.WriteConcern {
	journal := true
	return &writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}
}

// databaseIn returns the database in the path of a URI. Slashes before it are
// escaped, also those of socket names.
func databaseIn(uri string) string {
	_, rest, _ := strings.Cut(uri, "://")
	rest, _, _ = strings.Cut(rest, "?")
	_, path, _ := strings.Cut(rest, "/")
	name, err := url.PathUnescape(path)
	if err != nil {
		return ""
	}
	return name
}

// withoutSecrets returns an error that cannot show the URI's password: the
// driver's may quote the part that it could not parse.
func withoutSecrets(uri string, err error) error {
	if strings.Contains(uri, "@") {
		return errors.New("it is not valid (escape special characters in the password; no more is said, since the URI has credentials)")
	}
	return err
}

// enter admits an operation, unless the engine is closed; running.Done ends it.
func (e *Engine) enter() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return store.ErrClosed
	}
	e.running.Add(1)
	return nil
}

// Exclusive is false: other processes may use the database.
func (e *Engine) Exclusive() bool { return false }

// Close ends the change stream, waits for the operations under way and
// disconnects. Operations after it fail with store.ErrClosed. It may be called
// more than once.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closed = true
	stop := e.stop
	e.mu.Unlock()
	if stop != nil {
		stop()
	}
	e.running.Wait()
	return e.disconnect()
}

// alone runs one operation as a commit of its own. Its session is causal, so
// that a majority read within it waits for what the operation saw.
func (e *Engine) alone(ctx context.Context, c *store.Spec, id string, step func(context.Context) error) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.running.Done()
	session, err := e.client.StartSession()
	if err != nil {
		return explain(ctx, c, err)
	}
	defer session.EndSession(context.WithoutCancel(ctx))
	ctx = driver.NewSessionContext(ctx, session)
	err = explain(ctx, c, step(ctx))
	if errors.Is(err, store.ErrDuplicate) {
		e.settle(ctx, c, id)
	}
	return err
}

// settle waits until reads see whatever made an operation of the context's
// session fail. The server judges writes by its newest state, reads by what a
// majority has: without the wait, a caller who looks for the other document
// might not find it, and one who loads and tries again would spin.
func (e *Engine) settle(ctx context.Context, c *store.Spec, id string) {
	_, _ = e.exists(ctx, c, byID(id), "_id_") // an error only means that the wait was shorter
}
