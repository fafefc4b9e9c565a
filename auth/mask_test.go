package auth

import "testing"

func TestMaskPhone(t *testing.T) {
	t.Parallel()
	for phone, want := range map[string]string{
		"+8613800138000": "138******00",
		"+85291234567":   "912***67",
		"+14155552671":   "415*****71",
		"+3761234":       "****", // too short to hide anything
		"":               "****",
		"no number":      "****",
	} {
		if got := MaskPhone(phone); got != want {
			t.Errorf("MaskPhone(%q) = %q, want %q", phone, got, want)
		}
	}
}
