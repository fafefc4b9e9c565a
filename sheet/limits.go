package sheet

import "github.com/musterhq/muster/fault"

// Limits are how much of a file is read.
type Limits struct {
	Bytes    int64 // of the file
	Unzipped int64 // of all its parts together, unpacked
	Rows     int   // that have a value, and tenfold for the number of the last
	Columns  int
	Runes    int // of a cell
}

// Usual are the limits for rosters: some times the largest there is.
var Usual = Limits{Bytes: 20 << 20, Unzipped: 128 << 20, Rows: 50_000, Columns: 100, Runes: 10_000}

const (
	// maxRatio is how many times larger than it is packed a part may become.
	// Apache POI refuses the same (ZipSecureFile's minimum of 0.01).
	maxRatio = 100
	// ratioFrom is the unpacked size in bytes up to which the ratio does not
	// matter: an empty sheet packs well.
	ratioFrom = 1 << 20
	// maxParts is how many parts a file may have; a workbook has some dozens.
	maxParts = 2_000
	// maxDepth is how deep elements may nest; those of sheets nest 6 deep.
	maxDepth = 64
)

// ErrTooBig tells that a file has more bytes than the limit.
func (l Limits) ErrTooBig() *fault.Error {
	return fault.Invalid("file", "sheet_too_big", fault.Args{"megabytes": l.Bytes >> 20})
}

func (l Limits) errRows() error {
	return fault.Invalid("file", "sheet_too_many_rows", fault.Args{"max": l.Rows})
}

func (l Limits) errColumns(row int) error {
	return fault.Invalid("file", "sheet_too_many_columns", fault.Args{"max": l.Columns, "row": row})
}

func (l Limits) errCell(row, column int) error {
	return fault.Invalid("file", "sheet_long_cell", fault.Args{"max": l.Runes, "row": row, "column": ColumnName(column)})
}

func errBomb() error      { return fault.Invalid("file", "sheet_bomb") }
func errDamaged() error   { return fault.Invalid("file", "sheet_damaged") }
func errUnknown() error   { return fault.Invalid("file", "sheet_format") }
func errOldExcel() error  { return fault.Invalid("file", "sheet_xls") }
func errEncrypted() error { return fault.Invalid("file", "sheet_encrypted") }
func errEmpty() error     { return fault.Invalid("file", "sheet_empty") }
