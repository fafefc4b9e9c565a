package fcm

import (
	"context"
	"errors"
	"fmt"

	firebase "firebase.google.com/go/v4"
	"firebase.google.com/go/v4/messaging"
	"google.golang.org/api/option"
	"google.golang.org/api/transport/http"

	"github.com/musterhq/muster/notify"
)

// Config says which Firebase project to send through.
type Config struct {
	// CredentialsJSON is the service account's key file, as Firebase hands it
	// out.
	CredentialsJSON []byte
	// ProjectID is the Firebase project; "" means the service account's.
	ProjectID string
	// Endpoint is the base URL of the service, such as
	// "http://127.0.0.1:9099/v1"; "" means Google's.
	Endpoint string
}

// Channel is a notify.Channel. It may be used from any goroutine.
type Channel struct{ client *messaging.Client }

var _ notify.Channel = (*Channel)(nil)

// scope is all that the channel asks Google's permission for.
const scope = "https://www.googleapis.com/auth/firebase.messaging"

// New returns the channel. It fails if the credentials cannot be read, and
// does not talk to Google: credentials that are not valid any more show when
// something is sent.
func New(ctx context.Context, c Config) (*Channel, error) {
	if len(c.CredentialsJSON) == 0 {
		return nil, errors.New("fcm: no credentials")
	}
	credentials := option.WithAuthCredentialsJSON(option.ServiceAccount, c.CredentialsJSON)
	client, _, err := http.NewClient(ctx, credentials, option.WithScopes(scope), option.WithTelemetryDisabled())
	if err != nil {
		return nil, fmt.Errorf("fcm: reading the credentials: %w", err)
	}
	client.Transport = once{client.Transport}
	options := []option.ClientOption{option.WithHTTPClient(client), credentials}
	if c.Endpoint != "" {
		options = append(options, option.WithEndpoint(c.Endpoint))
	}
	app, err := firebase.NewApp(ctx, &firebase.Config{ProjectID: c.ProjectID}, options...)
	if err != nil {
		return nil, fmt.Errorf("fcm: %w", err)
	}
	messages, err := app.Messaging(ctx)
	if err != nil {
		return nil, fmt.Errorf("fcm: %w", err)
	}
	return &Channel{client: messages}, nil
}

// Send hands the push to Firebase and returns the name that Firebase gives
// it, which means that it was accepted, not that it arrived. Its error is
// always a *notify.SendError.
func (c *Channel) Send(ctx context.Context, p notify.Push) (string, error) {
	if p.Token == "" { // the SDK's own refusal could not be told from a lost connection
		return "", &notify.SendError{Reason: notify.ReasonInvalid, Err: errors.New("fcm: no token")}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	name, err := c.client.Send(withStop(ctx, cancel), message(p))
	if err == nil {
		return name, nil
	}
	var stopped *notify.SendError
	if errors.As(context.Cause(ctx), &stopped) {
		return "", stopped
	}
	return "", reason(err)
}
