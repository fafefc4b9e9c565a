package sheet

import (
	"archive/zip"
	"bytes"
	"fmt"
	"testing"

	"github.com/xuri/excelize/v2"
)

// workbook makes a .xlsx as others do; fill gets the first sheet's name.
func workbook(t testing.TB, fill func(f *excelize.File, sheet string)) []byte {
	t.Helper()
	f := excelize.NewFile()
	fill(f, "Sheet1")
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// put sets cells, by their references.
func put(t testing.TB, f *excelize.File, sheet string, cells map[string]any) {
	t.Helper()
	for ref, value := range cells {
		if err := f.SetCellValue(sheet, ref, value); err != nil {
			t.Fatal(err)
		}
	}
}

// archive makes a .zip of the parts.
func archive(t testing.TB, parts map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, content := range parts {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// bare is the least that makes a workbook, with the sheet's rows.
func bare(rows string) map[string]string {
	const rels = `<Relationships><Relationship Id="r1" Type="http://x/%s" Target="%s"/></Relationships>`
	return map[string]string{
		"_rels/.rels":                fmt.Sprintf(rels, "officeDocument", "xl/workbook.xml"),
		"xl/_rels/workbook.xml.rels": fmt.Sprintf(rels, "worksheet", "/xl/worksheets/s.xml"),
		"xl/workbook.xml":            `<workbook><sheets><sheet name="a" id="r1"/></sheets></workbook>`,
		"xl/worksheets/s.xml":        `<worksheet><sheetData>` + rows + `</sheetData></worksheet>`,
	}
}

// read reads all rows of a file.
func read(file []byte, limits Limits) (rows []Row, s *Sheet, err error) {
	s, err = Open(bytes.NewReader(file), int64(len(file)), limits)
	if err != nil {
		return nil, nil, err
	}
	err = s.Rows(func(r Row) error {
		rows = append(rows, r)
		return nil
	})
	return rows, s, err
}
