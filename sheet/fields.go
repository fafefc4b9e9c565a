package sheet

import "io"

// maxFields is how many fields a record of .csv may have, most of them empty: as
// many as Excel has columns, all of which it writes if the last was formatted
// once.
const maxFields = 16_384

// fieldCounter is a text in .csv that ends with an error at a record with too
// many fields: the standard library's reader keeps a whole record, and fields
// take many times the one byte of the separator between them.
type fieldCounter struct {
	text    io.Reader
	comma   byte
	tooMany func(record int) error

	state  fieldState
	fields int // of the record, so far
	record int // from 0
	err    error
}

// fieldState is where in a field the text is, by the rules of encoding/csv with
// LazyQuotes.
type fieldState uint8

const (
	atStart fieldState = iota
	unquoted
	quoted
	afterQuote // which ends the field, or is half of one that belongs to it
)

// Read implements io.Reader.
func (c *fieldCounter) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.text.Read(p)
	for i, b := range p[:n] {
		if c.take(b); c.fields >= maxFields {
			c.err = c.tooMany(c.record + 1)
			return i, c.err
		}
	}
	return n, err
}

func (c *fieldCounter) take(b byte) {
	switch {
	case b == '"' && (c.state == atStart || c.state == afterQuote):
		c.state = quoted
	case b == '"' && c.state == quoted:
		c.state = afterQuote
	case c.state == quoted, b == '\r' && c.state == afterQuote:
	case b == c.comma:
		c.state = atStart
		c.fields++
	case b == '\n':
		c.state, c.fields = atStart, 0
		c.record++
	case c.state == afterQuote: // the quote was one of the text's
		c.state = quoted
	default:
		c.state = unquoted
	}
}
