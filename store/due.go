package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
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
// it claimed all the same; a document that cannot be read holds up no other.
func Claim[T any](ctx context.Context, db *DB, c *Collection[T], now time.Time, lease time.Duration, limit int) ([]*T, error) {
	due, unreadable := c.due(ctx, db, Where(AtMost("dueAt", now)).Sort("dueAt"), limit)
	won := make([]bool, len(due))
	var g errgroup.Group
	g.SetLimit(claimWidth)
	for i, doc := range due {
		g.Go(func() (err error) {
			d := dueOf(doc)
			d.DueAt = now.Add(lease)
			d.Claims++
			won[i], err = c.wins(ctx, db, doc)
			return err
		})
	}
	err := errors.Join(unreadable, g.Wait())
	if err != nil {
		err = fmt.Errorf("claiming %s: %w", c.spec.Name, err)
	}
	claimed := make([]*T, 0, len(due))
	for i, doc := range due {
		if won[i] {
			claimed = append(claimed, doc)
		}
	}
	return claimed, err
}

// maxLease is the longest that a claim may hold.
const maxLease = time.Minute

// release makes due at once, before everything else, what was claimed and not
// done. It is for a process that has the database to itself and has just opened
// it: whoever claimed it is dead.
func (db *DB) release(ctx context.Context, c *Spec, now time.Time) error {
	scan, err := c.plan(Where(Above("dueAt", now), AtMost("dueAt", now.Add(maxLease))).Sort("dueAt"))
	if errors.Is(err, ErrNoIndex) {
		return nil // nothing in it is ever due
	}
	for scan.Limit = allPage; err == nil; {
		var docs []bson.Raw
		if docs, err = db.engine.Find(ctx, c, scan); err != nil || len(docs) == 0 {
			break
		}
		for _, raw := range docs {
			if claims, _ := Value(raw, "claims").(int64); claims > 0 {
				err = errors.Join(err, db.makeDue(ctx, c, raw))
			}
		}
		last := docs[len(docs)-1]
		scan.After = []any{Value(last, "dueAt"), Value(last, "_id")}
	}
	if err != nil {
		return fmt.Errorf("store: releasing %s: %w", c.Name, err)
	}
	return nil
}

// makeDue makes a document due since always, whatever its type.
func (db *DB) makeDue(ctx context.Context, c *Spec, raw bson.Raw) error {
	var doc bson.D
	if err := bson.Unmarshal(raw, &doc); err != nil {
		return err
	}
	id, _ := Value(raw, "_id").(string)
	rev, _ := Value(raw, "rev").(int64)
	for i := range doc {
		switch doc[i].Key {
		case "dueAt":
			doc[i].Value = time.UnixMilli(0)
		case "rev":
			doc[i].Value = rev + 1
		}
	}
	changed, err := bson.Marshal(doc)
	if err != nil {
		return err
	}
	return db.engine.Replace(ctx, c, id, rev, changed)
}

// wins replaces the document, and reports whether it was the first to.
func (c *Collection[T]) wins(ctx context.Context, db *DB, doc *T) (bool, error) {
	err := c.Replace(ctx, db, doc)
	if errors.Is(err, ErrStale) || errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// due returns up to limit documents of the query, and the errors of those that
// could not be read.
func (c *Collection[T]) due(ctx context.Context, db *DB, q Query, limit int) ([]*T, error) {
	scan, err := c.spec.plan(q)
	if err != nil {
		return nil, err
	}
	var readable []*T
	var unreadable []error
	for len(readable) < limit {
		scan.Limit = limit
		docs, err := db.engine.Find(ctx, &c.spec, scan)
		if err != nil {
			return readable, errors.Join(append(unreadable, err)...)
		}
		for _, raw := range docs {
			doc, err := c.decode(raw)
			if err != nil {
				unreadable = append(unreadable, err)
			} else if len(readable) < limit {
				readable = append(readable, doc)
			}
			scan.After = []any{Value(raw, "dueAt"), Value(raw, "_id")}
		}
		if len(docs) < limit {
			break
		}
	}
	return readable, errors.Join(unreadable...)
}

// NextDue returns when the next document of the collection becomes due, and
// the zero time if none will.
func NextDue[T any](ctx context.Context, db *DB, c *Collection[T]) (time.Time, error) {
	scan, err := c.spec.plan(Where(AtLeast("dueAt", time.UnixMilli(0))).Sort("dueAt"))
	if err != nil {
		return time.Time{}, err
	}
	scan.Limit = 1
	docs, err := db.engine.Find(ctx, &c.spec, scan)
	if err != nil || len(docs) == 0 {
		return time.Time{}, c.wrap("find", err)
	}
	at, _ := Value(docs[0], "dueAt").(time.Time)
	return at, nil
}

func dueOf[T any](doc *T) *Due { return any(doc).(interface{ due() *Due }).due() }
