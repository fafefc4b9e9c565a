package notify

import (
	"time"

	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
)

// Platform is the kind of a device.
type Platform string

// The platforms.
const (
	Android Platform = "ANDROID"
	IOS     Platform = "IOS"
	Web     Platform = "WEB"
)

// Device is an installation of the app, signed in as an account.
type Device struct {
	store.Meta `bson:",inline"`
	AccountID  string     `bson:"accountId"`
	SessionID  string     `bson:"sessionId"`
	Token      string     `bson:"token"` // of the push service; one device each
	Platform   Platform   `bson:"platform"`
	Locale     locale.Tag `bson:"locale"` // in which it is spoken to
	AppVersion string     `bson:"appVersion"`
	SeenAt     time.Time  `bson:"seenAt"` // when it was last registered
}

var devices = store.Define[Device]("devices",
	store.Index{Name: "token", Fields: []string{"token"}, Unique: true},
	store.Index{Name: "account", Fields: []string{"accountId"}},
	store.Index{Name: "session", Fields: []string{"sessionId"}},
)
