package sqlite

import (
	"fmt"

	"zombiezen.com/go/sqlite"
)

// format is the version of the tables' layout, kept as user_version.
const format = 1

// configureWriter sets what a durable database needs, and refuses one that a
// newer version of this package has made.
func configureWriter(conn *sqlite.Conn) error {
	version, err := integer(conn, "PRAGMA user_version")
	if err != nil {
		return err
	}
	if version > format {
		return fmt.Errorf("the database has format %d, and this version knows up to %d", version, format)
	}
	for _, pragma := range []string{
		"PRAGMA journal_mode=WAL",
		"PRAGMA synchronous=FULL",
		// A few thousand pages between checkpoints keep the log short and
		// write a page that many commits touched once.
		"PRAGMA wal_autocheckpoint=4000",
		"PRAGMA journal_size_limit=67108864",
		"PRAGMA cache_size=-65536",
		"PRAGMA temp_store=MEMORY",
		fmt.Sprintf("PRAGMA user_version=%d", format),
	} {
		if err := exec(conn, pragma); err != nil {
			return err
		}
	}
	return nil
}

func configureReader(conn *sqlite.Conn) error {
	for _, pragma := range []string{
		"PRAGMA query_only=ON",
		"PRAGMA cache_size=-16384",
		"PRAGMA temp_store=MEMORY",
	} {
		if err := exec(conn, pragma); err != nil {
			return err
		}
	}
	return nil
}
