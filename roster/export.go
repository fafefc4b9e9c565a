package roster

import (
	"context"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/sheet"
	"github.com/musterhq/muster/store"
)

// CheckExport reports whether the actor may have the view as a file, and fails
// as FindResponders does if not.
func (s *Service) CheckExport(ctx context.Context, actor auth.Principal, in Search) error {
	_, err := s.exported(ctx, actor, in)
	return err
}

// exported is the query of a view that is to be a file. There is a limit on how
// many responders it holds: that of the spreadsheet.
func (s *Service) exported(ctx context.Context, actor auth.Principal, in Search) (query, error) {
	q, err := s.query(ctx, actor, in)
	if err == nil && s.directory.count(q) > sheet.MaxWritten {
		return q, fault.Invalid("filter", "too_many_rows", fault.Args{"max": sheet.MaxWritten})
	}
	return q, err
}

// Export returns what writes the view as an .xlsx, with the words that say
// gives for keys of the catalogue. The roster's import reads it again. Phones
// are in it for dispatchers, and masked for others. That it was handed out, and
// how many are in it, is in the audit log before it returns.
func (s *Service) Export(ctx context.Context, actor auth.Principal, in Search, say func(key string) string) (func(io.Writer) error, error) {
	q, err := s.exported(ctx, actor, in)
	if err != nil {
		return nil, err
	}
	hits, _, _ := s.directory.find(q, in.Sort, nil, sheet.MaxWritten)
	err = s.db.Atomically(ctx, func(tx *store.Tx) error {
		return s.audit.Changed(ctx, tx, actor, audit.Change{
			Action: audit.ExportRoster, SubjectID: in.UnitID, UnitPath: q.path,
			Details: []audit.Detail{{Name: "responders", Value: strconv.Itoa(len(hits))}},
		})
	})
	if err != nil {
		return nil, err
	}
	e := &export{s: s, actor: actor, q: q, hits: hits, say: say}
	return func(w io.Writer) error { return sheet.Write(w, say("export.title"), e.columns(), e.rows(ctx)) }, nil
}

// export is a view on its way to a file.
type export struct {
	s     *Service
	actor auth.Principal
	q     query
	hits  []hit
	say   func(key string) string
}

func (e *export) columns() []sheet.Column {
	var columns []sheet.Column
	for _, c := range []struct {
		name  string
		width float64
	}{
		{"name", 14}, {"phone", 18}, {"unit", 18}, {"unit_code", 16}, {"status", 12}, {"transport_mode", 12},
		{"equipment", 24}, {"enrolled_on", 14}, {"course", 18}, {"qualified_until", 14},
	} {
		columns = append(columns, sheet.Column{Title: e.say("export.column." + c.name), Width: c.width})
	}
	return columns
}

// exportChunk is how many responders are loaded at a time.
const exportChunk = 250

func (e *export) rows(ctx context.Context) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for hits := range slices.Chunk(e.hits, exportChunk) {
			if !e.chunk(ctx, hits, yield) {
				return
			}
		}
	}
}

// chunk yields the rows of some, and reports whether more are wanted.
func (e *export) chunk(ctx context.Context, hits []hit, yield func([]any, error) bool) bool {
	found, err := e.s.loadFound(ctx, e.actor, e.q, hits)
	if err != nil {
		return yield(nil, err)
	}
	unitIDs := make([]string, len(found))
	for i, r := range found {
		unitIDs[i] = r.UnitID
	}
	units, err := e.s.Units(ctx, unitIDs)
	if err != nil {
		return yield(nil, err)
	}
	for _, r := range found {
		if r.Erased() {
			continue // there is nothing to read of it
		}
		if !yield(e.row(r, units[r.UnitID]), nil) {
			return false
		}
	}
	return true
}

func (e *export) row(r *Responder, u *Unit) []any {
	unit := ""
	if u != nil {
		unit = u.Name
	}
	row := []any{
		r.Name, r.PhoneFor(e.actor), unit, r.UnitID, e.say("export.status." + string(r.Status)),
		e.say("export.transport_mode." + string(r.TransportMode)), strings.Join(r.Equipment, "、"),
		r.EnrolledAt.In(e.s.zone), nil, nil,
	}
	if q := e.qualification(r); q != nil {
		row[8], row[9] = q.CourseID, q.Until.In(e.s.zone)
	}
	return row
}

// qualification is the one that the filter asks for, or else the one that lasts
// longest.
func (e *export) qualification(r *Responder) *Qualification {
	var last *Qualification
	for i, q := range r.Qualifications {
		switch f := e.q.filter.Qualification; {
		case f != nil && f.CourseID != q.CourseID, last != nil && !q.Until.After(last.Until):
			continue
		}
		last = &r.Qualifications[i]
	}
	return last
}
