package training

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/store"
)

func TestQualified(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	start := f.clock.Now()
	for _, id := range []string{"rsp_both", "rsp_aid", "rsp_revoked", "rsp_again"} {
		f.issue(t, id, f.aid)
	}
	for _, id := range []string{"rsp_both", "rsp_rescue", "rsp_again"} {
		f.issue(t, id, f.rescue)
	}
	f.revoke(t, f.issue(t, "rsp_revoked", f.rescue))
	again := f.issue(t, "rsp_again", f.rescue) // a second, revoked one takes nothing from the first
	f.revoke(t, again)
	renewal := start.AddDate(0, 20, 0)
	f.clock.Set(renewal)
	f.issue(t, "rsp_both", f.aid) // before the first expires after 24 months

	all := []string{"rsp_both", "rsp_aid", "rsp_rescue", "rsp_revoked", "rsp_again", "rsp_none"}
	for name, c := range map[string]struct {
		courses []string
		at      time.Time
		want    []string
	}{
		"no courses":              {nil, start, all},
		"one course":              {[]string{f.aid.ID}, start, []string{"rsp_both", "rsp_aid", "rsp_revoked", "rsp_again"}},
		"another course":          {[]string{f.rescue.ID}, start, []string{"rsp_both", "rsp_rescue", "rsp_again"}},
		"both":                    {[]string{f.aid.ID, f.rescue.ID}, start, []string{"rsp_both", "rsp_again"}},
		"the same twice":          {[]string{f.aid.ID, f.aid.ID}, start, []string{"rsp_both", "rsp_aid", "rsp_revoked", "rsp_again"}},
		"one that nobody has":     {[]string{f.aid.ID, "crs_unknown"}, start, nil},
		"before they were issued": {[]string{f.aid.ID}, start.Add(-time.Millisecond), nil},
		"after all but a renewal": {[]string{f.aid.ID}, start.AddDate(0, 24, 0), []string{"rsp_both"}},
		"just before that":        {[]string{f.aid.ID, f.rescue.ID}, start.AddDate(0, 24, 0).Add(-time.Millisecond), []string{"rsp_both", "rsp_again"}},
		"after the renewal":       {[]string{f.aid.ID}, renewal.AddDate(0, 24, 0), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := f.Qualified(t.Context(), f.db, all, c.courses, c.at)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(verdicts(all, c.want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("nobody asked for", func(t *testing.T) {
		t.Parallel()
		got, err := f.Qualified(t.Context(), f.db, nil, []string{f.aid.ID}, start)
		if err != nil || len(got) > 0 {
			t.Errorf("Qualified = %v, %v", got, err)
		}
	})
}

// More responders than one query asks for, within an atomic step.
func TestQualifiedOfMany(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var all, want []string
	err := f.db.Atomically(t.Context(), func(tx *store.Tx) error {
		all, want = nil, nil
		for i := range 700 {
			id := fmt.Sprintf("rsp_%03d", i)
			all = append(all, id)
			for _, c := range []*Course{f.aid, f.rescue} {
				if c == f.rescue && i%3 > 0 {
					continue
				}
				if _, err := f.Issue(t.Context(), tx, NewCertificate{ResponderID: id, HolderName: "张三", CourseID: c.ID, IssuedAt: f.clock.Now()}); err != nil {
					return err
				}
			}
			if i%3 == 0 {
				want = append(want, id)
			}
		}
		got, err := f.Qualified(t.Context(), tx, all, []string{f.aid.ID, f.rescue.ID}, f.clock.Now())
		if diff := cmp.Diff(verdicts(all, want), got); diff != "" {
			t.Error(diff)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func verdicts(all, yes []string) map[string]bool {
	m := map[string]bool{}
	for _, id := range all {
		m[id] = false
	}
	for _, id := range yes {
		m[id] = true
	}
	return m
}

// BenchmarkQualified asks for 50 candidates and two courses among 10,000
// certificates.
func BenchmarkQualified(b *testing.B) {
	f := newFixture(b)
	var some []string
	for step := range 10 {
		err := f.db.Atomically(b.Context(), func(tx *store.Tx) error { return f.issueMany(b, tx, step*500, 500) })
		if err != nil {
			b.Fatal(err)
		}
		for i := range 5 {
			some = append(some, fmt.Sprintf("rsp_%d", step*500+i*90))
		}
	}
	for b.Loop() {
		got, err := f.Qualified(b.Context(), f.db, some, []string{f.aid.ID, f.rescue.ID}, f.clock.Now())
		if err != nil || !got[some[0]] {
			b.Fatal(got, err)
		}
	}
}

func (f *fixture) issueMany(tb testing.TB, tx *store.Tx, from, n int) error {
	for i := range n {
		for _, c := range []*Course{f.aid, f.rescue} {
			_, err := f.Issue(tb.Context(), tx, NewCertificate{
				ResponderID: fmt.Sprintf("rsp_%d", from+i), HolderName: "张三", CourseID: c.ID, IssuedAt: f.clock.Now(),
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
