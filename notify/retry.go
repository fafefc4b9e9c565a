package notify

import (
	"context"
	"sync"
	"time"
)

const (
	// firstBackoff is the most that is waited after the first failure; it
	// doubles with each further one up to maxBackoff. Firebase asks for 10 s
	// where it does not say otherwise; an alert that is answered within 30 s
	// cannot wait that long.
	firstBackoff = time.Second
	maxBackoff   = time.Minute
	// maxPause is the longest that one answer keeps all notices waiting. The
	// one that was answered waits as long as it was told to, but the quota
	// that was used up may have been its device's alone, and so the others
	// try again.
	maxPause = time.Minute
	// maxAlertPause is the same for alerts and their updates, of which nobody
	// may miss one because of somebody else's telephone.
	maxAlertPause = 2 * time.Second
)

// retry schedules another attempt, within the message's lifetime only.
func (s *Service) retry(ctx context.Context, m *Message, e *SendError) error {
	now := s.Now()
	if e.RetryAfter > 0 {
		s.pauses.extend(now, e.RetryAfter)
	}
	at := now.Add(e.RetryAfter + s.backoff(m.Attempts)).Truncate(time.Millisecond)
	if !at.Before(m.ExpiresAt) {
		return s.finish(ctx, m, StateDead, string(e.Reason))
	}
	m.LastError = string(e.Reason)
	m.SetDue(at)
	return s.put(ctx, m)
}

// postpone puts the message off until the pause ends, and a little more, so
// that not all begin again at once. One that expires before then is due when
// it does.
func (s *Service) postpone(ctx context.Context, m *Message, until time.Time) error {
	at := until.Add(s.backoff(1)).Truncate(time.Millisecond)
	if m.ExpiresAt.Before(at) {
		at = m.ExpiresAt
	}
	m.SetDue(at)
	return s.put(ctx, m)
}

// backoff is exponential with full jitter: anything between nothing and the
// whole of it, which spreads out those that failed together (M. Brooker,
// "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
func (s *Service) backoff(attempts int) time.Duration {
	limit := firstBackoff
	for range attempts - 1 {
		limit = min(2*limit, maxBackoff)
	}
	return time.Duration(s.Rand() * float64(limit))
}

// pauses are until when the push service wants to be left alone. They are this
// process's own: another learns of them by its own next push.
type pauses struct {
	mu      sync.Mutex
	alerts  time.Time
	notices time.Time
}

// extend keeps messages waiting for as long as an answer asks, within limits.
func (p *pauses) extend(now time.Time, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alerts = later(p.alerts, now.Add(min(wait, maxAlertPause)))
	p.notices = later(p.notices, now.Add(min(wait, maxPause)))
}

// of returns until when messages of the class wait.
func (p *pauses) of(c Class) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c == ClassNotice {
		return p.notices
	}
	return p.alerts
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
