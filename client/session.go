package client

import (
	"context"
	"fmt"
	"time"
)

// session is what a sign-in brings.
type session struct {
	AccessToken  string    `json:"accessToken"`
	RefreshToken string    `json:"refreshToken"`
	ExpiresAt    time.Time `json:"expiresAt"`
}

// renewAhead is how long before its end an access token is exchanged, so that
// it does not end on the way.
const renewAhead = 20 * time.Second

const (
	requestCodeQuery = `mutation ($phone: PhoneNumber!) { requestSignInCode(input: {phone: $phone}) { expiresAt } }`
	signInQuery      = `mutation ($phone: PhoneNumber!, $code: String!, $device: String) {
		signIn(input: {phone: $phone, code: $code, deviceName: $device}) { accessToken refreshToken expiresAt } }`
	refreshQuery = `mutation ($token: String!) {
		refreshSession(input: {refreshToken: $token}) { accessToken refreshToken expiresAt } }`
)

// RequestCode has a sign-in code sent to the phone.
func (c *Client) RequestCode(ctx context.Context, phone string) error {
	return c.post(ctx, "", requestCodeQuery, map[string]any{"phone": phone}, nil)
}

// SignIn opens a session with the code that was sent to the phone. deviceName
// is what it is called in the list of sessions; it may be empty. From then on
// the client is signed in.
func (c *Client) SignIn(ctx context.Context, phone, code, deviceName string) error {
	var out struct{ SignIn session }
	variables := map[string]any{"phone": phone, "code": code, "device": deviceName}
	if err := c.post(ctx, "", signInQuery, variables, &out); err != nil {
		return fmt.Errorf("signing in: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = out.SignIn
	return nil
}

// token returns an access token that is good for the next moments, or "" if
// nobody is signed in.
func (c *Client) token(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session.AccessToken == "" || c.now().Before(c.session.ExpiresAt.Add(-renewAhead)) {
		return c.session.AccessToken, nil
	}
	var out struct{ RefreshSession session }
	if err := c.post(ctx, "", refreshQuery, map[string]any{"token": c.session.RefreshToken}, &out); err != nil {
		return "", fmt.Errorf("renewing the session: %w", err)
	}
	c.session = out.RefreshSession
	return c.session.AccessToken, nil
}

// SignedIn reports whether SignIn has succeeded.
func (c *Client) SignedIn() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session.AccessToken != ""
}
