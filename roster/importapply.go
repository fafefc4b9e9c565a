package roster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// ApplyImport is an import to be applied.
type ApplyImport struct {
	ID   string
	Mode ImportMode
	Key  string // see store.Step; may be ""
}

// Apply lets a checked import be applied, by those who may know of it; to others
// it is NOT_FOUND. It fails with INVALID for the mode, and with CONFLICT unless
// the import is CHECKED, or with AllOrNothing if any of its rows has a problem.
func (m *Imports) Apply(ctx context.Context, actor auth.Principal, in ApplyImport) (*Import, error) {
	if in.Mode != AllOrNothing && in.Mode != GoodRows {
		return nil, fault.Invalid("mode", "import_mode")
	}
	step := store.Step{Actor: actor.AccountID, Action: "applyRosterImport", Key: in.Key, Fingerprint: in.ID + " " + string(in.Mode)}
	return m.change(ctx, actor, in.ID, step, func(imp *Import) error {
		if imp.State != ImportChecked {
			return conflictingState(imp)
		}
		if in.Mode == AllOrNothing && imp.Counts.Problems > 0 {
			return fault.Conflict("import_has_problems", fault.Args{"count": imp.Counts.Problems})
		}
		imp.State, imp.Mode, imp.AppliedBy, imp.Last = ImportApplying, in.Mode, actor.AccountID, 0
		imp.Decided = in.Mode == GoodRows
		imp.Certifies = imp.Certifies && actor.May(imp.UnitPath, auth.RoleTrainer)
		imp.SetDue(m.Roster.now())
		return nil
	})
}

// Cancel gives an import up that has not been decided to be applied; one that is
// cancelled stays so. It fails as Apply does.
func (m *Imports) Cancel(ctx context.Context, actor auth.Principal, id, key string) (*Import, error) {
	step := store.Step{Actor: actor.AccountID, Action: "cancelRosterImport", Key: key, Fingerprint: id}
	return m.change(ctx, actor, id, step, func(imp *Import) error {
		if imp.State == ImportCancelled {
			return nil
		}
		if imp.over() || imp.Decided {
			return conflictingState(imp)
		}
		imp.State = ImportCancelled
		imp.SetDue(imp.CreatedAt.Add(m.Keep))
		return nil
	})
}

func conflictingState(imp *Import) error {
	return fault.Conflict("import_state", fault.Args{"state": string(imp.State)})
}

func (m *Imports) change(ctx context.Context, actor auth.Principal, id string, step store.Step, change func(*Import) error) (*Import, error) {
	var changed *Import
	err := m.db().Atomically(ctx, func(tx *store.Tx) error {
		imp, err := visibleImport(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		changed = imp
		_, _, err = store.Once(ctx, tx, m.Roster.now(), step, func() (string, error) {
			if err := change(imp); err != nil {
				return "", err
			}
			return imp.ID, imports.Replace(ctx, tx, imp)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

// ListChanges lists the rows that change something, in the order of the file,
// with what is stored: it is in the audit log before it returns. It is for those
// who were shown the import.
func (m *Imports) ListChanges(ctx context.Context, actor auth.Principal, imp *Import, first int, after string) (store.Page[ImportRow], error) {
	page, err := m.listRows(ctx, imp, first, after, RowNew, RowChanged)
	if err != nil {
		return page, err
	}
	var read []audit.Subject
	for _, r := range page.Items {
		if r.ResponderID != "" {
			read = append(read, audit.Subject{ID: r.ResponderID, UnitPath: r.UnitPath})
		}
	}
	if err := m.Roster.audit.Read(ctx, actor, audit.ReadResponder, read...); err != nil {
		return store.Page[ImportRow]{}, err
	}
	return page, nil
}

// applyChunk is how many rows are applied in one atomic step; each may take five
// writes, and an alert must not wait for them longer than some 15 ms.
const applyChunk = 50

// recheckChunk looks whether rows would still become what the check said. The
// first that would not ends the import; after the last there is no way back.
func (m *Imports) recheckChunk(ctx context.Context, imp *Import) error {
	rows, j, err := m.next(ctx, imp)
	if err != nil {
		return err
	}
	next := *imp
	for _, r := range rows {
		if v := j.decide(r); !v.same(r) {
			return m.fail(ctx, imp, FailureChanged, r)
		}
		next.Last = r.Number
	}
	if len(rows) < storeChunk {
		next.Decided, next.Last = true, 0
	}
	return m.commit(ctx, imp, next, func(*store.Tx) error { return nil })
}

// fail ends the import before anything was applied, because of the rows.
func (m *Imports) fail(ctx context.Context, imp *Import, why ImportFailure, rows ...*ImportRow) error {
	next := *imp
	next.State, next.Failure = ImportFailed, why
	next.SetDue(next.CreatedAt.Add(m.Keep))
	for _, r := range rows {
		next.Counts.move(r, RowProblem)
		r.overtake()
	}
	return m.commit(ctx, imp, next, func(tx *store.Tx) error { return replaceRows(ctx, tx, rows) })
}

// overtake marks a row that was overtaken by other changes.
func (r *ImportRow) overtake() {
	r.Kind, r.Changes = RowProblem, nil
	r.Problems = []ImportProblem{{Field: FieldPhone, Code: ProblemMeanwhile, Value: r.Said.Phone}}
}

func (c *ImportCounts) move(r *ImportRow, to RowKind) {
	*c.of(r.Kind)--
	*c.of(to)++
}

// applyRows applies some rows, writes them to the audit log and stores how far it
// has come, all in one step.
func (m *Imports) applyRows(ctx context.Context, imp *Import) error {
	names, err := m.nameIndex(ctx)
	if err != nil {
		return err
	}
	rows, err := m.rowsAfter(ctx, imp, applyChunk)
	if err != nil {
		return err
	}
	var stored Import
	err = m.db().Atomically(ctx, func(tx *store.Tx) error {
		stored = *imp
		j, err := m.judgeOf(ctx, tx, names, imp, rows)
		if err != nil {
			return err
		}
		for _, r := range rows {
			again := *r // the step may be run again
			if err := m.applyRow(ctx, tx, j, &stored, &again); err != nil {
				return fmt.Errorf("row %d: %w", r.Number, err)
			}
		}
		if len(rows) < applyChunk {
			if err := m.finish(ctx, tx, &stored); err != nil {
				return err
			}
		}
		return imports.Replace(ctx, tx, &stored)
	})
	if err != nil {
		return fmt.Errorf("applying an import: %w", err)
	}
	*imp = stored
	return nil
}

// applyRow applies one row, unless it has a problem or would now become
// something else than what was shown.
func (m *Imports) applyRow(ctx context.Context, tx *store.Tx, j *judge, imp *Import, row *ImportRow) error {
	imp.Last = row.Number
	imp.Applied++
	if row.Kind != RowNew && row.Kind != RowChanged {
		return nil
	}
	v := j.decide(row)
	if !v.same(row) {
		imp.Counts.move(row, RowProblem)
		imp.Applied--
		row.overtake()
		return importRows.Replace(ctx, tx, row)
	}
	r, err := m.write(ctx, tx, row, v)
	if err != nil {
		return err
	}
	if v.certify {
		if err := m.certify(ctx, tx, imp, row, r); err != nil {
			return err
		}
	}
	return m.Roster.audit.Changed(ctx, tx, auth.Principal{AccountID: imp.AppliedBy}, audit.Change{
		Action: audit.ImportRoster, SubjectID: r.ID, UnitPath: r.UnitPath, Details: detailsOf(imp, row),
	})
}

// detailsOf names what changed, and no values: they are personal.
func detailsOf(imp *Import, row *ImportRow) []audit.Detail {
	details := []audit.Detail{{Name: "importId", Value: imp.ID}, {Name: "row", Value: strconv.FormatInt(row.Number, 10)}, {Name: "kind", Value: string(row.Kind)}}
	for _, c := range row.Changes {
		details = append(details, audit.Detail{Name: "field", Value: string(c.Field)})
	}
	return details
}

func (m *Imports) write(ctx context.Context, tx *store.Tx, row *ImportRow, v verdict) (*Responder, error) {
	if v.responder == nil {
		return m.enrol(ctx, tx, row, v)
	}
	r := v.responder
	m.amend(r, row, v)
	changes := func(wanted func(FieldChange) bool) bool { return slices.ContainsFunc(row.Changes, wanted) }
	switch {
	case changes(func(c FieldChange) bool { return c.Field == FieldUnit }):
		unit, err := openUnit(ctx, tx, v.unit.ID) // that of the verdict is from memory
		if err != nil {
			return nil, err
		}
		if err := m.Roster.transfer(ctx, tx, r, unit); err != nil {
			return nil, err
		}
		return r, m.Roster.tell(ctx, tx, r, NoticeTransferred)
	case changes(func(c FieldChange) bool { return c.Field != FieldCertifiedOn }):
		return r, responders.Replace(ctx, tx, r)
	}
	return r, nil
}

// enrol puts somebody on the roster, who consents to nothing by that: until they
// do so in the app, they can be neither located nor alerted.
func (m *Imports) enrol(ctx context.Context, tx *store.Tx, row *ImportRow, v verdict) (*Responder, error) {
	account := v.account
	if account == nil {
		var err error
		if account, err = m.Auth.CreateAccount(ctx, tx, auth.NewAccount{Phone: row.Said.Phone, Name: row.Said.Name}); err != nil {
			return nil, err
		}
	}
	return m.Roster.Enrol(ctx, tx, NewResponder{
		AccountID: account.ID, Name: row.Said.Name, Phone: row.Said.Phone, UnitID: v.unit.ID, Status: StatusActive,
		TransportMode: cmp.Or(row.Said.Transport, OnFoot), Equipment: row.Said.Equipment, EnrolledAt: m.midnight(row.Said.EnrolledOn),
	})
}

// amend makes of the responder what the row says.
func (m *Imports) amend(r *Responder, row *ImportRow, v verdict) {
	for _, c := range v.changes {
		switch c.Field {
		case FieldName:
			r.Name = row.Said.Name
		case FieldTransport:
			r.TransportMode = row.Said.Transport
		case FieldEquipment:
			r.Equipment = row.Said.Equipment
		case FieldEnrolledOn:
			r.EnrolledAt = m.midnight(row.Said.EnrolledOn)
		}
	}
}

func (m *Imports) certify(ctx context.Context, tx *store.Tx, imp *Import, row *ImportRow, r *Responder) error {
	c := Certification{ResponderID: r.ID, HolderName: r.Name, CourseID: imp.CourseID, IssuedAt: m.midnight(row.Said.CertifiedOn)}
	if until := row.Said.ValidUntil; !until.IsZero() {
		c.ExpiresAt = m.midnight(until.AddDate(0, 0, 1)) // the last day counts
	}
	return m.Certify(ctx, tx, c)
}

// midnight is when a day begins in the district; the zero day stays zero.
func (m *Imports) midnight(day time.Time) time.Time {
	if day.IsZero() {
		return day
	}
	y, mo, d := day.Date()
	return time.Date(y, mo, d, 0, 0, 0, 0, m.Roster.zone).UTC()
}

// finish ends an import that is applied.
func (m *Imports) finish(ctx context.Context, tx *store.Tx, imp *Import) error {
	imp.State, imp.Last = ImportDone, 0
	imp.SetDue(imp.CreatedAt.Add(m.Keep))
	count := func(name string, n int64) audit.Detail {
		return audit.Detail{Name: name, Value: strconv.FormatInt(n, 10)}
	}
	return m.Roster.audit.Changed(ctx, tx, auth.Principal{AccountID: imp.AppliedBy}, audit.Change{
		Action: audit.ImportRoster, SubjectID: imp.UnitID, UnitPath: imp.UnitPath,
		Details: []audit.Detail{
			{Name: "importId", Value: imp.ID}, {Name: "mode", Value: string(imp.Mode)}, count("new", imp.Counts.New),
			count("changed", imp.Counts.Changed), count("unchanged", imp.Counts.Unchanged), count("problems", imp.Counts.Problems),
		},
	})
}

// chunksPerClaim is how many steps are taken until the import is due again, so
// that those uploaded meanwhile get their turn, and a claim never runs out.
const chunksPerClaim = 10

// Work returns the worker that checks, applies and at last deletes imports.
func (m *Imports) Work() *store.Worker[Import] {
	return &store.Worker[Import]{
		DB: m.db(), Collection: imports, Now: m.Roster.now, Log: m.Roster.log, Lease: time.Minute, Width: 2,
		Handle: func(ctx context.Context, imp *Import) error {
			err := m.advance(ctx, imp)
			if errors.Is(err, errLost) {
				return nil
			}
			return err
		},
	}
}

// advance takes the next steps, and sees to it that those after them are due.
func (m *Imports) advance(ctx context.Context, imp *Import) error {
	state, decided := imp.State, imp.Decided
	for range chunksPerClaim {
		if err := m.step(ctx, imp); err != nil {
			return err
		}
		if imp.State != ImportChecking && imp.State != ImportApplying {
			return nil // until somebody wants more of it
		}
		if imp.State != state || imp.Decided != decided {
			break
		}
	}
	next := *imp
	next.SetDue(m.Roster.now())
	return m.commit(ctx, imp, next, func(*store.Tx) error { return nil })
}

// step takes one atomic step.
func (m *Imports) step(ctx context.Context, imp *Import) error {
	switch {
	case imp.State == ImportReading:
		return m.fail(ctx, imp, FailureInterrupted)
	case imp.State == ImportChecking:
		return m.checkChunk(ctx, imp)
	case imp.State == ImportApplying && !imp.Decided:
		return m.recheckChunk(ctx, imp)
	case imp.State == ImportApplying:
		return m.applyRows(ctx, imp)
	default:
		return m.forget(ctx, imp)
	}
}

// forget deletes the import, its rows first.
func (m *Imports) forget(ctx context.Context, imp *Import) error {
	for {
		q := store.Where(store.Eq("importId", imp.ID)).Sort("number")
		page, err := importRows.List(ctx, m.db(), q, storeChunk, "")
		if err != nil {
			return fmt.Errorf("deleting an import: %w", err)
		}
		err = m.db().Atomically(ctx, func(tx *store.Tx) error {
			for _, r := range page.Items {
				if err := importRows.Delete(ctx, tx, r); err != nil {
					return err
				}
			}
			if page.HasNext {
				return nil
			}
			return imports.Delete(ctx, tx, imp)
		})
		if err != nil {
			return fmt.Errorf("deleting an import: %w", err)
		}
		if !page.HasNext {
			return nil
		}
	}
}
