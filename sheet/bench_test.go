package sheet

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/xuri/excelize/v2"
)

// BenchmarkRead reads a workbook of 20,000 rows and 9 columns.
func BenchmarkRead(b *testing.B) {
	const n = 20_000
	f := excelize.NewFile()
	w, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		row := []any{i, fmt.Sprintf("张%d", i), 13800000000 + i, "桂园街道老围社区", "在册", "电动车", "AED、急救包", "2024-05-01", 45413}
		if err := w.SetRow(fmt.Sprintf("A%d", i+1), row); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	var file bytes.Buffer
	if err := f.Write(&file); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(file.Len()))
	for b.Loop() {
		rows, _, err := read(file.Bytes(), Usual)
		if err != nil || len(rows) != n {
			b.Fatal(len(rows), err)
		}
	}
}
