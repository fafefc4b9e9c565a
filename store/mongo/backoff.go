package mongo

import (
	"context"
	"math/rand/v2"
	"time"
)

// The pauses before a repetition: the driver's own for transactions.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = 500 * time.Millisecond
)

// backoff waits longer each time. The zero value is ready.
type backoff struct{ pause time.Duration }

// wait waits for a random part of the pause and doubles it. It reports whether
// the context still goes on.
func (b *backoff) wait(ctx context.Context) bool {
	b.pause = min(max(2*b.pause, firstPause), longestPause)
	timer := time.NewTimer(rand.N(b.pause))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
