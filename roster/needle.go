package roster

import (
	"math/bits"
	"slices"
)

// maxNeedle is how many letters of a text are looked for, so that the places in
// it fit into the bits of one word.
const maxNeedle = 60

// glyph is a character of somebody's name and its readings.
type glyph struct {
	char     rune
	readings []string
}

func newGlyph(char rune) glyph { return glyph{char: char, readings: readings(char)} }

// needle is a text that is looked for in names. It is found where characters
// follow one another of which each stands for itself or for the beginning of one
// of its readings, and together they are the text: so 张三 is found by 张, 三,
// zhangsan, zhangs, zs, san and 张s.
type needle struct {
	text  []rune
	whole uint64   // the place behind its end, as a bit
	start []uint64 // by glyph: where a match goes on that begins with it
}

func newNeedle(text []rune, glyphs []glyph) *needle {
	n := &needle{text: text, whole: 1 << len(text), start: make([]uint64, len(glyphs))}
	for i := range glyphs {
		n.start[i] = n.step(&glyphs[i], 0)
	}
	return n
}

// step returns the places in the text, as bits, that a match which is at one
// may be at after the glyph.
func (n *needle) step(g *glyph, at int) uint64 {
	var next uint64
	if n.text[at] == g.char {
		next = 1 << (at + 1)
	}
	for _, reading := range g.readings {
		for i := 0; i < len(reading) && at+i < len(n.text) && n.text[at+i] == rune(reading[i]); i++ {
			next |= 1 << (at + i + 1)
		}
	}
	return next
}

// in reports whether the text is in a name.
func (n *needle) in(name []uint32, glyphs []glyph) bool {
	var at uint64
	for _, id := range name {
		next := n.start[id]
		for ; at != 0; at &= at - 1 {
			next |= n.step(&glyphs[id], bits.TrailingZeros64(at))
		}
		if next&n.whole != 0 {
			return true
		}
		at = next
	}
	return false
}

// ending is what a phone number ends with.
type ending struct{ value, power uint64 }

const (
	// minEnding is how many digits are taken for the end of a phone number.
	minEnding = 3
	// maxDigits is the most that a phone number has, in E.164.
	maxDigits = 15
)

// endingOf reads a folded text as the end of a phone number.
func endingOf(folded string) (ending, bool) {
	digits := letters(folded)
	isDigit := func(r rune) bool { return '0' <= r && r <= '9' }
	if len(digits) < minEnding || len(digits) > maxDigits || slices.ContainsFunc(digits, func(r rune) bool { return !isDigit(r) }) {
		return ending{}, false
	}
	e := ending{power: 1}
	for _, d := range digits {
		e.value, e.power = 10*e.value+uint64(d-'0'), 10*e.power
	}
	return e, true
}

// of reports whether the number ends so. A shorter one does not.
func (e ending) of(phone uint64) bool { return phone%e.power == e.value && phone >= e.power/10 }

// phoneDigits are the digits of a phone in E.164, as a number.
func phoneDigits(phone string) uint64 {
	var n uint64
	for _, r := range phone {
		if '0' <= r && r <= '9' {
			n = 10*n + uint64(r-'0')
		}
	}
	return n
}
