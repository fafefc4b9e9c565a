package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// Due is embedded, as
//
//	store.Due `bson:",inline"`
//
// in documents to which something must be done at a certain time, whatever
// happens to the process until then. Its collection needs DueIndex.
type Due struct {
	DueAt time.Time `bson:"dueAt,omitempty"` // zero: nothing to do
	// Claims counts how often the work was begun since it was last set; more
	// than one means that a process died, or was too slow.
	Claims int `bson:"claims,omitempty"`
}

func (d *Due) due() *Due { return d }

// SetDue says when there is something to do next; the zero time for never.
func (d *Due) SetDue(at time.Time) { d.DueAt, d.Claims = at, 0 }

// DueIndex is the index by which due documents are found.
var DueIndex = Index{Name: "due", Fields: []string{"dueAt"}, Sparse: true}

// claimWidth is how many claims are written at a time: an engine that groups
// commits makes one of them.
const claimWidth = 64

// Claim hands out up to limit documents that are due at now, longest due
// first, each to one claimant only: it sets their DueAt to now + lease by
// compare-and-set, so that they become due again if the claimant dies. The
// claimant does the work and replaces the document, which fails with ErrStale
// if the lease ran out and another has claimed it. With an error it returns what
// it claimed all the same.
func Claim[T any](ctx context.Context, db *DB, c *Collection[T], now time.Time, lease time.Duration, limit int) ([]*T, error) {
	page, err := c.List(ctx, db, Where(AtMost("dueAt", now)).Sort("dueAt"), limit, "")
	if err != nil {
		return nil, err
	}
	won := make([]bool, len(page.Items))
	var g errgroup.Group
	g.SetLimit(claimWidth)
	for i, doc := range page.Items {
		g.Go(func() error {
			d := any(doc).(interface{ due() *Due }).due()
			d.DueAt = now.Add(lease)
			d.Claims++
			err := c.Replace(ctx, db, doc)
			if errors.Is(err, ErrStale) || errors.Is(err, ErrNotFound) {
				return nil // another claimant, or a change, was first
			}
			won[i] = err == nil
			return err
		})
	}
	if err = g.Wait(); err != nil {
		err = fmt.Errorf("claiming %s: %w", c.spec.Name, err)
	}
	claimed := make([]*T, 0, len(page.Items))
	for i, doc := range page.Items {
		if won[i] {
			claimed = append(claimed, doc)
		}
	}
	return claimed, err
}

// NextDue returns when the next document of the collection becomes due, and
// the zero time if none will.
func NextDue[T any](ctx context.Context, db *DB, c *Collection[T]) (time.Time, error) {
	doc, err := c.First(ctx, db, Where(AtLeast("dueAt", time.UnixMilli(0))).Sort("dueAt"))
	if errors.Is(err, ErrNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return any(doc).(interface{ due() *Due }).due().DueAt, nil
}
