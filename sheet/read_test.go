package sheet

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/musterhq/muster/fault"
)

func TestReadWorkbook(t *testing.T) {
	t.Parallel()
	file := workbook(t, func(f *excelize.File, sheet string) {
		put(t, f, sheet, map[string]any{
			"A1": "姓名", "B1": "手机\n号码", "A3": "张三", "B3": 13800138000, "D3": time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC), "E3": true,
		})
		if err := f.SetCellFormula(sheet, "C3", "=1+1"); err != nil {
			t.Fatal(err)
		}
		runs := []excelize.RichTextRun{{Text: "罗湖"}, {Text: "区"}}
		if err := f.SetCellRichText(sheet, "F3", runs); err != nil {
			t.Fatal(err)
		}
		if _, err := f.NewSheet("other"); err != nil {
			t.Fatal(err)
		}
		put(t, f, "other", map[string]any{"A1": "is not read"})
	})
	rows, s, err := read(file, Usual)
	if err != nil {
		t.Fatal(err)
	}
	want := []Row{
		{1, []Cell{{0, Text, "姓名"}, {1, Text, "手机\n号码"}}},
		{3, []Cell{{0, Text, "张三"}, {1, Number, "13800138000"}, {2, Formula, ""}, {3, Number, "45413"}, {4, Text, "1"}, {5, Text, "罗湖区"}}},
	}
	if diff := cmp.Diff(want, rows); diff != "" || s.Format != XLSX || s.Date1904 {
		t.Error(s, diff)
	}
}

func TestReadHiddenFirstSheetAnd1904(t *testing.T) {
	t.Parallel()
	file := workbook(t, func(f *excelize.File, sheet string) {
		put(t, f, sheet, map[string]any{"A1": "hidden"})
		if _, err := f.NewSheet("shown"); err != nil {
			t.Fatal(err)
		}
		put(t, f, "shown", map[string]any{"A1": "shown"})
		f.SetActiveSheet(1)
		yes := true
		if err := errors.Join(f.SetSheetVisible(sheet, false), f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &yes})); err != nil {
			t.Fatal(err)
		}
	})
	rows, s, err := read(file, Usual)
	if diff := cmp.Diff([]Row{{1, []Cell{{0, Text, "shown"}}}}, rows); diff != "" || err != nil || !s.Date1904 {
		t.Error(s, err, diff)
	}
}

func TestReadBareWorkbook(t *testing.T) {
	t.Parallel()
	rows, _, err := read(archive(t, bare(`
		<row><c t="inlineStr"><is><r><t>张</t></r><r><t>三</t></r><rPh><t>zhang</t></rPh></is></c><c><v>1.38001380001E10</v></c></row>
		<row r="5"><c r="AA5" t="e"><v>#REF!</v></c><c r="AB5" t="str"><f>A1</f><v>13800138000</v></c><c r="AC5"/></row>`)), Usual)
	want := []Row{
		{1, []Cell{{0, Text, "张三"}, {1, Number, "1.38001380001E10"}}},
		{5, []Cell{{26, Broken, "#REF!"}, {27, Formula, ""}}},
	}
	if diff := cmp.Diff(want, rows); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestReadCSV(t *testing.T) {
	t.Parallel()
	const lines = "姓名,手机\r\n\r\n\"张\n三\",13800138000\n李四, =1+1,\"=\"\"0139\"\"\"\n"
	want := []Row{
		{1, []Cell{{0, Text, "姓名"}, {1, Text, "手机"}}},
		{3, []Cell{{0, Text, "张\n三"}, {1, Text, "13800138000"}}},
		{4, []Cell{{0, Text, "李四"}, {1, Formula, ""}, {2, Text, "0139"}}},
	}
	for name, c := range map[string]struct {
		code  encoding.Encoding
		comma string
	}{
		"UTF-8":                    {encoding.Nop, ","},
		"UTF-8 with a mark":        {unicode.UTF8BOM, ","},
		"UTF-16LE and tabs":        {unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "\t"},
		"UTF-16BE":                 {unicode.UTF16(unicode.BigEndian, unicode.UseBOM), ","},
		"GB18030":                  {simplifiedchinese.GB18030, ","},
		"GB18030 and semicolons":   {simplifiedchinese.GB18030, ";"},
		"UTF-8 and semicolons":     {encoding.Nop, ";"},
		"UTF-8 of 2,000 more":      {encoding.Nop, ","},
		"GB18030 after much ASCII": {simplifiedchinese.GB18030, ","},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, err := c.code.NewEncoder().String(strings.ReplaceAll(lines, ",", c.comma))
			if err != nil {
				t.Fatal(err)
			}
			rows, s, err := read([]byte(file), Usual)
			if diff := cmp.Diff(want, rows); diff != "" || err != nil || s.Format != CSV {
				t.Error(s, err, diff)
			}
		})
	}
}

func TestReadLateChinese(t *testing.T) {
	t.Parallel()
	lines := strings.Repeat("a,b\n", 40_000) + "张三,b\n"
	for name, code := range map[string]encoding.Encoding{"UTF-8": encoding.Nop, "GB18030": simplifiedchinese.GB18030} {
		file, err := code.NewEncoder().String(lines)
		if err != nil {
			t.Fatal(err)
		}
		rows, _, err := read([]byte(file), Usual)
		if err != nil || len(rows) != 40_001 || rows[40_000].At(0).Value != "张三" {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
		}
	}
}

// Whatever the length of the file, what is looked at of it ends somewhere in a
// character.
func TestReadShortFiles(t *testing.T) {
	t.Parallel()
	for n := range 64 {
		name := strings.Repeat("张", n)
		for encoded, code := range map[string]encoding.Encoding{"UTF-8": encoding.Nop, "GB18030": simplifiedchinese.GB18030} {
			file, err := code.NewEncoder().String("姓名\n" + name + "x\n")
			if err != nil {
				t.Fatal(err)
			}
			rows, _, err := read([]byte(file), Usual)
			if err != nil || len(rows) != 2 || rows[1].At(0).Value != name+"x" {
				t.Errorf("%s of %d: %v, %v", encoded, n, rows, err)
			}
		}
	}
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	ole := "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" + strings.Repeat("\x00", 600)
	encrypted, err := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().String("EncryptedPackage")
	if err != nil {
		t.Fatal(err)
	}
	bomb := bare("")
	bomb["xl/worksheets/s.xml"] = "<worksheet><sheetData>" + strings.Repeat(" ", 8<<20)
	deep := bare(strings.Repeat("<a>", 100))
	good := archive(t, bare(`<row><c><v>1</v></c></row>`))
	flipped := bytes.Clone(good)
	flipped[bytes.Index(good, []byte("xl/worksheets/s.xml"))+25] ^= 0xFF
	narrow := Limits{Bytes: 1 << 20, Unzipped: 1 << 20, Rows: 2, Columns: 3, Runes: 5}
	for name, c := range map[string]struct {
		file   string
		limits Limits
		reason string
	}{
		"nothing":                {"", Usual, "sheet_empty"},
		"blank":                  {" \r\n\n", Usual, "sheet_empty"},
		"a megabyte too much":    {strings.Repeat("a", 1<<20+1), narrow, "sheet_too_big"},
		"old Excel":              {ole, Usual, "sheet_xls"},
		"with a password":        {ole + encrypted, Usual, "sheet_encrypted"},
		"a picture":              {"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", Usual, "sheet_format"},
		"noise":                  {"\x01\x02\x03\x04\x05\x06", Usual, "sheet_format"},
		"a PDF":                  {"%PDF-1.7\nabc", Usual, "sheet_format"},
		"a web page":             {"<html><table></table></html>", Usual, "sheet_format"},
		"an archive":             {string(archive(t, map[string]string{"a.txt": "a"})), Usual, "sheet_format"},
		"half an archive":        {string(good[:len(good)/2]), Usual, "sheet_damaged"},
		"a flipped bit":          {string(flipped), Usual, "sheet_damaged"},
		"elements in elements":   {string(archive(t, deep)), Usual, "sheet_damaged"},
		"a bomb":                 {string(archive(t, bomb)), Usual, "sheet_bomb"},
		"a bomb that lies":       {string(lie(t, bomb)), Usual, "sheet_damaged"},
		"unpacked too big":       {string(archive(t, bomb)), Limits{Bytes: 1 << 20, Unzipped: 1 << 20}, "sheet_bomb"},
		"three rows":             {"a\nb\nc\n", narrow, "sheet_too_many_rows"},
		"a row far below":        {string(archive(t, bare(`<row r="900"><c><v>1</v></c></row>`))), narrow, "sheet_too_many_rows"},
		"four columns":           {"a,b,c,d\n", narrow, "sheet_too_many_columns"},
		"a column far out":       {string(archive(t, bare(`<row r="1"><c r="XFD1"><v>1</v></c></row>`))), narrow, "sheet_too_many_columns"},
		"six characters":         {"一二三四五六\n", narrow, "sheet_long_cell"},
		"six characters, packed": {string(archive(t, bare(`<row><c t="inlineStr"><is><t>一二三四五六</t></is></c></row>`))), narrow, "sheet_long_cell"},
		"a string that is not":   {string(archive(t, bare(`<row><c t="s"><v>7</v></c></row>`))), Usual, "sheet_damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := read([]byte(c.file), c.limits)
			if want := fault.Invalid("file", c.reason); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		})
	}
	if size := len(archive(t, bomb)); size > 20<<10 {
		t.Errorf("the bomb has %d bytes, and should be small", size)
	}
}

// lie makes the archive say that its sheet is small.
func lie(t *testing.T, parts map[string]string) []byte {
	t.Helper()
	file := archive(t, parts)
	name := []byte("xl/worksheets/s.xml")
	entry := bytes.LastIndex(file, name) - 46  // of the central directory
	copy(file[entry+24:], []byte{0, 16, 0, 0}) // its unpacked size: 4 KB
	return file
}

func TestUnpackingStopsAtTheLimit(t *testing.T) {
	t.Parallel()
	left := int64(10)
	p := &part{from: strings.NewReader(strings.Repeat("a", 100)), left: &left}
	if _, err := p.Read(make([]byte, 64)); !errors.Is(err, errBomb()) {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("姓名,手机\n张三,138\n"))
	f.Add(archive(f, bare(`<row><c><v>1</v></c></row>`)))
	f.Fuzz(func(_ *testing.T, file []byte) {
		_, _, err := read(file, Limits{Bytes: 1 << 16, Unzipped: 1 << 20, Rows: 100, Columns: 20, Runes: 100})
		if err != nil && fault.CodeOf(err) != fault.CodeInvalid {
			panic(err)
		}
	})
}
