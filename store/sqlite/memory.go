package sqlite

import (
	"strings"

	"zombiezen.com/go/sqlite"
)

// The sizes of memory that SQLite uses all the time: values, pages and what
// goes with a savepoint. The allocator rounds up to powers of two.
const (
	smallestBlock = 16
	blockSizes    = 11 // up to 16 KB; larger ones always come from the system
)

// holdMemory keeps one block of each size in use, as values bound to a
// statement that never runs, for as long as the connection is open.
//
// The allocator below the pure Go SQLite returns memory to the system as soon
// as no block of a size is in use, and maps it again for the next one. Without
// this every savepoint, and many a bound value, costs several system calls: nearly a
// third of the time of an atomic step.
func holdMemory(conn *sqlite.Conn) error {
	stmt, err := conn.Prepare("SELECT ?" + strings.Repeat(", ?", blockSizes-1))
	if err != nil {
		return err
	}
	for i := range blockSizes {
		stmt.BindBytes(i+1, make([]byte, smallestBlock<<i))
	}
	return nil
}
