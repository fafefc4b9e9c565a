package roster

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
)

func echo(key string) string { return key }

// A view that changes while it is written has those who still belong to it.
func TestExportAsksTheDocuments(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	stays, leaves := f.enrol(t, "acc_1", eastOne), f.enrol(t, "acc_2", eastOne)
	boss := f.holder(t, auth.RoleDispatcher, east)
	in := Search{east, Filter{Statuses: []Status{StatusActive}}, byUnit}
	q, err := f.query(t.Context(), boss, in)
	if err != nil {
		t.Fatal(err)
	}
	hits, _, _ := f.directory.find(q, byUnit, nil, 10)
	e := &export{s: f.Service, actor: boss, q: q, hits: hits, say: echo}
	if _, err := responders.Change(t.Context(), f.db, leaves.ID, func(r *Responder) error { r.Status = StatusRetired; return nil }); err != nil {
		t.Fatal(err)
	}
	var got [][]any
	for row, err := range e.rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, row)
	}
	want := [][]any{{
		"张三", stays.Phone, "东一社区", eastOne, "export.status.ACTIVE", "export.transport_mode.ON_FOOT", "AED",
		stays.EnrolledAt.In(f.zone), nil, nil,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestExportOfTheQualificationThatIsAskedFor(t *testing.T) {
	t.Parallel()
	soon, later := Qualification{"first", firstDay}, Qualification{"second", firstDay.AddDate(1, 0, 0)}
	r := &Responder{Qualifications: []Qualification{soon, later, {"third", firstDay}}}
	for course, want := range map[string]*Qualification{"": &later, "first": &soon, "second": &later, "none": nil} {
		e := &export{}
		if course != "" {
			e.q.filter.Qualification = &QualificationFilter{CourseID: course, State: QualificationMissing}
		}
		if diff := cmp.Diff(want, e.qualification(r)); diff != "" {
			t.Errorf("%q: %s", course, diff)
		}
	}
}

func TestExportIsForStaffOfTheScope(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.enrol(t, "acc_1", eastOne)
	boss := f.holder(t, auth.RoleAdmin, district)
	for name, c := range map[string]struct {
		actor auth.Principal
		want  error
	}{
		"of a sibling":  {f.holder(t, auth.RoleDispatcher, west), fault.Forbidden()},
		"of one below":  {f.holder(t, auth.RoleAdmin, eastOne), fault.Forbidden()},
		"a volunteer":   {f.holder(t, auth.RoleVolunteer, east), fault.Forbidden()},
		"its own":       {f.holder(t, auth.RoleTrainer, east), nil},
		"its superiors": {boss, nil},
	} {
		t.Run(name, func(t *testing.T) {
			checked := f.CheckExport(t.Context(), c.actor, Search{UnitID: east, Sort: byUnit})
			write, err := f.Export(t.Context(), c.actor, Search{UnitID: east, Sort: byUnit}, echo)
			if !errors.Is(checked, c.want) || !errors.Is(err, c.want) || (write == nil) != (c.want != nil) {
				t.Errorf("checked %v, exported %v, want %v", checked, err, c.want)
			}
		})
	}
	log, err := f.audit.ListOfUnit(t.Context(), boss, district+"/", 10, "")
	if err != nil || len(log.Items) != 2 || log.Items[0].Action != audit.ExportRoster {
		t.Errorf("%d entries, %v; want one for each that was handed out", len(log.Items), err)
	}
}

func TestExportFailsBeforeItWrites(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.enrol(t, "acc_1", eastOne)
	ctx, cancel := context.WithCancel(t.Context())
	write, err := f.Export(ctx, f.holder(t, auth.RoleAdmin, district), Search{UnitID: east, Sort: byUnit}, echo)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	var out bytes.Buffer
	if err := write(&out); !errors.Is(err, context.Canceled) || out.Len() > 0 {
		t.Errorf("%d bytes, %v", out.Len(), err)
	}
}

func BenchmarkExport(b *testing.B) {
	f := newFixtureOn(b, embedded(b))
	f.populate(b, *rosterSize)
	for b.Loop() {
		write, err := f.Export(b.Context(), f.holder(b, auth.RoleAdmin, district), Search{UnitID: district, Sort: byUnit}, echo)
		if err == nil {
			err = write(io.Discard)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

var firstDay = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
