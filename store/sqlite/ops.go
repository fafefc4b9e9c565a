package sqlite

import (
	"context"

	"github.com/musterhq/muster/store"
	"go.mongodb.org/mongo-driver/v2/bson"
	"zombiezen.com/go/sqlite"
)

// Get implements store.Ops.
func (e *Engine) Get(ctx context.Context, s *store.Spec, ids []string) (docs []bson.Raw, err error) {
	c, err := e.collection(s)
	if err != nil {
		return nil, err
	}
	err = e.readers.with(ctx, func(conn *sqlite.Conn) error {
		docs, err = c.load(conn, ids)
		return err
	})
	return docs, err
}

// Insert implements store.Ops.
func (e *Engine) Insert(ctx context.Context, s *store.Spec, id string, doc bson.Raw) error {
	c, err := e.collection(s)
	if err != nil {
		return err
	}
	step, err := c.inserting(id, doc)
	if err != nil {
		return err
	}
	return e.writer.write(ctx, step.run, step.change)
}

// Replace implements store.Ops.
func (e *Engine) Replace(ctx context.Context, s *store.Spec, id string, rev int64, doc bson.Raw) error {
	c, err := e.collection(s)
	if err != nil {
		return err
	}
	step, err := c.replacing(id, rev, doc)
	if err != nil {
		return err
	}
	return e.writer.write(ctx, step.run, step.change)
}

// Delete implements store.Ops.
func (e *Engine) Delete(ctx context.Context, s *store.Spec, id string, rev int64) error {
	c, err := e.collection(s)
	if err != nil {
		return err
	}
	step := c.deleting(id, rev)
	return e.writer.write(ctx, step.run, step.change)
}

// Find implements store.Ops.
func (e *Engine) Find(ctx context.Context, s *store.Spec, scan store.Scan) (docs []bson.Raw, err error) {
	c, err := e.collection(s)
	if err != nil {
		return nil, err
	}
	err = e.readers.with(ctx, func(conn *sqlite.Conn) error {
		docs, err = c.find(conn, &scan)
		return err
	})
	return docs, err
}

// Count implements store.Ops.
func (e *Engine) Count(ctx context.Context, s *store.Spec, scan store.Scan) (n int64, err error) {
	c, err := e.collection(s)
	if err != nil {
		return 0, err
	}
	err = e.readers.interruptibly(ctx, func(conn *sqlite.Conn) error {
		n, err = c.count(conn, &scan)
		return err
	})
	return n, err
}

// CountBy implements store.Ops.
func (e *Engine) CountBy(ctx context.Context, s *store.Spec, scan store.Scan, field string) (counts map[string]int64, err error) {
	c, err := e.collection(s)
	if err != nil {
		return nil, err
	}
	err = e.readers.interruptibly(ctx, func(conn *sqlite.Conn) error {
		counts, err = c.countBy(conn, &scan, field)
		return err
	})
	return counts, err
}

// Atomically implements store.Engine. It runs fn once, in the caller's
// goroutine, while all other writers wait.
func (e *Engine) Atomically(ctx context.Context, fn func(store.Ops) error) error {
	return e.writer.atomically(ctx, func(tx *transaction) error {
		tx.engine = e
		return fn(tx)
	})
}
