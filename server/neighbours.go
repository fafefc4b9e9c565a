package main

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
)

// neighbours counts the open streams of each client address, so that nobody
// can take all of them alone.
type neighbours struct {
	most int // of one address

	mu   sync.Mutex
	open map[string]int
}

// share is the part of all streams that one address may have: many phones may
// share one behind a mobile operator's translation.
const share = 4

func newNeighbours(maxStreams int) *neighbours {
	return &neighbours{most: max(1, maxStreams/share), open: map[string]int{}}
}

// limit refuses streams of an address that has its part.
func (n *neighbours) limit(addressOf func(*http.Request) string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !streams(r) {
			next.ServeHTTP(w, r)
			return
		}
		key := network(addressOf(r))
		if !n.enter(key) {
			w.Header().Set("Retry-After", "10")
			answer(w, http.StatusTooManyRequests, "too many open streams from this address\n")
			return
		}
		defer n.leave(key)
		next.ServeHTTP(w, r)
	})
}

// streams reports whether a request is for a WebSocket or an event stream.
func streams(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}

// network is what an address counts as: an IPv6 client has a whole /64.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Unmap().Is4() {
		return address
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}

func (n *neighbours) enter(key string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open[key] >= n.most {
		return false
	}
	n.open[key]++
	return true
}

func (n *neighbours) leave(key string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open[key]--; n.open[key] == 0 {
		delete(n.open, key)
	}
}
