package roster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/sheet"
	"github.com/musterhq/muster/store"
)

// ImportState is how far an import is.
type ImportState string

// The states. Only CHECKED waits for somebody; the last three are the end.
const (
	ImportReading   ImportState = "READING"
	ImportChecking  ImportState = "CHECKING"
	ImportChecked   ImportState = "CHECKED"
	ImportApplying  ImportState = "APPLYING"
	ImportDone      ImportState = "DONE"
	ImportFailed    ImportState = "FAILED"
	ImportCancelled ImportState = "CANCELLED"
)

// ImportMode is what is done about rows with problems.
type ImportMode string

// The modes.
const (
	AllOrNothing ImportMode = "ALL_OR_NOTHING"
	GoodRows     ImportMode = "GOOD_ROWS"
)

// ImportFailure is why an import failed.
type ImportFailure string

// The failures.
const (
	FailureInterrupted ImportFailure = "INTERRUPTED"       // the file was not read to its end
	FailureChanged     ImportFailure = "CHANGED_MEANWHILE" // the roster changed after the check
)

// Import is a file that is being imported to the roster.
type Import struct {
	store.Meta `bson:",inline"`
	store.Due  `bson:",inline"` // the next piece of work, or the deletion
	AccountID  string           `bson:"accountId"` // who uploaded it
	AppliedBy  string           `bson:"appliedBy,omitempty"`
	// Certifies says that whoever uploaded it, and then whoever applies it, may
	// say who is qualified: a trainer there.
	Certifies bool          `bson:"certifies"`
	UnitID    string        `bson:"unitId"` // all its rows belong to this unit or below
	UnitPath  string        `bson:"unitPath"`
	CourseID  string        `bson:"courseId"` // what the certificates are for
	State     ImportState   `bson:"state"`
	Failure   ImportFailure `bson:"failure,omitempty"`
	Mode      ImportMode    `bson:"mode,omitempty"`
	// Decided says, while it is applied, that there is no way back.
	Decided   bool           `bson:"decided,omitempty"`
	Columns   []ImportColumn `bson:"columns"`
	Ignored   []string       `bson:"ignored,omitempty"` // headers of columns that are not read
	Rows      int64          `bson:"rows"`
	Checked   int64          `bson:"checked"`
	Applied   int64          `bson:"applied"` // of the rows, also those that needed nothing
	Last      int64          `bson:"last"`    // the number of the row up to which the present pass is done
	Counts    ImportCounts   `bson:"counts"`
	CreatedAt time.Time      `bson:"createdAt"`
}

// ImportCounts are how many rows are of which kind.
type ImportCounts struct {
	New       int64 `bson:"new"`
	Changed   int64 `bson:"changed"`
	Unchanged int64 `bson:"unchanged"`
	Problems  int64 `bson:"problems"`
}

// of is the count of a kind.
func (c *ImportCounts) of(k RowKind) *int64 {
	switch k {
	case RowNew:
		return &c.New
	case RowChanged:
		return &c.Changed
	case RowUnchanged:
		return &c.Unchanged
	default:
		return &c.Problems
	}
}

var imports = store.Define[Import]("imports",
	store.Index{Name: "unit", Fields: []string{"unitId", "createdAt"}},
	store.Index{Name: "uploader", Fields: []string{"unitId", "accountId", "createdAt"}},
	store.DueIndex,
)

// Column returns the file's column for the field, or nil.
func (i *Import) Column(f RowField) *ImportColumn {
	wanted := []RowField{f}
	if f == FieldUnit {
		wanted = []RowField{FieldUnit, FieldCommunity, FieldSubdistrict, FieldDistrict, FieldUnitCode}
	}
	for _, w := range wanted {
		if at := slices.IndexFunc(i.Columns, func(c ImportColumn) bool { return c.Field == w }); at >= 0 {
			return &i.Columns[at]
		}
	}
	return nil
}

// over reports whether nothing more will be done.
func (i *Import) over() bool {
	return i.State == ImportDone || i.State == ImportFailed || i.State == ImportCancelled
}

// visibleTo reports whether the actor may know of the import: who uploaded it,
// as long as it is the unit's staff, and the unit's administrators.
func (i *Import) visibleTo(actor auth.Principal) bool {
	own := i.AccountID == actor.AccountID && actor.May(i.UnitPath, importers...)
	return own || actor.May(i.UnitPath, auth.RoleAdmin)
}

// importers are the roles that may import the roster of their scope.
var importers = []auth.Role{auth.RoleDispatcher}

// ImportsConfig is what Imports needs. All of it is required.
type ImportsConfig struct {
	Roster *Service
	Auth   *auth.Service
	// Issued tells when the responders' certificates for the course were
	// issued, or that there is no such course.
	Issued func(ctx context.Context, on store.Conn, responderIDs []string, courseID string) (map[string][]time.Time, error)
	// Certify issues a certificate.
	Certify func(ctx context.Context, tx *store.Tx, c Certification) error
	// Keep is how long imports are kept after they were uploaded.
	Keep time.Duration
}

// Certification is a certificate to be issued.
type Certification struct {
	ResponderID, HolderName, CourseID string
	IssuedAt                          time.Time
	ExpiresAt                         time.Time // zero for what the course says
}

// KeepImports is how long imports are usually kept: they are full of personal
// data, and nobody needs them once they are applied.
const KeepImports = 7 * 24 * time.Hour

// Imports brings spreadsheets to the roster. It may be used from any goroutine.
type Imports struct {
	ImportsConfig
	names namesCache
}

// NewImports returns the service.
func NewImports(c ImportsConfig) *Imports { return &Imports{ImportsConfig: c} }

func (m *Imports) db() *store.DB { return m.Roster.db }

// NewImport is a file to be imported.
type NewImport struct {
	UnitID   string
	CourseID string
	File     *sheet.Sheet
}

// Start reads a file for the roster of the unit and those below it, and stores
// its rows, which are checked after it has returned; nothing else changes until
// Apply. It is for staff whose scope covers the unit; to others it is FORBIDDEN.
// It fails with NOT_FOUND for the unit or the course, and with INVALID for a
// file in which no rows can be found.
func (m *Imports) Start(ctx context.Context, actor auth.Principal, n NewImport) (*Import, error) {
	u, err := m.Admit(ctx, actor, n.UnitID)
	if err != nil {
		return nil, err
	}
	found, err := m.readFile(n.File)
	if err != nil {
		return nil, err
	}
	if found.has(FieldCertifiedOn) {
		if _, err := m.Issued(ctx, m.db(), nil, n.CourseID); err != nil {
			return nil, err
		}
	}
	imp := &Import{
		Meta: store.Meta{ID: m.Roster.newID("imp")}, AccountID: actor.AccountID, UnitID: u.ID, UnitPath: u.Path,
		CourseID: n.CourseID, Certifies: actor.May(u.Path, auth.RoleTrainer), State: ImportReading, Columns: found.columns, Ignored: found.ignored,
		Rows: int64(len(found.rows)), CreatedAt: m.Roster.now(),
	}
	return imp, m.keep(ctx, imp, found.rows)
}

// Admit returns the unit if the actor may import its roster. It fails as Start
// does.
func (m *Imports) Admit(ctx context.Context, actor auth.Principal, unitID string) (*Unit, error) {
	u, err := m.Roster.Unit(ctx, unitID)
	if err != nil {
		return nil, err
	}
	return u, actor.Require(u.Path, importers...)
}

// maxReading is how long the rows of a file may take to be stored.
const maxReading = 10 * time.Minute

// storeChunk is how many rows are stored or checked in one atomic step, so that
// others need not wait long for theirs.
const storeChunk = 200

// keep stores the rows, and then says that they are to be checked. Should the
// process die meanwhile, the import is given up when it becomes due.
func (m *Imports) keep(ctx context.Context, imp *Import, rows []*ImportRow) error {
	imp.SetDue(m.Roster.now().Add(maxReading))
	if err := imports.Insert(ctx, m.db(), imp); err != nil {
		return fmt.Errorf("storing an import: %w", err)
	}
	for chunk := range slices.Chunk(rows, storeChunk) {
		err := m.db().Atomically(ctx, func(tx *store.Tx) error {
			for _, r := range chunk {
				r.ID, r.ImportID = fmt.Sprintf("%s/%06d", imp.ID, r.Number), imp.ID
				if err := importRows.Insert(ctx, tx, r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("storing the rows of an import: %w", err)
		}
	}
	imp.State = ImportChecking
	imp.SetDue(m.Roster.now())
	if err := imports.Replace(ctx, m.db(), imp); err != nil {
		return fmt.Errorf("storing an import: %w", err)
	}
	return nil
}

// content is what was found in a file.
type content struct {
	header
	rows []*ImportRow
}

// headerRows is among how many rows the header is looked for: people put titles
// above it.
const headerRows = 10

// readFile understands a file as far as that needs no roster.
func (m *Imports) readFile(file *sheet.Sheet) (*content, error) {
	found := &content{}
	rd := rowReader{date1904: file.Date1904, today: dayOf(m.Roster.now(), m.Roster.zone)}
	var above []sheet.Row // the header
	at := -1
	err := file.Rows(func(r sheet.Row) error {
		if len(above) < headerRows {
			above = append(above, r)
			return nil
		}
		if at < 0 {
			at = found.take(&rd, above)
		}
		found.add(&rd, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if at < 0 {
		found.take(&rd, above)
	}
	return found, found.check()
}

// take finds the header among the first rows, and reads those below it.
func (c *content) take(rd *rowReader, first []sheet.Row) int {
	best := 0
	for i, r := range first {
		if h := headerOf(r); len(h.columns) > len(c.columns) {
			c.header, best = h, i
		}
	}
	rd.columns = c.columns
	for _, r := range first[min(best+1, len(first)):] {
		c.add(rd, r)
	}
	return best
}

func (c *content) add(rd *rowReader, r sheet.Row) {
	if !rd.empty(r) {
		c.rows = append(c.rows, rd.read(r))
	}
}

// check says whether these are the rows of a roster, and marks phones that are
// there twice.
func (c *content) check() error {
	missing := c.missing()
	switch {
	case len(c.columns) == 0 || len(missing) > 1 && !c.has(FieldName, FieldPhone):
		return fault.Invalid("file", "import_no_header", fault.Args{"rows": headerRows})
	case len(missing) > 0:
		return missingColumn(missing[0])
	case len(c.rows) == 0:
		return fault.Invalid("file", "import_no_rows")
	}
	first := map[string]*ImportRow{}
	for _, r := range c.rows {
		if r.Said.Phone == "" {
			continue
		}
		other := first[r.Said.Phone]
		if other == nil {
			first[r.Said.Phone] = r
			continue
		}
		r.markTwice(other)
		if !other.hasMisread(FieldPhone) {
			other.markTwice(r)
		}
	}
	return nil
}

func missingColumn(f RowField) error {
	switch f {
	case FieldName:
		return fault.Invalid("file", "import_no_names")
	case FieldPhone:
		return fault.Invalid("file", "import_no_phones")
	default:
		return fault.Invalid("file", "import_no_units")
	}
}

func (r *ImportRow) markTwice(other *ImportRow) {
	r.Misread = append(r.Misread, ImportProblem{
		Field: FieldPhone, Code: ProblemTwice, Args: map[string]string{"row": fmt.Sprint(other.Number)}, Value: r.Said.Phone,
	})
}

// dayOf is the day that it is in the zone, at midnight UTC.
func dayOf(t time.Time, zone *time.Location) time.Time {
	y, m, d := t.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// Import returns the import to those who may know of it; to others it is
// NOT_FOUND.
func (m *Imports) Import(ctx context.Context, actor auth.Principal, id string) (*Import, error) {
	return visibleImport(ctx, m.db(), actor, id)
}

func visibleImport(ctx context.Context, on store.Conn, actor auth.Principal, id string) (*Import, error) {
	imp, err := imports.Get(ctx, on, id)
	if err == nil && !imp.visibleTo(actor) || errors.Is(err, store.ErrNotFound) {
		return nil, fault.NotFound("import")
	}
	return imp, err
}

// ListImports lists the unit's imports, newest first: all to its administrators,
// and one's own to other staff. To others it is FORBIDDEN.
func (m *Imports) ListImports(ctx context.Context, actor auth.Principal, unitID string, first int, after string) (store.Page[Import], error) {
	u, err := m.Admit(ctx, actor, unitID)
	if err != nil {
		return store.Page[Import]{}, err
	}
	conds := []store.Cond{store.Eq("unitId", u.ID)}
	if !actor.May(u.Path, auth.RoleAdmin) {
		conds = append(conds, store.Eq("accountId", actor.AccountID))
	}
	return imports.List(ctx, m.db(), store.Where(conds...).SortDescending("createdAt"), first, after)
}

// ListProblems lists the rows that have problems, in the order of the file. It
// is for those who were shown the import.
func (m *Imports) ListProblems(ctx context.Context, imp *Import, first int, after string) (store.Page[ImportRow], error) {
	return m.listRows(ctx, imp, first, after, RowProblem)
}

// listRows lists the rows of the kinds, in the order of the file.
func (m *Imports) listRows(ctx context.Context, imp *Import, first int, after string, kinds ...RowKind) (store.Page[ImportRow], error) {
	q := store.Where(store.Eq("importId", imp.ID), store.In("kind", kinds...)).Sort("number")
	return importRows.List(ctx, m.db(), q, first, after)
}
