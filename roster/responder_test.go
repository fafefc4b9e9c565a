package roster

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

func TestEnrol(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	got, err := f.Enrol(t.Context(), f.db, NewResponder{
		AccountID: "acc_own", Name: " 张三 ", Phone: "+8613800138000", UnitID: eastOne, Status: StatusActive, TransportMode: EBike, Equipment: []string{"AED"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &Responder{
		Meta: store.Meta{ID: got.ID, Rev: 1}, AccountID: "acc_own", Name: "张三", UnitID: eastOne, UnitPath: f.path(t, eastOne),
		Phone: "+8613800138000", Status: StatusActive, StatusAt: f.clock.Now(), TransportMode: EBike, Equipment: []string{"AED"}, EnrolledAt: f.clock.Now(),
		Duty: Duty{Reason: DutyNoConsent},
	}
	stored, err := f.OfAccount(t.Context(), "acc_own")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]*Responder{want, want}, []*Responder{got, stored}); diff != "" {
		t.Error(diff)
	}
}

func TestEnrolRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.enrol(t, "acc_taken", eastOne)
	good := NewResponder{AccountID: "acc_new", Name: "李四", Phone: "+8613800138000", UnitID: eastOne, Status: StatusActive, TransportMode: OnFoot}
	for name, c := range map[string]struct {
		spoil func(*NewResponder)
		want  *fault.Error
	}{
		"no account":               {func(n *NewResponder) { n.AccountID = "" }, fault.Invalid("accountId", "required")},
		"a blank name":             {func(n *NewResponder) { n.Name = " " }, fault.Invalid("name", "required")},
		"no such status":           {func(n *NewResponder) { n.Status = "BUSY" }, fault.Invalid("status", "responder_status")},
		"no such transport":        {func(n *NewResponder) { n.TransportMode = "HORSE" }, fault.Invalid("transportMode", "transport_mode")},
		"no such unit":             {func(n *NewResponder) { n.UnitID = "440399000000" }, fault.NotFound("unit")},
		"an account already on it": {func(n *NewResponder) { n.AccountID = "acc_taken" }, fault.Conflict("on_roster")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := good
			c.spoil(&n)
			_, err := f.Enrol(t.Context(), f.db, n)
			wantFault(t, err, c.want)
			_, err = f.OfAccount(t.Context(), "acc_new")
			wantFault(t, err, fault.NotFound("responder"))
		})
	}
}

func TestResponderIsReadBy(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	for name, c := range f.readers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := f.Responder(t.Context(), c.actor, r.ID)
			_, unknown := f.Responder(t.Context(), c.actor, "rsp_unknown")
			wantFault(t, unknown, fault.NotFound("responder"))
			if !c.may {
				if diff := cmp.Diff(unknown, err); diff != "" || got != nil {
					t.Errorf("differs from one that does not exist: %v %s", got, diff)
				}
				return
			}
			if err != nil || got.ID != r.ID {
				t.Errorf("Responder = %v, %v", got, err)
			}
		})
	}
}

func TestLoadScope(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	account, path, err := f.LoadScope(t.Context(), r.ID)
	if err != nil || account != "acc_own" || path != f.path(t, eastOne) {
		t.Errorf("LoadScope = %q, %q, %v", account, path, err)
	}
	_, _, err = f.LoadScope(t.Context(), "rsp_unknown")
	wantFault(t, err, fault.NotFound("responder"))
}

func TestLoadResponders(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	got, err := f.LoadResponders(t.Context(), f.db, []string{r.ID, "rsp_unknown"})
	if err != nil || len(got) != 1 || got[r.ID].AccountID != "acc_own" {
		t.Errorf("LoadResponders = %v, %v", got, err)
	}
}

// BenchmarkEnrol puts 10,000 responders on the roster, 500 in each atomic step.
func BenchmarkEnrol(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		f := newFixture(b)
		b.StartTimer()
		for step := range 20 {
			if err := f.db.Atomically(b.Context(), func(tx *store.Tx) error { return f.enrolMany(b, tx, step, 500) }); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func (f *fixture) enrolMany(tb testing.TB, tx *store.Tx, step, n int) error {
	for i := range n {
		_, err := f.Enrol(tb.Context(), tx, NewResponder{
			AccountID: fmt.Sprintf("acc_%d_%d", step, i), Name: "张三", Phone: "+8613800138000", UnitID: eastOne, Status: StatusActive, TransportMode: OnFoot,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
