package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/musterhq/muster/store"
	"zombiezen.com/go/sqlite"
)

// maxGroup is how many writes share a commit at most: it bounds how long the
// first of them waits for the last.
const maxGroup = 256

// writer owns the connection that writes, and the goroutine that uses it.
type writer struct {
	conn    *sqlite.Conn
	publish func([]store.Change) // set before the first write

	mu      sync.Mutex
	waiting []*request
	closed  bool
	wake    chan struct{}
	stopped chan struct{} // closed when the goroutine has ended
}

func startWriter(conn *sqlite.Conn) *writer {
	w := &writer{
		conn:    conn,
		publish: func([]store.Change) {},
		wake:    make(chan struct{}, 1),
		stopped: make(chan struct{}),
	}
	go w.run()
	return w
}

// write runs one statement's work as a commit of its own.
func (w *writer) write(ctx context.Context, work func(*sqlite.Conn) error, change store.Change) error {
	r := newRequest()
	r.work, r.change = work, change
	if err := w.submit(ctx, r); err != nil {
		return err
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		if r.withdraw() {
			return ctx.Err()
		}
		return <-r.done
	}
}

// atomically runs fn in the caller's goroutine, to which the writer lends the
// connection: a panic is the caller's, and the writer only sees that fn did
// not succeed.
func (w *writer) atomically(ctx context.Context, fn func(*transaction) error) error {
	r := newRequest()
	r.turn, r.end = make(chan *transaction), make(chan error)
	if err := w.submit(ctx, r); err != nil {
		return err
	}
	select {
	case tx := <-r.turn:
		return r.take(tx, fn)
	case err := <-r.done: // the group could not begin
		return err
	case <-ctx.Done():
		if r.withdraw() {
			return ctx.Err()
		}
	}
	select {
	case tx := <-r.turn:
		return r.take(tx, fn)
	case err := <-r.done:
		return err
	}
}

func (w *writer) submit(ctx context.Context, r *request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return store.ErrClosed
	}
	w.waiting = append(w.waiting, r)
	w.signal()
	return nil
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run is the writer's goroutine; close ends it when nothing waits any more.
func (w *writer) run() {
	defer close(w.stopped)
	for range w.wake {
		for first := w.next(); first != nil; first = w.next() {
			w.group(first)
		}
		w.mu.Lock()
		over := w.closed && len(w.waiting) == 0
		w.mu.Unlock()
		if over {
			return
		}
	}
}

// next takes the first request that has not been withdrawn, nil if there is
// none.
func (w *writer) next() *request {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.waiting) > 0 {
		r := w.waiting[0]
		w.waiting[0] = nil
		w.waiting = w.waiting[1:]
		if r.begin() {
			return r
		}
	}
	w.waiting = nil
	return nil
}

// group runs what waits, beginning with first, as one transaction, and tells
// each when that is durable. What comes in meanwhile is taken along.
func (w *writer) group(first *request) {
	g := group{conn: w.conn}
	err := exec(w.conn, "BEGIN IMMEDIATE")
	for r := first; r != nil; r = w.next() {
		if err != nil {
			r.err = err
		} else {
			g.run(r)
			err = g.lost(r)
		}
		g.members = append(g.members, r)
		if err != nil || g.undone || len(g.members) == maxGroup {
			break
		}
	}
	if err == nil && !g.undone {
		err = g.commit()
	}
	if err == nil && len(g.changes) > 0 {
		w.publish(g.changes)
	}
	g.acknowledge(err)
}

// close lets what waits finish, checkpoints and closes the connection.
func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	w.signal()
	w.mu.Unlock()
	<-w.stopped
	err := exec(w.conn, "PRAGMA wal_checkpoint(TRUNCATE)")
	return errors.Join(err, w.conn.Close())
}

// group is one transaction of several requests.
type group struct {
	conn    *sqlite.Conn
	members []*request
	changes []store.Change
	undone  bool // its only member failed, and nothing is left to commit
}

func (g *group) run(r *request) {
	if r.turn != nil {
		g.runClosure(r)
		return
	}
	// A statement that fails undoes itself, so it needs no savepoint.
	if r.err = r.work(g.conn); r.err == nil {
		g.changes = append(g.changes, r.change)
	}
}

// runClosure lends the connection to the request's caller. The first of a group
// has the transaction to itself and needs no savepoint, which is a quarter of
// what a step of many writes costs: SQLite copies every page that is changed
// under one.
func (g *group) runClosure(r *request) {
	first := len(g.members) == 0
	if !first {
		if r.err = exec(g.conn, "SAVEPOINT step"); r.err != nil {
			return
		}
	}
	tx := &transaction{conn: g.conn}
	r.turn <- tx
	r.err = <-r.end
	if tx.conn.AutocommitEnabled() {
		return // lost, as the caller will find
	}
	if r.err != nil {
		if err := g.undo(first); err != nil {
			r.err = errors.Join(r.err, err)
		}
		return
	}
	if !first {
		r.err = exec(g.conn, "RELEASE step")
	}
	if r.err == nil {
		g.changes = append(g.changes, tx.changes...)
	}
}

// undo takes back what the last closure did. If that was the first of the group,
// the group is over with it.
func (g *group) undo(first bool) error {
	if first {
		g.undone = true
		return exec(g.conn, "ROLLBACK")
	}
	if err := exec(g.conn, "ROLLBACK TO step"); err != nil {
		return err
	}
	return exec(g.conn, "RELEASE step")
}

// lost reports that SQLite itself has rolled the transaction back, as it does
// when the disk is full.
func (g *group) lost(r *request) error {
	if g.undone || !g.conn.AutocommitEnabled() {
		return nil
	}
	return fmt.Errorf("%w: %w", errLost, r.err)
}

var errLost = errors.New("sqlite: the transaction was rolled back")

func (g *group) commit() error {
	err := exec(g.conn, "COMMIT")
	if err != nil && !g.conn.AutocommitEnabled() {
		err = errors.Join(err, exec(g.conn, "ROLLBACK"))
	}
	if err != nil {
		return fmt.Errorf("sqlite: committing: %w", err)
	}
	return nil
}

// acknowledge tells the members how they ended; err is the group's.
func (g *group) acknowledge(err error) {
	for _, r := range g.members {
		if err != nil {
			r.err = err
		}
		r.done <- r.err
	}
}
