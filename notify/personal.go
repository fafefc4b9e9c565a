package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
)

// personalDevice is a device in a copy of everything about an account.
type personalDevice struct {
	ID        string `json:"id"`
	SessionID string `json:"sessionId"`
	// TokenStart is the start of the push service's token: whoever had all of
	// it could send to the device.
	TokenStart string     `json:"tokenStart"`
	Platform   Platform   `json:"platform"`
	Locale     locale.Tag `json:"locale"`
	AppVersion string     `json:"appVersion"`
	SeenAt     time.Time  `json:"seenAt"`
}

// personalMessage is a push in a copy.
type personalMessage struct {
	ID       string         `json:"id"`
	DeviceID string         `json:"deviceId"`
	Class    Class          `json:"class"`
	Subject  string         `json:"subjectId"`
	Text     string         `json:"text"` // the key of what it said
	Args     map[string]Arg `json:"args,omitempty"`
	State    State          `json:"state"`
	Attempts int            `json:"attempts"`
	QueuedAt time.Time      `json:"queuedAt"`
	SentAt   time.Time      `json:"sentAt,omitzero"`
}

// tokenStart is how many bytes of a push token are shown to its owner.
const tokenStart = 8

// CopyPersonal writes the account's devices (section "devices"). It asks for no
// actor.
func (s *Service) CopyPersonal(ctx context.Context, accountID string, write func(section string, doc any) error) error {
	list, err := listDevices(ctx, s.DB, accountID)
	if err != nil {
		return err
	}
	for _, d := range list {
		p := personalDevice{d.ID, d.SessionID, d.Token[:min(len(d.Token)/2, tokenStart)], d.Platform, d.Locale, d.AppVersion, d.SeenAt}
		if err := write("devices", p); err != nil {
			return fmt.Errorf("copying devices: %w", err)
		}
	}
	return nil
}

// CopyPersonalMessages writes what the account was told about the subject, as
// long as that is kept (section "messages"). It asks for no actor.
func (s *Service) CopyPersonalMessages(ctx context.Context, accountID, subject string, write func(section string, doc any) error) error {
	list, err := s.Messages(ctx, s.DB, subject)
	if err != nil {
		return err
	}
	for _, m := range list {
		if m.AccountID != accountID {
			continue
		}
		p := personalMessage{m.ID, m.DeviceID, m.Class, m.Subject, m.Key, m.Args, m.State, m.Attempts, m.QueuedAt, m.SentAt}
		if err := write("messages", p); err != nil {
			return fmt.Errorf("copying messages: %w", err)
		}
	}
	return nil
}

// ErasePersonal deletes the account's devices, of which there are few. Its
// messages name nobody, and go by themselves within days.
func (s *Service) ErasePersonal(ctx context.Context, accountID string) (more bool, err error) {
	return devices.DeleteSome(ctx, s.DB, store.Where(store.Eq("accountId", accountID)), MaxDevices)
}
