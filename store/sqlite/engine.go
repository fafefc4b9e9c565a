package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"
	"github.com/musterhq/muster/store"
	"zombiezen.com/go/sqlite"
)

// ErrLocked reports that another process, or another Engine of this one, has
// the directory open.
var ErrLocked = errors.New("sqlite: the data directory is in use by another process")

// The files in the data directory; SQLite adds -wal and -shm beside the first.
const (
	databaseFile = "muster.db"
	lockFile     = "muster.lock"
)

// Engine is an open database directory. It is a store.Engine.
type Engine struct {
	lock        *flock.Flock
	writer      *writer
	readers     *readers
	collections map[string]*collection // set by Prepare

	closing  sync.Once
	closeErr error
}

var _ store.Engine = (*Engine)(nil)

// Open opens the database in the directory, which it creates, for the owner
// only, if it is missing. It fails at once with ErrLocked if somebody else has
// it open.
func Open(dir string) (*Engine, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("sqlite: creating the data directory: %w", err)
	}
	lock, err := acquire(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, err
	}
	e, err := open(filepath.Join(dir, databaseFile))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: opening %s: %w", dir, err), lock.Unlock())
	}
	e.lock = lock
	return e, nil
}

func acquire(path string) (*flock.Flock, error) {
	lock := flock.New(path, flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("sqlite: locking the data directory: %w", err)
	}
	if !got {
		return nil, fmt.Errorf("%w: %s", ErrLocked, filepath.Dir(path))
	}
	return lock, nil
}

// open opens the database file, which only its owner may read: SQLite makes the
// files beside it as private as it finds this one.
func open(path string) (*Engine, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenCreate)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(configureWriter(conn), holdMemory(conn)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	readers, err := openReaders(path)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &Engine{writer: startWriter(conn), readers: readers}, nil
}

// Prepare creates what is missing of the collections and their indexes, and
// drops the indexes that are not declared any more. A new index on a
// collection with documents is filled before Prepare returns; if they break
// it, nothing has changed.
func (e *Engine) Prepare(ctx context.Context, specs []*store.Spec, changes func([]store.Change), _ func()) error {
	e.writer.publish = changes
	collections := make(map[string]*collection, len(specs))
	err := e.writer.atomically(ctx, func(tx *transaction) error {
		for _, s := range specs {
			c := newCollection(s)
			if err := c.migrate(tx.conn); err != nil {
				return fmt.Errorf("sqlite: collection %s: %w", s.Name, err)
			}
			collections[s.Name] = c
		}
		return nil
	})
	if err != nil {
		return err
	}
	e.collections = collections
	return nil
}

// Exclusive is true: the directory's lock is this process's.
func (e *Engine) Exclusive() bool { return true }

// Close refuses new work, waits for what is under way, moves everything into
// the database file and gives the directory free. Later calls do nothing.
func (e *Engine) Close() error {
	e.closing.Do(func() {
		e.closeErr = errors.Join(e.readers.close(), e.writer.close(), e.lock.Unlock())
	})
	return e.closeErr
}

func (e *Engine) collection(s *store.Spec) (*collection, error) {
	c := e.collections[s.Name]
	if c == nil {
		return nil, fmt.Errorf("sqlite: collection %s was not given to Prepare", s.Name)
	}
	return c, nil
}
