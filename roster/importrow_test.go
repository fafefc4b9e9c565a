package roster

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/sheet"
)

func TestParseRowPhone(t *testing.T) {
	t.Parallel()
	const phone = "+8613800138000"
	for text, want := range map[string]string{
		"13800138000": phone, "138 0013 8000": phone, "138-0013-8000": phone, "(138)00138000": phone, "+86 138 0013 8000": phone,
		"+86-13800138000": phone, "0086 13800138000": phone, "8613800138000": phone, "１３８００１３８０００": phone, "（＋８６）13800138000": phone,
		"1.3800138000E+10": phone, "+852 5123 4567": "+85251234567",
		"1.38E+10": string(ProblemRounded), "1.38001E+10": string(ProblemRounded), "1e10": string(ProblemRounded),
		"1380013800": string(ProblemPhone), "138001380000": string(ProblemPhone), "0755-25666666": string(ProblemPhone),
		"13800138000 / 13900139000": string(ProblemPhone), "无": string(ProblemPhone), "110": string(ProblemPhone),
	} {
		got, code := parseRowPhone(sheet.Fold(text))
		if got+string(code) != want {
			t.Errorf("%q: got %q %q, want %q", text, got, code, want)
		}
	}
}

func TestParseEquipment(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"AED、急救包": {"AED", "急救包"}, "AED，急救包,绷带": {"AED", "急救包", "绷带"}, "AED；急救包; AED": {"AED", "急救包"}, "AED/急救包": {"AED", "急救包"}, "、": nil,
	} {
		got, code := parseEquipment(text)
		if diff := cmp.Diff(want, got); diff != "" || code != "" {
			t.Errorf("%q: %s %s", text, code, diff)
		}
	}
	for _, text := range []string{strings.Repeat("字", 51), strings.Join(strings.Split("abcdefghijklmnopqrstu", ""), ",")} {
		if got, code := parseEquipment(text); code != ProblemEquipment || got != nil {
			t.Errorf("%q: got %q %q", text, got, code)
		}
	}
}

func TestReadRow(t *testing.T) {
	t.Parallel()
	rd := rowReader{today: time.Date(2026, 5, 12, 0, 0, 0, 0, time.UTC)}
	for i, f := range []RowField{
		FieldName, FieldPhone, FieldUnit, FieldUnitCode, FieldStatus, FieldTransport, FieldEquipment, FieldEnrolledOn, FieldCertifiedOn, FieldValidUntil, FieldSubdistrict,
	} {
		rd.columns = append(rd.columns, ImportColumn{f, i, string(f)})
	}
	day := func(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		row  sheet.Row
		want ImportRow
	}{
		"all that is right": {
			rowOf("张三", "13800138000", "老围社区", "440303001", "在册", "Electric Bicycle", "AED", "2024年5月1日", "20240601", "2026/6/1", "桂园街道"),
			ImportRow{Said: saying{
				Name: "张三", Phone: "+8613800138000", UnitCode: "440303001000", UnitNames: []string{"桂园街道", "老围社区"}, Status: StatusActive,
				Transport: EBike, Equipment: []string{"AED"}, EquipmentText: "AED", EnrolledOn: day(2024, 5, 1), CertifiedOn: day(2024, 6, 1), ValidUntil: day(2026, 6, 1),
			}},
		},
		"the least": {rowOf("张三", "13800138000"), ImportRow{Said: saying{Name: "张三", Phone: "+8613800138000"}}},
		"nothing required": {rowOf("", "", "老围社区"), ImportRow{Said: saying{UnitNames: []string{"老围社区"}}, Misread: []ImportProblem{
			{Field: FieldName, Code: ProblemMissing}, {Field: FieldPhone, Code: ProblemMissing},
		}}},
		"all that is wrong": {
			rowOf(strings.Repeat("长", 101), "12345", "", "4403", "神游", "火箭", strings.Repeat("a", 51), "昨天", "2026-05-13", "2024-02-30"),
			ImportRow{Said: saying{EquipmentText: strings.Repeat("a", 51)}, Misread: []ImportProblem{
				{Field: FieldName, Code: ProblemTooLong, Value: strings.Repeat("长", 100) + "…"}, {Field: FieldPhone, Code: ProblemPhone, Value: "12345"},
				{Field: FieldUnitCode, Code: ProblemUnit, Value: "4403"}, {Field: FieldStatus, Code: ProblemStatus, Value: "神游"},
				{Field: FieldTransport, Code: ProblemTransport, Value: "火箭"}, {Field: FieldEquipment, Code: ProblemEquipment, Value: strings.Repeat("a", 51)},
				{Field: FieldEnrolledOn, Code: ProblemDate, Value: "昨天"}, {Field: FieldCertifiedOn, Code: ProblemFuture, Value: "2026-05-13"},
				{Field: FieldValidUntil, Code: ProblemDate, Value: "2024-02-30"},
			}},
		},
		"valid until before": {rowOf("张三", "13800138000", "", "", "", "", "", "", "2024-06-02", "2024-06-01"), ImportRow{
			Said:    saying{Name: "张三", Phone: "+8613800138000", CertifiedOn: day(2024, 6, 2), ValidUntil: day(2024, 6, 1)},
			Misread: []ImportProblem{{Field: FieldValidUntil, Code: ProblemOrder, Value: "2024-06-01"}},
		}},
		"valid until alone": {rowOf("张三", "13800138000", "", "", "", "", "", "", "", "2024-06-01"), ImportRow{
			Said:    saying{Name: "张三", Phone: "+8613800138000", ValidUntil: day(2024, 6, 1)},
			Misread: []ImportProblem{{Field: FieldValidUntil, Code: ProblemUntilAlone, Value: "2024-06-01"}},
		}},
		"formulas and errors": {sheet.Row{Number: 1, Cells: []sheet.Cell{{Column: 0, Kind: sheet.Formula}, {Column: 1, Kind: sheet.Broken, Value: "#REF!"}}}, ImportRow{
			Misread: []ImportProblem{{Field: FieldName, Code: ProblemFormula}, {Field: FieldPhone, Code: ProblemBroken, Value: "#REF!"}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.want.Number = 1
			if diff := cmp.Diff(&c.want, rd.read(c.row)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestResolveUnit(t *testing.T) {
	t.Parallel()
	const list = `code,name,level,parent
440303000000,罗湖区,DISTRICT,
440303001000,桂园街道,SUBDISTRICT,440303000000
440303001001,老围社区,COMMUNITY,440303001000
440303001002,桂园社区,COMMUNITY,440303001000
440303002000,莲塘街道,SUBDISTRICT,440303000000
440303002001,老围社区,COMMUNITY,440303002000
440304000000,福田区,DISTRICT,
440304001000,园岭街道,SUBDISTRICT,440304000000
440304001001,上林社区,COMMUNITY,440304001000
440303002002,鹏兴社区居民委员会,COMMUNITY,440303002000
`
	var all []*Unit
	for _, u := range readDivisions(t, list) {
		all = append(all, &u)
	}
	x := newNameIndex(all)
	const whole, guiyuan = "440303000000/", "440303000000/440303001000/"
	for _, c := range []struct {
		names, code, scope, want string
	}{
		{"桂园街道", "", whole, "440303001000"},
		{"桂园社区", "", whole, "440303001002"},
		{"桂园", "", whole, "unit_ambiguous 440303001000 桂园街道, 440303001002 桂园社区"},
		{"桂园街道办事处", "", whole, "440303001000"},
		{"桂园社区居委会", "", whole, "440303001002"},
		{"老围社区", "", guiyuan, "440303001001"},
		{"老围社区", "", whole, "unit_ambiguous 440303001001 老围社区, 440303002001 老围社区"},
		{"莲塘街道老围社区", "", whole, "440303002001"},
		{"罗湖区/桂园街道/老围社区", "", whole, "440303001001"},
		{"罗湖区 桂园 老围", "", whole, "440303001001"},
		{"罗湖-莲塘-老围", "", whole, "440303002001"},
		{"广东省深圳市罗湖区桂园街道老围社区", "", whole, "440303001001"},
		{"深圳市罗湖区老围社区", "", guiyuan, "440303001001"},
		{"罗湖区|桂园街道|老围社区", "", whole, "440303001001"},
		{"桂园街道|桂园街道老围社区", "", whole, "440303001001"},
		{"莲塘街道|桂园社区", "", whole, "unit_unknown "},
		{"福田区老围社区", "", whole, "unit_unknown "},
		{"上林社区", "", whole, "unit_outside "},
		{"莲塘街道", "", guiyuan, "unit_outside "},
		{"火星", "", whole, "unit_unknown "},
		{"鹏兴社区居民委员会", "", whole, "440303002002"},
		{"鹏兴社区", "", whole, "440303002002"},
		{"莲塘街道鹏兴社区居委会", "", whole, "440303002002"},
		{"莲塘街道办鹏兴", "", whole, "440303002002"},
		{"", "440303001001", whole, "440303001001"},
		{"火星", "440303001001", whole, "440303001001"},
		{"老围社区", "440303002001", whole, "440303002001"},
		{"桂园街道", "440303001001", whole, "440303001001"},
		{"老围社区", "440303001000", whole, "440303001001"},
		{"老围社区", "440303000000", whole, "unit_ambiguous 440303001001 老围社区, 440303002001 老围社区"},
		{"桂园", "440303001000", whole, "440303001000"},
		{"桂园社区", "440303001001", whole, "units_differ "},
		{"上林社区", "440303001001", whole, "units_differ "},
		{"莲塘街道", "440303001002", whole, "units_differ "},
		{"", "440304001001", whole, "unit_outside "},
		{"", "440399001001", whole, "unit_unknown "},
		{"", "", whole, ""},
	} {
		said := saying{UnitCode: c.code}
		if c.names != "" {
			said.UnitNames = strings.Split(c.names, "|")
		}
		u, problem := x.resolve(&said, c.scope)
		got := ""
		if u != nil {
			got = u.ID
		}
		if problem != nil {
			got += string(problem.Code) + " " + problem.Args["codes"]
		}
		if got != c.want {
			t.Errorf("%q %s: got %q, want %q", c.names, c.code, got, c.want)
		}
	}
}

func FuzzParseRowPhone(f *testing.F) {
	f.Add("+86 138-0013-8000")
	f.Add("1.38E+10")
	f.Fuzz(func(t *testing.T, text string) {
		phone, code := parseRowPhone(sheet.Fold(text))
		if (phone == "") == (code == "") {
			t.Errorf("%q: %q and %q", text, phone, code)
		}
		if phone == "" {
			return
		}
		if again, _ := parseRowPhone(phone); again != phone {
			t.Errorf("%q: %q becomes %q", text, phone, again)
		}
	})
}
