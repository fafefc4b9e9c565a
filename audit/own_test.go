package audit

import (
	"testing"
	"time"

	"github.com/musterhq/muster/auth"
)

func TestListOfOwn(t *testing.T) {
	t.Parallel()
	l, clock := newLog(t)
	for _, c := range []Change{
		{Action: SuspendAccount, SubjectID: "acc_1"},
		{Action: SuspendResponder, SubjectID: "rsp_1", UnitPath: eastOne},
		{Action: SuspendResponder, SubjectID: "rsp_2", UnitPath: eastOne},
		{Action: ReinstateAccount, SubjectID: "acc_1"},
	} {
		l.change(t, staff("e", east), c)
		clock.Advance(time.Second)
	}
	page, err := l.ListOfOwn(t.Context(), []string{"acc_1", "rsp_1"}, 2, "")
	expect(t, "first", []string{"e REINSTATE_ACCOUNT acc_1", "e SUSPEND_RESPONDER rsp_1"}, page, err)
	page, err = l.ListOfOwn(t.Context(), []string{"acc_1", "rsp_1"}, 2, page.EndCursor)
	expect(t, "then", []string{"e SUSPEND_ACCOUNT acc_1"}, page, err)
	page, err = l.ListOfOwn(t.Context(), nil, 2, "")
	expect(t, "of nothing", []string{}, page, err)
}

func TestEntry_whoseStaff(t *testing.T) {
	t.Parallel()
	e := &Entry{}
	e.put(eastOne)
	for name, c := range map[string]struct {
		actor auth.Principal
		want  bool
	}{
		"staff above": {staff("boss", district), true}, "staff": {staff("e", east), true},
		"staff elsewhere": {staff("w", west), false}, "the subject": {auth.Principal{AccountID: "v"}, false},
	} {
		if got := e.OfStaff(c.actor); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := e.UnitID(); got != "440303001001" {
		t.Errorf("it belongs to %s", got)
	}
	if got := (&Entry{}).UnitID(); got != "" {
		t.Errorf("what belongs nowhere belongs to %s", got)
	}
}
