package sheet

import (
	"encoding/csv"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/musterhq/muster/fault"
)

func TestFieldCounterAgreesWithEncodingCSV(t *testing.T) {
	t.Parallel()
	empty := strings.Repeat(",", maxFields-1)
	for name, c := range map[string]struct {
		text string
		bad  int // the record that has too many; 0 for none
	}{
		"as many as there may be":       {empty + "\n" + empty + "\n", 0},
		"one more":                      {empty + "\n" + empty + ",\n", 2},
		"within quotes":                 {`"` + empty + `,,,"` + empty, 0},
		"behind quotes":                 {`"a` + "\n" + `b",` + empty, 1},
		"behind quotes within quotes":   {`"a "" b",` + empty, 1},
		"behind half a quote":           {`5",` + empty, 1},
		"behind a lazy quote":           {`"a" b",` + empty, 1},
		"over lines within quotes":      {strings.Repeat(`,,,,,,,"`+"\n"+`"`, maxFields/7+1), 1},
		"behind a line that ends in \r": {`"a"` + "\r\n" + empty, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := 0
			counted := &fieldCounter{text: iotest.OneByteReader(strings.NewReader(c.text)), comma: ',', tooMany: func(record int) error {
				bad = record
				return io.ErrUnexpectedEOF
			}}
			_, err := io.ReadAll(counted)
			if bad != c.bad || errors.Is(err, io.ErrUnexpectedEOF) != (c.bad > 0) {
				t.Errorf("record %d, %v, want %d", bad, err, c.bad)
			}
			in := csv.NewReader(strings.NewReader(c.text))
			in.LazyQuotes, in.FieldsPerRecord = true, -1
			for record := 1; ; record++ {
				fields, err := in.Read()
				if errors.Is(err, io.EOF) {
					break
				}
				if tooMany := len(fields) > maxFields; err != nil || tooMany != (record == c.bad) {
					t.Errorf("encoding/csv has %d fields in record %d: %v", len(fields), record, err)
				}
			}
		})
	}
}

func TestReadCSV_ofNothingButSeparators(t *testing.T) {
	text := "姓名,手机号,社区\n" + strings.Repeat(",", int(Usual.Bytes)-100)
	s, err := Open(strings.NewReader(text), int64(len(text)), Usual)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err = s.Rows(func(Row) error { return nil })
	runtime.ReadMemStats(&after)
	var f *fault.Error
	if !errors.As(err, &f) || f.Key != "invalid.sheet_too_many_columns" {
		t.Errorf("got %v", err)
	}
	if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 50 {
		t.Errorf("it took %d MB", took)
	}
}
