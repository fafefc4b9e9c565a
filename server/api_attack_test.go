package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/auth"
)

// attackTime is how long a refusal may take, on a machine that is busy with
// other tests: what is attacked here took from one second to hours elsewhere.
const attackTime = 5 * time.Second

// attack sends a request as it is, and returns the status and the answer.
func (tw *town) attack(t *testing.T, method, target, token string, body []byte) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, tw.url+target, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept-Language", "en")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	begin := time.Now()
	response, err := tw.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer bytes.Buffer
	if _, err := answer.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > attackTime {
		t.Errorf("it took %s", took)
	}
	return response.StatusCode, answer.String()
}

func document(query string) []byte {
	body, err := json.Marshal(vars{"query": query})
	if err != nil {
		panic(err) // a string is always JSON
	}
	return body
}

func TestAPIIntrospection(t *testing.T) {
	t.Parallel()
	tw := newTown(t, func(p *parts) { p.web.graphiql = true })
	introspection, err := os.ReadFile("../graph/limit/testdata/introspection.graphql")
	if err != nil {
		t.Fatal(err)
	}
	status, answer := tw.attack(t, "POST", graphqlPath, "", document(string(introspection)))
	if status != 200 {
		t.Errorf("status %d", status)
	}
	contains(t, "the schema", answer, `"reportIncident"`)
	lacks(t, "the schema", answer, `"errors"`)
}

// Guesses are counted by the service, however they are packed; and when there
// were too many, even the right code is not looked at.
func TestAPIGuessingCodes(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	strict := newTown(t, func(p *parts) { p.limits.FailuresPerPhone = auth.DefaultLimits().FailuresPerPhone })
	for _, c := range []struct {
		tw      *town
		limited bool
	}{{tw, false}, {strict, true}} {
		c.tw.client("en").RequestCode(t.Context(), "+8613900099999")
		var flood strings.Builder
		for i := range 5 {
			fmt.Fprintf(&flood, `a%d: signIn(input: {phone: "+8613900099999", code: "%06d"}) { accessToken } `, i, i)
		}
		_, answer := c.tw.attack(t, "POST", graphqlPath, "", document("mutation { "+flood.String()+"}"))
		if n := strings.Count(answer, `"unauthenticated.code"`); n != 5 {
			t.Errorf("%d of 5 guesses were looked at: %s", n, answer)
		}
		_, answer = c.tw.attack(t, "POST", graphqlPath, "", document(`mutation { signIn(input: {phone: "+8613900099999", code: "`+townCode+`"}) { accessToken } }`))
		if got := strings.Contains(answer, `"code":"RATE_LIMITED"`); got != c.limited {
			t.Errorf("limited %t: %s", c.limited, answer)
		}
		if c.limited {
			contains(t, "the answer", answer, `"retryAfterSeconds":`)
		}
	}
}

func TestAPIRefusesRequestCodesThatAreTooMany(t *testing.T) {
	t.Parallel()
	tw := newTown(t, func(p *parts) { p.limits.RequestsPerPhone = auth.Limit{N: 2, Per: time.Minute} })
	c := tw.client("en")
	in := vars{"input": vars{"phone": "+8613900099998"}}
	run(t, c, requestSignInCode, in)
	run(t, c, requestSignInCode, in)
	got := expectRefusal(t, c, requestSignInCode, in, problem{Code: "RATE_LIMITED", Reason: "rate_limited.sign_in_code"})
	if wait, _ := got.Extensions["retryAfterSeconds"].(float64); wait < 1 || wait > 61 {
		t.Errorf("extensions %v", got.Extensions)
	}
	run(t, c, requestSignInCode, vars{"input": vars{"phone": "+8613900099997"}})
}
