package sqlite

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/musterhq/muster/store"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// The columns that every table has. No field of a document can have such a
// name and be indexed, but for the id, which then is this column.
const (
	idColumn  = "_id"
	revColumn = "_rev"
	docColumn = "_doc"
)

// collection is a collection's table and the statements that write to it.
type collection struct {
	spec   *store.Spec
	table  string  // quoted
	fields []field // each indexed field once; its column has its path as name

	get, exists, insert, replace, remove string
	taken                                map[string]string // SQLite's message → index
}

// field is an indexed field.
type field struct {
	path     string
	required bool // an index that is not sparse needs it
}

func newCollection(spec *store.Spec) *collection {
	c := &collection{spec: spec, table: quote(spec.Name)}
	for i := range spec.Indexes {
		c.addFields(&spec.Indexes[i])
	}
	c.writeStatements()
	c.taken = map[string]string{violation(spec.Name, []string{idColumn}): idColumn}
	for _, ix := range spec.Indexes {
		if ix.Unique {
			c.taken[violation(spec.Name, ix.Fields)] = ix.Name
		}
	}
	return c
}

func (c *collection) addFields(ix *store.Index) {
	for _, path := range ix.Fields {
		if path == idColumn {
			continue
		}
		i := slices.IndexFunc(c.fields, func(f field) bool { return f.path == path })
		if i < 0 {
			i, c.fields = len(c.fields), append(c.fields, field{path: path})
		}
		c.fields[i].required = c.fields[i].required || !ix.Sparse
	}
}

func (c *collection) writeStatements() {
	columns := []string{quote(docColumn), quote(revColumn)}
	for _, f := range c.fields {
		columns = append(columns, quote(f.path))
	}
	id, rev := quote(idColumn), quote(revColumn)
	this := fmt.Sprintf(" WHERE %s=? AND %s=?", id, rev)
	c.get = fmt.Sprintf("SELECT %s FROM %s WHERE %s", quote(docColumn), c.table, id)
	c.exists = fmt.Sprintf("SELECT 1 FROM %s WHERE %s=?", c.table, id)
	c.insert = fmt.Sprintf("INSERT INTO %s (%s, %s) VALUES (?%s)",
		c.table, strings.Join(columns, ", "), id, strings.Repeat(", ?", len(columns)))
	c.replace = fmt.Sprintf("UPDATE %s SET %s=?%s", c.table, strings.Join(columns, "=?, "), this)
	c.remove = fmt.Sprintf("DELETE FROM %s%s", c.table, this)
}

// row returns the values of the columns for a document: itself, its revision
// and its indexed fields.
func (c *collection) row(rev int64, doc bson.Raw) ([]any, error) {
	row := make([]any, 0, len(c.fields)+4) // the caller adds the key
	row = append(row, doc, rev)
	return c.appendFields(row, doc)
}

func (c *collection) appendFields(row []any, doc bson.Raw) ([]any, error) {
	for _, f := range c.fields {
		v := store.Value(doc, f.path)
		if number, ok := v.(float64); ok && math.IsNaN(number) {
			v = nil // it has no place in an order
		}
		if v == nil && f.required {
			return nil, fmt.Errorf("sqlite: a document of %s without %s, which an index needs", c.spec.Name, f.path)
		}
		row = append(row, v)
	}
	return row, nil
}

// violation is what SQLite says when a key of these columns is taken.
func violation(table string, columns []string) string {
	qualified := make([]string, len(columns))
	for i, column := range columns {
		qualified[i] = table + "." + column
	}
	return "UNIQUE constraint failed: " + strings.Join(qualified, ", ")
}
