package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Limit allows N attempts in any stretch of time as long as Per.
type Limit struct {
	N   int
	Per time.Duration
}

// Limits bounds the attempts at signing in. They are counted in the store, for
// all processes together.
type Limits struct {
	// FailuresPerPhone is how many wrong codes may be tried for a phone. It is
	// what makes six digits enough; a new code does not begin it afresh.
	FailuresPerPhone Limit
	// FailuresPerAddress is how many wrong codes may be tried from a client
	// address, whatever the phones.
	FailuresPerAddress Limit
	// RequestsPerPhone, RequestsPerAddress and Requests are how many codes may
	// be asked for: for a phone, from a client address, and in total.
	RequestsPerPhone, RequestsPerAddress, Requests Limit
}

// DefaultLimits returns the limits for production. Those per address leave
// room for the many phones that share one behind a mobile operator's
// translation.
func DefaultLimits() Limits {
	return Limits{
		FailuresPerPhone:   Limit{N: 5, Per: 15 * time.Minute},
		FailuresPerAddress: Limit{N: 60, Per: 15 * time.Minute},
		RequestsPerPhone:   Limit{N: 5, Per: 15 * time.Minute},
		RequestsPerAddress: Limit{N: 60, Per: 15 * time.Minute},
		Requests:           Limit{N: 600, Per: time.Minute},
	}
}

func (l Limits) check() error {
	for _, limit := range []Limit{l.FailuresPerPhone, l.FailuresPerAddress, l.RequestsPerPhone, l.RequestsPerAddress, l.Requests} {
		if limit.N < 1 || limit.Per < time.Second {
			return errors.New("auth: every limit needs a number above 0 and a time of at least 1s")
		}
	}
	return nil
}

// quota is one limit on the attempts of one phone or address, or of all.
type quota struct {
	kind, key string
	limit     Limit
}

// windows remembers recent attempts. The ids are keyed hashes, so that the
// collection gives away neither phones nor addresses.
var windows = store.Define[window]("signInAttempts", store.DueIndex)

// window is the recent attempts that count against one quota, oldest first.
type window struct {
	store.Meta `bson:",inline"`
	store.Due  `bson:",inline"` // when the last attempt no longer counts
	Bursts     []burst          `bson:"bursts"`
}

// burst is attempts that came so close together that they count as if all had
// come with the last. That bounds a window's size whatever its limit, and
// errs on the strict side.
type burst struct {
	First time.Time `bson:"first"`
	Last  time.Time `bson:"last"`
	N     int       `bson:"n"`
}

// burstsPerWindow is into how many bursts a full window is divided.
const burstsPerWindow = 60

// turnstile is the windows of the quotas that one attempt counts against.
type turnstile struct {
	quotas  []quota
	windows []*window
	now     time.Time
}

// turnstile loads the windows of the quotas. Without room in all of them it
// fails with RATE_LIMITED, for the reason, and says when to come back.
func (s *Service) turnstile(ctx context.Context, tx *store.Tx, reason string, quotas ...quota) (*turnstile, error) {
	t := &turnstile{quotas: quotas, now: s.Now()}
	var wait time.Duration
	for _, q := range quotas {
		w, err := s.window(ctx, tx, q)
		if err != nil {
			return nil, err
		}
		w.forget(t.now.Add(-q.limit.Per))
		wait = max(wait, w.wait(t.now, q.limit))
		t.windows = append(t.windows, w)
	}
	if wait > 0 {
		return nil, fault.RateLimited(reason, fault.Args{"retryAfterSeconds": int(math.Ceil(wait.Seconds()))})
	}
	return t, nil
}

// count stores one more attempt.
func (t *turnstile) count(ctx context.Context, tx *store.Tx) error {
	for i, w := range t.windows {
		w.add(t.now, t.quotas[i].limit.Per)
		store := windows.Replace
		if w.Rev == 0 {
			store = windows.Insert
		}
		if err := store(ctx, tx, w); err != nil {
			return fmt.Errorf("counting attempts: %w", err)
		}
	}
	return nil
}

func (s *Service) window(ctx context.Context, tx *store.Tx, q quota) (*window, error) {
	id := s.Keyring.opaque(q.kind, q.key)
	w, err := windows.Get(ctx, tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return &window{Meta: store.Meta{ID: id}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading attempts: %w", err)
	}
	return w, nil
}

// forget drops the attempts that came at or before the time.
func (w *window) forget(before time.Time) {
	for len(w.Bursts) > 0 && !w.Bursts[0].Last.After(before) {
		w.Bursts = w.Bursts[1:]
	}
}

// wait returns how long it takes until there is room for one more attempt: 0
// if there is now.
func (w *window) wait(now time.Time, limit Limit) time.Duration {
	n := 0
	for _, b := range w.Bursts {
		n += b.N
	}
	var wait time.Duration
	for _, b := range w.Bursts {
		if n < limit.N {
			break
		}
		n -= b.N
		wait = b.Last.Add(limit.Per).Sub(now)
	}
	return wait
}

func (w *window) add(now time.Time, per time.Duration) {
	n := len(w.Bursts)
	if n == 0 || now.Sub(w.Bursts[n-1].First) > per/burstsPerWindow {
		w.Bursts = append(w.Bursts, burst{First: now})
		n++
	}
	last := &w.Bursts[n-1]
	last.N++
	if now.After(last.Last) {
		last.Last = now
	}
	w.SetDue(last.Last.Add(per))
}

// addressKey returns what counts as one client address: an IPv4 address, or
// the /64 network that a single IPv6 subscriber has all of. What is neither
// counts as it is.
func addressKey(from string) string {
	host := from
	if ap, err := netip.ParseAddrPort(from); err == nil {
		host = ap.Addr().String()
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return cmp.Or(from, "unknown")
	}
	if addr = addr.Unmap().WithZone(""); addr.Is4() {
		return addr.String()
	}
	return netip.PrefixFrom(addr, 64).Masked().String()
}
