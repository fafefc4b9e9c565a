package auth

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// MaskPhone returns an E.164 number as logs, and people who may recognise it but
// need not call it, are shown it: the national number's first three and last two
// digits, such as 138******00. What is no number, or too short to hide
// anything, is all stars.
func MaskPhone(phone string) string {
	const head, tail, hidden = 3, 2, 3
	number, err := phonenumbers.Parse(phone, homeRegion)
	if err != nil {
		return "****"
	}
	national := phonenumbers.GetNationalSignificantNumber(number)
	if len(national) < head+tail+hidden {
		return "****"
	}
	return national[:head] + strings.Repeat("*", len(national)-head-tail) + national[len(national)-tail:]
}
