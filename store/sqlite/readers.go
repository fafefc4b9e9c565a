package sqlite

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"github.com/musterhq/muster/store"
	"zombiezen.com/go/sqlite"
)

// readers is a fixed set of connections that cannot write. Each keeps its own
// prepared statements.
type readers struct {
	free    chan struct{} // one for each that is idle
	mu      sync.Mutex
	idle    []*sqlite.Conn
	closing chan struct{}
	once    sync.Once
}

// minReaders is how many reads may run at a time on a small machine: more than
// it has cores, since reads may wait for the disk.
const minReaders = 4

func openReaders(path string) (*readers, error) {
	n := max(minReaders, runtime.GOMAXPROCS(0))
	r := &readers{free: make(chan struct{}, n), closing: make(chan struct{})}
	for range n {
		conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
		if err != nil {
			return nil, errors.Join(err, r.drain(len(r.idle)))
		}
		r.give(conn)
		if err := configureReader(conn); err != nil {
			return nil, errors.Join(err, r.drain(len(r.idle)))
		}
	}
	return r, nil
}

// with lends read a connection.
func (r *readers) with(ctx context.Context, read func(*sqlite.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-r.closing:
		return store.ErrClosed
	default:
	}
	select {
	case <-r.free:
		conn := r.take()
		defer r.give(conn)
		return read(conn)
	case <-r.closing:
		return store.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take returns the connection that was used last, of which the caches are
// warm; the caller holds one of free.
func (r *readers) take() *sqlite.Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.idle) - 1
	conn := r.idle[last]
	r.idle = r.idle[:last]
	return conn
}

func (r *readers) give(conn *sqlite.Conn) {
	r.mu.Lock()
	r.idle = append(r.idle, conn)
	r.mu.Unlock()
	r.free <- struct{}{}
}

// interruptibly is with, for reads that may take long: they stop with the
// context.
func (r *readers) interruptibly(ctx context.Context, read func(*sqlite.Conn) error) error {
	return r.with(ctx, func(conn *sqlite.Conn) error {
		conn.SetInterrupt(ctx.Done())
		defer conn.SetInterrupt(nil)
		err := read(conn)
		if sqlite.ErrCode(err) == sqlite.ResultInterrupt && ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	})
}

// close waits for the reads under way.
func (r *readers) close() error {
	var err error
	r.once.Do(func() {
		close(r.closing)
		err = r.drain(cap(r.free))
	})
	return err
}

func (r *readers) drain(n int) error {
	var errs []error
	for range n {
		<-r.free
		errs = append(errs, r.take().Close())
	}
	return errors.Join(errs...)
}
