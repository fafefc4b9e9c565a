package graph

import (
	"context"

	"github.com/musterhq/muster/roster"
)

// problemRow says what is wrong with a row, in the reader's language. What the
// cells have is for who uploaded the file alone: it may be anybody's data.
func (r *Resolver) problemRow(ctx context.Context, imp *roster.Import, row *roster.ImportRow) *RosterImportProblem {
	own := actor(ctx).AccountID == imp.AccountID
	out := &RosterImportProblem{Row: int(row.Number), Problems: []*RosterImportCellProblem{}}
	for _, p := range row.Problems {
		problem := &RosterImportCellProblem{Field: p.Field, Code: string(p.Code), Message: r.problemText(ctx, p)}
		if column := imp.Column(p.Field); column != nil {
			name := column.Letters()
			problem.Column, problem.Header = &name, &column.Header
		}
		if own {
			problem.Value = some(p.Value)
		}
		out.Problems = append(out.Problems, problem)
	}
	return out
}

func (r *Resolver) problemText(ctx context.Context, p roster.ImportProblem) string {
	args := make(map[string]any, len(p.Args))
	for name, value := range p.Args {
		args[name] = value
	}
	return r.Catalogue.Text(RequestOf(ctx).Locale, "import.problem."+string(p.Code), args)
}

func importChange(row *roster.ImportRow) *RosterImportChange {
	out := &RosterImportChange{Row: int(row.Number), Kind: row.Kind, Name: row.Name(), Fields: []*RosterImportFieldChange{}}
	for _, c := range row.Changes {
		out.Fields = append(out.Fields, &RosterImportFieldChange{Field: c.Field, Before: some(c.Before), After: some(c.After)})
	}
	return out
}
