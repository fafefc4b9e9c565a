package graph

import (
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// maxPage is the longest page that a client may ask for.
const maxPage = 100

// page checks the arguments of a list and calls it.
func page[T any](first int, after *string, list func(first int, after string) (store.Page[T], error)) ([]*T, *PageInfo, error) {
	if first < 1 || first > maxPage {
		return nil, nil, fault.Invalid("first", "range", fault.Args{"min": 1, "max": maxPage})
	}
	p, err := list(first, or(after))
	if err != nil {
		return nil, nil, err
	}
	info := &PageInfo{HasNextPage: p.HasNext}
	if p.EndCursor != "" {
		info.EndCursor = &p.EndCursor
	}
	return p.Items, info, nil
}
