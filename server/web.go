package main

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql/playground"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/graph"
)

// web is what the HTTP side needs to know.
type web struct {
	// graphiql serves the GraphiQL page and opens the schema to introspection.
	graphiql bool
	// origins are the pages, besides our own, that may open sockets and read
	// answers, such as https://app.example.org.
	origins []string
	// proxies are the networks whose X-Forwarded-For is believed.
	proxies    []netip.Prefix
	maxStreams int
}

// The paths.
const (
	graphqlPath  = "/graphql"
	graphiqlPath = "/graphiql"
)

// handler is the whole HTTP side.
func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	endpoint := newNeighbours(a.web.maxStreams).limit(a.web.clientOf, a.identify(a.endpoint()))
	mux.Handle(graphqlPath, a.web.crossOrigin(endpoint))
	mux.Handle("GET "+graph.DownloadPath+"{ticket}", a.web.crossOrigin(a.identify(http.HandlerFunc(a.fetch))))
	mux.Handle(importPath, a.web.crossOrigin(a.identify(a.uploads())))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", a.readyz)
	mux.HandleFunc("GET /.well-known/jwks.json", a.jwks)
	if a.web.graphiql {
		mux.Handle("GET "+graphiqlPath, playground.Handler("Muster", graphqlPath))
	}
	return secure(mux)
}

// readyz says whether this process can do its work now.
func (a *app) readyz(w http.ResponseWriter, r *http.Request) {
	if !a.tracker.Ready() {
		answer(w, http.StatusServiceUnavailable, "loading who is on duty\n")
		return
	}
	if err := a.db.Ping(r.Context()); err != nil {
		a.log.Error("not ready", "error", err)
		answer(w, http.StatusServiceUnavailable, "the store does not answer\n")
		return
	}
	answer(w, http.StatusOK, "ok\n")
}

func (a *app) jwks(w http.ResponseWriter, _ *http.Request) {
	set, err := a.keyring.JWKS()
	if err != nil {
		a.log.Error("following the keyring's file", "error", err)
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(set) // whoever does not listen any more misses nothing
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // as above
}

// identify finds out who asks, from where and in which language.
func (a *app) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := graph.Request{
			ID: a.newID("req"), From: a.web.clientOf(r), Locale: a.catalogue.Match(r.Header.Get("Accept-Language")),
		}
		w.Header().Set("X-Request-Id", request.ID)
		if header := r.Header.Get("Authorization"); header != "" {
			request.Actor, request.AuthError = a.principal(r.Context(), header)
		}
		next.ServeHTTP(w, r.WithContext(graph.WithRequest(r.Context(), request)))
	})
}

// principal authenticates the value of an Authorization header.
func (a *app) principal(ctx context.Context, header string) (auth.Principal, error) {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return auth.Principal{}, fault.Unauthenticated("token")
	}
	return a.auth.Authenticate(ctx, strings.TrimSpace(token))
}

// authenticateSocket takes the token of a socket's first message, with or
// without its scheme, or else that of the request that opened the socket.
func (a *app) authenticateSocket(ctx context.Context, token string) (context.Context, error) {
	request := graph.RequestOf(ctx)
	if token != "" {
		if !strings.Contains(token, " ") {
			token = "Bearer " + token
		}
		request.Actor, request.AuthError = a.principal(ctx, token)
	}
	if request.AuthError != nil {
		return nil, request.AuthError
	}
	if request.Actor.AccountID == "" {
		return nil, fault.Unauthenticated("missing")
	}
	return graph.WithRequest(ctx, request), nil
}

// clientOf returns the client's address: that of the connection, or what the
// trusted proxies in front say it is.
func (w web) clientOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && w.trusts(host); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		host = hop.String()
	}
	return host
}

func (w web) trusts(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && slices.ContainsFunc(w.proxies, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

// checkOrigin decides which pages may open a socket: our own, and those that
// are configured.
func (w web) checkOrigin() func(*http.Request) bool {
	return func(r *http.Request) bool {
		origin := r.Header.Get("Origin")
		if origin == "" || slices.Contains(w.origins, origin) {
			return true
		}
		u, err := url.Parse(origin)
		return err == nil && strings.EqualFold(u.Host, r.Host)
	}
}

// crossOrigin lets the configured pages read answers.
func (w web) crossOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		rw.Header().Add("Vary", "Origin")
		if slices.Contains(w.origins, origin) {
			h := rw.Header()
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Methods", "POST, OPTIONS")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept-Language")
			h.Set("Access-Control-Max-Age", "600")
		}
		next.ServeHTTP(rw, r)
	})
}

// secure sets the headers that every answer has.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("X-Frame-Options", "DENY")
		next.ServeHTTP(w, r)
	})
}
