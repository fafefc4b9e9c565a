package fault

import (
	"strings"
	"testing"
)

func TestCheckText(t *testing.T) {
	t.Parallel()
	const limit = 3
	for name, c := range map[string]struct{ text, want, required string }{
		"empty":                  {"", "", "invalid.required"},
		"blank":                  {" \n", "", "invalid.required"},
		"as long as it may be":   {"社区甲", "", ""},
		"one character too long": {"社区甲乙", "invalid.too_long", "invalid.too_long"},
		"with NUL":               {"a\x00", "invalid.text", "invalid.text"},
		"no UTF-8":               {"\xff", "invalid.text", "invalid.text"},
		"several lines":          {"a\nb", "", ""},
		"long and blank":         {strings.Repeat(" ", limit+1), "invalid.too_long", "invalid.required"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := keyOf(CheckText("reason", c.text, limit)); got != c.want {
				t.Errorf("CheckText: %q, want %q", got, c.want)
			}
			if got := keyOf(CheckRequired("reason", c.text, limit)); got != c.required {
				t.Errorf("CheckRequired: %q, want %q", got, c.required)
			}
		})
	}
}

// keyOf is the key of a fault of the field reason, "" for none.
func keyOf(err error) string {
	if f, ok := err.(*Error); ok && f.Code == CodeInvalid && f.Field == "reason" {
		return f.Key
	}
	return ""
}
