package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// Meta is what every stored type embeds, as
//
//	store.Meta `bson:",inline"`
type Meta struct {
	ID  string `bson:"_id"`
	Rev int64  `bson:"rev"` // 1 when inserted, one more with each change
}

func (m *Meta) meta() *Meta { return m }

// Document is a pointer to a type that embeds Meta.
type Document interface{ meta() *Meta }

// Errors that the engines return. Domain packages turn them into faults.
var (
	// ErrNotFound reports that there is no document with that id.
	ErrNotFound = errors.New("store: no such document")
	// ErrStale reports that another writer changed the document first.
	ErrStale = errors.New("store: the document has changed")
	// ErrDuplicate reports that a unique index, or the id, is taken. The
	// error is a *DuplicateError, which says which.
	ErrDuplicate = errors.New("store: duplicate key")
	// ErrNoIndex reports a query that no declared index serves.
	ErrNoIndex = errors.New("store: no index serves the query")
	// ErrCursor reports a cursor that is not one of this list.
	ErrCursor = errors.New("store: not a cursor of this list")
	// ErrLagged reports that a feed's reader was too slow, or that the engine
	// lost its place: changes are missing and the reader must load afresh.
	ErrLagged = errors.New("store: changes were missed")
	// ErrClosed reports that the database has been closed.
	ErrClosed = errors.New("store: closed")
)

// DuplicateError says which key is taken. It is ErrDuplicate.
type DuplicateError struct {
	Collection string
	Index      string // the index's name; "_id" for the id
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("store: duplicate key in %s.%s", e.Collection, e.Index)
}

// Is makes errors.Is(err, ErrDuplicate) true.
func (e *DuplicateError) Is(target error) bool { return target == ErrDuplicate }

// NewIDs returns a function that makes ids such as "inc_01jd3k…": the prefix
// says the type, the rest is a ULID, so that ids sort by the time of their
// making, and those of one such function in one millisecond by its order. It
// may be called from any goroutine.
func NewIDs() func(prefix string) string {
	var mu sync.Mutex
	var last uint64 // the millisecond of the last id: the order of ids is that of the calls
	entropy := ulid.Monotonic(rand.Reader, 0)
	return func(prefix string) string {
		mu.Lock()
		defer mu.Unlock()
		last = max(last, ulid.Now())
		id, err := ulid.New(last, entropy)
		if err != nil { // the order within this millisecond is used up
			last++
			id = ulid.MustNew(last, entropy)
		}
		return prefix + "_" + strings.ToLower(id.String())
	}
}

// Now returns the current time as the store keeps it: UTC, whole milliseconds.
func Now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
