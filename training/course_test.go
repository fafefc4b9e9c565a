package training

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
)

func TestAddCourse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	name := Name{Chinese: "消防安全"}
	for title, c := range map[string]struct {
		course NewCourse
		want   *fault.Error
	}{
		"as it should be":     {NewCourse{"fire", name, 12}, nil},
		"the longest":         {NewCourse{"fire-long", name, MaxValidityMonths}, nil},
		"no code":             {NewCourse{"", name, 12}, fault.Invalid("id", "required")},
		"no Chinese name":     {NewCourse{"fire-2", Name{English: "Fire"}, 12}, fault.Invalid("name", "required")},
		"never valid":         {NewCourse{"fire-3", name, 0}, fault.Invalid("validityMonths", "validity_months")},
		"valid for too long":  {NewCourse{"fire-4", name, MaxValidityMonths + 1}, fault.Invalid("validityMonths", "validity_months")},
		"an id that is taken": {NewCourse{"first-aid", name, 12}, fault.Conflict("course_id")},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			added, err := f.AddCourse(t.Context(), f.db, c.course)
			wantFault(t, err, c.want)
			if c.want != nil {
				return
			}
			byID, err := f.Course(t.Context(), added.ID)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(added, byID); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCourse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	t.Run("unknown id", func(t *testing.T) {
		t.Parallel()
		_, err := f.Course(t.Context(), "crs_unknown")
		wantFault(t, err, fault.NotFound("course"))
	})
	t.Run("several", func(t *testing.T) {
		t.Parallel()
		got, err := f.Courses(t.Context(), []string{f.aid.ID, "crs_unknown"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]*Course{f.aid.ID: f.aid}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestNameIn(t *testing.T) {
	t.Parallel()
	both, one := Name{Chinese: "应急救护", English: "First aid"}, Name{Chinese: "应急救护"}
	for _, c := range []struct {
		name Name
		tag  locale.Tag
		want string
	}{
		{both, locale.Chinese, "应急救护"},
		{both, locale.English, "First aid"},
		{one, locale.English, "应急救护"},
	} {
		if got := c.name.In(c.tag); got != c.want {
			t.Errorf("%v in %s = %q, want %q", c.name, c.tag, got, c.want)
		}
	}
}
