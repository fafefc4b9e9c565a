package dispatch

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
)

// trail lists what the audit log has on an incident, newest first.
func (v *town) trail(incidentID string) []audit.Entry {
	v.t.Helper()
	page, err := v.Audit.ListOfSubject(v.t.Context(), with(auth.RoleAdmin, "admin", districtPath), incidentID, false, 100, "")
	must(v.t, err)
	list := []audit.Entry{}
	for _, e := range page.Items {
		list = append(list, audit.Entry{ActorID: e.ActorID, Action: e.Action, Community: e.Community, Reason: e.Reason})
	}
	return list
}

func TestStaffsDoingsAreInTheAuditLog(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(1)
	i, err := v.Report(t.Context(), v.staff, reported(func(r *Report) { r.Key = "k" }))
	must(t, err)
	_, err = v.Report(t.Context(), v.staff, reported(func(r *Report) { r.Key = "k" }))
	must(t, err)
	v.run()
	v.clock.Advance(time.Second)
	for range 2 {
		_, err = v.StandDown(t.Context(), v.staff, CallOff{ID: i.DispatchID, Reason: "误报", Key: "k"})
		must(t, err)
	}
	v.clock.Advance(time.Second)
	_, err = v.Close(t.Context(), v.staff, CallOff{ID: i.ID, Reason: "已处置"})
	must(t, err)
	v.run()

	entry := func(action audit.Action) audit.Entry {
		return audit.Entry{ActorID: v.staff.AccountID, Action: action, Community: home}
	}
	want := []audit.Entry{entry(audit.CloseIncident), entry(audit.StandDownDispatch), entry(audit.ReportIncident)}
	if diff := cmp.Diff(want, v.trail(i.ID)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatIsRefusedIsNotInTheAuditLog(t *testing.T) {
	t.Parallel()
	v := begin(t)
	i := v.report()
	stranger := dispatcher("east", liantangPath)
	_, err := v.StandDown(t.Context(), stranger, CallOff{ID: i.DispatchID})
	if fault.CodeOf(err) != fault.CodeNotFound {
		t.Errorf("standing down: %v", err)
	}
	_, err = v.Close(t.Context(), v.staff, CallOff{ID: i.ID})
	must(t, err)
	v.clock.Advance(time.Second)
	_, err = v.Close(t.Context(), v.staff, CallOff{ID: i.ID})
	if fault.CodeOf(err) != fault.CodeConflict {
		t.Errorf("closing again: %v", err)
	}
	if got := v.trail(i.ID); len(got) != 2 {
		t.Errorf("there is %v", got)
	}
}

func TestNamesThatAreShownAreInTheAuditLog(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(1)
	i := v.report()
	v.run()
	a := v.alerts(i)[0]
	d, err := dispatches.Get(t.Context(), v.db, i.DispatchID)
	must(t, err)
	_, err = v.Alert(t.Context(), volunteer("a"), a.ID)
	must(t, err)
	if got := v.trail(a.ResponderID); len(got) > 0 {
		t.Errorf("one's own reading is there: %v", got)
	}
	for range 2 {
		_, err = v.ListAlerts(t.Context(), v.staff, d, 10, "")
		must(t, err)
		_, err = v.Alert(t.Context(), v.staff, a.ID)
		must(t, err)
	}
	want := []audit.Entry{{ActorID: v.staff.AccountID, Action: audit.ReadResponder, Community: home}}
	if diff := cmp.Diff(want, v.trail(a.ResponderID)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
