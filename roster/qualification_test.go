package roster

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/store"
)

func TestSetQualification(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "one", eastOne)
	soon, later := f.clock.Now().AddDate(0, 1, 0), f.clock.Now().AddDate(2, 0, 0)
	for _, c := range []struct {
		what, course string
		until        time.Time
		want         []Qualification
		rev          int64
	}{
		{"a first", "first", soon, []Qualification{{"first", soon}}, 2},
		{"the same again", "first", soon, []Qualification{{"first", soon}}, 2},
		{"a second", "second", later, []Qualification{{"first", soon}, {"second", later}}, 3},
		{"the first renewed", "first", later, []Qualification{{"first", later}, {"second", later}}, 4},
		{"the first ended", "first", time.Time{}, []Qualification{{"second", later}}, 5},
		{"what is not there ended", "first", time.Time{}, []Qualification{{"second", later}}, 5},
	} {
		err := f.db.Atomically(t.Context(), func(tx *store.Tx) error {
			return f.SetQualification(t.Context(), tx, r.ID, c.course, c.until)
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := responders.Get(t.Context(), f.db, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got.Qualifications); diff != "" || got.Rev != c.rev {
			t.Errorf("%s: revision %d, %s", c.what, got.Rev, diff)
		}
	}
	undone := errors.New("undone")
	err := f.db.Atomically(t.Context(), func(tx *store.Tx) error {
		return errors.Join(undone, f.SetQualification(t.Context(), tx, "rsp_none", "first", soon))
	})
	if err == nil || err.Error() != "undone" {
		t.Errorf("of nobody: %v", err)
	}
}
