package sheet

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"
)

// Kind is what a cell holds.
type Kind uint8

// The kinds. A cell of .csv is Text, or Formula.
const (
	Text    Kind = iota
	Number       // also an Excel date, which is a number that is shown as one
	Formula      // its Value is not the formula, and not its result: it is ""
	Broken       // an error value such as #REF!
)

// Cell is one value.
type Cell struct {
	Column int // from 0
	Kind   Kind
	Value  string // as stored: a number as in the file, such as 1.3800138E10
}

// Row is one row. Cells without a value are left out; the others are in the
// order of the columns.
type Row struct {
	Number int // from 1, as spreadsheet programs show it
	Cells  []Cell
}

// At returns the cell of the column, or an empty one.
func (r Row) At(column int) Cell {
	for _, c := range r.Cells {
		if c.Column == column {
			return c
		}
	}
	return Cell{Column: column}
}

// ColumnName is the letters by which spreadsheet programs call a column, which
// is counted from 0: A to Z, AA and so on.
func ColumnName(column int) string {
	name := ""
	for n := column + 1; n > 0; n = (n - 1) / 26 {
		name = string(rune('A'+(n-1)%26)) + name
	}
	return name
}

// Plain returns the text as people mean it: without what cannot be seen, with
// single spaces for all kinds of space and line breaks, and without the
// apostrophe by which programs keep others from taking a text for a formula. A
// number is written out, without an exponent.
func (c Cell) Plain() string {
	if c.Kind == Number {
		return plainNumber(c.Value)
	}
	text := strings.Join(strings.FieldsFunc(c.Value, blank), " ")
	if looksGuarded(text) {
		return text[1:]
	}
	return text
}

// looksGuarded reports whether one or more apostrophes are in front of what
// might be a formula.
func looksGuarded(text string) bool {
	rest := strings.TrimLeft(text, "'")
	return rest != text && strings.IndexAny(rest, "=+-@") == 0
}

// Returned is the text of a string that Write has written, as Plain reads it
// back: without what cannot be seen, and with single spaces.
func Returned(text string) string { return Cell{Value: guarded(text)}.Plain() }

// blank is true for spaces, and for what takes no space at all, such as a byte
// order mark in the middle of a text.
func blank(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}

// Folded is Plain with full-width letters, digits and signs as ASCII has them.
func (c Cell) Folded() string { return Fold(c.Plain()) }

// Fold returns the text with full-width letters, digits and signs as ASCII has
// them.
func Fold(text string) string { return strings.TrimSpace(width.Fold.String(text)) }

func plainNumber(value string) string {
	f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) || math.Abs(f) > 1<<53 {
		return strings.TrimSpace(value)
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

var (
	separated = regexp.MustCompile(`^(\d{4})\s?[-/.年]\s?(\d{1,2})\s?[-/.月]\s?(\d{1,2})\s?日?(?:[ T].*)?$`)
	compact   = regexp.MustCompile(`^(\d{4})(\d{2})(\d{2})$`)
)

// Date returns the day that the cell says, at midnight UTC: an Excel date,
// counted from 1900 or, if date1904 is set, from 1904; or a text such as
// 2024-05-01, 2024/5/1, 2024.5.1, 2024年5月1日 or 20240501. A time of day is
// left out. Days before 1900 and after 2199 are none, nor is one that does not
// exist, such as 30 February.
func (c Cell) Date(date1904 bool) (time.Time, bool) {
	text := c.Folded()
	if m := compact.FindStringSubmatch(text); m != nil { // also as a number
		return day(m[1], m[2], m[3])
	}
	if c.Kind == Number {
		return serialDay(text, date1904)
	}
	if m := separated.FindStringSubmatch(text); m != nil {
		return day(m[1], m[2], m[3])
	}
	return time.Time{}, false
}

func day(year, month, date string) (time.Time, bool) {
	y, _ := strconv.Atoi(year) // the expressions let only digits through
	m, _ := strconv.Atoi(month)
	d, _ := strconv.Atoi(date)
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	return t, t.Day() == d && int(t.Month()) == m && inRange(t)
}

func inRange(t time.Time) bool { return t.Year() >= 1900 && t.Year() < 2200 }

// serialDay turns Excel's count of days into a day. In the 1900 system day 60
// is 29 February 1900, which never was (ECMA-376 part 1, 18.17.4.1).
func serialDay(text string, date1904 bool) (time.Time, bool) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f < 0 || f > 120_000 {
		return time.Time{}, false
	}
	n := int(f)
	switch {
	case date1904:
		n += 1462
	case n == 60 || n < 1:
		return time.Time{}, false
	case n < 60:
		n++
	}
	t := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n)
	return t, inRange(t)
}
