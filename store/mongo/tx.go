package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/musterhq/muster/store"
)

const (
	// txPatience is how long a transaction is begun again after conflicts, as
	// long as the driver would.
	txPatience = 120 * time.Second
	// commitPatience is how long the answer to a commit is asked for. The
	// caller's context does not cut it short: the answer would be unknown.
	commitPatience = 30 * time.Second
	// maxCollisions is how often a transaction may meet a taken key: once
	// before it looks, and then whenever another writer comes in between.
	maxCollisions = 10
)

// tx is one try of a transaction.
type tx struct {
	session *driver.Session
	// careful tries look for taken keys before they write. The server aborts a
	// transaction that meets one, but fn may well want to go on: after the
	// first such meeting it is run again, carefully.
	careful bool
	// failed is what made the server abort it. What fn does after that fails
	// in the same way without being sent, and its own verdict does not count.
	failed error
	// refused is the document at which a write met another writer's.
	refused *refusal
}

type refusal struct {
	c  *store.Spec
	id string
}

// Atomically implements store.Engine. It runs fn again, for up to 2 minutes or
// as long as the context goes on, when the server says that the transaction
// met another writer or a change of primary, and when it met a taken key. Any
// error of an operation but store.ErrNotFound, store.ErrStale and
// store.ErrDuplicate ends the transaction on the server: whatever fn makes of
// it, Atomically returns it, or runs fn again.
//
// The transaction sees one snapshot, and two that write the same document
// cannot both commit. Two that only read what the other writes can: fn must
// replace the document that its decision rests on.
func (e *Engine) Atomically(ctx context.Context, fn func(store.Ops) error) error {
	if e.plain {
		return ErrNoTransactions
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer e.running.Done()
	session, err := e.client.StartSession()
	if err != nil {
		return fmt.Errorf("mongo: starting a session: %w", err)
	}
	defer endSession(ctx, session)
	var pauses backoff
	collisions := 0
	for deadline := time.Now().Add(txPatience); ; {
		t := &tx{session: session, careful: collisions > 0}
		err := e.try(ctx, t, fn)
		if errors.Is(t.failed, store.ErrDuplicate) {
			collisions++
		}
		again := labelled(err, labelTransient) || errors.Is(t.failed, store.ErrDuplicate) && collisions < maxCollisions
		if again && time.Now().Before(deadline) && pauses.wait(ctx) {
			continue
		}
		if t.refused != nil {
			e.settle(driver.NewSessionContext(ctx, session), t.refused.c, t.refused.id)
		}
		return err
	}
}

// try runs fn in a transaction and commits that.
func (e *Engine) try(ctx context.Context, t *tx, fn func(store.Ops) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := t.session.StartTransaction(options.Transaction().
		SetReadConcern(readconcern.Snapshot()).
		SetReadPreference(readpref.Primary()).
		SetWriteConcern(durable()))
	if err != nil {
		return fmt.Errorf("mongo: starting a transaction: %w", err)
	}
	err = fn(&ops{db: e.db, run: t.step, careful: t.careful})
	if t.failed != nil && (err == nil || labelled(t.failed, labelTransient)) {
		err = t.failed
	}
	if err != nil {
		abort(ctx, t.session)
		return err
	}
	t.refused = nil
	return commit(ctx, t.session.CommitTransaction)
}

// step runs one operation of the transaction.
func (t *tx) step(ctx context.Context, c *store.Spec, id string, step func(context.Context) error) error {
	if t.failed != nil {
		return t.failed
	}
	sent := step(driver.NewSessionContext(ctx, t.session))
	err := explain(ctx, c, sent)
	if errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrDuplicate) {
		t.refused = &refusal{c, id}
	}
	if !harmless(sent) {
		t.failed = err
	}
	return err
}

// harmless reports whether the transaction lives on after an operation's
// error: one that was found by reading, and is not the server's.
func harmless(err error) bool {
	return err == nil || errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDuplicate)
}

// commit sends the commit, and again while the answer is unknown: the server
// takes a repeated one for the same.
func commit(ctx context.Context, send func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitPatience)
	defer cancel()
	var pauses backoff
	for {
		err := send(ctx)
		if err == nil {
			return nil
		}
		if !labelled(err, labelUnknownCommit) || !pauses.wait(ctx) {
			return fmt.Errorf("mongo: committing: %w", err)
		}
	}
}

// abort frees what the server holds for the transaction; if it cannot be
// reached, the server does so by itself.
func abort(ctx context.Context, session *driver.Session) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endPatience)
	defer cancel()
	_ = session.AbortTransaction(ctx)
}

func endSession(ctx context.Context, session *driver.Session) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endPatience)
	defer cancel()
	session.EndSession(ctx)
}
