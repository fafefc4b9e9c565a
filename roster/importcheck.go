package roster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/sheet"
	"github.com/musterhq/muster/store"
)

// namesCache keeps the index of the units' names for as long as the units stay
// as they are.
type namesCache struct {
	mu    sync.Mutex
	of    *forest
	index *nameIndex
}

func (c *namesCache) get(all *forest) *nameIndex {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of != all { // which never changes
		c.of, c.index = all, newNameIndex(all.open())
	}
	return c.index
}

// known is what the roster has about the people of some rows.
type people struct {
	accounts   map[string]*auth.Account // by phone
	responders map[string]*Responder    // by account
	issued     map[string][]time.Time   // by responder
}

// load finds the people of the rows. Within an atomic step, on is its Tx.
func (m *Imports) load(ctx context.Context, on store.Conn, imp *Import, rows []*ImportRow) (*people, error) {
	var phones, accountIDs, ids []string
	for _, r := range rows {
		if r.Said.Phone != "" {
			phones = append(phones, r.Said.Phone)
		}
	}
	p := &people{responders: map[string]*Responder{}}
	var err error
	if p.accounts, err = m.Auth.AccountsByPhone(ctx, on, phones); err != nil {
		return nil, err
	}
	for _, a := range p.accounts {
		accountIDs = append(accountIDs, a.ID)
	}
	for r, err := range responders.All(ctx, on, store.Where(store.In("accountId", accountIDs...))) {
		if err != nil {
			return nil, fmt.Errorf("finding responders: %w", err)
		}
		p.responders[r.AccountID] = r
		ids = append(ids, r.ID)
	}
	if imp.Column(FieldCertifiedOn) != nil && len(ids) > 0 {
		p.issued, err = m.Issued(ctx, on, ids, imp.CourseID)
	}
	return p, err
}

// verdict is what would become of a row now.
type verdict struct {
	kind      RowKind
	problems  []ImportProblem
	changes   []FieldChange
	account   *auth.Account // nil: to be made
	responder *Responder    // nil: to be made
	unit      *Unit         // nil: as it is
	certify   bool
}

// judge decides what would become of a row.
type judge struct {
	imp   *Import
	names *nameIndex
	zone  *time.Location
	*people
}

func (j *judge) decide(row *ImportRow) verdict {
	v := verdict{problems: slices.Clone(row.Misread)}
	if v.account = j.accounts[row.Said.Phone]; v.account != nil {
		v.responder = j.responders[v.account.ID]
	}
	unit, problem := j.unitOf(row, v.responder)
	if problem != nil && !row.hasMisread(FieldUnitCode) {
		v.problems = append(v.problems, *problem)
	}
	v.unit = unit
	if v.responder == nil {
		j.decideNew(row, &v)
	} else {
		j.decideKnown(row, &v)
	}
	if v.kind != RowUnchanged && v.account != nil && j.imp.isOf(v.account.ID) {
		v.problem(FieldPhone, ProblemOwn, row.Said.Phone)
	}
	if len(v.problems) > 0 {
		v.kind, v.changes = RowProblem, nil
	}
	return v
}

// unitOf finds the unit that a row means; nil is for the one that r, who may be
// nil, has already, in the team of another or in a unit that has been closed.
func (j *judge) unitOf(row *ImportRow, r *Responder) (*Unit, *ImportProblem) {
	if r != nil && r.UnitID == row.Said.UnitCode && j.shows(r) {
		if now := j.names.byID[r.UnitID]; now == nil || !j.within(now.Path) {
			return nil, nil
		}
	}
	return j.names.resolve(&row.Said, j.imp.UnitPath)
}

func (j *judge) within(unitPath string) bool { return strings.HasPrefix(unitPath, j.imp.UnitPath) }

// shows reports whether the import may say anything of the responder: whether
// it belongs to the unit of the import, or to a team there.
func (j *judge) shows(r *Responder) bool { return slices.ContainsFunc(r.UnitPaths(), j.within) }

// isOf reports whether the import is the account's, which decides nothing about
// itself by it either.
func (i *Import) isOf(accountID string) bool {
	return accountID == i.AccountID || accountID == i.AppliedBy
}

func (v *verdict) problem(f RowField, code ProblemCode, value string) {
	v.problems = append(v.problems, ImportProblem{Field: f, Code: code, Value: value})
}

func (v *verdict) change(f RowField, before, after string) {
	if before != after {
		v.changes = append(v.changes, FieldChange{f, before, after})
	}
}

func (j *judge) decideNew(row *ImportRow, v *verdict) {
	v.kind = RowNew
	said := &row.Said
	if v.account != nil && v.account.Suspended() {
		v.problem(FieldPhone, ProblemSuspended, said.Phone)
	}
	if said.Status != "" && said.Status != StatusActive {
		v.problem(FieldStatus, ProblemNewStatus, string(said.Status))
	}
	if v.unit == nil {
		if !slices.ContainsFunc(v.problems, ofUnit) {
			v.problem(FieldUnit, ProblemMissing, "")
		}
		return
	}
	v.change(FieldName, "", said.Name)
	v.change(FieldPhone, "", said.Phone)
	v.change(FieldUnit, "", v.unit.ID)
	v.change(FieldStatus, "", string(StatusActive))
	v.change(FieldTransport, "", string(cmp.Or(said.Transport, OnFoot)))
	v.change(FieldEquipment, "", listed(said.Equipment))
	v.change(FieldEnrolledOn, "", dayText(said.EnrolledOn))
	j.decideCertificate(row, v)
}

func ofUnit(p ImportProblem) bool { return slices.Contains(unitFields, p.Field) }

func (j *judge) decideKnown(row *ImportRow, v *verdict) {
	v.kind = RowUnchanged
	said, r := &row.Said, v.responder
	if !j.shows(r) {
		// Nothing more is said of somebody whom the uploader may not know.
		v.problem(FieldUnit, ProblemTransfer, "")
		return
	}
	if said.Status != "" && said.Status != r.Status {
		v.problem(FieldStatus, ProblemStatusMove, string(said.Status))
	}
	if said.Name != sheet.Returned(r.Name) {
		v.change(FieldName, r.Name, cmp.Or(said.Name, r.Name))
	}
	if v.unit != nil {
		v.change(FieldUnit, r.UnitID, v.unit.ID)
	}
	v.change(FieldTransport, string(r.TransportMode), string(cmp.Or(said.Transport, r.TransportMode)))
	j.decideEquipment(row, v)
	if !said.EnrolledOn.IsZero() {
		v.change(FieldEnrolledOn, dayText(dayOf(r.EnrolledAt, j.zone)), dayText(said.EnrolledOn))
	}
	j.decideCertificate(row, v)
	if len(v.changes) > 0 {
		v.kind = RowChanged
	}
	if v.kind == RowChanged && !j.within(r.UnitPath) {
		v.problem(FieldUnit, ProblemTransfer, "")
	}
	gone := r.Status == StatusRejected || r.Status == StatusRetired
	if v.kind == RowChanged && (gone || r.Status == StatusApplied) || gone && said.Status == "" {
		v.problem(FieldStatus, ProblemNotActive, string(r.Status))
	}
}

// decideEquipment compares the cell, since what it was read as may be more items
// than there are: the signs between them may also be in their names.
func (j *judge) decideEquipment(row *ImportRow, v *verdict) {
	said, before := &row.Said, listed(v.responder.Equipment)
	switch {
	case said.EquipmentText != "" && said.EquipmentText == sheet.Returned(before):
		v.problems = slices.DeleteFunc(v.problems, func(p ImportProblem) bool { return p.Field == FieldEquipment })
	case len(said.Equipment) > 0:
		v.change(FieldEquipment, before, listed(said.Equipment))
	}
}

// decideCertificate finds out whether there is a certificate of that day.
func (j *judge) decideCertificate(row *ImportRow, v *verdict) {
	on := row.Said.CertifiedOn
	if on.IsZero() {
		return
	}
	if v.responder != nil && slices.ContainsFunc(j.issued[v.responder.ID], func(t time.Time) bool { return dayOf(t, j.zone).Equal(on) }) {
		return
	}
	if !j.imp.Certifies {
		v.problem(FieldCertifiedOn, ProblemCertify, "")
		return
	}
	v.certify = true
	v.change(FieldCertifiedOn, "", dayText(on))
}

// listed is equipment as staff write it.
func listed(items []string) string { return strings.Join(items, "、") }

func dayText(day time.Time) string {
	if day.IsZero() {
		return ""
	}
	return day.Format(time.DateOnly)
}

// same reports whether the check of the row came to the same.
func (v *verdict) same(row *ImportRow) bool {
	return row.Kind == v.kind && slices.Equal(row.Changes, v.changes)
}

// judgeOf returns the judge of some rows, by what is stored now.
func (m *Imports) judgeOf(ctx context.Context, on store.Conn, names *nameIndex, imp *Import, rows []*ImportRow) (*judge, error) {
	p, err := m.load(ctx, on, imp, rows)
	return &judge{imp: imp, names: names, zone: m.Roster.zone, people: p}, err
}

func (m *Imports) nameIndex(ctx context.Context) (*nameIndex, error) {
	all, err := m.Roster.tree.current(ctx, m.db())
	if err != nil {
		return nil, fmt.Errorf("loading units: %w", err)
	}
	return m.names.get(all), nil
}

// rowsAfter returns up to limit rows that follow in the file.
func (m *Imports) rowsAfter(ctx context.Context, imp *Import, limit int) ([]*ImportRow, error) {
	q := store.Where(store.Eq("importId", imp.ID), store.Above("number", imp.Last)).Sort("number")
	page, err := importRows.List(ctx, m.db(), q, limit, "")
	if err != nil {
		return nil, fmt.Errorf("reading the rows of an import: %w", err)
	}
	return page.Items, nil
}

// next returns the rows that follow in the file, and their judge.
func (m *Imports) next(ctx context.Context, imp *Import) ([]*ImportRow, *judge, error) {
	names, err := m.nameIndex(ctx)
	if err != nil {
		return nil, nil, err
	}
	rows, err := m.rowsAfter(ctx, imp, storeChunk)
	if err != nil {
		return nil, nil, err
	}
	j, err := m.judgeOf(ctx, m.db(), names, imp, rows)
	return rows, j, err
}

// checkChunk checks some rows and stores what it found, and nothing else.
func (m *Imports) checkChunk(ctx context.Context, imp *Import) error {
	rows, j, err := m.next(ctx, imp)
	if err != nil {
		return err
	}
	next := *imp
	for _, r := range rows {
		r.settle(j.decide(r))
		*next.Counts.of(r.Kind)++
		next.Checked++
		next.Last = r.Number
	}
	if len(rows) < storeChunk {
		next.State, next.Last = ImportChecked, 0
		next.SetDue(next.CreatedAt.Add(m.Keep))
	}
	return m.commit(ctx, imp, next, func(tx *store.Tx) error { return replaceRows(ctx, tx, rows) })
}

// settle writes what was found into the row.
func (r *ImportRow) settle(v verdict) {
	r.Kind, r.Problems, r.Changes = v.kind, v.problems, v.changes
	r.ResponderID, r.UnitPath = "", ""
	if v.responder != nil && v.kind != RowProblem {
		r.ResponderID, r.UnitPath = v.responder.ID, v.responder.UnitPath
	}
}

// replaceRows works on copies: the step may be run again.
func replaceRows(ctx context.Context, tx *store.Tx, rows []*ImportRow) error {
	for _, r := range rows {
		again := *r
		if err := importRows.Replace(ctx, tx, &again); err != nil {
			return err
		}
	}
	return nil
}

// errLost tells that somebody else has changed the import: it was cancelled, or
// this worker was too slow.
var errLost = errors.New("roster: the import has changed")

// commit does the work and stores how far the import has come, both or neither.
func (m *Imports) commit(ctx context.Context, imp *Import, next Import, work func(tx *store.Tx) error) error {
	var stored Import
	err := m.db().Atomically(ctx, func(tx *store.Tx) error {
		if err := work(tx); err != nil {
			return err
		}
		stored = next
		return imports.Replace(ctx, tx, &stored)
	})
	if errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound) {
		return errLost
	}
	if err != nil {
		return fmt.Errorf("going on with an import: %w", err)
	}
	*imp = stored
	return nil
}
