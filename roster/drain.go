package roster

import (
	"context"
	"errors"

	"github.com/musterhq/muster/store"
)

// drain returns the changes that wait in the feed, without waiting itself.
func drain(feed *store.Feed) ([]store.Change, error) {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	changes, err := feed.Next(now)
	if errors.Is(err, context.Canceled) {
		return nil, nil
	}
	return changes, err
}
