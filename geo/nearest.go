package geo

import (
	"cmp"
	"slices"
	"strings"
)

// Hit is one point that a query found.
type Hit struct {
	ID     string
	Meters float64 // by Distance, from the centre of the query
	Tag    uint8   // as it was set
}

// compareHits orders nearest first, and by id where that is equal.
func compareHits(a, b Hit) int {
	if c := cmp.Compare(a.Meters, b.Meters); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// nearest keeps the best hits of a query. With a limit they form a heap whose
// root is the worst of them, so that no more than limit are ever held.
type nearest struct {
	hits   []Hit
	limit  int // 0 or less: all
	radius float64
}

// bound returns the metres beyond which no hit is wanted any more.
func (n *nearest) bound() float64 {
	if n.full() {
		return n.hits[0].Meters
	}
	return n.radius
}

func (n *nearest) full() bool {
	return n.limit > 0 && len(n.hits) == n.limit
}

// add offers a hit within the radius.
func (n *nearest) add(h Hit) {
	if n.full() {
		if compareHits(h, n.hits[0]) < 0 {
			n.hits[0] = h
			n.sink()
		}
		return
	}
	n.hits = append(n.hits, h)
	if n.limit > 0 {
		n.rise()
	}
}

// rise moves the last hit towards the root as far as it is worse.
func (n *nearest) rise() {
	for i := len(n.hits) - 1; i > 0; {
		parent := (i - 1) / 2
		if compareHits(n.hits[i], n.hits[parent]) <= 0 {
			return
		}
		n.hits[i], n.hits[parent] = n.hits[parent], n.hits[i]
		i = parent
	}
}

// sink moves the root away from it as far as others are worse.
func (n *nearest) sink() {
	for i := 0; ; {
		worst := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(n.hits); child++ {
			if compareHits(n.hits[child], n.hits[worst]) > 0 {
				worst = child
			}
		}
		if worst == i {
			return
		}
		n.hits[i], n.hits[worst] = n.hits[worst], n.hits[i]
		i = worst
	}
}

// sorted returns the hits, nearest first. The heap is no more.
func (n *nearest) sorted() []Hit {
	slices.SortFunc(n.hits, compareHits)
	return n.hits
}
