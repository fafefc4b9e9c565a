package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Collection is a typed collection. It is a declaration: it holds no data and
// belongs to no database.
type Collection[T any] struct{ spec Spec }

// Define declares the collection of T. It panics if an index names a field
// that T does not have, or one that may be missing without being Sparse: both
// are mistakes of the program that its first run shows.
func Define[T any, P interface {
	*T
	Document
}](name string, indexes ...Index) *Collection[T] {
	for _, ix := range indexes {
		for _, path := range ix.Fields {
			optional, ok := field(reflect.TypeFor[T](), path)
			if !ok {
				panic(fmt.Sprintf("store: %s.%s: no field %s", name, ix.Name, path))
			}
			if optional && !ix.Sparse {
				panic(fmt.Sprintf("store: %s.%s: %s may be missing, so the index must be sparse", name, ix.Name, path))
			}
		}
	}
	return &Collection[T]{spec: Spec{Name: name, Indexes: indexes}}
}

// Relax marks the collection's writes as ones that may be lost with a whole
// server (see Spec.Relaxed), and returns it.
func (c *Collection[T]) Relax() *Collection[T] {
	c.spec.Relaxed = true
	return c
}

// Spec describes the collection to engines.
func (c *Collection[T]) Spec() *Spec { return &c.spec }

// Get returns the document with the id, or ErrNotFound.
func (c *Collection[T]) Get(ctx context.Context, on Conn, id string) (*T, error) {
	docs, err := on.ops().Get(ctx, &c.spec, []string{id})
	if err != nil {
		return nil, c.wrap("get", err)
	}
	if len(docs) == 0 {
		return nil, fmt.Errorf("%w: %s %s", ErrNotFound, c.spec.Name, id)
	}
	return c.decode(docs[0])
}

// GetMany returns the documents with the ids that exist, by id.
func (c *Collection[T]) GetMany(ctx context.Context, on Conn, ids []string) (map[string]*T, error) {
	found := make(map[string]*T, len(ids))
	for len(ids) > 0 {
		n := min(len(ids), maxIn)
		docs, err := on.ops().Get(ctx, &c.spec, ids[:n])
		if err != nil {
			return nil, c.wrap("get", err)
		}
		ids = ids[n:]
		for _, raw := range docs {
			doc, err := c.decode(raw)
			if err != nil {
				return nil, err
			}
			found[metaOf(doc).ID] = doc
		}
	}
	return found, nil
}

// Insert stores a new document, whose id must be set, as revision 1. It fails
// with a *DuplicateError.
func (c *Collection[T]) Insert(ctx context.Context, on Conn, doc *T) error {
	m := metaOf(doc)
	if m.ID == "" {
		return fmt.Errorf("store: a document of %s without an id", c.spec.Name)
	}
	m.Rev = 1
	raw, err := bson.Marshal(doc)
	if err != nil {
		return c.wrap("encode", err)
	}
	return c.wrap("insert", on.ops().Insert(ctx, &c.spec, m.ID, raw))
}

// Replace stores the document in the place of the revision that it was loaded
// as. It fails with ErrNotFound, ErrStale or a *DuplicateError, and then leaves
// doc's revision as it was.
func (c *Collection[T]) Replace(ctx context.Context, on Conn, doc *T) error {
	m := metaOf(doc)
	m.Rev++
	raw, err := bson.Marshal(doc)
	if err == nil {
		err = on.ops().Replace(ctx, &c.spec, m.ID, m.Rev-1, raw)
	}
	if err != nil {
		m.Rev--
	}
	return c.wrap("replace", err)
}

// maxRaces is how often Change begins again; with so many lost races in a row
// something else is wrong.
const maxRaces = 1000

// Change loads the document, applies change and replaces it, from the start
// again if another writer was first. It fails as Get and Replace do, or with
// change's error, and returns the document as it is now.
func (c *Collection[T]) Change(ctx context.Context, on Conn, id string, change func(*T) error) (*T, error) {
	_, inTx := on.(*Tx)
	for race := 0; ; race++ {
		doc, err := c.Get(ctx, on, id)
		if err != nil {
			return nil, err
		}
		if err := change(doc); err != nil {
			return nil, err
		}
		err = c.Replace(ctx, on, doc)
		if err == nil {
			return doc, nil
		}
		if inTx || race == maxRaces || !errors.Is(err, ErrStale) {
			return nil, err
		}
	}
}

// Delete removes the revision of the document that doc is. It fails with
// ErrNotFound or ErrStale.
func (c *Collection[T]) Delete(ctx context.Context, on Conn, doc *T) error {
	m := metaOf(doc)
	return c.wrap("delete", on.ops().Delete(ctx, &c.spec, m.ID, m.Rev))
}

// First returns the first document of the query, or ErrNotFound.
func (c *Collection[T]) First(ctx context.Context, on Conn, q Query) (*T, error) {
	scan, err := c.spec.plan(q)
	if err != nil {
		return nil, err
	}
	var docs []bson.Raw
	if !scan.empty() {
		scan.Limit = 1
		if docs, err = on.ops().Find(ctx, &c.spec, scan); err != nil {
			return nil, c.wrap("find", err)
		}
	}
	if len(docs) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, c.spec.Name)
	}
	return c.decode(docs[0])
}

// List returns the first documents of the query, or those that follow the
// cursor after. It fails with ErrNoIndex or ErrCursor.
func (c *Collection[T]) List(ctx context.Context, on Conn, q Query, first int, after string) (Page[T], error) {
	scan, err := c.spec.plan(q)
	if err != nil {
		return Page[T]{}, err
	}
	if scan.After, err = decodeCursor(&scan, after); err != nil {
		return Page[T]{}, err
	}
	if first <= 0 || scan.empty() {
		return Page[T]{}, nil
	}
	scan.Limit = first + 1 // one more, to know whether there are more
	docs, err := on.ops().Find(ctx, &c.spec, scan)
	if err != nil {
		return Page[T]{}, c.wrap("find", err)
	}
	page := Page[T]{HasNext: len(docs) > first}
	docs = docs[:min(len(docs), first)]
	page.Items = make([]*T, len(docs))
	for i, raw := range docs {
		if page.Items[i], err = c.decode(raw); err != nil {
			return Page[T]{}, err
		}
	}
	if len(docs) > 0 {
		page.StartCursor, page.EndCursor = encodeCursor(&scan, docs[0]), encodeCursor(&scan, docs[len(docs)-1])
	}
	return page, nil
}

// allPage is how many documents All holds at a time.
const allPage = 500

// All goes through every document of the query, holding a few hundred at a
// time. It is no snapshot: what changes meanwhile may be seen or not.
func (c *Collection[T]) All(ctx context.Context, on Conn, q Query) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		after := ""
		for {
			page, err := c.List(ctx, on, q, allPage, after)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, doc := range page.Items {
				if !yield(doc, nil) {
					return
				}
			}
			if !page.HasNext {
				return
			}
			after = page.EndCursor
		}
	}
}

// Count counts the documents of the query.
func (c *Collection[T]) Count(ctx context.Context, on Conn, q Query) (int64, error) {
	scan, err := c.spec.plan(q)
	if err != nil || scan.empty() {
		return 0, err
	}
	n, err := on.ops().Count(ctx, &c.spec, scan)
	return n, c.wrap("count", err)
}

// CountBy counts the documents of the query for each value of a string field,
// which must be in the index that serves the query.
func (c *Collection[T]) CountBy(ctx context.Context, on Conn, q Query, field string) (map[string]int64, error) {
	if q.sort == "" && q.bounded == "" {
		q.sort = field
	}
	scan, err := c.spec.plan(q)
	if err != nil || scan.empty() {
		return nil, err
	}
	counts, err := on.ops().CountBy(ctx, &c.spec, scan, field)
	return counts, c.wrap("count by "+field, err)
}

// Decode returns the document that a change of this collection carries.
func (c *Collection[T]) Decode(change Change) (*T, error) { return c.decode(change.Doc) }

func (c *Collection[T]) decode(raw bson.Raw) (*T, error) {
	doc := new(T)
	if err := bson.Unmarshal(raw, doc); err != nil {
		return nil, c.wrap("decode", err)
	}
	return doc, nil
}

func (c *Collection[T]) wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", what, c.spec.Name, err)
}

func metaOf[T any](doc *T) *Meta { return any(doc).(Document).meta() }

// field finds a dotted path of bson names in a type, and says whether a value
// may be without it.
func field(t reflect.Type, path string) (optional, ok bool) {
	name, rest, nested := strings.Cut(path, ".")
	for f := range t.Fields() {
		tag, options, _ := strings.Cut(f.Tag.Get("bson"), ",")
		if strings.Contains(options, "inline") {
			if optional, ok := field(f.Type, path); ok {
				return optional, true
			}
			continue
		}
		if tag == "" {
			tag = strings.ToLower(f.Name)
		}
		if tag != name {
			continue
		}
		optional = strings.Contains(options, "omitempty") || f.Type.Kind() == reflect.Pointer
		if !nested {
			return optional, true
		}
		t := f.Type
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
			return false, false
		}
		inner, ok := field(t, rest)
		return optional || inner, ok
	}
	return false, false
}
