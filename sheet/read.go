package sheet

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Format is what a file turned out to be.
type Format string

// The formats.
const (
	XLSX Format = "XLSX"
	CSV  Format = "CSV"
)

// Sheet is a file whose rows can be read: the first sheet that is not hidden.
type Sheet struct {
	Format Format
	// Date1904 says that dates are counted from 1904.
	Date1904 bool

	limits Limits
	rows   func(visit func(Row) error) error
}

// The beginnings of files.
var (
	zipMagic = []byte("PK\x03\x04")
	oleMagic = []byte{0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1}
)

// Open finds out what the file is, by its content. The file is used until the
// rows have been read. It fails with INVALID (the field is "file") for what is
// no spreadsheet, or one that cannot be read or is beyond the limits.
func Open(file io.ReaderAt, size int64, limits Limits) (*Sheet, error) {
	if size > limits.Bytes {
		return nil, limits.ErrTooBig()
	}
	head := make([]byte, min(size, sample))
	if _, err := file.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading a spreadsheet: %w", err)
	}
	switch {
	case len(bytes.TrimSpace(head)) == 0:
		return nil, errEmpty()
	case bytes.HasPrefix(head, oleMagic):
		return nil, oldOrEncrypted(file, size)
	case bytes.HasPrefix(head, zipMagic):
		return openXLSX(file, size, limits)
	default:
		return openCSV(file, size, head, limits)
	}
}

// Rows calls visit with each row that has a value, from the top, until the end
// or an error. It fails with INVALID (the field is "file") where the file is
// damaged or beyond the limits, which may show only after many rows.
func (s *Sheet) Rows(visit func(Row) error) error {
	seen := 0
	return s.rows(func(r Row) error {
		if len(r.Cells) == 0 {
			return nil
		}
		if seen++; seen > s.limits.Rows || r.Number > 10*s.limits.Rows {
			return s.limits.errRows()
		}
		for _, c := range r.Cells {
			if c.Column >= s.limits.Columns {
				return s.limits.errColumns(r.Number)
			}
			if len(c.Value) > s.limits.Runes && utf8.RuneCountInString(c.Value) > s.limits.Runes {
				return s.limits.errCell(r.Number, c.Column)
			}
		}
		return visit(r)
	})
}

// oldOrEncrypted tells a .xls from a .xlsx with a password: both are OLE2
// files, of which the latter has a stream with this name (MS-OFFCRYPTO, 2.3.4.4).
func oldOrEncrypted(file io.ReaderAt, size int64) error {
	var name []byte
	for _, c := range []byte("EncryptedPackage") {
		name = append(name, c, 0)
	}
	content, err := io.ReadAll(io.NewSectionReader(file, 0, size))
	switch {
	case err != nil:
		return fmt.Errorf("reading a spreadsheet: %w", err)
	case bytes.Contains(content, name):
		return errEncrypted()
	default:
		return errOldExcel()
	}
}

func openXLSX(file io.ReaderAt, size int64, limits Limits) (*Sheet, error) {
	archive, err := zip.NewReader(file, size)
	if err != nil {
		return nil, errDamaged()
	}
	if err := disarm(archive, limits); err != nil {
		return nil, err
	}
	b := &book{parts: map[string]*zip.File{}, limits: limits, left: limits.Unzipped}
	for _, f := range archive.File {
		b.parts[f.Name] = f
	}
	if err := b.open(); err != nil {
		return nil, err
	}
	return &Sheet{Format: XLSX, Date1904: b.date1904, limits: limits, rows: b.rows}, nil
}

// disarm refuses what unpacks to too much, by what the archive says of itself;
// part.Read sees to it that it does not lie.
func disarm(archive *zip.Reader, limits Limits) error {
	if len(archive.File) > maxParts {
		return errBomb()
	}
	var total uint64
	for _, f := range archive.File {
		if f.UncompressedSize64 > ratioFrom && f.UncompressedSize64/maxRatio > f.CompressedSize64 {
			return errBomb()
		}
		if total += f.UncompressedSize64; f.UncompressedSize64 > uint64(limits.Unzipped) || total > uint64(limits.Unzipped) {
			return errBomb()
		}
	}
	return nil
}
