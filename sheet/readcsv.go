package sheet

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// sample is how many bytes of a file are looked at to find out what it is.
const sample = 64 << 10

func openCSV(file io.ReaderAt, size int64, head []byte, limits Limits) (*Sheet, error) {
	code, err := encodingOf(file, size, head)
	if err != nil {
		return nil, err
	}
	decode := func() *bufio.Reader {
		return bufio.NewReaderSize(transform.NewReader(io.NewSectionReader(file, 0, size), code.NewDecoder()), sample)
	}
	start, err := decode().Peek(min(len(head), sample/2))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errDamaged()
	}
	if start = wholeRunes(start); !looksLikeText(start) {
		return nil, errUnknown()
	}
	comma := separatorOf(string(start))
	rows := func(visit func(Row) error) error {
		return csvRows(&fieldCounter{text: decode(), comma: byte(comma), tooMany: limits.errColumns}, comma, visit)
	}
	return &Sheet{Format: CSV, limits: limits, rows: rows}, nil
}

// encodingOf tells UTF-16, as Excel saves its "Unicode text", and UTF-8 from
// GB18030, as Chinese Excel saves .csv: what is not UTF-8 is that.
func encodingOf(file io.ReaderAt, size int64, head []byte) (encoding.Encoding, error) {
	switch {
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}), bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM), nil
	case bytes.IndexByte(head, 0) >= 0:
		return nil, errUnknown()
	}
	is, err := isUTF8(io.NewSectionReader(file, 0, size))
	if err != nil {
		return nil, err
	}
	if is {
		return unicode.UTF8BOM, nil
	}
	return simplifiedchinese.GB18030, nil
}

// isUTF8 reads the whole file: the first name may stand far below the header.
func isUTF8(in io.Reader) (bool, error) {
	buffer := make([]byte, sample)
	kept := 0
	for {
		n, err := in.Read(buffer[kept:])
		text := buffer[:kept+n]
		for len(text) > 0 && (utf8.FullRune(text) || errors.Is(err, io.EOF)) {
			r, size := utf8.DecodeRune(text)
			if r == utf8.RuneError && size == 1 {
				return false, nil
			}
			text = text[size:]
		}
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		kept = copy(buffer, text)
	}
}

// wholeRunes leaves out a character of which only the beginning is there.
func wholeRunes(text []byte) []byte {
	for i := len(text) - 1; i >= 0 && i >= len(text)-utf8.UTFMax; i-- {
		if utf8.RuneStart(text[i]) && !utf8.FullRune(text[i:]) {
			return text[:i]
		}
	}
	return text
}

// looksLikeText refuses pictures and the like: text has no control characters,
// and what is decoded wrongly has many replacement characters.
func looksLikeText(start []byte) bool {
	bad, all := 0, 0
	for _, r := range string(start) {
		all++
		if r == utf8.RuneError || r < ' ' && !strings.ContainsRune("\t\r\n\v\f", r) {
			bad++
		}
	}
	return bad*100 <= all && !bytes.HasPrefix(start, []byte("%PDF-")) && !bytes.HasPrefix(bytes.TrimSpace(start), []byte("<"))
}

// separatorOf returns which of the separators is most frequent outside of
// quotes.
func separatorOf(start string) rune {
	counts := map[rune]int{}
	quoted := false
	for _, r := range start {
		if r == '"' {
			quoted = !quoted
		}
		if !quoted {
			counts[r]++
		}
	}
	best := ','
	for _, r := range []rune{'\t', ';'} {
		if counts[r] > counts[best] {
			best = r
		}
	}
	return best
}

func csvRows(text io.Reader, comma rune, visit func(Row) error) error {
	in := csv.NewReader(text)
	in.Comma, in.LazyQuotes, in.FieldsPerRecord, in.ReuseRecord = comma, true, -1, true
	within := 0 // line breaks within cells so far, which make no rows
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return damagedCSV(err)
		}
		line, _ := in.FieldPos(0)
		row := Row{Number: line - within}
		for i, value := range record {
			within += strings.Count(value, "\n")
			if strings.TrimSpace(value) != "" {
				row.Cells = append(row.Cells, csvCell(i, value))
			}
		}
		if err := visit(row); err != nil {
			return err
		}
	}
}

// csvCell knows one kind but text: what spreadsheet programs would take for a
// formula. A sign is none: phone numbers have them.
func csvCell(column int, value string) Cell {
	if strings.HasPrefix(strings.TrimSpace(value), "=") {
		if text, ok := quotedFormula(value); ok {
			return Cell{Column: column, Value: text}
		}
		return Cell{Column: column, Kind: Formula}
	}
	return Cell{Column: column, Value: value}
}

// quotedFormula reads ="13800138000", by which some programs keep Excel from
// taking a text for a number.
func quotedFormula(value string) (string, bool) {
	text, ok := strings.CutPrefix(strings.TrimSpace(value), `="`)
	if !ok {
		return "", false
	}
	text, ok = strings.CutSuffix(text, `"`)
	return text, ok && !strings.Contains(text, `"`)
}

func damagedCSV(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) || errors.Is(err, unicode.ErrMissingBOM) {
		return errDamaged()
	}
	return err
}
