package roster

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/musterhq/muster/fault"
)

// Limits of what is written on the roster, in characters and items.
const (
	MaxName          = 100
	MaxReason        = 500
	MaxNote          = 2000
	MaxEquipment     = 20
	maxEquipmentItem = 50
	maxVersion       = 50
)

// checkLine checks a line of text that must be there.
func checkLine(field, text string, limit int) error {
	if err := fault.CheckText(field, text, limit); err != nil {
		return err
	}
	if strings.TrimSpace(text) == "" {
		return fault.Invalid(field, "required")
	}
	if strings.ContainsFunc(text, disguises) {
		return fault.Invalid(field, "text")
	}
	return nil
}

// disguises reports whether a character makes a line of text look like another
// one: a control character, or one that turns the direction of what follows.
func disguises(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// checkEquipment checks what somebody carries.
func checkEquipment(items []string) error {
	if len(items) > MaxEquipment {
		return fault.Invalid("equipment", "too_many_items", fault.Args{"max": MaxEquipment})
	}
	for i, item := range items {
		if err := checkLine(fmt.Sprintf("equipment.%d", i), item, maxEquipmentItem); err != nil {
			return err
		}
	}
	return nil
}

// trimmed returns the items without the space around them, and never nil.
func trimmed(items []string) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = strings.TrimSpace(item)
	}
	return out
}
