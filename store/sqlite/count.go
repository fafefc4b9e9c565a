package sqlite

import (
	"slices"

	"github.com/musterhq/muster/store"
	"zombiezen.com/go/sqlite"
)

// count counts the documents of a scan, in the index alone.
func (c *collection) count(conn *sqlite.Conn, s *store.Scan) (int64, error) {
	q := c.counting(s, nil)
	var n int64
	err := rows(conn, q.text.String(), q.args, func(stmt *sqlite.Stmt) error {
		n += stmt.ColumnInt64(0)
		return nil
	})
	return n, err
}

// countBy counts the documents of a scan for each value of a field of its
// index. SQLite groups by all fields up to that one, which is the index's own
// order and needs no sorting, and the sums are made here.
func (c *collection) countBy(conn *sqlite.Conn, s *store.Scan, field string) (map[string]int64, error) {
	q := c.counting(s, groups(s, field))
	counts := map[string]int64{}
	err := rows(conn, q.text.String(), q.args, func(stmt *sqlite.Stmt) error {
		counts[stmt.ColumnText(1)] += stmt.ColumnInt64(0)
		return nil
	})
	return counts, err
}

// groups returns the columns to group by, the last of which is the field.
func groups(s *store.Scan, field string) []string {
	rest := s.Rest()
	if i := slices.Index(rest, field); i >= 0 {
		return rest[:i+1]
	}
	return []string{field} // one of the equal fields
}

// counting returns the statement that counts, in groups if there are any.
func (c *collection) counting(s *store.Scan, groups []string) *query {
	q := &query{}
	for i, walk := range combinations(s.Equal) {
		if i > 0 {
			q.write(" UNION ALL ")
		}
		q.write("SELECT count(*)")
		if len(groups) > 0 {
			q.write(", ", quote(groups[len(groups)-1]))
		}
		q.write(" FROM ")
		c.walk(q, s, walk)
		q.from(s)
		if len(groups) > 0 {
			q.write(" GROUP BY ", list(groups))
		}
	}
	return q
}
