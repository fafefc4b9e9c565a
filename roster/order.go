package roster

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"sort"

	"github.com/musterhq/muster/store"
)

// SortKey is what the roster is sorted by.
type SortKey string

// The sort keys.
const (
	SortName       SortKey = "NAME"        // by pinyin, then by characters
	SortOrgUnit    SortKey = "ORG_UNIT"    // in the order of the tree, then by name
	SortEnrolledAt SortKey = "ENROLLED_AT" // the longest on the roster first
	SortStatus     SortKey = "STATUS"      // in the order of SortedStatuses, then by name
	SortExpires    SortKey = "EXPIRES"     // by the qualification that ends first; those with none last
)

var sortKeys = []SortKey{SortName, SortOrgUnit, SortEnrolledAt, SortStatus, SortExpires}

// Sort is an order of the roster. Those who are alike in it are ordered by id.
type Sort struct {
	Key        SortKey
	Descending bool
}

// sortedStatuses are the statuses in the order that they are sorted in.
var sortedStatuses = []Status{StatusApplied, StatusActive, StatusSuspended, StatusRetired, StatusRejected}

// standing is where a responder stands in an order. No two have the same.
type standing struct {
	Number int64  `json:"n,omitempty"`
	Path   string `json:"p,omitempty"`
	Name   string `json:"k,omitempty"` // a nameKey
	ID     string `json:"i"`
}

func (p *standing) compare(q *standing) int {
	return cmp.Or(cmp.Compare(p.Number, q.Number), cmp.Compare(p.Path, q.Path), cmp.Compare(p.Name, q.Name), cmp.Compare(p.ID, q.ID))
}

// never sorts those without a date behind all others.
const never = math.MaxInt64

// cursor is what the opaque cursor of a page holds: the order and a place in
// it, which need not be anybody's any more.
type cursor struct {
	Sort  Sort     `json:"s"`
	Place standing `json:"a"`
}

func (s Sort) cursor(p standing) string {
	raw, err := json.Marshal(cursor{s, p})
	if err != nil { // of numbers and strings
		panic("roster: encoding a cursor: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// placeOf returns the place that the cursor names, nil for "", or
// store.ErrCursor if it is of another order.
func (s Sort) placeOf(text string) (*standing, error) {
	if text == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, store.ErrCursor
	}
	var c cursor
	if json.Unmarshal(raw, &c) != nil || c.Sort != s || c.Place.ID == "" {
		return nil, store.ErrCursor
	}
	return &c.Place, nil
}

// order is the slots of all responders in the order of a key.
type order struct {
	place func(slot uint32) standing
	slots []uint32
}

// search returns where p is in the order, or would be.
func (o *order) search(p *standing) int {
	return sort.Search(len(o.slots), func(i int) bool {
		at := o.place(o.slots[i])
		return at.compare(p) >= 0
	})
}

// remove takes the slots out, whose places must be as they were. It costs a
// search for each, and one pass.
func (o *order) remove(slots []uint32) {
	at := make([]int, len(slots))
	for i, slot := range slots {
		p := o.place(slot)
		at[i] = o.search(&p)
	}
	slices.Sort(at)
	for i, from := range at {
		end := len(o.slots)
		if i+1 < len(at) {
			end = at[i+1]
		}
		copy(o.slots[from-i:], o.slots[from+1:end])
	}
	o.slots = o.slots[:len(o.slots)-len(slots)]
}

// add puts the slots in. It costs sorting them, a search for each, and one
// pass.
func (o *order) add(slots []uint32) {
	slices.SortFunc(slots, func(a, b uint32) int {
		p, q := o.place(a), o.place(b)
		return p.compare(&q)
	})
	at := make([]int, len(slots))
	for i, slot := range slots {
		p := o.place(slot)
		at[i] = o.search(&p)
	}
	end := len(o.slots)
	o.slots = slices.Grow(o.slots, len(slots))[:end+len(slots)]
	for i := len(slots) - 1; i >= 0; i-- {
		copy(o.slots[at[i]+i+1:], o.slots[at[i]:end])
		o.slots[at[i]+i] = slots[i]
		end = at[i]
	}
}

// from returns the index of the first slot behind the place and the step to the
// next, in the direction.
func (o *order) from(after *standing, descending bool) (first, step int) {
	switch {
	case after == nil && descending:
		return len(o.slots) - 1, -1
	case after == nil:
		return 0, 1
	}
	at := o.search(after)
	if descending {
		return at - 1, -1
	}
	if at < len(o.slots) {
		if p := o.place(o.slots[at]); p == *after {
			at++
		}
	}
	return at, 1
}
