package sheet

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

func rowsOf(rows ...[]any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

var twoColumns = []Column{{"姓名", 10}, {"日期", 12}}

func written(t *testing.T, rows iter.Seq2[[]any, error]) *excelize.File {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, "响应人", twoColumns, rows); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestWriteNeverWritesAFormula(t *testing.T) {
	t.Parallel()
	texts := []string{
		"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "＋1", "－1", "＠x", `=HYPERLINK("http://x.test","x")`, "=cmd|' /C calc'!A0",
		"'=1", "'", "a=1", "13800138000", "+8613800138000", "TRUE", "2026-01-01", "<f>1</f>", "_x003D_1", "张三", " ", "",
	}
	rows := make([][]any, len(texts))
	for i, text := range texts {
		rows[i] = []any{text}
	}
	f := written(t, rowsOf(rows...))
	for i, text := range texts {
		cell := fmt.Sprintf("A%d", i+2)
		formula, err := f.GetCellFormula("响应人", cell)
		if err != nil || formula != "" {
			t.Errorf("%q is the formula %q, %v", text, formula, err)
		}
		kind, err := f.GetCellType("响应人", cell)
		if err != nil || text != "" && kind != excelize.CellTypeInlineString && kind != excelize.CellTypeSharedString {
			t.Errorf("%q is of type %v, %v", text, kind, err)
		}
		got, err := f.GetCellValue("响应人", cell)
		if err != nil || got != guarded(text) {
			t.Errorf("%q is read as %q, %v", text, got, err)
		}
		style, err := f.GetCellStyle("响应人", cell)
		if err != nil {
			t.Fatal(err)
		}
		if xf := f.Styles.CellXfs.Xf[style]; xf.QuotePrefix == nil || !*xf.QuotePrefix || *xf.NumFmtID != textFormat {
			t.Errorf("%q would become a formula when it is edited", text)
		}
	}
	if guarded("'=1") != "''=1" {
		t.Error("what looks guarded is not told from what is")
	}
}

// Whatever is written is read back as Returned says, which only tidies it.
func TestWriteIsReadBack(t *testing.T) {
	t.Parallel()
	texts := map[string]string{
		"=1+1": "=1+1", "'=1": "'=1", "''=1": "''=1", "\t'=1": "'=1", "'": "'", "'x": "'x", "1.0": "1.0", "_x0041_": "_x0041_", "_x005F_": "_x005F_",
		"_x005F_x0041_": "_x005F_x0041_", "a  b\nc": "a b c", "👩\u200d🚒": "👩 🚒", " ": "", "<t>&amp;": "<t>&amp;",
	}
	var rows [][]any
	names := slices.Sorted(maps.Keys(texts))
	for _, text := range names {
		rows = append(rows, []any{"row", text})
	}
	var out bytes.Buffer
	if err := Write(&out, "x", []Column{{"a", 9}, {"b", 9}}, rowsOf(rows...)); err != nil {
		t.Fatal(err)
	}
	s, err := Open(bytes.NewReader(out.Bytes()), int64(out.Len()), Usual)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Rows(func(r Row) error {
		if r.Number == 1 {
			return nil
		}
		text := names[r.Number-2]
		if got := r.At(1).Plain(); got != texts[text] || Returned(text) != got {
			t.Errorf("%q is read back as %q, and Returned is %q", text, got, Returned(text))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestWriteDates(t *testing.T) {
	t.Parallel()
	east := time.FixedZone("CST", 8*60*60)
	f := written(t, rowsOf([]any{"张三", time.Date(2026, 5, 12, 0, 30, 0, 0, east)}, []any{nil, nil}, []any{"李四"}))
	rows, err := f.GetRows("响应人")
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"姓名", "日期"}, {"张三", "2026-05-12"}, nil, {"李四"}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	raw, err := f.GetCellValue("响应人", "B2", excelize.Options{RawCellValue: true})
	if err != nil || raw != "46154" {
		t.Errorf("the date is %q, %v", raw, err)
	}
}

func TestWriteFailsWithItsRows(t *testing.T) {
	t.Parallel()
	trouble := errors.New("no more")
	var out bytes.Buffer
	err := Write(&out, "x", twoColumns, func(yield func([]any, error) bool) {
		_ = yield([]any{"张三"}, nil) && yield(nil, trouble)
	})
	if !errors.Is(err, trouble) || out.Len() > 0 {
		t.Errorf("error %v, %d bytes", err, out.Len())
	}
}

// A hundred thousand rows are 60 MB of XML.
func TestWriteHoldsNoMoreThanAFewMegabytes(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 100,000 rows")
	}
	many := make([]Column, 11)
	for i := range many {
		many[i] = Column{fmt.Sprint("c", i), 10}
	}
	var peak uint64
	rows := func(yield func([]any, error) bool) {
		for i := range 100_000 {
			row := make([]any, len(many))
			for j := range row {
				row[j] = fmt.Sprint(strings.Repeat("值", 5), i, j)
			}
			if !yield(row, nil) {
				return
			}
			if i%20_000 == 19_999 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
		}
	}
	in, out := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- errors.Join(Write(out, "x", many, rows), out.Close()) }()
	size, err := io.Copy(io.Discard, in)
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, at most %d MB on the heap", size, peak>>20)
	if peak > 64<<20 {
		t.Errorf("%d MB on the heap", peak>>20)
	}
}

func TestWriteIsAZip(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := Write(&out, "x", twoColumns, rowsOf()); err != nil {
		t.Fatal(err)
	}
	if _, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len())); err != nil {
		t.Error(err)
	}
}
