package fault

import (
	"strings"
	"unicode/utf8"
)

// CheckText returns INVALID unless the field's text, which may be empty, can be
// stored (it is UTF-8 without NUL) and has at most so many characters.
func CheckText(field, text string, limit int) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return Invalid(field, "text")
	}
	if utf8.RuneCountInString(text) > limit {
		return Invalid(field, "too_long", Args{"max": limit})
	}
	return nil
}

// CheckRequired is CheckText for a text that must not be blank.
func CheckRequired(field, text string, limit int) error {
	if strings.TrimSpace(text) == "" {
		return Invalid(field, "required")
	}
	return CheckText(field, text, limit)
}
