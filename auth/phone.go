package auth

import (
	"github.com/nyaruka/phonenumbers"

	"github.com/musterhq/muster/fault"
)

// homeRegion is where a number without a country code belongs.
const homeRegion = "CN"

// ParsePhone returns the E.164 form, such as "+8613800138000", of a phone
// number as people write it; one without a country code is Chinese. It fails
// with INVALID if that is no number, or none that can get text messages:
// refusing the others keeps codes from being sent to numbers that cost the
// sender.
func ParsePhone(text string) (string, error) {
	number, err := phonenumbers.Parse(text, homeRegion)
	if err != nil || number.GetExtension() != "" || !phonenumbers.IsValidNumber(number) {
		return "", fault.Invalid("phone", "phone")
	}
	switch phonenumbers.GetNumberType(number) {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE:
		return phonenumbers.Format(number, phonenumbers.E164), nil
	default:
		return "", fault.Invalid("phone", "phone")
	}
}
