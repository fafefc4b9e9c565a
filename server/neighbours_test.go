package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestNeighbours(t *testing.T) {
	t.Parallel()
	n := newNeighbours(8) // two for each
	hold, entered := make(chan struct{}), make(chan struct{})
	handler := n.limit(func(r *http.Request) string { return r.Header.Get("From") }, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-hold
	}))
	ask := func(from, accept string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, graphqlPath, nil)
		r.Header.Set("From", from)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	const events = "text/event-stream"
	ended := make(chan int)
	begin := func(from, accept string) {
		go func() { ended <- ask(from, accept).Code }()
		<-entered
	}
	begin("2001:db8::1", events)
	begin("2001:db8::2", events)
	if got := ask("2001:db8::3", events); got.Code != http.StatusTooManyRequests {
		t.Errorf("a third stream of one network: %d", got.Code)
	}
	begin("2001:db8:0:1::1", events)
	begin("2001:db8::3", "application/json")
	close(hold)
	for range 4 {
		if code := <-ended; code != http.StatusOK {
			t.Errorf("one of those let in: %d", code)
		}
	}
	if len(n.open) != 0 {
		t.Errorf("still counted: %v", n.open)
	}
}
