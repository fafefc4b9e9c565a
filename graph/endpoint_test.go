package graph

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
)

func TestTokenOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		payload map[string]any
		want    string
	}{
		"no payload":         {nil, ""},
		"our own name":       {map[string]any{"accessToken": "t"}, "t"},
		"as a header":        {map[string]any{"Authorization": "Bearer t"}, "Bearer t"},
		"in lower case":      {map[string]any{"authorization": "Bearer t"}, "Bearer t"},
		"among headers":      {map[string]any{"headers": map[string]any{"authorization": "Bearer t"}}, "Bearer t"},
		"no text":            {map[string]any{"Authorization": 1, "headers": "t"}, ""},
		"under another name": {map[string]any{"password": "t"}, ""},
		"headers in headers": {map[string]any{"headers": map[string]any{"headers": map[string]any{"accessToken": "t"}}}, "t"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tokenOf(c.payload); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// What gqlparser says repeats what was sent: it is shortened.
func TestDocumentErrorsAreShort(t *testing.T) {
	t.Parallel()
	e := newTestExecutor(t, &Resolver{Catalogue: words(t)}, nil)
	long := strings.Repeat("长", 10_000)
	for name, run := range map[string]*graphql.Response{
		"a field": e.run(staffContext(t), "{ "+strings.Repeat("x", 10_000)+" }"),
		"a variable's field": e.runWith(staffContext(t), `mutation ($input: SignInInput!) { signIn(input: $input) { accessToken } }`,
			map[string]any{"input": map[string]any{long: 1}}),
		"an enum": e.runWith(staffContext(t), `query ($s: ResponderStatus) { responders(orgUnitId: "1", status: $s) { nodes { id } } }`,
			map[string]any{"s": long}),
	} {
		raw, err := json.Marshal(run.Errors)
		if err != nil {
			t.Fatal(err)
		}
		if len(raw) > 1000 || !strings.Contains(string(raw), "…") || !strings.Contains(string(raw), "invalid.document") {
			t.Errorf("%s: %d bytes: %.1000s", name, len(raw), raw)
		}
	}
}
