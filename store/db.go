package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// DB is an open database.
type DB struct {
	engine Engine
	hub    *hub
	specs  []*Spec
}

// Conn is what a collection's calls go through: a *DB, where each call is its
// own durable commit, or a *Tx.
type Conn interface{ ops() Ops }

// Definition is a collection that has been defined.
type Definition interface{ Spec() *Spec }

// Open prepares the engine for the collections and returns the database, which
// then owns the engine. Where no other process can use it, what a dead one had
// claimed is due again at once.
func Open(ctx context.Context, engine Engine, defs ...Definition) (*DB, error) {
	db := &DB{engine: engine, hub: newHub()}
	for _, d := range defs {
		s := d.Spec()
		if slices.ContainsFunc(db.specs, func(other *Spec) bool { return other.Name == s.Name }) {
			return nil, errors.Join(fmt.Errorf("store: collection %s is defined twice", s.Name), engine.Close())
		}
		db.specs = append(db.specs, s)
	}
	if err := engine.Prepare(ctx, db.specs, db.hub.publish, db.hub.lose); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing the store: %w", err), engine.Close())
	}
	if engine.Exclusive() {
		for _, s := range db.specs {
			if err := db.release(ctx, s, Now()); err != nil {
				return nil, errors.Join(err, db.Close())
			}
		}
	}
	return db, nil
}

func (db *DB) ops() Ops { return db.engine }

// Close ends all feeds with ErrClosed, waits for what is under way and closes
// the engine.
func (db *DB) Close() error {
	db.hub.close()
	return db.engine.Close()
}

// Ping reports whether the engine answers.
func (db *DB) Ping(ctx context.Context) error {
	for _, s := range db.specs {
		_, err := db.engine.Get(ctx, s, []string{"ping"})
		return err
	}
	return nil
}

// Tx is one atomic step under way. It is used by one goroutine, and not after
// the function that it was given to has returned.
type Tx struct{ o Ops }

func (tx *Tx) ops() Ops { return tx.o }

// Atomically runs fn, and commits all that it did through tx if it returns
// nil; if it returns an error, nothing has happened and that error is
// returned. fn may be run more than once, so it must load what it changes
// through tx and touch nothing outside; it must be quick and do no I/O, since
// on the embedded engine other writers wait; and it must not use the DB
// itself. Two steps that only read what the other writes may both commit, on
// MongoDB: fn must replace the document that its decision rests on.
func (db *DB) Atomically(ctx context.Context, fn func(tx *Tx) error) error {
	return db.engine.Atomically(ctx, func(o Ops) error { return fn(&Tx{o: o}) })
}
