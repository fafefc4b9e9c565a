package sqlite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/musterhq/muster/store"
	"zombiezen.com/go/sqlite"
)

// migrate makes the table what the declaration says.
func (c *collection) migrate(conn *sqlite.Conn) error {
	if err := exec(conn, c.creation()); err != nil {
		return err
	}
	missing, err := c.dropOldIndexes(conn)
	if err != nil {
		return err
	}
	if err := c.matchColumns(conn); err != nil {
		return err
	}
	for _, definition := range missing {
		if err := exec(conn, definition); err != nil {
			return fmt.Errorf("%s: %w", definition, err)
		}
	}
	return nil
}

// creation is the statement that makes a new table, with all its columns: to
// add one later makes SQLite read its whole schema again.
func (c *collection) creation() string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %s (%s TEXT NOT NULL PRIMARY KEY, %s INTEGER NOT NULL, %s BLOB NOT NULL",
		c.table, quote(idColumn), quote(revColumn), quote(docColumn))
	for _, f := range c.fields {
		b.WriteString(", " + quote(f.path))
	}
	b.WriteString(")")
	return b.String()
}

// dropOldIndexes drops the indexes that are not declared as they are, and
// returns the definitions of those that are to be made.
func (c *collection) dropOldIndexes(conn *sqlite.Conn) ([]string, error) {
	var missing []string
	for i := range c.spec.Indexes {
		missing = append(missing, c.definition(&c.spec.Indexes[i]))
	}
	var old []string
	err := rows(conn, "SELECT name, sql FROM sqlite_schema WHERE type='index' AND sql IS NOT NULL AND tbl_name=?", []any{c.spec.Name},
		func(stmt *sqlite.Stmt) error {
			if i := slices.Index(missing, stmt.ColumnText(1)); i >= 0 {
				missing = slices.Delete(missing, i, i+1)
			} else {
				old = append(old, stmt.ColumnText(0))
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	for _, name := range old {
		if err := exec(conn, "DROP INDEX "+quote(name)); err != nil {
			return nil, err
		}
	}
	return missing, nil
}

// definition is the statement that makes an index, as SQLite keeps it.
func (c *collection) definition(ix *store.Index) string {
	var b strings.Builder
	b.WriteString("CREATE ")
	columns := ix.Fields
	if ix.Unique {
		b.WriteString("UNIQUE ") // total already, and the id would undo it
	} else if !slices.Contains(columns, idColumn) {
		columns = append(slices.Clone(columns), idColumn)
	}
	fmt.Fprintf(&b, "INDEX %s ON %s (%s)", c.indexName(ix), c.table, list(columns))
	if ix.Sparse {
		b.WriteString(" WHERE " + present(ix.Fields))
	}
	return b.String()
}

// indexName is the quoted name of an index; SQLite has one space of names for
// the indexes of all tables.
func (c *collection) indexName(ix *store.Index) string { return quote(c.spec.Name + "." + ix.Name) }

// matchColumns drops the columns that no index needs any more, since writes
// would not keep them, and adds and fills those that are new.
func (c *collection) matchColumns(conn *sqlite.Conn) error {
	have, err := texts(conn, "SELECT name FROM pragma_table_info(?) WHERE cid > 2", c.spec.Name)
	if err != nil {
		return err
	}
	added := false
	for _, f := range c.fields {
		if i := slices.Index(have, f.path); i >= 0 {
			have = slices.Delete(have, i, i+1)
			continue
		}
		added = true
		if err := exec(conn, fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s", c.table, quote(f.path))); err != nil {
			return err
		}
	}
	for _, name := range have {
		if err := exec(conn, fmt.Sprintf("ALTER TABLE %s DROP COLUMN %s", c.table, quote(name))); err != nil {
			return err
		}
	}
	if !added {
		return nil
	}
	return c.fillColumns(conn)
}

// fillBatch is how many documents fillColumns holds at a time.
const fillBatch = 500

// fillColumns sets all columns of all documents from what is in them.
func (c *collection) fillColumns(conn *sqlite.Conn) error {
	for last, more := int64(0), true; more; {
		var batch [][]any
		err := rows(conn, fmt.Sprintf("SELECT rowid, %s FROM %s WHERE rowid>? ORDER BY rowid LIMIT %d", quote(docColumn), c.table, fillBatch),
			[]any{last}, func(stmt *sqlite.Stmt) error {
				last = stmt.ColumnInt64(0)
				row, err := c.appendFields(nil, blob(stmt, 1))
				batch = append(batch, append(row, last))
				return err
			})
		if err != nil {
			return err
		}
		if err := c.fill(conn, batch); err != nil {
			return err
		}
		more = len(batch) == fillBatch
	}
	return nil
}

func (c *collection) fill(conn *sqlite.Conn, batch [][]any) error {
	columns := make([]string, len(c.fields))
	for i, f := range c.fields {
		columns[i] = quote(f.path) + "=?"
	}
	update := fmt.Sprintf("UPDATE %s SET %s WHERE rowid=?", c.table, strings.Join(columns, ", "))
	for _, row := range batch {
		if err := exec(conn, update, row...); err != nil {
			return err
		}
	}
	return nil
}

// list is a list of columns.
func list(columns []string) string {
	quoted := make([]string, len(columns))
	for i, column := range columns {
		quoted[i] = quote(column)
	}
	return strings.Join(quoted, ", ")
}

// present is the condition that none of the fields is missing.
func present(fields []string) string {
	conditions := make([]string, len(fields))
	for i, f := range fields {
		conditions[i] = quote(f) + " IS NOT NULL"
	}
	return strings.Join(conditions, " AND ")
}
