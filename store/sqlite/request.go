package sqlite

import (
	"errors"
	"sync/atomic"

	"github.com/musterhq/muster/store"
	"zombiezen.com/go/sqlite"
)

// request is one write that waits for the writer: a piece of work with its
// change, or a caller that waits for its turn to use the connection.
type request struct {
	work   func(*sqlite.Conn) error
	change store.Change

	turn chan *transaction
	end  chan error

	state atomic.Int32
	err   error      // the writer's until done
	done  chan error // holds one, so that the writer never waits for a caller
}

// The states of a request; the first of begin and withdraw decides.
const (
	waiting int32 = iota
	begun
	withdrawn
)

func newRequest() *request { return &request{done: make(chan error, 1)} }

func (r *request) begin() bool { return r.state.CompareAndSwap(waiting, begun) }

func (r *request) withdraw() bool { return r.state.CompareAndSwap(waiting, withdrawn) }

// errAbandoned is what the writer is told when fn panicked or ended its
// goroutine.
var errAbandoned = errors.New("sqlite: the transaction was abandoned")

// take runs fn with the connection and gives it back, whatever fn does.
func (r *request) take(tx *transaction, fn func(*transaction) error) error {
	returned := false
	defer func() {
		if !returned {
			tx.over = true
			r.end <- errAbandoned
		}
	}()
	err := fn(tx)
	returned, tx.over = true, true
	r.end <- err
	return <-r.done
}
