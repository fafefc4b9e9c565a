package sqlite

import (
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"zombiezen.com/go/sqlite"
)

// prepare returns the connection's cached statement with its values bound.
func prepare(conn *sqlite.Conn, text string, args ...any) (*sqlite.Stmt, error) {
	stmt, err := conn.Prepare(text)
	if err != nil {
		return nil, err
	}
	for i, v := range args {
		if err := bind(stmt, i+1, v); err != nil {
			return nil, err
		}
	}
	return stmt, nil
}

func bind(stmt *sqlite.Stmt, i int, v any) error {
	switch v := v.(type) {
	case nil:
		stmt.BindNull(i)
	case string:
		stmt.BindText(i, v)
	case int64:
		stmt.BindInt64(i, v)
	case float64:
		stmt.BindFloat(i, v)
	case bool:
		stmt.BindBool(i, v)
	case time.Time:
		stmt.BindInt64(i, v.UnixMilli())
	case bson.Raw:
		stmt.BindBytes(i, v)
	default:
		return fmt.Errorf("sqlite: a value of type %T", v)
	}
	return nil
}

// rows runs a statement and calls row for each row. The statement is reset in
// any case: a reader that is not would keep an old snapshot.
func rows(conn *sqlite.Conn, text string, args []any, row func(*sqlite.Stmt) error) error {
	stmt, err := prepare(conn, text, args...)
	if err != nil {
		return err
	}
	defer stmt.Reset()
	for {
		more, err := stmt.Step()
		if err != nil || !more {
			return err
		}
		if err := row(stmt); err != nil {
			return err
		}
	}
}

func exec(conn *sqlite.Conn, text string, args ...any) error {
	return rows(conn, text, args, func(*sqlite.Stmt) error { return nil })
}

// integer returns the first column of the only row, 0 if there is none.
func integer(conn *sqlite.Conn, text string, args ...any) (int64, error) {
	var n int64
	err := rows(conn, text, args, func(stmt *sqlite.Stmt) error {
		n = stmt.ColumnInt64(0)
		return nil
	})
	return n, err
}

// texts returns the first column of every row.
func texts(conn *sqlite.Conn, text string, args ...any) ([]string, error) {
	var all []string
	err := rows(conn, text, args, func(stmt *sqlite.Stmt) error {
		all = append(all, stmt.ColumnText(0))
		return nil
	})
	return all, err
}

func blob(stmt *sqlite.Stmt, column int) bson.Raw {
	raw := make(bson.Raw, stmt.ColumnLen(column))
	stmt.ColumnBytes(column, raw)
	return raw
}

// quote makes a name an SQL identifier.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
