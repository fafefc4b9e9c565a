package roster

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/musterhq/muster/store"
)

func TestReadDivisions(t *testing.T) {
	t.Parallel()
	got := readDivisions(t, "code,name,level,parent\n440303001001,东一社区,COMMUNITY,440303001000\n"+
		"440303001000,东街道,SUBDISTRICT,440303000000\n440303000000,罗湖区,DISTRICT,\n")
	want := []Unit{
		{Meta: store.Meta{ID: eastOne}, Name: "东一社区", Level: LevelCommunity, ParentID: east, Path: "440303000000/440303001000/440303001001/"},
		{Meta: store.Meta{ID: east}, Name: "东街道", Level: LevelSubdistrict, ParentID: district, Path: "440303000000/440303001000/"},
		{Meta: store.Meta{ID: district}, Name: "罗湖区", Level: LevelDistrict, Path: "440303000000/"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadDivisionsNamesTheLine(t *testing.T) {
	t.Parallel()
	const top = "code,name,level,parent\n440303000000,罗湖区,DISTRICT,\n"
	for name, c := range map[string]struct{ csv, want string }{
		"empty":                     {"", "header: EOF"},
		"another header":            {"code,name,colour\n", `line 1: the header has a column "colour"`},
		"too few fields":            {top + "440303001000,东街道,SUBDISTRICT\n", "line 3"},
		"too short a code":          {top + "44030300100,东街道,SUBDISTRICT,440303000000\n", `line 3: the code "44030300100"`},
		"letters in a code":         {top + "44030300100x,东街道,SUBDISTRICT,440303000000\n", "line 3: the code"},
		"no name":                   {top + "440303001000,,SUBDISTRICT,440303000000\n", "line 3: the name"},
		"no such level":             {top + "440303001000,东街道,STREET,440303000000\n", `line 3: there is no level "STREET"`},
		"a district with a parent":  {top + "440304000000,福田区,DISTRICT,440303000000\n", "line 3: a district"},
		"a subdistrict without one": {top + "440303001000,东街道,SUBDISTRICT,\n", "line 3: a district"},
		"an unknown parent":         {top + "440303001000,东街道,SUBDISTRICT,440399000000\n", "line 3: the parent 440399000000"},
		"a level left out":          {top + "440303001001,东一社区,COMMUNITY,440303000000\n", "line 3: a COMMUNITY cannot be below a DISTRICT"},
		"the same code twice":       {top + "440303000000,罗湖区,DISTRICT,\n", "line 3: 440303000000 is there twice"},
		"its own parent":            {top + "440303001000,东街道,SUBDISTRICT,440303001000\n", "line 3: a SUBDISTRICT cannot be below a SUBDISTRICT"},
		"after a line break within": {top + "440303001000,\"东\n街道\",SUBDISTRICT,440303000000\n1,x,COMMUNITY,2\n", "line 5: the code"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := ReadDivisions(strings.NewReader(c.csv))
			if err == nil || !strings.Contains(err.Error(), c.want) || list != nil {
				t.Errorf("ReadDivisions = %v, %v; want an error with %q", list, err, c.want)
			}
		})
	}
}

const bureauUnits = "440303000000,罗湖区\n440303001000,东街道\n440303001001,东一社区\n"

func TestReadDivisionsAsTheBureauPublishesThem(t *testing.T) {
	t.Parallel()
	want := []Unit{
		{Meta: store.Meta{ID: district}, Name: "罗湖区", Level: LevelDistrict, Path: "440303000000/"},
		{Meta: store.Meta{ID: east}, Name: "东街道", Level: LevelSubdistrict, ParentID: district, Path: "440303000000/440303001000/"},
		{Meta: store.Meta{ID: eastOne}, Name: "东一社区", Level: LevelCommunity, ParentID: east, Path: "440303000000/440303001000/440303001001/"},
	}
	gb, err := simplifiedchinese.GB18030.NewEncoder().String("统计用区划代码,名称\r\n" + strings.ReplaceAll(bureauUnits, "\n", "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, csv := range map[string]string{
		"its headers":                  "统计用区划代码,名称\n" + bureauUnits,
		"other headers":                "代码,名称\n" + bureauUnits,
		"English headers":              " Code ,NAME\n" + bureauUnits,
		"a byte order mark":            "\ufeff代码,名称\n" + bureauUnits,
		"GB18030, from a spreadsheet":  gb,
		"with the kind of settlement":  "统计用区划代码,城乡分类代码,名称\n440303000000,,罗湖区\n440303001000,,东街道\n440303001001,111,东一社区\n",
		"the name first":               "名称,代码\n罗湖区,440303000000\n东街道,440303001000\n东一社区,440303001001\n",
		"short codes":                  "代码,名称\n440303,罗湖区\n440303001,东街道\n440303001001, 东一社区 \n",
		"with the province and city":   "代码,名称\n440000000000,广东省\n440300000000,深圳市\n" + bureauUnits,
		"and short codes of those":     "代码,名称\n440000,广东省\n440300,深圳市\n" + bureauUnits,
		"ours, with columns elsewhere": "parent,level,name,code\n,DISTRICT,罗湖区,440303000000\n440303000000,SUBDISTRICT,东街道,440303001000\n440303001000,COMMUNITY,东一社区,440303001001\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(want, readDivisions(t, csv)); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("a city without districts is one", func(t *testing.T) {
		t.Parallel()
		got := readDivisions(t, "代码,名称\n440000000000,广东省\n441900000000,东莞市\n441900003000,东城街道\n")
		if len(got) != 2 || got[0].ID != "441900000000" || got[1].Path != "441900000000/441900003000/" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestReadDivisionsTellsOfAllProblems(t *testing.T) {
	t.Parallel()
	read := func(csv string) string {
		list, err := ReadDivisions(strings.NewReader(csv))
		if err == nil || list != nil {
			t.Fatalf("ReadDivisions = %v, %v", list, err)
		}
		return err.Error()
	}
	got := read("代码,名称\n440303000000,罗湖区\n44030300100,东街道\n440303002001,西一社区\n440303002000\n440303003000,\n440303000000,罗湖区\n")
	want := strings.Join([]string{
		`reading divisions: line 3: the code "44030300100" is not 12 digits`,
		"line 4: the parent 440303002000 is not in the list",
		"line 5: has 1 fields, not 2",
		"line 6: the name is missing",
		"line 7: 440303000000 is there twice",
	}, "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = read("code,name\n" + strings.Repeat("1,x\n", 150))
	if n := strings.Count(got, "\n"); n != 100 || !strings.HasSuffix(got, "\nand 50 more") {
		t.Errorf("%d lines, the end is %s", n+1, got[len(got)-40:])
	}
	for name, c := range map[string]struct{ csv, want string }{
		"level without parent":  {"code,name,level\n", "either both level and parent or neither"},
		"no names":              {"code,level,parent\n", "it needs code and name"},
		"two codes":             {"code,代码,name\n", `the header has the column "代码" twice`},
		"no known encoding":     {"code,name\n\xff\xff,\x80\n", "neither UTF-8 nor GB18030"},
		"a quote in the middle": {"code,name\n1,x\n440303000000,罗\"湖\n", "line 2: the code \"1\" is not 12 digits\nparse error on line 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := read(c.csv); !strings.Contains(got, c.want) {
				t.Errorf("error %q, want one with %q", got, c.want)
			}
		})
	}
}
