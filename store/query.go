package store

import (
	"fmt"
	"reflect"
	"slices"
	"time"
)

// maxIn is how many combinations of values a query may ask for: each is a
// walk of its own along the index.
const maxIn = 256

// Query says which documents, and in which order. The zero Query is all
// documents of a collection by id.
type Query struct {
	equal      map[string][]any
	bounded    string
	low, high  *Bound
	sort       string
	descending bool
	err        error
}

// Cond is a condition on one field.
type Cond func(*Query)

// Where returns the query for the documents that meet all conditions.
func Where(conds ...Cond) Query {
	q := Query{equal: map[string][]any{}}
	for _, c := range conds {
		c(&q)
	}
	return q
}

// Eq asks for documents in which the field has the value.
func Eq(field string, value any) Cond { return In(field, value) }

// In asks for documents in which the field has one of the values. No values
// means no documents.
func In[V any](field string, values ...V) Cond {
	return func(q *Query) {
		if _, twice := q.equal[field]; twice {
			q.fail("two conditions on %s", field)
		}
		vs := make([]any, 0, len(values))
		for _, v := range values {
			c := q.canonical(v)
			if !slices.Contains(vs, c) {
				vs = append(vs, c)
			}
		}
		q.equal[field] = vs
	}
}

// Prefix asks for documents whose string field begins with the prefix.
func Prefix(field, prefix string) Cond {
	return func(q *Query) {
		q.bound(field, &Bound{prefix, true}, &Bound{prefix + "\U0010FFFF", false})
	}
}

// AtLeast asks for documents in which field ≥ value.
func AtLeast(field string, value any) Cond {
	return func(q *Query) { q.bound(field, &Bound{q.canonical(value), true}, nil) }
}

// Above asks for documents in which field > value.
func Above(field string, value any) Cond {
	return func(q *Query) { q.bound(field, &Bound{q.canonical(value), false}, nil) }
}

// AtMost asks for documents in which field ≤ value.
func AtMost(field string, value any) Cond {
	return func(q *Query) { q.bound(field, nil, &Bound{q.canonical(value), true}) }
}

// Below asks for documents in which field < value.
func Below(field string, value any) Cond {
	return func(q *Query) { q.bound(field, nil, &Bound{q.canonical(value), false}) }
}

// Sort orders the documents by the field, ascending, and then by what follows
// it in the index and the id.
func (q Query) Sort(field string) Query {
	q.sort, q.descending = field, false
	return q
}

// SortDescending is Sort, the other way round.
func (q Query) SortDescending(field string) Query {
	q.sort, q.descending = field, true
	return q
}

func (q *Query) bound(field string, low, high *Bound) {
	if q.bounded != "" && q.bounded != field {
		q.fail("ranges on both %s and %s", q.bounded, field)
	}
	q.bounded = field
	if low != nil {
		q.low = low
	}
	if high != nil {
		q.high = high
	}
}

func (q *Query) fail(format string, args ...any) {
	if q.err == nil {
		q.err = fmt.Errorf("%w: %s", ErrNoIndex, fmt.Sprintf(format, args...))
	}
}

// canonical turns a value into one of the types that engines know.
func (q *Query) canonical(v any) any {
	if t, ok := v.(time.Time); ok {
		return t.UTC().Truncate(time.Millisecond)
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.String:
		return r.String()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int()
	case reflect.Float64, reflect.Float32:
		return r.Float()
	case reflect.Bool:
		return r.Bool()
	default:
		q.fail("a condition on a %T", v)
		return nil
	}
}

// byID is the index that every collection has.
var byID = Index{Name: "_id", Unique: true}

// plan finds the index that serves the query: its leading fields are those of
// the equalities, and the next is the one of the range and of the order.
func (s *Spec) plan(q Query) (Scan, error) {
	if q.err != nil {
		return Scan{}, q.err
	}
	if combinations(q.equal) > maxIn {
		return Scan{}, fmt.Errorf("%w: more than %d combinations of values", ErrNoIndex, maxIn)
	}
	next := q.sort
	if q.bounded != "" {
		if next != "" && next != q.bounded {
			return Scan{}, fmt.Errorf("%w: a range on %s sorted by %s", ErrNoIndex, q.bounded, next)
		}
		next = q.bounded
	}
	if len(q.equal) == 0 && next == "" {
		return Scan{Index: &byID, Descending: q.descending}, nil
	}
	for i := range s.Indexes {
		if ix := &s.Indexes[i]; ix.serves(q.equal, next) {
			return scanOf(ix, q), nil
		}
	}
	return Scan{}, fmt.Errorf("%w: %s by %s, then %q", ErrNoIndex, s.Name, keys(q.equal), next)
}

func (ix *Index) serves(equal map[string][]any, next string) bool {
	n := len(equal)
	if len(ix.Fields) < n {
		return false
	}
	for _, f := range ix.Fields[:n] {
		if _, ok := equal[f]; !ok {
			return false
		}
	}
	return next == "" || len(ix.Fields) > n && ix.Fields[n] == next
}

func scanOf(ix *Index, q Query) Scan {
	scan := Scan{Index: ix, Low: q.low, High: q.high, Descending: q.descending}
	for _, f := range ix.Fields[:len(q.equal)] {
		scan.Equal = append(scan.Equal, q.equal[f])
	}
	return scan
}

func combinations(equal map[string][]any) int {
	n := 1
	for _, vs := range equal {
		n *= max(len(vs), 1)
	}
	return n
}

func keys(m map[string][]any) []string {
	ks := make([]string, 0, len(m))
	for k := range m {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}

// empty reports whether no document can match.
func (s *Scan) empty() bool {
	return slices.ContainsFunc(s.Equal, func(vs []any) bool { return len(vs) == 0 })
}
