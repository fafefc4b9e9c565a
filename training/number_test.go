package training

import (
	"strings"
	"testing"

	"github.com/musterhq/muster/fault"
)

// The examples are those that are published for ISO/IEC 7064 MOD 11,10: the
// standard's own, and the tax numbers of Germany and Croatia, which use it.
func TestCheckDigit(t *testing.T) {
	t.Parallel()
	for digits, want := range map[string]byte{
		"0794":       '5',
		"79462":      '3',
		"8609574271": '9',
		"3657426180": '9',
		"3339200596": '1',
	} {
		if got := checkDigit(digits); got != want {
			t.Errorf("checkDigit(%s) = %c, want %c", digits, got, want)
		}
	}
}

func TestRandomSerial(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		serial, err := RandomSerial()
		if err != nil {
			t.Fatal(err)
		}
		if len(serial) != serialDigits || serial[0] == '0' || strings.Trim(serial, "0123456789") != "" || seen[serial] {
			t.Fatalf("drew %q", serial)
		}
		seen[serial] = true
	}
}

func TestParseNumber(t *testing.T) {
	t.Parallel()
	const serial = "12345678901"
	number := serial + string(checkDigit(serial))
	for name, text := range map[string]string{
		"plain":      number,
		"spaces":     " " + number[:4] + " " + number[4:8] + " " + number[8:] + " ",
		"hyphens":    number[:4] + "-" + number[4:8] + "-" + number[8:],
		"full width": strings.NewReplacer("0", "０", "1", "１", "2", "２", "3", "３", "4", "４", "5", "５", "6", "６", "7", "７", "8", "８", "9", "９").Replace(number),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := parseNumber(text); err != nil || got != number {
				t.Errorf("parseNumber(%q) = %q, %v", text, got, err)
			}
		})
	}
	for name, text := range map[string]string{
		"empty":          "",
		"too short":      number[:11],
		"too long":       number + "0",
		"letters":        "1234567890ab",
		"arabic digits":  "١٢٣٤٥٦٧٨٩٠١٢",
		"very long":      strings.Repeat(" ", 1<<20) + number,
		"another system": "440303001001",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseNumber(text)
			wantFault(t, err, fault.Invalid("number", "certificate_number"))
		})
	}
	t.Run("any digit wrong", func(t *testing.T) {
		t.Parallel()
		for i := range number {
			for d := byte('0'); d <= '9'; d++ {
				wrong := number[:i] + string(d) + number[i+1:]
				if _, err := parseNumber(wrong); (err == nil) != (wrong == number) {
					t.Errorf("parseNumber(%s): %v", wrong, err)
				}
			}
		}
	})
}
