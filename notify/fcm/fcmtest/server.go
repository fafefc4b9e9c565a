package fcmtest

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options are how a Server is to be.
type Options struct {
	// Addr is where to listen; "" means "127.0.0.1:0", any free port.
	Addr string
	// ProjectID is the one Firebase project that there is; "" means
	// "muster-test".
	ProjectID string
	// Keep is how many accepted messages are remembered, the last ones; 0
	// means 10,000.
	Keep int
}

const (
	defaultAddr    = "127.0.0.1:0"
	defaultProject = "muster-test"
	defaultKeep    = 10_000
	// keyBits is too few for a key that protects something, and quick to make.
	keyBits = 1024
)

// Server is a running service. It may be used from any goroutine.
type Server struct {
	project  string
	keep     int
	listener net.Listener
	http     *http.Server
	served   chan error // the serving goroutine's last word
	done     chan struct{}
	close    sync.Once
	key      *rsa.PrivateKey
	secret   [32]byte // signs access tokens

	mu       sync.Mutex
	tokens   map[string]struct{}
	failures map[string]*Failure
	accepted []Delivery
	count    int
	onAccept func(Delivery)
}

// New starts a server. Close it.
func New(o Options) (*Server, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("fcmtest: making the service account's key: %w", err)
	}
	listener, err := net.Listen("tcp", or(o.Addr, defaultAddr))
	if err != nil {
		return nil, fmt.Errorf("fcmtest: %w", err)
	}
	s := &Server{
		project:  or(o.ProjectID, defaultProject),
		keep:     or(o.Keep, defaultKeep),
		listener: listener,
		served:   make(chan error, 1),
		done:     make(chan struct{}),
		key:      key,
		tokens:   map[string]struct{}{},
		failures: map[string]*Failure{},
	}
	if _, err := rand.Read(s.secret[:]); err != nil {
		return nil, errors.Join(fmt.Errorf("fcmtest: %w", err), listener.Close())
	}
	s.http = s.server()
	go func() { s.served <- s.http.Serve(listener) }()
	return s, nil
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

func (s *Server) server() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", s.serveToken)
	mux.HandleFunc("POST /v1/projects/{project}/{method}", s.serveSend)
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{Handler: mux, Protocols: &protocols, ReadHeaderTimeout: 10 * time.Second}
}

// URL is the server's root, without a slash at its end.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Endpoint is the base URL for fcm.Config.
func (s *Server) Endpoint() string { return s.URL() + "/v1" }

// ProjectID is the Firebase project.
func (s *Server) ProjectID() string { return s.project }

// Close ends every connection and every delay, and waits until nobody listens
// any more.
func (s *Server) Close() error {
	var err error
	s.close.Do(func() {
		close(s.done)
		err = s.http.Close()
		if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
	})
	return err
}

// Register makes a token that of an installation.
func (s *Server) Register(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = struct{}{}
}

// Unregister makes it that of an installation that is no more: messages to it
// get UNREGISTERED, as those to tokens that never were.
func (s *Server) Unregister(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, token)
}

func (s *Server) registered(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.tokens[token]
	return ok
}
