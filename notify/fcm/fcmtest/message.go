package fcmtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Message is a message of the HTTP v1 API, in the spelling of its fields that
// the Admin SDKs use (the real service also takes camelCase).
//
// https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
type Message struct {
	Name         string            `json:"name,omitempty"`
	Data         map[string]string `json:"data,omitempty"`
	Notification *Notification     `json:"notification,omitempty"`
	Android      *Android          `json:"android,omitempty"`
	Webpush      *Webpush          `json:"webpush,omitempty"`
	APNS         *APNS             `json:"apns,omitempty"`
	FCMOptions   *FCMOptions       `json:"fcm_options,omitempty"`
	Token        string            `json:"token,omitempty"`
	Topic        string            `json:"topic,omitempty"`
	Condition    string            `json:"condition,omitempty"`
}

// Notification is what all platforms show.
type Notification struct {
	Title string `json:"title,omitempty"`
	Body  string `json:"body,omitempty"`
	Image string `json:"image,omitempty"`
}

// Android is what is said to Android only.
type Android struct {
	CollapseKey           string               `json:"collapse_key,omitempty"`
	Priority              string               `json:"priority,omitempty"`
	TTL                   string               `json:"ttl,omitempty"`
	RestrictedPackageName string               `json:"restricted_package_name,omitempty"`
	Data                  map[string]string    `json:"data,omitempty"`
	Notification          *AndroidNotification `json:"notification,omitempty"`
	FCMOptions            *FCMOptions          `json:"fcm_options,omitempty"`
	DirectBootOK          bool                 `json:"direct_boot_ok,omitempty"`
}

// AndroidNotification is how Android shows it.
type AndroidNotification struct {
	Title                 string          `json:"title,omitempty"`
	Body                  string          `json:"body,omitempty"`
	Icon                  string          `json:"icon,omitempty"`
	Color                 string          `json:"color,omitempty"`
	Sound                 string          `json:"sound,omitempty"`
	Tag                   string          `json:"tag,omitempty"`
	ClickAction           string          `json:"click_action,omitempty"`
	BodyLocKey            string          `json:"body_loc_key,omitempty"`
	BodyLocArgs           []string        `json:"body_loc_args,omitempty"`
	TitleLocKey           string          `json:"title_loc_key,omitempty"`
	TitleLocArgs          []string        `json:"title_loc_args,omitempty"`
	ChannelID             string          `json:"channel_id,omitempty"`
	Ticker                string          `json:"ticker,omitempty"`
	Sticky                bool            `json:"sticky,omitempty"`
	EventTime             string          `json:"event_time,omitempty"`
	LocalOnly             bool            `json:"local_only,omitempty"`
	Priority              string          `json:"notification_priority,omitempty"`
	DefaultSound          bool            `json:"default_sound,omitempty"`
	DefaultVibrateTimings bool            `json:"default_vibrate_timings,omitempty"`
	DefaultLightSettings  bool            `json:"default_light_settings,omitempty"`
	VibrateTimings        []string        `json:"vibrate_timings,omitempty"`
	Visibility            string          `json:"visibility,omitempty"`
	NotificationCount     int             `json:"notification_count,omitempty"`
	LightSettings         json.RawMessage `json:"light_settings,omitempty"`
	Image                 string          `json:"image,omitempty"`
	Proxy                 string          `json:"proxy,omitempty"`
}

// Webpush is what is said to browsers only.
type Webpush struct {
	Headers      map[string]string `json:"headers,omitempty"`
	Data         map[string]string `json:"data,omitempty"`
	Notification map[string]any    `json:"notification,omitempty"`
	FCMOptions   json.RawMessage   `json:"fcm_options,omitempty"`
}

// APNS is what is said to Apple's devices only.
type APNS struct {
	Headers           map[string]string `json:"headers,omitempty"`
	Payload           map[string]any    `json:"payload,omitempty"`
	FCMOptions        json.RawMessage   `json:"fcm_options,omitempty"`
	LiveActivityToken string            `json:"live_activity_token,omitempty"`
}

// FCMOptions are labels for statistics.
type FCMOptions struct {
	AnalyticsLabel string `json:"analytics_label,omitempty"`
}

type sendRequest struct {
	ValidateOnly bool     `json:"validate_only"`
	Message      *Message `json:"message"`
}

// maxPayload is the largest that a message may be, in bytes.
const maxPayload = 4096

// refusal is why a message is not well made, in the words of an answer.
type refusal string

func (r refusal) Error() string { return string(r) }

func refuse(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }

// parse reads a request as strictly as the real service: unknown fields and
// values of the wrong type are errors.
func parse(body []byte) (*sendRequest, error) {
	var req sendRequest
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&req); err != nil {
		return nil, refuse("Invalid JSON payload received. %v", err)
	}
	if err := d.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return nil, refuse("Invalid JSON payload received. More than one value.")
	}
	if req.Message == nil {
		return nil, refuse("The message is missing.")
	}
	return &req, req.Message.check()
}

func (m *Message) check() error {
	targets := 0
	for _, target := range []string{m.Token, m.Topic, m.Condition} {
		if target != "" {
			targets++
		}
	}
	if targets != 1 {
		return refuse("Recipient of the message is not set.")
	}
	if m.size() > maxPayload {
		return refuse("Message is too big.")
	}
	return errors.Join(checkData(m.Data), m.Android.check())
}

// size is what counts towards the limit: what reaches the device, of the
// platform for which it is most.
func (m *Message) size() int {
	common := length(m.Data) + length(m.Notification)
	largest := 0
	if m.Android != nil {
		largest = max(largest, length(m.Android.Data)+length(m.Android.Notification))
	}
	if m.APNS != nil {
		largest = max(largest, length(m.APNS.Payload))
	}
	if m.Webpush != nil {
		largest = max(largest, length(m.Webpush.Data)+length(m.Webpush.Notification))
	}
	return common + largest
}

// length is that of a value in JSON, 0 for none.
func length(v any) int {
	raw, err := json.Marshal(v)
	if err != nil || string(raw) == "null" {
		return 0
	}
	return len(raw)
}

// checkData refuses the keys that Firebase keeps for itself.
func checkData(data map[string]string) error {
	for key := range data {
		if key == "from" || key == "message_type" || strings.HasPrefix(key, "google.") || strings.HasPrefix(key, "gcm.") {
			return refuse("Invalid data payload key: %s", key)
		}
	}
	return nil
}

var duration = regexp.MustCompile(`^\d+(\.\d{1,9})?s$`)

func (a *Android) check() error {
	if a == nil {
		return nil
	}
	if !slices.Contains([]string{"", "NORMAL", "HIGH"}, strings.ToUpper(a.Priority)) {
		return refuse("Invalid value at 'message.android.priority': %q", a.Priority)
	}
	if a.TTL != "" && !duration.MatchString(a.TTL) {
		return refuse("Invalid value at 'message.android.ttl': %q", a.TTL)
	}
	return checkData(a.Data)
}
