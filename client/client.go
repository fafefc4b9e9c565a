package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options are how a client is to be. All are optional.
type Options struct {
	// HTTP makes the requests; nil for a client of its own. It needs no
	// time-out: every call has its context's.
	HTTP *http.Client
	// Locale is the language of the answers, zh-CN or en; "" for the server's
	// own choice.
	Locale string
	// Now is the clock by which the access token is renewed; nil for time.Now.
	Now func() time.Time
}

// Client is one party that asks the API, signed in or not. It may be used from any
// goroutine.
type Client struct {
	endpoint string
	http     *http.Client
	locale   string
	now      func() time.Time

	mu      sync.Mutex // held during a refresh, so that there is one at a time
	session session
}

// endpointPath is where the API is.
const endpointPath = "/graphql"

// maxAnswer is how much of an answer is read, in bytes: several times the
// largest that the server's limits allow.
const maxAnswer = 16 << 20

// New returns a client of the server at the base URL, such as
// "http://127.0.0.1:8080".
func New(baseURL string, o Options) *Client {
	c := &Client{endpoint: strings.TrimSuffix(baseURL, "/") + endpointPath, http: o.HTTP, locale: o.Locale, now: o.Now}
	if c.http == nil {
		c.http = &http.Client{}
	}
	if c.now == nil {
		c.now = time.Now
	}
	return c
}

// Do runs a query or a mutation and decodes its data into out, unless that is
// nil. Variables are anything that encodes as a JSON object, or nil. It fails
// with Errors when the server reports any; out then has what came with them.
// An access token that is about to expire is exchanged first.
func (c *Client) Do(ctx context.Context, query string, variables, out any) error {
	token, err := c.token(ctx)
	if err != nil {
		return err
	}
	return c.post(ctx, token, query, variables, out)
}

// operation is a GraphQL request.
type operation struct {
	Query     string `json:"query"`
	Variables any    `json:"variables,omitempty"`
}

// answer is a GraphQL response.
type answer struct {
	Data   json.RawMessage `json:"data"`
	Errors Errors          `json:"errors"`
}

func (c *Client) post(ctx context.Context, token, query string, variables, out any) error {
	body, err := json.Marshal(operation{Query: query, Variables: variables})
	if err != nil {
		return fmt.Errorf("client: encoding the request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	req.Header = c.header(token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("client: reading the answer: %w", err)
	}
	return decode(raw, resp.Status, out)
}

func (c *Client) header(token string) http.Header {
	h := http.Header{}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	if c.locale != "" {
		h.Set("Accept-Language", c.locale)
	}
	return h
}

// decode reads an answer. Whatever is not one, such as a proxy's page, is an
// error that shows no more of it than its status.
func decode(raw []byte, status string, out any) error {
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		return fmt.Errorf("client: %s, and no GraphQL answer: %w", status, err)
	}
	return a.into(out)
}

func (a answer) into(out any) error {
	if out != nil && len(a.Data) > 0 {
		if err := json.Unmarshal(a.Data, out); err != nil {
			return fmt.Errorf("client: decoding the data: %w", err)
		}
	}
	if len(a.Errors) > 0 {
		return a.Errors
	}
	return nil
}
