package sqlite

import (
	"context"
	"errors"

	"github.com/musterhq/muster/store"
	"go.mongodb.org/mongo-driver/v2/bson"
	"zombiezen.com/go/sqlite"
)

// transaction is the writer's connection while it is lent to a caller of
// Atomically. It implements store.Ops; its reads see its own writes.
type transaction struct {
	engine  *Engine
	conn    *sqlite.Conn
	changes []store.Change
	over    bool
}

var errOver = errors.New("sqlite: a transaction was used after its end")

// collection returns the collection if the transaction can go on.
func (tx *transaction) collection(ctx context.Context, s *store.Spec) (*collection, error) {
	if tx.over {
		return nil, errOver
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if tx.conn.AutocommitEnabled() { // anything now would be a commit of its own
		return nil, errLost
	}
	return tx.engine.collection(s)
}

// apply runs a step, and keeps its change for the commit.
func (tx *transaction) apply(s step) error {
	if err := s.run(tx.conn); err != nil {
		return err
	}
	tx.changes = append(tx.changes, s.change)
	return nil
}

func (tx *transaction) Get(ctx context.Context, s *store.Spec, ids []string) ([]bson.Raw, error) {
	c, err := tx.collection(ctx, s)
	if err != nil {
		return nil, err
	}
	return c.load(tx.conn, ids)
}

func (tx *transaction) Insert(ctx context.Context, s *store.Spec, id string, doc bson.Raw) error {
	c, err := tx.collection(ctx, s)
	if err != nil {
		return err
	}
	step, err := c.inserting(id, doc)
	if err != nil {
		return err
	}
	return tx.apply(step)
}

func (tx *transaction) Replace(ctx context.Context, s *store.Spec, id string, rev int64, doc bson.Raw) error {
	c, err := tx.collection(ctx, s)
	if err != nil {
		return err
	}
	step, err := c.replacing(id, rev, doc)
	if err != nil {
		return err
	}
	return tx.apply(step)
}

func (tx *transaction) Delete(ctx context.Context, s *store.Spec, id string, rev int64) error {
	c, err := tx.collection(ctx, s)
	if err != nil {
		return err
	}
	return tx.apply(c.deleting(id, rev))
}

func (tx *transaction) Find(ctx context.Context, s *store.Spec, scan store.Scan) ([]bson.Raw, error) {
	c, err := tx.collection(ctx, s)
	if err != nil {
		return nil, err
	}
	return c.find(tx.conn, &scan)
}

func (tx *transaction) Count(ctx context.Context, s *store.Spec, scan store.Scan) (int64, error) {
	c, err := tx.collection(ctx, s)
	if err != nil {
		return 0, err
	}
	return c.count(tx.conn, &scan)
}

func (tx *transaction) CountBy(ctx context.Context, s *store.Spec, scan store.Scan, field string) (map[string]int64, error) {
	c, err := tx.collection(ctx, s)
	if err != nil {
		return nil, err
	}
	return c.countBy(tx.conn, &scan, field)
}
