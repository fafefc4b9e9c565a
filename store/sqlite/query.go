package sqlite

import (
	"slices"
	"strconv"
	"strings"

	"github.com/musterhq/muster/store"
	"go.mongodb.org/mongo-driver/v2/bson"
	"zombiezen.com/go/sqlite"
)

// query is a statement in the making.
type query struct {
	text strings.Builder
	args []any
}

func (q *query) write(parts ...string) {
	for _, p := range parts {
		q.text.WriteString(p)
	}
}

// values writes n placeholders and takes their values; missing ones are NULL,
// which equals nothing.
func (q *query) values(n int, args ...any) {
	q.write("(?", strings.Repeat(",?", n-1), ")")
	q.args = append(q.args, args...)
	for range n - len(args) {
		q.args = append(q.args, nil)
	}
}

// load returns the documents with the ids that exist.
func (c *collection) load(conn *sqlite.Conn, ids []string) ([]bson.Raw, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var q query
	q.write(c.get, " IN ")
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	q.values(round(len(args)), args...)
	return q.documents(conn, 0, len(ids))
}

// find returns the documents of a scan, in its order.
//
// Each combination of the equal values is a walk along the index of its own;
// SQLite merges several as it reads them, so that the cost is that of the
// documents returned and of one step per combination, and nothing is sorted.
func (c *collection) find(conn *sqlite.Conn, s *store.Scan) ([]bson.Raw, error) {
	q, column := c.finding(s)
	return q.documents(conn, column, s.Limit)
}

// finding returns the statement of a scan, and which column is the document.
func (c *collection) finding(s *store.Scan) (*query, int) {
	q := &query{}
	order := orderOf(s)
	walks := combinations(s.Equal)
	output := []string{docColumn}
	if len(walks) > 1 { // a merge compares what it selects
		output = append(slices.Clone(order), docColumn)
	}
	for i, walk := range walks {
		if i > 0 {
			q.write(" UNION ALL ")
		}
		q.write("SELECT ", list(output), " FROM ")
		c.walk(q, s, walk)
		q.from(s)
	}
	q.order(s, order, len(walks))
	return q, len(output) - 1
}

// orderOf returns the columns that order a scan. Those of a unique index are
// enough; with the id SQLite would sort.
func orderOf(s *store.Scan) []string {
	if s.Index.Unique && len(s.Rest()) > 0 {
		return s.Rest()
	}
	if slices.Contains(s.Index.Fields, idColumn) {
		return s.Rest()
	}
	return append(slices.Clone(s.Rest()), idColumn)
}

// order writes the order of a scan. A single place of a unique index has none.
func (q *query) order(s *store.Scan, columns []string, walks int) {
	if walks == 1 && s.Index.Unique && len(s.Index.Fields) > 0 && len(s.Rest()) == 0 {
		return
	}
	q.write(" ORDER BY ")
	for i, column := range columns {
		if i > 0 {
			q.write(", ")
		}
		if walks == 1 {
			q.write(quote(column))
		} else {
			q.write(strconv.Itoa(i + 1))
		}
		if s.Descending {
			q.write(" DESC")
		}
	}
}

// walk writes the table, the index and the conditions of one combination of
// equal values, without the place to begin at.
func (c *collection) walk(q *query, s *store.Scan, equal []any) {
	q.write(c.table)
	if len(s.Index.Fields) > 0 {
		q.write(" INDEXED BY ", c.indexName(s.Index))
	}
	q.write(" WHERE TRUE")
	for i, v := range equal {
		q.write(" AND ", quote(s.Index.Fields[i]), "=?")
		q.args = append(q.args, v)
	}
	if s.Index.Sparse { // else SQLite cannot know that the index has them all
		q.write(" AND ", present(s.Index.Fields))
	}
}

// from writes where a scan begins and ends.
func (q *query) from(s *store.Scan) {
	near, far := s.Low, s.High
	if s.Descending {
		near, far = far, near
	}
	begins := s.After != nil && reaches(s.After[0], near, s.Descending)
	if begins {
		q.after(s)
	}
	if near != nil {
		q.bound(s, near, !s.Descending, begins)
	}
	if far != nil {
		q.bound(s, far, s.Descending, false)
	}
}

// after writes that the scan begins behind a document.
func (q *query) after(s *store.Scan) {
	columns := orderOf(s)
	operator := ">"
	if s.Descending {
		operator = "<"
	}
	q.write(" AND (", list(columns), ")", operator)
	q.values(len(columns), s.After[:len(columns)]...)
}

// bound writes one end of the range. Where the cursor says where to begin, the
// bound only checks it: the + keeps SQLite from beginning there.
func (q *query) bound(s *store.Scan, b *store.Bound, low, checks bool) {
	q.write(" AND ")
	if checks {
		q.write("+")
	}
	q.write(quote(s.Rest()[0]))
	if low {
		q.write(">")
	} else {
		q.write("<")
	}
	if b.Inclusive {
		q.write("=")
	}
	q.write("?")
	q.args = append(q.args, b.Value)
}

// documents runs the statement and returns a column of its first rows, up to
// the limit. The statement itself has none: SQLite would look at the value and
// therefore compile the statement anew each time that one is bound.
func (q *query) documents(conn *sqlite.Conn, column, limit int) ([]bson.Raw, error) {
	stmt, err := prepare(conn, q.text.String(), q.args...)
	if err != nil {
		return nil, err
	}
	defer stmt.Reset()
	var docs []bson.Raw
	for len(docs) < limit {
		more, err := stmt.Step()
		if err != nil || !more {
			return docs, err
		}
		docs = append(docs, blob(stmt, column))
	}
	return docs, nil
}

// combinations returns every choice of one value per field, and more that
// match nothing to make their number a power of two: there are then few
// different statements to keep prepared.
func combinations(equal [][]any) [][]any {
	all := [][]any{nil}
	for _, values := range equal {
		var longer [][]any
		for _, head := range all {
			for _, v := range values {
				longer = append(longer, append(slices.Clone(head), v))
			}
		}
		all = longer
	}
	for range round(len(all)) - len(all) {
		all = append(all, make([]any, len(equal)))
	}
	return all
}

// round returns the smallest power of two that is not below n.
func round(n int) int {
	size := 1
	for size < n {
		size *= 2
	}
	return size
}
