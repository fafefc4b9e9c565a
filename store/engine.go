package store

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Spec is what an engine needs to know of a collection.
type Spec struct {
	Name    string
	Indexes []Index
	// Relaxed collections hold what may be lost with a whole server, such as
	// presence: an engine may acknowledge their writes earlier.
	Relaxed bool
}

// Index is a declared index. The id is always its last, implicit key, so that
// every order is total.
type Index struct {
	Name   string
	Fields []string // dotted paths; each holds one scalar type throughout
	// Unique allows one document for each combination of the fields.
	Unique bool
	// Sparse leaves out the documents in which any of the fields is missing;
	// a query by this index does not return them. Fields of other indexes must
	// always be there.
	Sparse bool
}

// Ops are the operations of an engine. Values in scans are string, int64,
// float64, bool or time.Time; collections are those given to Prepare.
type Ops interface {
	// Get returns the documents with these ids that exist, in any order.
	Get(ctx context.Context, c *Spec, ids []string) ([]bson.Raw, error)
	// Insert fails with a *DuplicateError if the id or a unique key is taken.
	Insert(ctx context.Context, c *Spec, id string, doc bson.Raw) error
	// Replace puts doc in the place of revision rev. It fails with
	// ErrNotFound, ErrStale or a *DuplicateError.
	Replace(ctx context.Context, c *Spec, id string, rev int64, doc bson.Raw) error
	// Delete removes revision rev. It fails with ErrNotFound or ErrStale.
	Delete(ctx context.Context, c *Spec, id string, rev int64) error
	// Find returns the documents of the scan, in its order.
	Find(ctx context.Context, c *Spec, s Scan) ([]bson.Raw, error)
	// Count counts the documents of the scan; After, Limit and order are not
	// set.
	Count(ctx context.Context, c *Spec, s Scan) (int64, error)
	// CountBy counts the documents of the scan for each value of a string
	// field of the scan's index.
	CountBy(ctx context.Context, c *Spec, s Scan, field string) (map[string]int64, error)
}

// Engine is a database. Calls of its own Ops are each their own commit, and
// return when that is durable.
type Engine interface {
	Ops
	// Prepare creates what is missing of the collections and their indexes,
	// and starts publishing. It is called once, before anything else. changes
	// is called with the changes of each commit, in the order of the commits,
	// by one goroutine at a time; it does not block. lost is called when
	// changes may have been missed.
	Prepare(ctx context.Context, cs []*Spec, changes func([]Change), lost func()) error
	// Atomically runs fn; all that it does through its Ops is committed
	// together when it returns nil, and nothing is otherwise. An engine may
	// run fn again after a conflict with another writer.
	Atomically(ctx context.Context, fn func(Ops) error) error
	// Exclusive reports whether this process is the only one that can use the
	// database.
	Exclusive() bool
	// Close waits for what is under way and releases everything.
	Close() error
}

// Scan is a query as an engine runs it: along one index, first by equality on
// its leading fields, then in a range of the next, in the order of those that
// remain and the id.
type Scan struct {
	Index *Index
	// Equal holds, for each of the index's leading fields, the values that are
	// asked for: one, or any of several.
	Equal [][]any
	// Low and High bound the field that comes after those of Equal; nil for
	// no bound. They are not set when Equal covers all fields.
	Low, High *Bound
	// Descending turns the order round.
	Descending bool
	// After, if not nil, are the values of the fields behind Equal, and the
	// id, of the document behind which to begin.
	After []any
	// Limit is how many documents to return at most; always above 0 in Find.
	Limit int
}

// Rest returns the fields that give the scan its order, before the id.
func (s *Scan) Rest() []string { return s.Index.Fields[len(s.Equal):] }

// Bound is one end of a range.
type Bound struct {
	Value     any
	Inclusive bool
}

// Change is one committed change of one document.
type Change struct {
	Collection string
	ID         string
	Op         Op
	Doc        bson.Raw // as it is now; nil when deleted
}

// Op is what a change did.
type Op int

// The operations.
const (
	Inserted Op = iota + 1
	Replaced
	Deleted
)
