package sqlite_test

import (
	"context"
	"strings"
	"testing"

	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/sqlite"
	"github.com/musterhq/muster/store/storetest"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// planner asks SQLite how it would run each scan, and complains of every step
// that looks at more than it returns.
type planner struct {
	*sqlite.Engine
	t *testing.T
}

func (p planner) Find(ctx context.Context, s *store.Spec, scan store.Scan) ([]bson.Raw, error) {
	steps, err := p.PlanFind(ctx, s, scan)
	if err != nil {
		p.t.Errorf("find: %v", err)
	}
	p.check(scan, steps)
	if again, err := p.Recompiles(ctx, s, scan); again || err != nil {
		p.t.Errorf("SQLite compiles the statement at every call (%v):\n%s", err, strings.Join(steps, "\n"))
	}
	return p.Engine.Find(ctx, s, scan)
}

func (p planner) Count(ctx context.Context, s *store.Spec, scan store.Scan) (int64, error) {
	steps, err := p.PlanCount(ctx, s, scan)
	if err != nil {
		p.t.Errorf("count: %v", err)
	}
	p.check(scan, steps)
	return p.Engine.Count(ctx, s, scan)
}

func (p planner) CountBy(ctx context.Context, s *store.Spec, scan store.Scan, field string) (map[string]int64, error) {
	steps, err := p.PlanCountBy(ctx, s, scan, field)
	if err != nil {
		p.t.Errorf("count by: %v", err)
	}
	p.check(scan, steps)
	return p.Engine.CountBy(ctx, s, scan, field)
}

func (p planner) check(scan store.Scan, steps []string) {
	p.t.Helper()
	narrowed := len(scan.Equal) > 0 || scan.Low != nil || scan.High != nil || scan.After != nil
	for _, step := range steps {
		if !allowed(step, narrowed) && !singlePlace(scan, step) {
			p.t.Errorf("SQLite would %q in\n%s", step, strings.Join(steps, "\n"))
		}
		if scan.After != nil && strings.HasPrefix(step, "SEARCH") && len(scan.Rest()) > 0 && !strings.Contains(step, beginning(scan)) {
			p.t.Errorf("SQLite would not begin behind the cursor: %q", step)
		}
	}
}

// allowed reports whether the step goes to the documents it is asked for: a
// walk along a whole index only where all of it is asked for.
func allowed(step string, narrowed bool) bool {
	switch {
	case strings.Contains(step, "TEMP B-TREE"):
		return false
	case strings.HasPrefix(step, "SCAN"):
		return !narrowed && strings.Contains(step, " USING ")
	default:
		return true
	}
}

// singlePlace reports whether what is sorted is the one document that a unique
// index has for all its fields.
func singlePlace(scan store.Scan, step string) bool {
	return scan.Index.Unique && len(scan.Rest()) == 0 && strings.HasSuffix(step, "FOR ORDER BY")
}

// beginning is what a step says that begins behind the cursor, or at the bound
// if that is farther.
func beginning(scan store.Scan) string {
	near, operator := scan.Low, ">"
	if scan.Descending {
		near, operator = scan.High, "<"
	}
	if scan.Index.Unique || !sqlite.Reaches(scan.After[0], near, scan.Descending) {
		return operator + "?"
	}
	return operator + "(?"
}

// TestPlans runs the queries of the suite, all of which must be planned well.
func TestPlans(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T, defs ...store.Definition) *store.DB {
		engine, err := sqlite.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		db, err := store.Open(t.Context(), planner{Engine: engine, t: t}, defs...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		return db
	}
	const reason = "it asks nothing that the queries do not"
	var options []storetest.Option
	for _, g := range []storetest.Group{storetest.Documents, storetest.Transactions, storetest.Races, storetest.Feed, storetest.Due} {
		options = append(options, storetest.Without(g, reason))
	}
	storetest.Run(t, open, options...)
}
