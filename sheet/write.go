package sheet

import (
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
)

// MaxWritten is how many rows can be written below the header: what a sheet of
// Excel holds.
const MaxWritten = 1<<20 - 1

// Column is a column that is written.
type Column struct {
	Title string
	Width float64 // in characters
}

// Write writes an .xlsx with one sheet: a header, and the rows, of whose values
// each is a string, a time.Time, whose date is written, or nil for nothing. The
// rows are not held in memory; what they come to beyond some megabytes waits in
// a temporary file until the end, when all is written to w.
//
// Whatever a string begins with, it is a text: no program takes it for a
// formula, neither when the file is opened nor when its cell is edited.
func Write(w io.Writer, title string, columns []Column, rows iter.Seq2[[]any, error]) (err error) {
	book := excelize.NewFile()
	defer func() {
		if closing := book.Close(); err == nil { // removes the temporary file
			err = closing
		}
	}()
	if err := book.SetSheetName(book.GetSheetName(0), title); err != nil {
		return fmt.Errorf("writing a spreadsheet: %w", err)
	}
	p, err := newPen(book, title)
	if err == nil {
		err = p.header(columns)
	}
	if err == nil {
		err = p.rows(rows)
	}
	if err != nil {
		return fmt.Errorf("writing a spreadsheet: %w", err)
	}
	return book.Write(w)
}

// pen writes the rows of a sheet, from the top.
type pen struct {
	*excelize.StreamWriter
	head, text, date int // styles
	row              int // the last that was written
}

func newPen(book *excelize.File, title string) (*pen, error) {
	p := &pen{}
	var err error
	day := "yyyy-mm-dd"
	for style, of := range map[*int]excelize.Style{
		&p.head: {NumFmt: textFormat, Font: &excelize.Font{Bold: true}},
		&p.text: {NumFmt: textFormat},
		&p.date: {CustomNumFmt: &day},
	} {
		if *style, err = book.NewStyle(&of); err != nil {
			return nil, err
		}
	}
	quoted := true // as if an apostrophe had been typed in front
	book.Styles.CellXfs.Xf[p.text].QuotePrefix = &quoted
	p.StreamWriter, err = book.NewStreamWriter(title)
	return p, err
}

// textFormat is the number of the format @, which keeps what is typed into a
// cell a text.
const textFormat = 49

func (p *pen) header(columns []Column) error {
	cells := make([]any, len(columns))
	for i, c := range columns {
		if err := p.SetColWidth(i+1, i+1, c.Width); err != nil {
			return err
		}
		cells[i] = excelize.Cell{StyleID: p.head, Value: c.Title}
	}
	if err := p.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	return p.write(cells)
}

func (p *pen) rows(rows iter.Seq2[[]any, error]) error {
	for values, err := range rows {
		if err != nil {
			return err
		}
		for i, v := range values {
			values[i] = p.cell(v)
		}
		if err := p.write(values); err != nil {
			return err
		}
	}
	return p.Flush()
}

func (p *pen) write(cells []any) error {
	p.row++
	return p.SetRow(fmt.Sprintf("A%d", p.row), cells)
}

func (p *pen) cell(value any) any {
	switch v := value.(type) {
	case string:
		return excelize.Cell{StyleID: p.text, Value: guarded(v)}
	case time.Time:
		y, m, d := v.Date()
		return excelize.Cell{StyleID: p.date, Value: time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
	default:
		return nil
	}
}

// guarded keeps an apostrophe in front of what else might be a formula, where
// Cell.Plain would take it for one that is not part of the text.
func guarded(text string) string {
	shown := strings.TrimLeftFunc(text, blank)
	if looksGuarded(shown) {
		return strings.TrimSuffix(text, shown) + "'" + shown
	}
	return text
}
