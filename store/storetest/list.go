package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/musterhq/muster/store"
)

// walk reads all pages of a query and returns the documents.
func walk(t *testing.T, on store.Conn, q store.Query, size int) []*thing {
	t.Helper()
	var all []*thing
	after := ""
	for {
		page, err := things.List(t.Context(), on, q, size, after)
		if err != nil {
			t.Fatalf("page after %d documents: %v", len(all), err)
		}
		all = append(all, page.Items...)
		if len(page.Items) > size || page.HasNext && len(page.Items) < size {
			t.Fatalf("a page of %d, with next %t, for a size of %d", len(page.Items), page.HasNext, size)
		}
		if !page.HasNext {
			return all
		}
		after = page.EndCursor
	}
}

// wantList fails the test unless the query finds exactly these documents in
// this order.
func wantList(t *testing.T, on store.Conn, q store.Query, want ...string) {
	t.Helper()
	got := ids(walk(t, on, q, 100))
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

// wantCount fails the test unless the query counts so many documents.
func wantCount(t *testing.T, on store.Conn, q store.Query, want int64) {
	t.Helper()
	got, err := things.Count(t.Context(), on, q)
	if err != nil {
		t.Fatalf("counting: %v", err)
	}
	if got != want {
		t.Errorf("count: got %d, want %d", got, want)
	}
}
