package notify

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/musterhq/muster/store"
)

// Notice is something to tell an account, on all of its devices.
type Notice struct {
	AccountID string
	Class     Class
	Subject   string // what it is about: see Message
	Key       string // of the text: title.KEY and body.KEY must be in the catalogues
	Args      map[string]Arg
	Data      map[string]string // "drill" is added to that of a drill
	Drill     bool
	Lifetime  time.Duration // after which it is of no use; above 0 and at most MaxLifetime
}

// MaxLifetime is the longest that Firebase keeps a message for a device that
// is away.
const MaxLifetime = 28 * 24 * time.Hour

// ahead puts alerts before everything else that is due: the queue is in the
// order of due dates, and neither the deletion of old messages nor notices to
// everyone, however many and however late, may hold up an alert.
const ahead = 30 * 24 * time.Hour

// Enqueue writes, in the caller's atomic step, one message for each of the
// account's devices, and returns how many that were. None is no error, and for
// the caller to record. It fails if the notice breaks the rules, which is a
// mistake of the program: the text must exist, and an alert and its updates
// carry nothing but what AlertData and AlertArgs can say.
func (s *Service) Enqueue(ctx context.Context, tx *store.Tx, n Notice) (int, error) {
	if err := s.check(n); err != nil {
		return 0, fmt.Errorf("enqueuing %q: %w", n.Key, err)
	}
	list, err := listDevices(ctx, tx, n.AccountID)
	if err != nil {
		return 0, err
	}
	for _, d := range list {
		if err := messages.Insert(ctx, tx, s.message(n, d)); err != nil {
			return 0, fmt.Errorf("enqueuing %q: %w", n.Key, err)
		}
	}
	return len(list), nil
}

func (s *Service) message(n Notice, d *Device) *Message {
	now := s.Now()
	m := &Message{
		Meta:      store.Meta{ID: s.NewID("msg")},
		AccountID: n.AccountID,
		DeviceID:  d.ID,
		Class:     n.Class,
		Subject:   n.Subject,
		Key:       n.Key,
		Args:      n.Args,
		Data:      maps.Clone(n.Data),
		Drill:     n.Drill,
		State:     StateQueued,
		ExpiresAt: now.Add(n.Lifetime),
		QueuedAt:  now,
	}
	if n.Drill {
		if m.Data == nil {
			m.Data = map[string]string{}
		}
		m.Data[dataDrill] = "true"
	}
	m.SetDue(now)
	if n.Class != ClassNotice {
		m.SetDue(now.Add(-ahead))
	}
	return m
}

// Cancel calls back, in the caller's atomic step, what is still queued about
// the subject. A message that is being sent at this moment may still arrive.
func (s *Service) Cancel(ctx context.Context, tx *store.Tx, subject string) error {
	list, err := s.Messages(ctx, tx, subject)
	if err != nil {
		return err
	}
	for _, m := range list {
		if m.State != StateQueued {
			continue
		}
		m.end(StateCancelled, "", s.Now())
		if err := messages.Replace(ctx, tx, m); err != nil {
			return fmt.Errorf("cancelling messages: %w", err)
		}
	}
	return nil
}
