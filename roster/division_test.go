package roster

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
		"another header":            {"code,name,parent,level\n", "line 1: the header"},
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
