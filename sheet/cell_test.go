package sheet

import (
	"testing"
	"time"
)

func TestPlain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cell Cell
		want string
	}{
		{Cell{Value: " 张\u3000三\r\n"}, "张 三"},
		{Cell{Value: "\uFEFF张\u200B三\u00A0"}, "张 三"},
		{Cell{Value: "'+8613800138000"}, "+8613800138000"},
		{Cell{Value: "'tis"}, "'tis"},
		{Cell{Value: "'"}, "'"},
		{Cell{Kind: Number, Value: "1.38001380001E10"}, "13800138000.1"},
		{Cell{Kind: Number, Value: "1.3800138E+10"}, "13800138000"},
		{Cell{Kind: Number, Value: "440303001001"}, "440303001001"},
		{Cell{Kind: Number, Value: "NaN"}, "NaN"},
		{Cell{}, ""},
	} {
		if got := c.cell.Plain(); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.cell, got, c.want)
		}
	}
}

func TestDate(t *testing.T) {
	t.Parallel()
	const none = "0001-01-01"
	for _, c := range []struct {
		cell     Cell
		date1904 bool
		want     string
	}{
		{Cell{Value: "2024-05-01"}, false, "2024-05-01"},
		{Cell{Value: "2024/5/1"}, false, "2024-05-01"},
		{Cell{Value: "2024.5.1"}, false, "2024-05-01"},
		{Cell{Value: "2024年5月1日"}, false, "2024-05-01"},
		{Cell{Value: "２０２４年５月１日"}, false, "2024-05-01"},
		{Cell{Value: "2024 年 5 月 1 日"}, false, "2024-05-01"},
		{Cell{Value: "20240501"}, false, "2024-05-01"},
		{Cell{Value: "2024-05-01 08:30:00"}, false, "2024-05-01"},
		{Cell{Value: "2024-05-01T08:30:00Z"}, false, "2024-05-01"},
		{Cell{Kind: Number, Value: "20240501"}, false, "2024-05-01"},
		{Cell{Kind: Number, Value: "45413"}, false, "2024-05-01"},
		{Cell{Kind: Number, Value: "45413.75"}, false, "2024-05-01"},
		{Cell{Kind: Number, Value: "43951"}, true, "2024-05-01"},
		{Cell{Kind: Number, Value: "1"}, false, "1900-01-01"},
		{Cell{Kind: Number, Value: "61"}, false, "1900-03-01"},
		{Cell{Kind: Number, Value: "60"}, false, none},
		{Cell{Kind: Number, Value: "-1"}, false, none},
		{Cell{Kind: Number, Value: "1e300"}, false, none},
		{Cell{Value: "45413"}, false, none},
		{Cell{Value: "2024-02-30"}, false, none},
		{Cell{Value: "2024-13-01"}, false, none},
		{Cell{Value: "1899-12-31"}, false, none},
		{Cell{Value: "5/1/2024"}, false, none},
		{Cell{Value: "去年"}, false, none},
		{Cell{}, false, none},
	} {
		got, ok := c.cell.Date(c.date1904)
		if ok && got.Format(time.DateOnly) != c.want || ok == (c.want == none) {
			t.Errorf("%+v: got %s %t, want %s", c.cell, got.Format(time.DateOnly), ok, c.want)
		}
	}
}

func TestColumnName(t *testing.T) {
	t.Parallel()
	for column, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 51: "AZ", 52: "BA", 701: "ZZ", 702: "AAA", 16_383: "XFD"} {
		if got := ColumnName(column); got != want {
			t.Errorf("%d: got %s, want %s", column, got, want)
		}
	}
}

func FuzzDate(f *testing.F) {
	f.Add("2024年5月1日", true)
	f.Add("45413.5", false)
	f.Fuzz(func(t *testing.T, value string, number bool) {
		c := Cell{Value: value}
		if number {
			c.Kind = Number
		}
		if got, ok := c.Date(false); ok && (got.Year() < 1900 || got.Year() > 2199) {
			t.Errorf("%q is %s", value, got)
		}
	})
}
