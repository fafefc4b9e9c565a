package sqlite

import (
	"context"
	"fmt"
	"slices"

	"github.com/musterhq/muster/store"
	"zombiezen.com/go/sqlite"
)

// Reaches is reaches.
var Reaches = reaches

// PlanFind returns SQLite's plan for a Find, a step a line.
func (e *Engine) PlanFind(ctx context.Context, s *store.Spec, scan store.Scan) ([]string, error) {
	c, err := e.collection(s)
	if err != nil {
		return nil, err
	}
	q, _ := c.finding(&scan)
	return e.plan(ctx, q)
}

// PlanCount returns SQLite's plan for a Count.
func (e *Engine) PlanCount(ctx context.Context, s *store.Spec, scan store.Scan) ([]string, error) {
	c, err := e.collection(s)
	if err != nil {
		return nil, err
	}
	return e.plan(ctx, c.counting(&scan, nil))
}

// PlanCountBy returns SQLite's plan for a CountBy.
func (e *Engine) PlanCountBy(ctx context.Context, s *store.Spec, scan store.Scan, field string) ([]string, error) {
	c, err := e.collection(s)
	if err != nil {
		return nil, err
	}
	return e.plan(ctx, c.counting(&scan, groups(&scan, field)))
}

func (e *Engine) plan(ctx context.Context, q *query) (steps []string, err error) {
	err = e.readers.with(ctx, func(conn *sqlite.Conn) error {
		return rows(conn, "EXPLAIN QUERY PLAN "+q.text.String(), q.args, func(stmt *sqlite.Stmt) error {
			steps = append(steps, stmt.ColumnText(3))
			return nil
		})
	})
	return steps, err
}

// Recompiles reports whether SQLite compiles the statement of a Find again when
// it is run a second time.
func (e *Engine) Recompiles(ctx context.Context, s *store.Spec, scan store.Scan) (again bool, err error) {
	c, err := e.collection(s)
	if err != nil {
		return false, err
	}
	err = e.readers.with(ctx, func(conn *sqlite.Conn) error {
		compiling := sqlite.AuthorizeFunc(func(sqlite.Action) sqlite.AuthResult {
			again = true
			return sqlite.AuthResultOK
		})
		if err := conn.SetAuthorizer(compiling); err != nil {
			return err
		}
		if _, err := c.find(conn, &scan); err != nil {
			return err
		}
		again = false
		if _, err := c.find(conn, &scan); err != nil {
			return err
		}
		return conn.SetAuthorizer(nil)
	})
	return again, err
}

// Check lets SQLite check the whole database.
func (e *Engine) Check(ctx context.Context) error {
	return e.readers.with(ctx, func(conn *sqlite.Conn) error {
		found, err := texts(conn, "PRAGMA integrity_check")
		if err == nil && !slices.Equal(found, []string{"ok"}) {
			err = fmt.Errorf("integrity check: %v", found)
		}
		return err
	})
}

// Schema returns the statements that made the tables and indexes.
func (e *Engine) Schema(ctx context.Context) (all []string, err error) {
	err = e.readers.with(ctx, func(conn *sqlite.Conn) error {
		all, err = texts(conn, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name")
		return err
	})
	return all, err
}
