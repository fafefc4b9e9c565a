package roster

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/sheet"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/sqlite"
	"github.com/musterhq/muster/store/storetest"
	"github.com/musterhq/muster/training"
)

// firstResponder is the course of the tests.
const firstResponder = "first-responder"

// importer is a roster to which spreadsheets are imported, with real accounts
// and certificates.
type importer struct {
	*fixture
	*Imports
	training *training.Service
	staff    auth.Principal // ADMIN of the district
}

func newImporter(t testing.TB) *importer {
	t.Helper()
	return newImporterOn(t, storetest.Open(t, importDefinitions()...))
}

func importDefinitions() []store.Definition {
	return slices.Concat(definitions(), auth.Collections(), training.Collections())
}

func newImporterOn(t testing.TB, db *store.DB) *importer {
	t.Helper()
	f := newFixtureOn(t, db)
	log := slog.New(slog.DiscardHandler)
	accounts, err := auth.New(auth.Config{
		DB: db, Now: f.clock.Now, NewID: store.NewIDs(), Log: log, Keyring: auth.NewKeyring(), Issuer: "https://muster.example",
		Audience: "muster-app", NewCode: func() (string, error) { return "135790", nil }, Sender: auth.LogSender{Log: log}, Limits: auth.DefaultLimits(),
	})
	if err != nil {
		t.Fatal(err)
	}
	courses := training.New(training.Config{DB: db, Now: f.clock.Now, NewID: store.NewIDs(), NewSerial: training.RandomSerial, Scope: f.LoadScope})
	if _, err := courses.AddCourse(t.Context(), db, training.NewCourse{ID: firstResponder, Name: training.Name{Chinese: "第一响应人"}, ValidityMonths: 24}); err != nil {
		t.Fatal(err)
	}
	m := NewImports(ImportsConfig{
		Roster: f.Service, Auth: accounts, Issued: courses.Issued, Keep: KeepImports,
		Certify: func(ctx context.Context, tx *store.Tx, c Certification) error {
			_, err := courses.Issue(ctx, tx, training.NewCertificate(c))
			return err
		},
	})
	return &importer{fixture: f, Imports: m, training: courses, staff: f.holder(t, auth.RoleAdmin, district)}
}

// csvFile opens lines of .csv.
func csvFile(t testing.TB, lines ...string) *sheet.Sheet {
	t.Helper()
	text := strings.Join(lines, "\n")
	s, err := sheet.Open(strings.NewReader(text), int64(len(text)), sheet.Usual)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// upload starts an import of the lines, to the district.
func (im *importer) upload(t testing.TB, lines ...string) *Import {
	t.Helper()
	imp, err := im.Start(t.Context(), im.staff, NewImport{UnitID: district, CourseID: firstResponder, File: csvFile(t, lines...)})
	if err != nil {
		t.Fatal(err)
	}
	return imp
}

// work does all that is due.
func (im *importer) work(t testing.TB) {
	t.Helper()
	if _, err := im.Work().RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// checked uploads the lines and checks them.
func (im *importer) checked(t testing.TB, lines ...string) *Import {
	t.Helper()
	imp := im.upload(t, lines...)
	im.work(t)
	return im.now(t, imp.ID)
}

// applied uploads, checks and applies the lines.
func (im *importer) applied(t testing.TB, mode ImportMode, lines ...string) *Import {
	t.Helper()
	imp := im.checked(t, lines...)
	im.apply(t, imp.ID, mode)
	im.work(t)
	return im.now(t, imp.ID)
}

func (im *importer) apply(t testing.TB, id string, mode ImportMode) {
	t.Helper()
	if _, err := im.Apply(t.Context(), im.staff, ApplyImport{ID: id, Mode: mode}); err != nil {
		t.Fatal(err)
	}
}

// now is the import as it is stored.
func (im *importer) now(t testing.TB, id string) *Import {
	t.Helper()
	imp, err := im.Import(t.Context(), im.staff, id)
	if err != nil {
		t.Fatal(err)
	}
	return imp
}

// told are the import's state and counts.
func told(i *Import) string {
	return fmt.Sprintf("%s %d new %d changed %d unchanged %d problems, %d of %d", i.State, i.Counts.New, i.Counts.Changed, i.Counts.Unchanged, i.Counts.Problems, i.Applied, i.Rows)
}

// problems are told as row, field and code, with the arguments.
func (im *importer) problems(t testing.TB, imp *Import) []string {
	t.Helper()
	page, err := im.ListProblems(t.Context(), imp, 100, "")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, r := range page.Items {
		for _, p := range r.Problems {
			all = append(all, strings.TrimSpace(fmt.Sprintf("%d %s %s %s%s", r.Number, p.Field, p.Code, p.Args["row"], p.Args["codes"])))
		}
	}
	return all
}

// everybody is the roster by phone, as it is stored.
func (im *importer) everybody(t testing.TB) map[string]*Responder {
	t.Helper()
	all := map[string]*Responder{}
	for r, err := range responders.All(t.Context(), im.fixture.db, store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		all[r.Phone] = r
	}
	return all
}

// snapshot is all that an import must not touch before it is applied.
func (im *importer) snapshot(t testing.TB) []any {
	t.Helper()
	var phones, ids []string
	people := im.everybody(t)
	for phone, r := range people {
		phones, ids = append(phones, phone), append(ids, r.ID)
	}
	for _, phone := range []string{"+8613800138000", "+8613800138001", "+8613800138002", "+8613800138003"} {
		if !slices.Contains(phones, phone) {
			phones = append(phones, phone)
		}
	}
	accounts, err := im.Auth.AccountsByPhone(t.Context(), im.fixture.db, phones)
	if err != nil {
		t.Fatal(err)
	}
	held, err := im.training.LoadCertificates(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	return []any{people, accounts, held}
}

// audited counts the entries of the district's log.
func (im *importer) audited(t testing.TB) map[audit.Action]int {
	t.Helper()
	page, err := im.Roster.audit.ListOfUnit(t.Context(), im.holder(t, auth.RoleAdmin, district), im.path(t, district), 1000, "")
	if err != nil {
		t.Fatal(err)
	}
	counts := map[audit.Action]int{}
	for _, e := range page.Items {
		counts[e.Action]++
	}
	return counts
}

var roll = []string{
	"罗湖区响应人名册,,,,,,,",
	"姓名,手机,单位,交通方式,装备,加入日期,取证日期,有效期至,备注",
	"张三,138 0013 8000,东街道东一社区,电动车,AED、急救包,2024年5月1日,2025-06-01,2026-12-31,好人",
	"李四,+8613800138001,东二社区,,,,,,",
	"王五,13800138002,西一,步行,,,,,",
}

func TestImport(t *testing.T) {
	t.Parallel()
	im := newImporter(t)
	before := im.snapshot(t)
	imp := im.checked(t, roll...)
	if got := told(imp); got != "CHECKED 3 new 0 changed 0 unchanged 0 problems, 0 of 3" {
		t.Fatal(got, im.problems(t, imp))
	}
	if diff := cmp.Diff(before, im.snapshot(t)); diff != "" || len(im.audited(t)) > 0 {
		t.Error("the check changed something", diff)
	}
	if diff := cmp.Diff([]string{"备注"}, imp.Ignored); diff != "" {
		t.Error(diff)
	}
	im.apply(t, imp.ID, AllOrNothing)
	im.work(t)
	if got := told(im.now(t, imp.ID)); got != "DONE 3 new 0 changed 0 unchanged 0 problems, 3 of 3" {
		t.Fatal(got)
	}
	people := im.everybody(t)
	zhang := people["+8613800138000"]
	want := &Responder{
		Meta: store.Meta{ID: zhang.ID, Rev: 1}, AccountID: zhang.AccountID, Name: "张三", Phone: "+8613800138000", UnitID: eastOne,
		UnitPath: im.path(t, eastOne), Status: StatusActive, StatusAt: im.clock.Now(), TransportMode: EBike, Equipment: []string{"AED", "急救包"},
		EnrolledAt: time.Date(2024, 4, 30, 16, 0, 0, 0, time.UTC), Duty: Duty{Reason: DutyNoConsent},
	}
	if diff := cmp.Diff(want, zhang); diff != "" || len(people) != 3 {
		t.Error(len(people), diff)
	}
	if zhang.Consents.Privacy.Holds() || zhang.Consents.Position.Holds() || zhang.OnDutyAt(im.clock.Now()) {
		t.Error("an import must not consent for anybody")
	}
	account, err := im.Auth.AccountByPhone(t.Context(), im.fixture.db, "13800138000")
	if err != nil || account.ID != zhang.AccountID || account.Name != "张三" || len(account.Grants) > 0 {
		t.Error(account, err)
	}
	held, err := im.training.LoadCertificates(t.Context(), []string{zhang.ID})
	if err != nil || len(held[zhang.ID]) != 1 {
		t.Fatal(held, err)
	}
	c := held[zhang.ID][0]
	if !c.IssuedAt.Equal(time.Date(2025, 5, 31, 16, 0, 0, 0, time.UTC)) || !c.ExpiresAt.Equal(time.Date(2026, 12, 31, 16, 0, 0, 0, time.UTC)) || c.HolderName != "张三" {
		t.Error(c)
	}
	if got := im.audited(t)[audit.ImportRoster]; got != 4 {
		t.Errorf("%d entries, want one each and one for all", got)
	}

	t.Run("again changes nothing", func(t *testing.T) {
		before := im.snapshot(t)
		if got := told(im.applied(t, AllOrNothing, roll...)); got != "DONE 0 new 0 changed 3 unchanged 0 problems, 3 of 3" {
			t.Error(got)
		}
		if diff := cmp.Diff(before, im.snapshot(t)); diff != "" {
			t.Error(diff)
		}
		if got := im.audited(t)[audit.ImportRoster]; got != 5 {
			t.Errorf("%d entries, want one more for all", got)
		}
	})
	t.Run("with changes changes those", func(t *testing.T) {
		imp := im.checked(t, "name,phone,org unit,transport,certified on", "张三丰,13800138000,西一社区,,", "李四,13800138001,,汽车,2026-01-01", "王五,13800138002,,,")
		if got := told(imp); got != "CHECKED 0 new 2 changed 1 unchanged 0 problems, 0 of 3" {
			t.Fatal(got)
		}
		page, err := im.ListChanges(t.Context(), im.staff, imp, 100, "")
		if err != nil {
			t.Fatal(err)
		}
		var got [][]FieldChange
		for _, r := range page.Items {
			got = append(got, r.Changes)
		}
		want := [][]FieldChange{
			{{FieldName, "张三", "张三丰"}, {FieldUnit, eastOne, westOne}}, {{FieldTransport, "ON_FOOT", "CAR"}, {FieldCertifiedOn, "", "2026-01-01"}},
		}
		if diff := cmp.Diff(want, got); diff != "" || im.audited(t)[audit.ReadResponder] != 2 {
			t.Error(im.audited(t), diff)
		}
		before := im.everybody(t)
		im.apply(t, imp.ID, GoodRows)
		im.work(t)
		after := im.everybody(t)
		before["+8613800138000"].Name, before["+8613800138000"].UnitID, before["+8613800138000"].UnitPath = "张三丰", westOne, im.path(t, westOne)
		before["+8613800138001"].TransportMode = Car
		before["+8613800138000"].Rev++
		before["+8613800138001"].Rev++
		if diff := cmp.Diff(before, after); diff != "" {
			t.Error(diff)
		}
	})
}

func TestImportProblems(t *testing.T) {
	t.Parallel()
	im := newImporter(t)
	im.applied(t, AllOrNothing, "姓名,手机,单位", "甲,13800138001,东一社区", "乙,13800138002,西一社区", "丙,13800138003,东一社区", "丁,13800138004,东一社区")
	im.alter(t, "+8613800138003", StatusRetired)
	im.alter(t, "+8613800138004", StatusApplied)
	east := NewImport{UnitID: east, CourseID: firstResponder, File: csvFile(t,
		"姓名,手机,单位,状态,取证日期",
		"甲,13800138001,东二社区,暂停,", // 2: a status that moves
		"乙,13800138002,东一社区,,",   // 3: belongs elsewhere
		"丙,13800138003,,,",       // 4: has left
		"丁,13800138004,东二社区,,",   // 5: has only applied
		"戊,13800138005,,,",       // 6: new, and nowhere
		"己,13800138006,西一社区,,",   // 7: outside
		"庚,13800138007,天上,,",     // 8
		"辛,13800138008,东一社区,退役,", // 9: new, and gone
		"壬,13800138009,东一,,明天",   // 10
		"癸,13800138010,东一,,",     // 11 and 12: twice
		"癸,138-0013-8010,东一,,",
		"子,,东一,,",               // 13
		"丑,13800138012,=A1,,",   // 14
		"寅,13800138013,东一社区,,",  // 15 is good
		"丙,13800138003,东一,已退出,", // 16: twice with 4
	)}
	imp, err := im.Start(t.Context(), im.staff, east)
	if err != nil {
		t.Fatal(err)
	}
	im.work(t)
	imp = im.now(t, imp.ID)
	want := []string{
		"2 STATUS status_changes", "3 ORG_UNIT transfer", "4 PHONE phone_twice 16", "4 STATUS not_active", "5 STATUS not_active", "6 ORG_UNIT missing",
		"7 ORG_UNIT unit_outside", "8 ORG_UNIT unit_unknown", "9 STATUS status_of_new", "10 CERTIFIED_ON date",
		"11 PHONE phone_twice 12", "12 PHONE phone_twice 11", "13 PHONE missing", "14 ORG_UNIT formula", "16 PHONE phone_twice 4",
	}
	if diff := cmp.Diff(want, im.problems(t, imp)); diff != "" {
		t.Error(diff)
	}
	_, err = im.Apply(t.Context(), im.staff, ApplyImport{ID: imp.ID, Mode: AllOrNothing})
	wantFault(t, err, fault.Conflict("import_has_problems"))
	if got := told(im.now(t, imp.ID)); got != "CHECKED 1 new 0 changed 0 unchanged 14 problems, 0 of 15" {
		t.Error(got)
	}
	before := im.everybody(t)
	im.apply(t, imp.ID, GoodRows)
	im.work(t)
	after := im.everybody(t)
	if added := after["+8613800138013"]; added == nil || added.Name != "寅" {
		t.Error("the good row is missing")
	}
	delete(after, "+8613800138013")
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
}

// alter sets the status of who has the phone.
func (im *importer) alter(t testing.TB, phone string, status Status) {
	t.Helper()
	r := im.everybody(t)[phone]
	r.Status = status
	if err := responders.Replace(t.Context(), im.fixture.db, r); err != nil {
		t.Fatal(err)
	}
}

func TestImportOfWhatIsExportedChangesNobodyWhoHasLeft(t *testing.T) {
	t.Parallel()
	im := newImporter(t)
	im.applied(t, AllOrNothing, "姓名,手机,单位", "甲,13800138001,东一社区", "乙,13800138002,东一社区")
	im.alter(t, "+8613800138001", StatusRetired)
	im.alter(t, "+8613800138002", StatusSuspended)
	if got := told(im.checked(t, "姓名,手机,单位,状态", "甲,13800138001,东一社区,RETIRED", "乙,13800138002,东一社区,暂停")); got != "CHECKED 0 new 0 changed 2 unchanged 0 problems, 0 of 2" {
		t.Error(got)
	}
}

func TestImportOfWhatIsExportedChangesNoSpelling(t *testing.T) {
	t.Parallel()
	im := newImporter(t)
	im.applied(t, AllOrNothing, "姓名,手机,单位", "甲,13800138001,东一社区")
	r := im.everybody(t)["+8613800138001"]
	r.Name, r.Equipment = "甲  乙", []string{"N95/KN95 口罩", "AED"}
	if err := responders.Replace(t.Context(), im.fixture.db, r); err != nil {
		t.Fatal(err)
	}
	if got := told(im.checked(t, "姓名,手机,单位,装备", "甲  乙,13800138001,东一社区,N95/KN95 口罩、AED")); got != "CHECKED 0 new 0 changed 1 unchanged 0 problems, 0 of 1" {
		t.Error(got)
	}
}

func TestImportIsOvertaken(t *testing.T) {
	t.Parallel()
	lines := []string{"姓名,手机,单位", "甲,13800138001,东一社区", "乙,13800138002,东一社区"}
	for _, c := range []struct {
		mode ImportMode
		want string
		left int
	}{
		{AllOrNothing, "FAILED 1 new 0 changed 0 unchanged 1 problems, 0 of 2", 1},
		{GoodRows, "DONE 1 new 0 changed 0 unchanged 1 problems, 1 of 2", 2},
	} {
		t.Run(string(c.mode), func(t *testing.T) {
			t.Parallel()
			im := newImporter(t)
			first, second := im.checked(t, lines...), im.checked(t, lines[0], "乙,13800138002,西一社区")
			im.apply(t, second.ID, AllOrNothing)
			im.work(t)
			im.apply(t, first.ID, c.mode)
			im.work(t)
			imp := im.now(t, first.ID)
			if got := told(imp); got != c.want || len(im.everybody(t)) != c.left {
				t.Errorf("got %s and %d people, want %s and %d", got, len(im.everybody(t)), c.want, c.left)
			}
			if diff := cmp.Diff([]string{"3 PHONE changed_meanwhile"}, im.problems(t, imp)); diff != "" {
				t.Error(diff)
			}
			if got := im.everybody(t)["+8613800138002"].UnitID; got != westOne {
				t.Errorf("乙 is at %s", got)
			}
		})
	}
}

// many are n good rows.
func many(n int) []string {
	lines := []string{"姓名,手机,单位,取证日期"}
	for i := range n {
		lines = append(lines, fmt.Sprintf("某%d,138%08d,东一社区,2026-01-01", i, i))
	}
	return lines
}

// TestImportGoesOn takes one step at a time, each by a process that knows of
// nothing but the store.
func TestImportGoesOn(t *testing.T) {
	t.Parallel()
	im := newImporter(t)
	const n = 450
	imp := im.upload(t, many(n)...)
	step := func() *Import {
		t.Helper()
		claimed, err := store.Claim(t.Context(), im.fixture.db, imports, im.clock.Now(), time.Minute, 1)
		if err != nil || len(claimed) != 1 {
			t.Fatal(claimed, err)
		}
		if err := NewImports(im.ImportsConfig).step(t.Context(), claimed[0]); err != nil {
			t.Fatal(err)
		}
		im.clock.Advance(time.Minute) // until the lease of the dead is over
		return im.now(t, imp.ID)
	}
	for _, want := range []int64{200, 400, 450} {
		if got := step(); got.Checked != want || got.Counts.New != want {
			t.Errorf("checked %d of which %d are new, want %d", got.Checked, got.Counts.New, want)
		}
	}
	im.apply(t, imp.ID, AllOrNothing)
	for range 3 {
		if got := step(); got.Applied != 0 {
			t.Errorf("%d are applied before it is decided", got.Applied)
		}
	}
	_, err := im.Cancel(t.Context(), im.staff, imp.ID, "")
	wantFault(t, err, fault.Conflict("import_state"))
	for want := applyChunk; want <= n; want += applyChunk {
		if got := step(); got.Applied != int64(want) || len(im.everybody(t)) != want {
			t.Errorf("%d are applied and %d there, want %d", got.Applied, len(im.everybody(t)), want)
		}
	}
	if got := told(step()); got != "DONE 450 new 0 changed 0 unchanged 0 problems, 450 of 450" {
		t.Error(got)
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	im := newImporter(t)
	good := []string{"姓名,手机,单位,取证日期", "甲,13800138001,东一社区,2026-01-01"}
	for name, c := range map[string]struct {
		actor        auth.Principal
		unit, course string
		lines        []string
		want         *fault.Error
	}{
		"a volunteer":              {account("acc_1"), district, firstResponder, good, fault.Forbidden()},
		"a trainer":                {im.holder(t, auth.RoleTrainer, district), district, firstResponder, good, fault.Forbidden()},
		"staff of another unit":    {im.holder(t, auth.RoleDispatcher, west), east, firstResponder, good, fault.Forbidden()},
		"no such unit":             {im.staff, "440399000000", firstResponder, good, fault.NotFound("unit")},
		"no such course":           {im.staff, district, "cooking", good, fault.NotFound("course")},
		"no header":                {im.staff, district, firstResponder, []string{"甲,13800138001", "乙,13800138002"}, fault.Invalid("file", "import_no_header")},
		"a header below the tenth": {im.staff, district, firstResponder, append(slices.Repeat([]string{"题目"}, 10), good...), fault.Invalid("file", "import_no_header")},
		"no names":                 {im.staff, district, firstResponder, []string{"手机,单位", "13800138001,东一"}, fault.Invalid("file", "import_no_names")},
		"no phones":                {im.staff, district, firstResponder, []string{"姓名,单位", "甲,东一"}, fault.Invalid("file", "import_no_phones")},
		"no units":                 {im.staff, district, firstResponder, []string{"姓名,手机", "甲,13800138001"}, fault.Invalid("file", "import_no_units")},
		"no rows":                  {im.staff, district, firstResponder, good[:1], fault.Invalid("file", "import_no_rows")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := im.Start(t.Context(), c.actor, NewImport{UnitID: c.unit, CourseID: c.course, File: csvFile(t, c.lines...)})
			wantFault(t, err, c.want)
		})
	}
}

func TestImportIsSeenBy(t *testing.T) {
	t.Parallel()
	im := newImporter(t)
	im.staff.AccountID = "acc_uploader"
	imp := im.checked(t, roll...)
	demoted := account("acc_uploader")
	other := im.holder(t, auth.RoleDispatcher, district)
	for name, c := range map[string]struct {
		actor auth.Principal
		sees  bool
		lists int // -1: FORBIDDEN
	}{
		"who uploaded it":        {im.staff, true, 1},
		"who was staff then":     {demoted, false, -1},
		"the administrator":      {im.holder(t, auth.RoleAdmin, district), true, 1},
		"another dispatcher":     {other, false, 0},
		"an administrator below": {im.holder(t, auth.RoleAdmin, east), false, -1},
		"a trainer":              {im.holder(t, auth.RoleTrainer, district), false, -1},
	} {
		t.Run(name, func(t *testing.T) {
			var unseen *fault.Error
			if !c.sees {
				unseen = fault.NotFound("import")
			}
			_, err := im.Import(t.Context(), c.actor, imp.ID)
			wantFault(t, err, unseen)
			if !c.sees {
				_, err = im.Apply(t.Context(), c.actor, ApplyImport{ID: imp.ID, Mode: GoodRows})
				wantFault(t, err, unseen)
				_, err = im.Cancel(t.Context(), c.actor, imp.ID, "")
				wantFault(t, err, unseen)
			}
			page, err := im.ListImports(t.Context(), c.actor, district, 10, "")
			if c.lists < 0 {
				wantFault(t, err, fault.Forbidden())
			} else if err != nil || len(page.Items) != c.lists {
				t.Error(page, err)
			}
		})
	}
}

func TestCancelAndRepeat(t *testing.T) {
	t.Parallel()
	im := newImporter(t)
	imp := im.checked(t, roll...)
	for range 2 {
		got, err := im.Cancel(t.Context(), im.staff, imp.ID, "k")
		if err != nil || got.State != ImportCancelled {
			t.Fatal(got, err)
		}
	}
	_, err := im.Apply(t.Context(), im.staff, ApplyImport{ID: imp.ID, Mode: GoodRows})
	wantFault(t, err, fault.Conflict("import_state"))
	_, err = im.Apply(t.Context(), im.staff, ApplyImport{ID: imp.ID, Mode: "SOME"})
	wantFault(t, err, fault.Invalid("mode", "import_mode"))
	im.work(t)
	if people := im.everybody(t); len(people) > 0 {
		t.Error("a cancelled import was applied")
	}

	again := im.checked(t, roll...)
	for range 2 {
		if _, err := im.Apply(t.Context(), im.staff, ApplyImport{ID: again.ID, Mode: GoodRows, Key: "k"}); err != nil {
			t.Fatal(err)
		}
		im.work(t)
	}
	_, err = im.Cancel(t.Context(), im.staff, again.ID, "")
	wantFault(t, err, fault.Conflict("import_state"))
}

func TestImportsAreForgotten(t *testing.T) {
	t.Parallel()
	im := newImporter(t)
	imp := im.applied(t, AllOrNothing, many(450)...)
	unread := &Import{Meta: store.Meta{ID: "imp_unread"}, UnitID: district, UnitPath: im.path(t, district), AccountID: im.staff.AccountID, State: ImportReading, CreatedAt: im.clock.Now()}
	unread.SetDue(im.clock.Now().Add(maxReading))
	if err := imports.Insert(t.Context(), im.fixture.db, unread); err != nil {
		t.Fatal(err)
	}
	im.clock.Advance(KeepImports - time.Second)
	im.work(t)
	if got := im.now(t, imp.ID).State; got != ImportDone {
		t.Error(got)
	}
	if got := im.now(t, unread.ID); got.State != ImportFailed || got.Failure != FailureInterrupted {
		t.Error(got)
	}
	im.clock.Advance(time.Second)
	im.work(t)
	_, err := im.Import(t.Context(), im.staff, imp.ID)
	wantFault(t, err, fault.NotFound("import"))
	for r, err := range importRows.All(t.Context(), im.fixture.db, store.Query{}) {
		t.Fatal("a row is left", r.ID, err)
	}
	if people := im.everybody(t); len(people) != 450 {
		t.Errorf("%d people are left", len(people))
	}
}

// BenchmarkImport imports 20,000 rows of .csv, from the text to the end, on the
// embedded store, which is on disk where TMPDIR is.
func BenchmarkImport(b *testing.B) {
	const n = 20_000
	lines := many(n)
	for b.Loop() {
		engine, err := sqlite.Open(b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		db, err := store.Open(b.Context(), engine, importDefinitions()...)
		if err != nil {
			b.Fatal(err)
		}
		im := newImporterOn(b, db)
		for i, want := range []string{
			"DONE 20000 new 0 changed 0 unchanged 0 problems, 20000 of 20000", "DONE 0 new 0 changed 20000 unchanged 0 problems, 20000 of 20000",
		} {
			began := time.Now()
			if got := told(im.applied(b, AllOrNothing, lines...)); got != want {
				b.Fatal(got)
			}
			b.ReportMetric(time.Since(began).Seconds(), []string{"s/first", "s/again"}[i])
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func TestImport_intoAUnitThatIsClosedAtThatVeryMoment(t *testing.T) {
	t.Parallel()
	im := newImporter(t)
	r := im.fixture.enrol(t, "acc_moving", eastOne)
	known, err := im.tree.current(t.Context(), im.Roster.db)
	if err != nil {
		t.Fatal(err)
	}
	unit := known.units[eastTwo] // open still
	if _, err := im.CloseUnit(t.Context(), im.admin(t), CloseUnit{UnitID: eastTwo, Reason: "撤销"}); err != nil {
		t.Fatal(err)
	}
	row := &ImportRow{Kind: RowChanged, Changes: []FieldChange{{Field: FieldUnit, Before: eastOne, After: eastTwo}}}
	err = im.Roster.db.Atomically(t.Context(), func(tx *store.Tx) error {
		found, err := responders.Get(t.Context(), tx, r.ID)
		if err != nil {
			return err
		}
		_, err = im.write(t.Context(), tx, row, verdict{kind: RowChanged, changes: row.Changes, responder: found, unit: unit})
		return err
	})
	wantFault(t, err, fault.Conflict("unit_closed"))
	if got := im.stored(t, r.ID); got.UnitID != eastOne {
		t.Errorf("it belongs to %s, which is closed", got.UnitID)
	}
}
