package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/musterhq/muster/store"
)

// Class says how loudly a message speaks.
type Class string

// The classes.
const (
	// ClassAlert summons a responder: it wakes the device and sounds like it.
	ClassAlert Class = "ALERT"
	// ClassAlertUpdate is news for who is responding, such as that they may
	// stop: it arrives at once and does not sound like an alarm.
	ClassAlertUpdate Class = "ALERT_UPDATE"
	// ClassNotice can wait until the device wakes by itself.
	ClassNotice Class = "NOTICE"
)

// State is how far a message has come.
type State string

// The states. The last three are final.
const (
	StateQueued    State = "QUEUED"
	StateSent      State = "SENT"      // the push service took it, which is not yet delivered
	StateCancelled State = "CANCELLED" // called back, or its device is not its account's any more
	StateDead      State = "DEAD"      // will not be sent; LastError says why
)

// Codes of Message.LastError beside the Reasons.
const (
	// ErrorExpired: its lifetime was over before it could be sent.
	ErrorExpired = "EXPIRED"
	// ErrorNoDevice: its device is gone, or is another account's.
	ErrorNoDevice = "NO_DEVICE"
)

// Message is one push to one device.
type Message struct {
	store.Meta `bson:",inline"`
	store.Due  `bson:",inline"` // when to send it; once it is final, when to delete it
	AccountID  string           `bson:"accountId"`
	DeviceID   string           `bson:"deviceId"`
	Class      Class            `bson:"class"`
	// Subject is what the message is about, an alert's id for instance: what
	// it is cancelled by, and what of the same subject it replaces on screen.
	Subject string `bson:"subject"`
	// Key and Args are the text: title.KEY and body.KEY in the catalogues.
	Key  string         `bson:"key"`
	Args map[string]Arg `bson:"args,omitempty"`
	// Data is for the app to read.
	Data       map[string]string `bson:"data,omitempty"`
	Drill      bool              `bson:"drill"`
	State      State             `bson:"state"`
	ExpiresAt  time.Time         `bson:"expiresAt"` // it is not sent from then on
	Attempts   int               `bson:"attempts"`  // to send it
	LastError  string            `bson:"lastError,omitempty"`
	ProviderID string            `bson:"providerId,omitempty"` // the push service's name for it
	QueuedAt   time.Time         `bson:"queuedAt"`
	SentAt     time.Time         `bson:"sentAt,omitempty"`
}

// Each index is written again whenever one of its fields changes. The subject
// never does, so that its index costs one write in a message's life, where one
// by subject and state would cost three; a subject has a handful of messages.
// Due changes with every claim and outcome, and must.
var messages = store.Define[Message]("messages",
	store.Index{Name: "subject", Fields: []string{"subject"}},
	store.DueIndex,
)

// keep is how long a final message is kept, for those who ask what became of
// it.
const keep = 7 * 24 * time.Hour

// Messages returns the messages of a subject, oldest first, as long as they
// are kept.
func (s *Service) Messages(ctx context.Context, on store.Conn, subject string) ([]*Message, error) {
	var list []*Message
	for m, err := range messages.All(ctx, on, store.Where(store.Eq("subject", subject))) {
		if err != nil {
			return nil, fmt.Errorf("listing messages: %w", err)
		}
		list = append(list, m)
	}
	return list, nil
}

// end makes the message final, to be deleted when it has been kept for long
// enough.
func (m *Message) end(state State, code string, now time.Time) {
	m.State, m.LastError = state, code
	m.SetDue(now.Add(keep))
}
