package fcm

import (
	"strconv"
	"time"

	"firebase.google.com/go/v4/messaging"

	"github.com/musterhq/muster/notify"
)

// The app's notification channels on Android, which it must have created:
// their sound and importance are the resident's to set.
const (
	channelAlert  = "alert"
	channelNotice = "notice"
)

// message says a push in Firebase's terms. All platforms show a title and a
// body: a high-priority message that shows nothing gets demoted on Android, and
// would have to be of low priority on iOS.
func message(p notify.Push) *messaging.Message {
	m := &messaging.Message{
		Token:        p.Token,
		Notification: &messaging.Notification{Title: p.Title, Body: p.Body},
		Data:         p.Data,
	}
	switch p.Platform {
	case notify.Android:
		m.Android = android(p)
	case notify.IOS:
		m.APNS = apns(p)
	case notify.Web:
		m.Webpush = webpush(p)
	}
	return m
}

func urgent(p notify.Push) bool { return p.Class != notify.ClassNotice }

// android: a notification is always collapsible there, by the app's name if
// nothing else is said, so that two alerts would replace each other; each
// subject gets a key of its own. The tag does the same for what is on screen:
// a message that is sent twice shows once.
func android(p notify.Push) *messaging.AndroidConfig {
	ttl := max(0, p.TTL).Truncate(time.Second)
	c := &messaging.AndroidConfig{
		Priority:    "normal",
		TTL:         &ttl,
		CollapseKey: p.CollapseKey,
		// Before the first unlock after a restart there is no app to be read,
		// but there is an alert to be heard.
		DirectBootOK: true,
		Notification: &messaging.AndroidNotification{
			ChannelID:  channelNotice,
			Tag:        p.CollapseKey,
			Priority:   messaging.PriorityDefault,
			Visibility: messaging.VisibilityPublic,
		},
	}
	if urgent(p) {
		c.Priority = "high"
		c.Notification.Priority = messaging.PriorityHigh
	}
	if p.Class == notify.ClassAlert {
		c.Notification.ChannelID = channelAlert
		c.Notification.Priority = messaging.PriorityMax
		c.Notification.DefaultSound = true
	}
	return c
}

// maxCollapseID is the longest apns-collapse-id in bytes.
const maxCollapseID = 64

// apns: the critical sound, which overrides the mute switch, needs a grant by
// Apple that the app may not have; time-sensitive gets through a focus mode
// without one.
func apns(p notify.Push) *messaging.APNSConfig {
	headers := map[string]string{
		"apns-push-type":  "alert",
		"apns-priority":   "5",
		"apns-expiration": "0", // once, or not at all
	}
	if p.TTL > 0 {
		headers["apns-expiration"] = strconv.FormatInt(p.ExpiresAt.Unix(), 10)
	}
	if p.CollapseKey != "" && len(p.CollapseKey) <= maxCollapseID {
		headers["apns-collapse-id"] = p.CollapseKey
	}
	aps := &messaging.Aps{CustomData: map[string]any{"interruption-level": "active"}}
	if urgent(p) {
		headers["apns-priority"] = "10"
	}
	if p.Class == notify.ClassAlert {
		aps.Sound = "default"
		aps.CustomData["interruption-level"] = "time-sensitive"
	}
	return &messaging.APNSConfig{Headers: headers, Payload: &messaging.APNSPayload{Aps: aps}}
}

func webpush(p notify.Push) *messaging.WebpushConfig {
	urgency := "normal"
	if urgent(p) {
		urgency = "high"
	}
	return &messaging.WebpushConfig{
		Headers: map[string]string{
			"Urgency": urgency,
			"TTL":     strconv.FormatInt(int64(max(0, p.TTL)/time.Second), 10),
		},
		Notification: &messaging.WebpushNotification{
			Tag:                p.CollapseKey,
			Renotify:           p.Class == notify.ClassAlert && p.CollapseKey != "",
			RequireInteraction: p.Class == notify.ClassAlert,
		},
	}
}
