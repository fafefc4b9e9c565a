package graph

import "testing"

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
