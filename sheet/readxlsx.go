package sheet

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/musterhq/muster/fault"
)

// book is a workbook that is being read: the parts of ECMA-376 part 1, of which
// only the local names matter, so that the strict variant is read as well.
type book struct {
	parts    map[string]*zip.File
	limits   Limits
	left     int64 // bytes that may still be unpacked
	date1904 bool
	sheet    string // the part with the rows
	strings  string // the part with the shared strings; "" if there is none
	shared   []string
}

// Relationships have types, which end in these words whatever the variant is.
const (
	sheetType   = "/worksheet"
	stringsType = "/sharedStrings"
	bookType    = "/officeDocument"
)

// link is one relationship of a part to another.
type link struct{ kind, target string }

func (b *book) open() error {
	top, err := b.links("")
	if err != nil {
		return err
	}
	main := ""
	for _, l := range top {
		if strings.HasSuffix(l.kind, bookType) {
			main = l.target
		}
	}
	if main == "" || b.parts[main] == nil {
		return errUnknown() // some other kind of archive
	}
	links, err := b.links(main)
	if err != nil {
		return err
	}
	for _, l := range links {
		if strings.HasSuffix(l.kind, stringsType) {
			b.strings = l.target
		}
	}
	return b.findSheet(main, links)
}

// links reads the relationships of a part, by their ids; "" is the whole file.
func (b *book) links(of string) (map[string]link, error) {
	dir, name := path.Split(of)
	found := map[string]link{}
	at := dir + "_rels/" + name + ".rels"
	if b.parts[at] == nil {
		return found, nil
	}
	err := b.walk(at, func(_ *elements, e xml.StartElement) error {
		if e.Name.Local != "Relationship" {
			return nil
		}
		target := attr(e, "Target")
		if rooted, ok := strings.CutPrefix(target, "/"); ok {
			target = rooted
		} else {
			target = path.Join(dir, target)
		}
		found[attr(e, "Id")] = link{attr(e, "Type"), target}
		return nil
	})
	return found, err
}

// findSheet takes the first sheet that is not hidden.
func (b *book) findSheet(main string, links map[string]link) error {
	err := b.walk(main, func(_ *elements, e xml.StartElement) error {
		switch e.Name.Local {
		case "workbookPr":
			b.date1904 = truth(attr(e, "date1904"))
		case "sheet":
			state := attr(e, "state")
			to, ok := links[attr(e, "id")]
			if b.sheet == "" && ok && strings.HasSuffix(to.kind, sheetType) && (state == "" || state == "visible") {
				b.sheet = to.target
			}
		}
		return nil
	})
	if err == nil && (b.sheet == "" || b.parts[b.sheet] == nil) {
		return errEmpty()
	}
	return err
}

func (b *book) rows(visit func(Row) error) error {
	if b.strings != "" && b.parts[b.strings] != nil && b.shared == nil {
		if err := b.readShared(); err != nil {
			return err
		}
	}
	number := 0
	return b.walk(b.sheet, func(in *elements, e xml.StartElement) error {
		if e.Name.Local != "row" {
			return nil
		}
		number++
		if r := attr(e, "r"); r != "" {
			n, err := strconv.Atoi(r)
			if err != nil || n < number { // rows are in order
				return errDamaged()
			}
			number = n
		}
		row, err := b.row(in, number)
		if err != nil {
			return err
		}
		return visit(row)
	})
}

// readShared reads the strings that cells share.
func (b *book) readShared() error {
	b.shared = []string{}
	return b.walk(b.strings, func(in *elements, e xml.StartElement) error {
		if e.Name.Local != "si" {
			return nil
		}
		if len(b.shared) >= b.limits.Rows*b.limits.Columns {
			return b.limits.errRows()
		}
		text, err := b.text(in, len(b.shared)+1, 0)
		b.shared = append(b.shared, text)
		return err
	})
}

// row reads the cells up to the end of the row.
func (b *book) row(in *elements, number int) (Row, error) {
	row := Row{Number: number}
	column := -1
	for {
		token, err := in.Token()
		if err != nil {
			return row, err
		}
		switch t := token.(type) {
		case xml.EndElement:
			return row, nil
		case xml.StartElement:
			if t.Name.Local != "c" {
				if err := in.Skip(); err != nil {
					return row, err
				}
				continue
			}
			if column, err = columnOf(attr(t, "r"), column); err != nil {
				return row, err
			}
			cell, err := b.cell(in, number, column, attr(t, "t"))
			if err != nil {
				return row, err
			}
			if cell.Kind != Text || cell.Value != "" {
				row.Cells = append(row.Cells, cell)
			}
		}
	}
}

// columnOf reads the letters of a reference such as AB12, which may be left
// out by the writers that give every cell.
func columnOf(ref string, last int) (int, error) {
	if ref == "" {
		return last + 1, nil
	}
	n := 0
	for _, r := range ref {
		if r < 'A' || r > 'Z' {
			break
		}
		if n = n*26 + int(r-'A') + 1; n > 16_384 { // Excel has no more
			return 0, errDamaged()
		}
	}
	if n-1 <= last {
		return 0, errDamaged()
	}
	return n - 1, nil
}

// cell reads one cell up to its end.
func (b *book) cell(in *elements, row, column int, kind string) (Cell, error) {
	c := Cell{Column: column}
	formula := false
	for {
		token, err := in.Token()
		if err != nil {
			return c, err
		}
		switch t := token.(type) {
		case xml.EndElement:
			if formula {
				return Cell{Column: column, Kind: Formula}, nil
			}
			return b.typed(c, kind)
		case xml.StartElement:
			switch t.Name.Local {
			case "f":
				formula = true
				err = in.Skip()
			case "v", "is":
				c.Value, err = b.text(in, row, column)
			default:
				err = in.Skip()
			}
			if err != nil {
				return c, err
			}
		}
	}
}

// typed gives the cell its kind, which a letter says (ECMA-376 part 1, 18.18.11).
func (b *book) typed(c Cell, kind string) (Cell, error) {
	switch kind {
	case "s":
		if c.Value == "" {
			return c, nil
		}
		i, err := strconv.Atoi(c.Value)
		if err != nil || i < 0 || i >= len(b.shared) {
			return c, errDamaged()
		}
		c.Value = b.shared[i]
	case "", "n":
		if c.Value != "" {
			c.Kind = Number
		}
	case "e":
		c.Kind = Broken
	}
	return c, nil
}

// text collects the text up to the end of the element, without how it is to be
// pronounced (rPh).
func (b *book) text(in *elements, row, column int) (string, error) {
	var text strings.Builder
	for outside := in.depth - 1; ; {
		token, err := in.Token()
		if err != nil {
			return "", err
		}
		switch t := token.(type) {
		case xml.CharData:
			text.Write(t)
			if text.Len() > 4*b.limits.Runes { // a character has 4 bytes at most
				return "", b.limits.errCell(row, column)
			}
		case xml.StartElement:
			if t.Name.Local == "rPh" {
				if err := in.Skip(); err != nil {
					return "", err
				}
				continue
			}
		case xml.EndElement:
			if in.depth == outside {
				return unescaped(text.String()), nil
			}
		}
	}
}

// escape is what stands for a character that XML cannot have, and for the sign
// that would make an escape of a text (ECMA-376 part 1, 22.9.2.19).
var escape = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

func unescaped(text string) string {
	if !strings.Contains(text, "_x") {
		return text
	}
	return escape.ReplaceAllStringFunc(text, func(e string) string {
		n, _ := strconv.ParseUint(e[2:6], 16, 16) // the expression lets only digits through
		if utf16.IsSurrogate(rune(n)) {
			return e // no character
		}
		return string(rune(n))
	})
}

// walk goes through the elements of a part, in the order in which they begin;
// visit may read on, up to the element's end.
func (b *book) walk(name string, visit func(in *elements, e xml.StartElement) error) error {
	file, err := b.parts[name].Open()
	if err != nil {
		return errDamaged()
	}
	defer func() { _ = file.Close() }() // it is only read
	in := &elements{Decoder: xml.NewDecoder(&part{from: file, left: &b.left})}
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return damaged(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			if err := visit(in, e); err != nil {
				return damaged(err)
			}
		}
	}
}

// damaged turns what the decoders of archives and XML say into a fault. Others
// errors stay: they are a visitor's.
func damaged(err error) error {
	var known *fault.Error
	var syntax *xml.SyntaxError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &syntax), errors.Is(err, zip.ErrChecksum), errors.Is(err, zip.ErrFormat),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, errPacked):
		return errDamaged()
	}
	return err
}

// errPacked tells that the packed data of a part cannot be unpacked.
var errPacked = errors.New("sheet: cannot be unpacked")

// elements reads XML, and keeps it from nesting deeply: the decoder remembers
// every element that is open.
type elements struct {
	*xml.Decoder
	depth int
}

// Token is that of the decoder.
func (e *elements) Token() (xml.Token, error) {
	token, err := e.Decoder.Token()
	switch token.(type) {
	case xml.StartElement:
		if e.depth++; e.depth > maxDepth {
			return nil, errDamaged()
		}
	case xml.EndElement:
		e.depth--
	}
	return token, err
}

// Skip reads up to the end of the element that was begun last.
func (e *elements) Skip() error {
	for outside := e.depth - 1; e.depth > outside; {
		if _, err := e.Token(); err != nil {
			return err
		}
	}
	return nil
}

// part counts what is unpacked, whatever the archive said.
type part struct {
	from io.Reader
	left *int64
}

func (p *part) Read(to []byte) (int, error) {
	n, err := p.from.Read(to)
	if *p.left -= int64(n); *p.left < 0 {
		return 0, errBomb()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, errPacked
	}
	return n, err
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func truth(text string) bool { return text == "1" || text == "true" }
