package audit

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPersonalEntries(t *testing.T) {
	t.Parallel()
	l, clock := newLog(t)
	boss := staff("boss", district)
	for _, c := range []Change{
		{Action: SuspendResponder, SubjectID: "rsp_1", UnitPath: eastOne, Reason: "张三缺勤", Details: []Detail{{"status", "SUSPENDED"}}},
		{Action: EraseAccount, SubjectID: "acc_1", UnitPath: eastOne, Reason: "5 月 12 日的来信"},
		{Action: SuspendResponder, SubjectID: "rsp_2", UnitPath: eastOne, Reason: "李四缺勤"},
	} {
		l.change(t, boss, c)
		clock.Advance(time.Second)
	}
	copied := func() (lines []string) {
		t.Helper()
		err := l.CopyPersonal(t.Context(), func(section string, doc any) error {
			e, _ := doc.(personalEntry)
			lines = append(lines, fmt.Sprintf("%s %s %s %s %v", section, e.ActorID, e.Action, e.Reason, e.Details))
			return nil
		}, "acc_1", "rsp_1")
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
	erasure := "auditEntries boss ERASE_ACCOUNT 5 月 12 日的来信 []"
	want := []string{erasure, "auditEntries boss SUSPEND_RESPONDER 张三缺勤 [{status SUSPENDED}]"}
	if diff := cmp.Diff(want, copied()); diff != "" {
		t.Errorf("copied (-want +got):\n%s", diff)
	}
	for range 2 {
		if more, err := l.ErasePersonal(t.Context(), "acc_1", "rsp_1"); err != nil || more {
			t.Fatalf("more %v, %v", more, err)
		}
	}
	want[1] = "auditEntries boss SUSPEND_RESPONDER  [{status SUSPENDED}]"
	if diff := cmp.Diff(want, copied()); diff != "" {
		t.Errorf("afterwards (-want +got):\n%s", diff)
	}
	page, err := l.ListOfSubject(t.Context(), boss, "rsp_2", false, 10, "")
	if err != nil || len(page.Items) != 1 || page.Items[0].Reason != "李四缺勤" {
		t.Errorf("another's entry has changed: %+v, %v", page.Items, err)
	}
}
