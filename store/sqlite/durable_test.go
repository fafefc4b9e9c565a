package sqlite

import "testing"

// What a power cut takes no test here can see; that the writer asks for
// everything to be on disk before it answers, one can.
func TestWriterIsDurable(t *testing.T) {
	t.Parallel()
	e, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	const full = 2
	if got, err := integer(e.writer.conn, "PRAGMA synchronous"); err != nil || got != full {
		t.Errorf("synchronous is %d, %v, want %d (FULL)", got, err, full)
	}
	if mode, err := texts(e.writer.conn, "PRAGMA journal_mode"); err != nil || len(mode) != 1 || mode[0] != "wal" {
		t.Errorf("journal mode %v, %v, want wal", mode, err)
	}
}
