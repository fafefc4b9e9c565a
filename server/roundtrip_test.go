package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/dispatch"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/sqlite"
	"github.com/musterhq/muster/training"
)

// liantangTwo has the same name as guiyuanOne, and guiyuanTwo is another.
const (
	liantangTwo = "440303008002"
	guiyuanTwo  = "440303001002"
)

// mixedTown is a town whose roster has what is hard to write into a file and to
// read from one, and its store.
type mixedTown struct {
	*town
	engine *sqlite.Engine
	luohu  *resident // the district's dispatcher
	people map[string]*resident
}

func newMixedTown(t *testing.T) *mixedTown {
	t.Helper()
	m := &mixedTown{people: map[string]*resident{}}
	m.town = newTown(t, func(p *parts) {
		m.engine = p.engine.(*sqlite.Engine)
		p.zone = time.FixedZone("east", 8*60*60) // whose days are not those of the store
	})
	community := func(id, parent, name string) roster.Unit {
		return roster.Unit{Meta: store.Meta{ID: id}, Name: name, Level: roster.LevelCommunity, ParentID: parent, Path: pathOf(parent) + id + "/"}
	}
	if err := m.app.roster.ImportUnits(t.Context(), append(slices.Clone(townUnits), community(liantangTwo, liantangID, "老围社区"), community(guiyuanTwo, guiyuanID, "新围社区"))); err != nil {
		t.Fatal(err)
	}
	m.luohu = m.newResident(t, "罗湖调度员", auth.RoleDispatcher, luohuID)
	m.spell(t)
	m.differ(t)
	return m
}

// put puts somebody on the roster, with a certificate if that began on a day.
func (m *mixedTown) put(t *testing.T, certified time.Time, n roster.NewResponder) *resident {
	t.Helper()
	r := m.newResident(t, n.Name, "", "")
	n.AccountID, n.Phone, n.Consents = r.accountID, r.phone, roster.Agreed("1", store.Now())
	if n.TransportMode == "" {
		n.TransportMode = roster.OnFoot
	}
	err := m.app.db.Atomically(t.Context(), func(tx *store.Tx) error {
		enrolled, err := m.app.roster.Enrol(t.Context(), tx, n)
		if err != nil {
			return err
		}
		r.responderID = enrolled.ID
		if certified.IsZero() {
			return nil
		}
		_, err = m.app.training.Issue(t.Context(), tx, training.NewCertificate{
			ResponderID: enrolled.ID, HolderName: n.Name, CourseID: dispatch.FirstResponderCourse, IssuedAt: certified,
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	m.people[n.Name] = r
	return r
}

// spell has people whose names and equipment a program may take for something
// else.
func (m *mixedTown) spell(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"张三", "=1+1", "'=1+1", "+8613800138000", "-甲", "@SUM(A1)", "'O’Brien", "John  Smith", "1e5", "007", "2026-05-01", "TRUE", "#REF!",
		"ＡＢ１", "甲\u200b乙", "👩\u200d🚒", "_x0041_", "<b>&amp;", "\"quoted\", name", "状态", strings.Repeat("长", 100),
	} {
		m.put(t, time.Time{}, roster.NewResponder{Name: name, UnitID: guiyuanOne, Status: roster.StatusActive})
	}
	slashes := make([]string, 20)
	for i := range slashes {
		slashes[i] = strings.Repeat("N/", i+1) + "A"
	}
	for name, equipment := range map[string][]string{
		"公式": {"=1+1", "@cmd"}, "一项": {"AED"}, "同物": {"AED", "AED"}, "斜杠": {"N95/KN95 口罩", "1,2;3"}, "很多": slashes, "引号": {"'=x"},
	} {
		m.put(t, time.Time{}, roster.NewResponder{Name: name, UnitID: guiyuanOne, Status: roster.StatusActive, Equipment: equipment})
	}
}

// differ has people of each status and transport mode, of all kinds of units, and with
// certificates; guests of a team, and somebody who is erased.
func (m *mixedTown) differ(t *testing.T) {
	t.Helper()
	for _, s := range []roster.Status{roster.StatusApplied, roster.StatusSuspended, roster.StatusRetired, roster.StatusRejected} {
		m.put(t, time.Time{}, roster.NewResponder{Name: string(s), UnitID: guiyuanOne, Status: s})
	}
	for _, mode := range []roster.TransportMode{roster.OnFoot, roster.Bicycle, roster.EBike, roster.Motorcycle, roster.Car} {
		m.put(t, time.Time{}, roster.NewResponder{Name: string(mode), UnitID: guiyuanOne, Status: roster.StatusActive, TransportMode: mode})
	}
	for _, unit := range []string{luohuID, guiyuanID, liantangID, liantangTwo} {
		m.put(t, time.Time{}, roster.NewResponder{Name: "在" + unit, UnitID: unit, Status: roster.StatusActive})
	}
	late := time.Date(2025, 12, 31, 17, 30, 0, 0, time.UTC) // the next day in the town
	m.put(t, late, roster.NewResponder{Name: "有证", UnitID: guiyuanOne, Status: roster.StatusActive, EnrolledAt: late})
	m.put(t, late.AddDate(-3, 0, 0), roster.NewResponder{Name: "证过期", UnitID: guiyuanOne, Status: roster.StatusActive, EnrolledAt: late.AddDate(-4, 0, 0)})

	guest := m.put(t, late, roster.NewResponder{Name: "客人", UnitID: liantangTwo, Status: roster.StatusActive})
	m.admin.must(t, asking("requestMembership"), vars{"input": vars{"responderId": guest.responderID, "orgUnitId": guiyuanID}})
	gone := m.put(t, time.Time{}, roster.NewResponder{Name: "已注销", UnitID: guiyuanOne, Status: roster.StatusActive})
	gone.must(t, eraseMyAccount, vars{"input": vars{"confirmation": gone.phone}})
	m.erased(t, gone.accountID) // or it would go on while documents are compared
	created := m.admin.must(t, amending("createUnit"), vars{"input": vars{"code": "440303001900", "name": "撤销社区", "level": "COMMUNITY", "parentId": guiyuanID, "reason": "新设"}})
	closed := word(created, "createUnit", "orgUnit", "id")
	m.put(t, time.Time{}, roster.NewResponder{Name: "老人", UnitID: closed, Status: roster.StatusRetired})
	m.admin.must(t, amending("closeUnit"), vars{"input": vars{"orgUnitId": closed, "reason": "撤销"}})
}

// file downloads the roster of the unit, in a language.
func (r *resident) file(t *testing.T, unitID, tag string) []byte {
	t.Helper()
	got := run(t, r.speaking(t, tag), exportResponders, vars{"input": vars{"orgUnitId": unitID}})
	return r.tw.fetch(t, word(got, "exportResponders", "download", "url")).body
}

// checked uploads the file and returns what the check found.
func (r *resident) checked(t *testing.T, unitID string, file []byte) (id string, found vars) {
	t.Helper()
	id = r.upload(t, unitID, string(file))
	return id, dig(r.must(t, readImport, vars{"id": id}), "rosterImport").(vars)
}

// applied applies the import, and waits until that is done.
func (r *resident) applied(t *testing.T, id string) {
	t.Helper()
	r.must(t, applyImport, vars{"input": vars{"id": id, "mode": "ALL_OR_NOTHING"}})
	r.awaitImport(t, id, "DONE")
}

// documents are the bytes of what is stored about people and units, and of what
// waits to be sent to them, by collection.
func (m *mixedTown) documents(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if err := m.engine.Export(t.Context(), dir, "all"); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range []string{"responders", "certificates", "accounts", "units", "requests", "consents", "messages"} {
		text, err := os.ReadFile(filepath.Join(dir, "all", name+".bson"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		all[name] = string(text)
	}
	if len(all["responders"]) == 0 || len(all["certificates"]) == 0 {
		t.Fatal("nothing is stored")
	}
	return all
}

func none(rows int) vars {
	return vars{"new": 0.0, "changed": 0.0, "unchanged": float64(rows), "problems": 0.0}
}

// A view that is exported and imported again changes no document.
func TestAPIExportImportsAgainUnchanged(t *testing.T) {
	t.Parallel()
	m := newMixedTown(t)
	for _, c := range []struct {
		by     *resident
		unitID string
		rows   int
	}{
		{m.luohu, luohuID, len(m.people) - 1},          // but for who is erased
		{m.guiyuan, guiyuanID, len(m.people) - 4},      // and for those of other units; the guest is there
		{m.liantang, liantangID, 3},                    // of which one is a guest elsewhere
		{m.guiyuan, guiyuanOne, len(m.people) - 6 - 1}, // and for the subdistrict's own, the guest, and the closed unit's
	} {
		for _, tag := range []string{"zh-CN", "en"} {
			file := c.by.file(t, c.unitID, tag)
			before := m.documents(t)
			id, found := c.by.checked(t, c.unitID, file)
			before["accounts"] = m.documents(t)["accounts"] // which the upload's sign-in has written to
			if diff := cmp.Diff(none(c.rows), found["counts"]); diff != "" {
				t.Errorf("%s in %s: %s\n%v\n%v", c.unitID, tag, diff, found["problems"], found["changes"])
			}
			if t.Failed() {
				continue
			}
			before["accounts"] = m.documents(t)["accounts"] // who uploads has signed in
			c.by.applied(t, id)
			for name, text := range m.documents(t) {
				if before[name] != text {
					t.Errorf("%s in %s: %s have changed", c.unitID, tag, name)
				}
			}
		}
	}
}

// edited is the file with cells of one person replaced, by their headers, with
// Excel's means.
func edited(t *testing.T, file []byte, name string, cells map[string]any) []byte {
	t.Helper()
	book, err := excelize.OpenReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	sheet := book.GetSheetName(0)
	rows, err := book.GetRows(sheet)
	if err != nil {
		t.Fatal(err)
	}
	row := slices.IndexFunc(rows, func(cells []string) bool { return len(cells) > 0 && cells[0] == name })
	for header, value := range cells {
		ref, wrong := excelize.CoordinatesToCellName(slices.Index(rows[0], header)+1, row+1)
		err = errors.Join(err, wrong, book.SetCellValue(sheet, ref, value))
	}
	var out bytes.Buffer
	if err := errors.Join(err, book.Write(&out), book.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What is edited is one change, and of nobody else.
func TestAPIExportImportsAgainAsEdited(t *testing.T) {
	t.Parallel()
	m := newMixedTown(t)
	one := len(m.people) - 1
	read := func(name string) vars {
		const query = `query ($id: ID!) { responder(id: $id) { name status transportMode equipment orgUnit { id } certificates { number } } }`
		return dig(m.luohu.must(t, query, vars{"id": m.people[name].responderID}), "responder").(vars)
	}
	for _, c := range []struct {
		who           string
		cells         vars
		field         string
		before, after string
		read          string
		want          any
	}{
		{"=1+1", vars{"Name": "王五"}, "NAME", "=1+1", "王五", "name", "王五"},
		{"007", vars{"Transport mode": "Car"}, "TRANSPORT_MODE", "ON_FOOT", "CAR", "transportMode", "CAR"},
		{"公式", vars{"Equipment": "AED、绳"}, "EQUIPMENT", "=1+1、@cmd", "AED、绳", "equipment", []any{"AED", "绳"}},
		{"有证", vars{"Enrolled on": time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)}, "ENROLLED_ON", "2026-01-01", "2024-05-01", "name", "有证"},
		{"张三", vars{"Org unit": "新围社区", "Org unit code": ""}, "ORG_UNIT", guiyuanOne, guiyuanTwo, "orgUnit", vars{"id": guiyuanTwo}},
		{"ＡＢ１", vars{"Org unit": nil, "Org unit code": liantangTwo}, "ORG_UNIT", guiyuanOne, liantangTwo, "orgUnit", vars{"id": liantangTwo}},
		{"TRUE", vars{"Org unit": "莲塘街道", "Org unit code": liantangTwo}, "ORG_UNIT", guiyuanOne, liantangTwo, "orgUnit", vars{"id": liantangTwo}},
	} {
		t.Run(c.who, func(t *testing.T) {
			old := read(c.who)
			file := edited(t, m.luohu.file(t, luohuID, "en"), c.who, c.cells)
			id, found := m.luohu.checked(t, luohuID, file)
			counts := none(one - 1)
			counts["changed"] = 1.0
			want := []any{vars{"field": c.field, "before": c.before, "after": c.after}}
			if diff := cmp.Diff(counts, found["counts"]) + cmp.Diff(want, dig(found, "changes", "nodes", 0, "fields")); diff != "" {
				t.Fatal(diff, found["problems"])
			}
			m.luohu.applied(t, id)
			old[c.read] = c.want
			if diff := cmp.Diff(old, read(c.who)); diff != "" {
				t.Error(diff)
			}
			if _, again := m.luohu.checked(t, luohuID, file); !cmp.Equal(again["counts"], none(one)) {
				t.Error("again:", again["counts"])
			}
		})
	}
	for name, c := range map[string]struct {
		by         *resident
		unitID     string
		who        string
		cells      vars
		code, cell string
	}{
		"a guest, by its host":    {m.guiyuan, guiyuanID, "客人", vars{"Transport mode": "Car"}, "transfer", "C"},
		"a name without its code": {m.luohu, luohuID, "1e5", vars{"Org unit": "新围社区"}, "units_differ", "C"},
		"a code without its name": {m.luohu, luohuID, "1e5", vars{"Org unit code": guiyuanTwo}, "units_differ", "C"},
		"a status":                {m.luohu, luohuID, "1e5", vars{"Status": "Retired"}, "status_changes", "E"},
		"who has left":            {m.luohu, luohuID, "RETIRED", vars{"Name": "回来"}, "not_active", "E"},
	} {
		t.Run(name, func(t *testing.T) {
			file := edited(t, c.by.file(t, c.unitID, "en"), c.who, c.cells)
			_, found := c.by.checked(t, c.unitID, file)
			got := []any{dig(found, "counts", "changed"), dig(found, "counts", "problems"), word(found, "problems", "nodes", 0, "problems", 0, "code"), word(found, "problems", "nodes", 0, "problems", 0, "column")}
			if diff := cmp.Diff([]any{0.0, 1.0, c.code, c.cell}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
