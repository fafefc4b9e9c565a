package notify

import (
	"context"
	"log/slog"
	"time"

	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
)

// Config is what a Service is made of. All is required but what says so.
type Config struct {
	DB        *store.DB
	Now       func() time.Time
	NewID     func(prefix string) string
	Log       *slog.Logger
	Catalogue *locale.Catalogue
	// Channel sends; Disabled{} where there is none.
	Channel Channel
	// Rand returns numbers in [0, 1), evenly spread, from any goroutine: the
	// jitter of retries.
	Rand func() float64
	// OnSent, if not nil, is called in the atomic step that records a message
	// as sent. If it fails nothing is recorded, and the message is sent again
	// when the lease ends. Like every atomic step it may run more than once.
	OnSent func(ctx context.Context, tx *store.Tx, m *Message) error
	// Width is how many messages are being sent at a time by this process; 0
	// means 64.
	Width int
	// SendTimeout is how long the channel has for one message; 0 means 5 s,
	// which is also the most.
	SendTimeout time.Duration
}

const (
	// lease is how long a worker that has claimed a message may take over it.
	// After a crash another process has to wait for it to end, and an alert may
	// be answered for 30 s only.
	lease = 7 * time.Second
	// maxSendTimeout leaves the worker time to record the outcome before the
	// lease ends.
	maxSendTimeout = 5 * time.Second
	defaultWidth   = 64
)

// Service is the devices and the outbox. It may be used from any goroutine.
type Service struct {
	Config
	worker store.Worker[Message]
	pauses pauses
}

// New returns the service.
func New(c Config) *Service {
	if c.Width <= 0 {
		c.Width = defaultWidth
	}
	if c.SendTimeout <= 0 || c.SendTimeout > maxSendTimeout {
		c.SendTimeout = maxSendTimeout
	}
	s := &Service{Config: c}
	s.worker = store.Worker[Message]{
		DB: c.DB, Collection: messages, Now: c.Now, Log: c.Log,
		Lease: lease, Width: c.Width, Handle: s.handle,
	}
	return s
}

// Collections lists the collections of this package for store.Open.
func Collections() []store.Definition { return []store.Definition{devices, messages} }

// Run sends what is queued, as it comes, until the context ends; what has been
// begun then is finished first, which takes SendTimeout at most, since a
// message that was sent and not recorded would be sent again.
func (s *Service) Run(ctx context.Context) { s.worker.Run(ctx) }

// RunDue sends what is due now, one after the other, and returns how many
// messages it handled. Tests call it in place of Run.
func (s *Service) RunDue(ctx context.Context) (int, error) { return s.worker.RunDue(ctx) }
