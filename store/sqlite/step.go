package sqlite

import (
	"strings"

	"github.com/musterhq/muster/store"
	"go.mongodb.org/mongo-driver/v2/bson"
	"zombiezen.com/go/sqlite"
)

// step is a change of one document, ready to be made: what can be worked out
// before has been, so that the writer is not held up by it.
type step struct {
	run    func(*sqlite.Conn) error
	change store.Change
}

func (c *collection) inserting(id string, doc bson.Raw) (step, error) {
	row, err := c.row(1, doc)
	if err != nil {
		return step{}, err
	}
	row = append(row, id)
	return step{
		run:    func(conn *sqlite.Conn) error { return c.add(conn, id, row) },
		change: store.Change{Collection: c.spec.Name, ID: id, Op: store.Inserted, Doc: doc},
	}, nil
}

func (c *collection) replacing(id string, rev int64, doc bson.Raw) (step, error) {
	row, err := c.row(rev+1, doc)
	if err != nil {
		return step{}, err
	}
	row = append(row, id, rev)
	return step{
		run:    func(conn *sqlite.Conn) error { return c.hit(conn, id, c.replace, row) },
		change: store.Change{Collection: c.spec.Name, ID: id, Op: store.Replaced, Doc: doc},
	}, nil
}

func (c *collection) deleting(id string, rev int64) step {
	return step{
		run:    func(conn *sqlite.Conn) error { return c.hit(conn, id, c.remove, []any{id, rev}) },
		change: store.Change{Collection: c.spec.Name, ID: id, Op: store.Deleted},
	}
}

// add runs the insert. If both the id and a key are taken the error names the
// id, as MongoDB's does; SQLite would name any.
func (c *collection) add(conn *sqlite.Conn, id string, row []any) error {
	err := c.explain(exec(conn, c.insert, row...))
	if taken, ok := err.(*store.DuplicateError); ok && taken.Index != idColumn {
		found, err := integer(conn, c.exists, id)
		if err != nil {
			return err
		}
		if found != 0 {
			taken.Index = idColumn
		}
	}
	return err
}

// hit runs a statement that must change one revision of one document.
func (c *collection) hit(conn *sqlite.Conn, id, text string, args []any) error {
	if err := exec(conn, text, args...); err != nil {
		return c.explain(err)
	}
	if conn.Changes() > 0 {
		return nil
	}
	found, err := integer(conn, c.exists, id)
	if err != nil {
		return err
	}
	if found == 0 {
		return store.ErrNotFound
	}
	return store.ErrStale
}

// explain turns a broken unique index into a *store.DuplicateError.
func (c *collection) explain(err error) error {
	switch sqlite.ErrCode(err) {
	case sqlite.ResultConstraintUnique, sqlite.ResultConstraintPrimaryKey:
	default:
		return err
	}
	message := err.Error()
	if i := strings.Index(message, "UNIQUE constraint failed: "); i >= 0 {
		if index, ok := c.taken[message[i:]]; ok {
			return &store.DuplicateError{Collection: c.spec.Name, Index: index}
		}
	}
	return err
}
