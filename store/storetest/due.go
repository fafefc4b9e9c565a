package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/musterhq/muster/store"
)

func testDue(t *testing.T, open Opener) {
	each(t, open, []test{
		{"due documents are claimed, longest due first", testClaimOrder},
		{"many claimants share the work, each document once", testClaimShare},
		{"a lease that runs out makes due again", testLease},
		{"next due is the earliest", testNextDue},
	})
}

const lease = time.Minute

// insertDue stores documents that are due at epoch plus each of the delays.
func insertDue(t *testing.T, db *store.DB, delays ...time.Duration) []*thing {
	t.Helper()
	docs := make([]*thing, len(delays))
	for i, delay := range delays {
		docs[i] = newThing(i)
		docs[i].SetDue(epoch.Add(delay))
	}
	insert(t, db, docs...)
	return docs
}

func claim(t *testing.T, db *store.DB, now time.Time, limit int) []*thing {
	t.Helper()
	docs, err := store.Claim(t.Context(), db, things, now, lease, limit)
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

func testClaimOrder(t *testing.T, db *store.DB) {
	docs := insertDue(t, db, 3*time.Second, time.Second, 2*time.Second, 0, time.Hour)
	insert(t, db, newThing(9)) // never due
	now := epoch.Add(2 * time.Second)
	if diff := cmp.Diff([]string{docs[3].ID, docs[1].ID}, ids(claim(t, db, now, 2))); diff != "" {
		t.Errorf("first claim (-want +got):\n%s", diff)
	}
	second := claim(t, db, now, 10)
	if diff := cmp.Diff([]string{docs[2].ID}, ids(second)); diff != "" {
		t.Errorf("second claim (-want +got):\n%s", diff)
	}
	if got := second[0]; !got.DueAt.Equal(now.Add(lease)) || got.Claims != 1 || got.Rev != 2 {
		t.Errorf("claimed: due %v, %d claims, revision %d", got.DueAt, got.Claims, got.Rev)
	}
	wantStored(t, db, second[0])
	if rest := claim(t, db, now, 10); len(rest) != 0 {
		t.Errorf("third claim: got %v", ids(rest))
	}
}

func testClaimShare(t *testing.T, db *store.DB) {
	const documents = 500
	insertDue(t, db, make([]time.Duration, documents)...)
	var mu sync.Mutex
	claims := map[string]int{}
	errs := together(16, func(int) error {
		for {
			docs, err := store.Claim(t.Context(), db, things, epoch, lease, 20)
			if err != nil {
				return err
			}
			mu.Lock()
			for _, d := range docs {
				claims[d.ID]++
			}
			mu.Unlock()
			next, err := store.NextDue(t.Context(), db, things)
			if err != nil || next.After(epoch) {
				return err
			}
		}
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if len(claims) != documents {
		t.Errorf("%d documents were claimed, want %d", len(claims), documents)
	}
	for id, n := range claims {
		if n != 1 {
			t.Errorf("%s was claimed %d times", id, n)
		}
	}
}

func testLease(t *testing.T, db *store.DB) {
	insertDue(t, db, 0)
	first := claim(t, db, epoch, 1)[0]
	if early := claim(t, db, epoch.Add(lease-time.Millisecond), 1); len(early) != 0 {
		t.Fatalf("claimed %v before the lease ran out", ids(early))
	}
	second := claim(t, db, epoch.Add(lease), 1)
	if len(second) != 1 || second[0].Claims != 2 {
		t.Fatalf("after the lease: got %v", second)
	}
	first.SetDue(time.Time{})
	wantError(t, "the first owner's replace", things.Replace(t.Context(), db, first), store.ErrStale)
	done := second[0]
	done.SetDue(time.Time{})
	if err := things.Replace(t.Context(), db, done); err != nil {
		t.Fatal(err)
	}
	wantStored(t, db, done)
	if again := claim(t, db, epoch.Add(24*time.Hour), 1); len(again) != 0 {
		t.Errorf("claimed %v, which is done", ids(again))
	}
}

func testNextDue(t *testing.T, db *store.DB) {
	next := func() time.Time {
		t.Helper()
		at, err := store.NextDue(t.Context(), db, things)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	insert(t, db, newThing(100))
	if got := next(); !got.IsZero() {
		t.Errorf("nothing due: got %v", got)
	}
	insertDue(t, db, time.Hour, time.Second, time.Minute)
	if got := next(); !got.Equal(epoch.Add(time.Second)) {
		t.Errorf("got %v, want %v", got, epoch.Add(time.Second))
	}
	claim(t, db, epoch.Add(time.Second), 1)
	if got := next(); !got.Equal(epoch.Add(time.Minute)) {
		t.Errorf("after the claim: got %v, want %v", got, epoch.Add(time.Minute))
	}
}
