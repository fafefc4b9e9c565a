package notify

import (
	"context"
	"errors"
	"fmt"

	"github.com/musterhq/muster/store"
)

// handle does what is due for a claimed message: it sends it, or deletes it
// when it has been kept for long enough. That another writer was first, such
// as a cancellation, is no error: the message is then as that writer wants it.
func (s *Service) handle(ctx context.Context, m *Message) error {
	var err error
	if m.State == StateQueued {
		err = s.deliver(ctx, m)
	} else {
		err = overtaken(messages.Delete(ctx, s.DB, m))
	}
	if errors.Is(err, errOvertaken) {
		return nil
	}
	return err
}

// errOvertaken reports that another writer has changed or deleted a message
// since it was claimed.
var errOvertaken = errors.New("notify: another writer was first")

func overtaken(err error) error {
	if errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound) {
		return errOvertaken
	}
	return err
}

func (s *Service) deliver(ctx context.Context, m *Message) error {
	now := s.Now()
	if !now.Before(m.ExpiresAt) {
		return s.finish(ctx, m, StateDead, ErrorExpired)
	}
	if until := s.pauses.of(m.Class); now.Before(until) {
		return s.postpone(ctx, m, until)
	}
	device, err := devices.Get(ctx, s.DB, m.DeviceID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("finding a message's device: %w", err)
	}
	if err != nil || device.AccountID != m.AccountID {
		return s.finish(ctx, m, StateCancelled, ErrorNoDevice)
	}
	m.Attempts++
	providerID, err := s.send(ctx, m, device)
	if err != nil {
		return s.settle(ctx, m, device, err)
	}
	return s.markSent(ctx, m, providerID)
}

func (s *Service) send(ctx context.Context, m *Message, d *Device) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.SendTimeout)
	defer cancel()
	title, body := s.text(d.Locale, m)
	return s.Channel.Send(ctx, Push{
		Token:       d.Token,
		Platform:    d.Platform,
		Class:       m.Class,
		Title:       title,
		Body:        body,
		Data:        m.Data,
		Drill:       m.Drill,
		TTL:         m.ExpiresAt.Sub(s.Now()),
		ExpiresAt:   m.ExpiresAt,
		CollapseKey: m.Subject,
	})
}

func (s *Service) markSent(ctx context.Context, m *Message, providerID string) error {
	now := s.Now()
	m.end(StateSent, "", now)
	m.SentAt, m.ProviderID = now, providerID
	return s.record(ctx, m, func(tx *store.Tx, sent *Message) error {
		if s.OnSent == nil {
			return nil
		}
		return s.OnSent(ctx, tx, sent)
	})
}

// settle does what the channel's error asks for.
func (s *Service) settle(ctx context.Context, m *Message, d *Device, err error) error {
	failure := asSendError(err)
	s.report(ctx, m, failure)
	if failure.Reason.retried() {
		return s.retry(ctx, m, failure)
	}
	if failure.Reason == ReasonGone || failure.Reason == ReasonMisdirected {
		m.end(StateDead, string(failure.Reason), s.Now())
		return s.record(ctx, m, func(tx *store.Tx, _ *Message) error { return drop(ctx, tx, d) })
	}
	return s.finish(ctx, m, StateDead, string(failure.Reason))
}

func asSendError(err error) *SendError {
	var e *SendError
	if errors.As(err, &e) {
		return e
	}
	return &SendError{Reason: ReasonUnavailable, Err: err}
}

// report logs what somebody must put right; the rest is in LastError.
func (s *Service) report(ctx context.Context, m *Message, e *SendError) {
	attrs := []any{"message", m.ID, "device", m.DeviceID, "class", m.Class, "reason", e.Reason, "error", e.Err}
	switch e.Reason {
	case ReasonMisdirected, ReasonAuth:
		s.Log.ErrorContext(ctx, "push refused", attrs...)
	case ReasonInvalid:
		s.Log.WarnContext(ctx, "push refused", attrs...)
	}
}

// drop deletes a device that the push service does not know, unless it was
// registered again since the push was sent.
func drop(ctx context.Context, tx *store.Tx, seen *Device) error {
	d, err := devices.Get(ctx, tx, seen.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && d.Rev != seen.Rev {
		return nil
	}
	if err != nil {
		return err
	}
	return devices.Delete(ctx, tx, d)
}

func (s *Service) finish(ctx context.Context, m *Message, state State, code string) error {
	m.end(state, code, s.Now())
	return s.put(ctx, m)
}

func (s *Service) put(ctx context.Context, m *Message) error {
	return overtaken(messages.Replace(ctx, s.DB, m))
}

// record replaces the claimed message and does also with it, in one atomic
// step.
func (s *Service) record(ctx context.Context, m *Message, also func(*store.Tx, *Message) error) error {
	return s.DB.Atomically(ctx, func(tx *store.Tx) error {
		claimed := *m // its revision must not change in a step that may run again
		if err := messages.Replace(ctx, tx, &claimed); err != nil {
			return overtaken(err)
		}
		return also(tx, &claimed)
	})
}
