package store

import (
	"context"
	"errors"
	"fmt"
)

// DeleteSome deletes the first documents of the query, n at most, each in its
// own step, and reports whether there are more: whoever deletes much calls it
// again and again, and loses little when it is interrupted. A document that
// another writer has changed or deleted meanwhile is left for the next call.
func (c *Collection[T]) DeleteSome(ctx context.Context, db *DB, q Query, n int) (more bool, err error) {
	page, err := c.List(ctx, db, q, n, "")
	if err != nil {
		return false, fmt.Errorf("deleting some of %s: %w", c.spec.Name, err)
	}
	for _, doc := range page.Items {
		err := c.Delete(ctx, db, doc)
		switch {
		case errors.Is(err, ErrStale):
			more = true
		case err != nil && !errors.Is(err, ErrNotFound):
			return false, fmt.Errorf("deleting some of %s: %w", c.spec.Name, err)
		}
	}
	return more || page.HasNext, nil
}
