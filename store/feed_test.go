package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func changes(collection string, n int) []Change {
	cs := make([]Change, n)
	for i := range cs {
		cs[i] = Change{Collection: collection, ID: fmt.Sprint(i), Op: Inserted}
	}
	return cs
}

func watched(buffer int) (*DB, *Feed) {
	db := &DB{hub: newHub()}
	return db, db.Watch(buffer, items)
}

func TestFeedHoldsAsManyAsItsBuffer(t *testing.T) {
	t.Parallel()
	db, feed := watched(3)
	db.hub.publish(changes("items", 2))
	db.hub.publish(changes("other", 5))
	db.hub.publish(changes("items", 1))
	got, err := feed.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := append(changes("items", 2), changes("items", 1)...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	db.hub.publish(changes("items", 3)) // there is room again
	if got, err := feed.Next(t.Context()); err != nil || len(got) != 3 {
		t.Errorf("got %d changes, %v", len(got), err)
	}
}

func TestFeedThatOverflowsHasLagged(t *testing.T) {
	t.Parallel()
	db, feed := watched(3)
	other := db.Watch(10, items)
	db.hub.publish(changes("items", 4))
	for range 2 { // and stays so
		if got, err := feed.Next(t.Context()); !errors.Is(err, ErrLagged) {
			t.Errorf("got %v, %v, want %v", got, err, ErrLagged)
		}
	}
	if got, err := other.Next(t.Context()); err != nil || len(got) != 4 {
		t.Errorf("the other feed: got %d changes, %v", len(got), err)
	}
}

func TestFeedEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		end  func(*DB, *Feed)
		want error
	}{
		"by its close":            {func(_ *DB, f *Feed) { f.Close() }, ErrClosed},
		"by the database's close": {func(db *DB, _ *Feed) { db.hub.close() }, ErrClosed},
		"by a loss":               {func(db *DB, _ *Feed) { db.hub.lose() }, ErrLagged},
		"by what came first":      {func(db *DB, f *Feed) { db.hub.lose(); f.Close() }, ErrLagged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, feed := watched(10)
			ended := make(chan error)
			go func() {
				_, err := feed.Next(t.Context())
				ended <- err
			}()
			tt.end(db, feed)
			if err := <-ended; !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			db.hub.publish(changes("items", 1))
			if got, err := feed.Next(t.Context()); !errors.Is(err, tt.want) {
				t.Errorf("after the end: got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestFeedAfterALossBeginsAnew(t *testing.T) {
	t.Parallel()
	db, _ := watched(10)
	db.hub.lose()
	feed := db.Watch(10, items)
	db.hub.publish(changes("items", 1))
	if got, err := feed.Next(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
	db.hub.close()
	if _, err := db.Watch(10, items).Next(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("a feed begun after close: got %v, want %v", err, ErrClosed)
	}
}

func TestFeedContext(t *testing.T) {
	t.Parallel()
	_, feed := watched(10)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := feed.Next(ctx)
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// TestFeedsComeAndGo has feeds begun and closed while changes are published:
// each gets a row of changes without a gap.
func TestFeedsComeAndGo(t *testing.T) {
	t.Parallel()
	db := &DB{hub: newHub()}
	stop := make(chan struct{})
	var publisher, readers sync.WaitGroup
	publisher.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				db.hub.publish([]Change{{Collection: "items", ID: fmt.Sprint(n), Op: Inserted}})
			}
		}
	})
	for range 8 {
		readers.Go(func() {
			for range 20 {
				readRow(t, db)
			}
		})
	}
	readers.Wait()
	close(stop)
	publisher.Wait()
}

func readRow(t *testing.T, db *DB) {
	feed := db.Watch(1<<20, items)
	defer feed.Close()
	next := -1
	for got := 0; got < 20; {
		cs, err := feed.Next(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		for _, c := range cs {
			var n int
			if _, err := fmt.Sscan(c.ID, &n); err != nil {
				t.Error(err)
			}
			if next >= 0 && n != next {
				t.Errorf("got change %d where %d was due", n, next)
			}
			next = n + 1
		}
		got += len(cs)
	}
}
