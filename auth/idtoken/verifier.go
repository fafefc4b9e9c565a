package idtoken

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	firebase "firebase.google.com/go/v4"
	firebaseauth "firebase.google.com/go/v4/auth"
	"google.golang.org/api/option"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
)

// EmulatorVariable is the environment variable that turns the Firebase SDK to
// an emulator, whose tokens nobody signs.
const EmulatorVariable = "FIREBASE_AUTH_EMULATOR_HOST"

// demoProject is what the ids of projects begin with that exist in emulators
// only.
const demoProject = "demo-"

// fetchTimeout is how long fetching the keys may take. The SDK keeps them for
// as long as Firebase says, some hours.
const fetchTimeout = 5 * time.Second

// Verifier verifies the ID tokens of one Firebase project. It may be used from
// any goroutine.
type Verifier struct{ client *firebaseauth.Client }

var _ auth.IDTokens = (*Verifier)(nil)

// New returns the verifier for the project with that id. It needs no
// credentials: the keys that Firebase signs with are public, and are fetched
// when they are first needed. With an emulator in the environment it fails
// unless the project is a demonstration, since it would take any token for
// good.
func New(ctx context.Context, projectID string) (*Verifier, error) {
	if projectID == "" {
		return nil, errors.New("idtoken: no Firebase project")
	}
	if os.Getenv(EmulatorVariable) != "" && !strings.HasPrefix(projectID, demoProject) {
		return nil, fmt.Errorf("idtoken: %s is set, by which anybody could sign in as anyone: unset it, or use a project %s…", EmulatorVariable, demoProject)
	}
	app, err := firebase.NewApp(ctx, &firebase.Config{ProjectID: projectID}, option.WithoutAuthentication())
	if err != nil {
		return nil, fmt.Errorf("idtoken: %w", err)
	}
	client, err := app.Auth(ctx)
	if err != nil {
		return nil, fmt.Errorf("idtoken: %w", err)
	}
	return &Verifier{client: client}, nil
}

// Verify returns the phone that the owner of the token has proved, in E.164. It
// fails with UNAUTHENTICATED for a token that is not the project's, not valid
// now, or of somebody without a phone, and with UNAVAILABLE, wrapped with the
// cause, if the keys cannot be fetched.
func (v *Verifier) Verify(ctx context.Context, token string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	verified, err := v.client.VerifyIDToken(ctx, token)
	switch {
	case firebaseauth.IsCertificateFetchFailed(err):
		return "", fmt.Errorf("%w: %w", fault.Unavailable("id_token"), err)
	case err != nil:
		// The SDK's reasons are for developers: some quote the token.
		return "", fault.Unauthenticated("id_token")
	}
	phone, _ := verified.Claims["phone_number"].(string)
	if phone == "" {
		return "", fault.Unauthenticated("id_token")
	}
	return phone, nil
}
