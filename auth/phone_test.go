package auth

import (
	"strings"
	"testing"

	"github.com/musterhq/muster/fault"
)

func TestParsePhone(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"a Chinese mobile":            {"13800138000", "+8613800138000"},
		"with spaces and hyphens":     {" 138-0013 8000 ", "+8613800138000"},
		"in full-width digits":        {"１３８００１３８０００", "+8613800138000"},
		"with the country code":       {"+86 138 0013 8000", "+8613800138000"},
		"with 0086":                   {"008613800138000", "+8613800138000"},
		"of Hong Kong":                {"+852 5123 4567", "+85251234567"},
		"of America":                  {"+1 201 555 0123", "+12015550123"},
		"nothing":                     {"", ""},
		"a word":                      {"volunteer", ""},
		"too short":                   {"1380013800", ""},
		"too long":                    {"138001380001", ""},
		"an emergency number":         {"119", ""},
		"a landline":                  {"0755-25668000", ""},
		"a toll-free number":          {"4008123123", ""},
		"a premium number":            {"+44 906 123 4567", ""},
		"with an extension":           {"13800138000 ext. 12", ""},
		"an unknown country":          {"+999 138 0013 8000", ""},
		"a very long text":            {strings.Repeat("1", 100_000), ""},
		"something behind the number": {"13800138000; drop", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParsePhone(tt.text)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if tt.want != "" {
				must(t, err)
				return
			}
			wantFault(t, err, fault.CodeInvalid, "invalid.phone")
			if f := asFault(err); f.Field != "phone" {
				t.Errorf("the field is %q", f.Field)
			}
		})
	}
}
