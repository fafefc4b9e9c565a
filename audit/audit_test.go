package audit

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	district = "440303000000/"
	east     = district + "440303001000/"
	eastOne  = east + "440303001001/"
	west     = district + "440303002000/"
	keep     = 1000 * time.Hour
)

func newLog(t *testing.T) (*Log, *storetest.Clock) {
	t.Helper()
	clock := storetest.NewClock(time.Date(2026, 5, 12, 1, 30, 0, 0, time.UTC))
	return New(Config{
		DB: storetest.Open(t, Collections()...), Now: clock.Now, NewID: store.NewIDs(), Log: slog.New(slog.DiscardHandler), Keep: keep,
	}), clock
}

func staff(accountID, unitPath string) auth.Principal {
	return auth.Principal{AccountID: accountID, Grants: []auth.Grant{{Role: auth.RoleDispatcher, UnitPath: unitPath}}}
}

func (l *Log) change(t *testing.T, actor auth.Principal, c Change) {
	t.Helper()
	err := l.DB.Atomically(t.Context(), func(tx *store.Tx) error { return l.Changed(t.Context(), tx, actor, c) })
	if err != nil {
		t.Fatal(err)
	}
}

// told lists who did what to whom.
func told(page store.Page[Entry]) []string {
	lines := []string{}
	for _, e := range page.Items {
		lines = append(lines, fmt.Sprintf("%s %s %s", e.ActorID, e.Action, e.SubjectID))
	}
	return lines
}

func expect(t *testing.T, what string, want []string, page store.Page[Entry], err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if diff := cmp.Diff(want, told(page)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	l, clock := newLog(t)
	boss, eastStaff, westStaff := staff("boss", district), staff("e", east), staff("w", west)
	l.change(t, eastStaff, Change{Action: SuspendResponder, SubjectID: "rsp_1", UnitPath: eastOne, Reason: "缺勤", Details: []Detail{{"status", "SUSPENDED"}}})
	clock.Advance(time.Second)
	l.change(t, boss, Change{Action: RenameUnit, SubjectID: "440303000000", UnitPath: district})
	clock.Advance(time.Second)
	l.change(t, westStaff, Change{Action: ApproveResponder, SubjectID: "rsp_2", UnitPath: west})

	all := []string{"w APPROVE_RESPONDER rsp_2", "boss RENAME_UNIT 440303000000", "e SUSPEND_RESPONDER rsp_1"}
	for name, c := range map[string]struct {
		actor auth.Principal
		path  string
		want  []string
	}{
		"of the district":            {boss, district, all},
		"of a subdistrict":           {boss, east, all[2:]},
		"of a community":             {eastStaff, eastOne, all[2:]},
		"of one where nothing was":   {boss, west + "440303002001/", []string{}},
		"of one's own subdistrict":   {westStaff, west, all[:1]},
		"of another's is forbidden":  {westStaff, east, nil},
		"of what is above, too":      {westStaff, district, nil},
		"of nowhere, too":            {boss, "", nil},
		"without a role, everywhere": {auth.Principal{AccountID: "v"}, east, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := l.ListOfUnit(t.Context(), c.actor, c.path, 10, "")
			if c.want == nil {
				if fault.CodeOf(err) != fault.CodeForbidden || len(page.Items) > 0 {
					t.Errorf("got %v, %v; want FORBIDDEN", told(page), err)
				}
				return
			}
			expect(t, name, c.want, page, err)
		})
	}

	page, err := l.ListOfUnit(t.Context(), boss, district, 10, "")
	if err != nil {
		t.Fatal(err)
	}
	want := &Entry{
		Meta: page.Items[2].Meta, Due: page.Items[2].Due, At: clock.Now().Add(-2 * time.Second), ActorID: "e", Action: SuspendResponder,
		SubjectID: "rsp_1", District: "440303000000", Subdistrict: "440303001000", Community: "440303001001",
		Reason: "缺勤", Details: []Detail{{"status", "SUSPENDED"}},
	}
	if diff := cmp.Diff(want, page.Items[2]); diff != "" {
		t.Errorf("the entry (-want +got):\n%s", diff)
	}
}

func TestListOfSubjectAndByActor(t *testing.T) {
	t.Parallel()
	l, clock := newLog(t)
	eastStaff, westStaff := staff("e", east), staff("w", west)
	l.change(t, eastStaff, Change{Action: ProposeTransfer, SubjectID: "rsp_1", UnitPath: eastOne})
	clock.Advance(time.Second)
	l.change(t, westStaff, Change{Action: AcceptTransfer, SubjectID: "rsp_1", UnitPath: west})
	both := []string{"w ACCEPT_TRANSFER rsp_1", "e PROPOSE_TRANSFER rsp_1"}

	page, err := l.ListOfSubject(t.Context(), auth.Principal{AccountID: "v"}, "rsp_1", true, 10, "")
	expect(t, "the subject sees all", both, page, err)
	page, err = l.ListOfSubject(t.Context(), westStaff, "rsp_1", false, 10, "")
	expect(t, "staff see what is theirs", both[:1], page, err)
	page, err = l.ListOfSubject(t.Context(), auth.Principal{AccountID: "x"}, "rsp_1", false, 10, "")
	expect(t, "a stranger sees nothing", []string{}, page, err)
	page, err = l.ListByActor(t.Context(), westStaff, "e", 10, "")
	expect(t, "what another did elsewhere", []string{}, page, err)
	page, err = l.ListByActor(t.Context(), staff("boss", district), "e", 10, "")
	expect(t, "what staff below did", both[1:], page, err)
	page, err = l.ListByActor(t.Context(), auth.Principal{AccountID: "e"}, "e", 10, "")
	expect(t, "what one did oneself", both[1:], page, err)
}

func TestRead(t *testing.T) {
	t.Parallel()
	l, clock := newLog(t)
	boss := staff("boss", district)
	first, second := Subject{"rsp_1", eastOne}, Subject{"rsp_2", west}
	read := func(actor string, action Action, subjects ...Subject) {
		t.Helper()
		if err := l.Read(t.Context(), staff(actor, district), action, subjects...); err != nil {
			t.Fatal(err)
		}
	}
	count := func(want int) {
		t.Helper()
		page, err := l.ListOfUnit(t.Context(), boss, district, 100, "")
		if err != nil || len(page.Items) != want {
			t.Errorf("there are %v, %v; want %d", told(page), err, want)
		}
	}
	read("e", ReadResponder)
	count(0)
	read("e", ReadResponder, first, first)
	count(1)
	read("e", ReadResponder, first, second) // the first is known
	count(2)
	read("e", ReadNotes, first)
	read("f", ReadResponder, first)
	count(4)
	clock.Advance(time.Hour)
	read("e", ReadResponder, first)
	count(5)
}

func TestReadAtOnceIsWrittenOnce(t *testing.T) {
	t.Parallel()
	l, _ := newLog(t)
	var readers sync.WaitGroup
	for range 16 {
		readers.Go(func() {
			if err := l.Read(t.Context(), staff("e", east), ReadResponder, Subject{"rsp_1", east}, Subject{"rsp_2", east}); err != nil {
				t.Error(err)
			}
		})
	}
	readers.Wait()
	page, err := l.ListOfUnit(t.Context(), staff("boss", district), district, 100, "")
	if err != nil || len(page.Items) != 2 {
		t.Errorf("there are %v, %v; want each once", told(page), err)
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	l, clock := newLog(t)
	boss := staff("boss", district)
	l.change(t, boss, Change{Action: RenameUnit, SubjectID: "440303000000", UnitPath: district})
	clock.Advance(keep - time.Second)
	l.change(t, boss, Change{Action: CloseUnit, SubjectID: "440303001001", UnitPath: eastOne})
	for _, c := range []struct {
		after time.Duration
		want  []string
	}{
		{0, []string{"boss CLOSE_UNIT 440303001001", "boss RENAME_UNIT 440303000000"}},
		{time.Second, []string{"boss CLOSE_UNIT 440303001001"}},
		{keep, []string{}},
	} {
		clock.Advance(c.after)
		if _, err := l.Forget().RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, err := l.ListOfUnit(t.Context(), boss, district, 10, "")
		expect(t, fmt.Sprintf("after %s", c.after), c.want, page, err)
	}
}

func TestActionsAreDistinct(t *testing.T) {
	t.Parallel()
	seen := map[Action]bool{}
	for _, a := range Actions() {
		if seen[a] {
			t.Errorf("%s is there twice", a)
		}
		seen[a] = true
	}
}

// waiting counts the readings that have not been entered yet.
func (l *Log) waiting(t *testing.T) int64 {
	t.Helper()
	n, err := readings.Count(t.Context(), l.DB, store.Query{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestReadIsInTheLogForWhoeverLooks(t *testing.T) {
	t.Parallel()
	boss, subject := staff("boss", district), Subject{"rsp_1", eastOne}
	want := []string{"e READ_RESPONDER rsp_1"}
	for name, look := range map[string]func(*testing.T, *Log) (store.Page[Entry], error){
		"by unit": func(t *testing.T, l *Log) (store.Page[Entry], error) {
			return l.ListOfUnit(t.Context(), boss, eastOne, 10, "")
		},
		"by subject": func(t *testing.T, l *Log) (store.Page[Entry], error) {
			return l.ListOfSubject(t.Context(), boss, "rsp_1", false, 10, "")
		},
		"by actor": func(t *testing.T, l *Log) (store.Page[Entry], error) {
			return l.ListByActor(t.Context(), boss, "e", 10, "")
		},
		"of one's own": func(t *testing.T, l *Log) (store.Page[Entry], error) {
			return l.ListOfOwn(t.Context(), []string{"rsp_1"}, 10, "")
		},
		"in a copy": func(t *testing.T, l *Log) (page store.Page[Entry], err error) {
			err = l.CopyPersonal(t.Context(), func(_ string, doc any) error {
				p := doc.(personalEntry)
				page.Items = append(page.Items, &Entry{ActorID: p.ActorID, Action: p.Action, SubjectID: p.SubjectID})
				return nil
			}, "rsp_1")
			return page, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, _ := newLog(t)
			if err := l.Read(t.Context(), staff("e", east), ReadResponder, subject); err != nil {
				t.Fatal(err)
			}
			if n := l.waiting(t); n != 1 {
				t.Fatalf("%d readings wait", n)
			}
			page, err := look(t, l)
			expect(t, name, want, page, err)
			if n := l.waiting(t); n != 0 {
				t.Errorf("%d readings still wait", n)
			}
		})
	}
}

func TestEnterIsDoneOnce(t *testing.T) {
	t.Parallel()
	l, clock := newLog(t)
	var many []Subject
	for i := range 2*readingSize + 1 {
		many = append(many, Subject{fmt.Sprintf("rsp_%d", i), eastOne})
	}
	for range 2 { // the second time the same waits already
		if err := l.Read(t.Context(), staff("e", east), ReadResponder, many...); err != nil {
			t.Fatal(err)
		}
	}
	if n := l.waiting(t); n != 3 {
		t.Fatalf("%d readings wait, want 3", n)
	}
	if err := l.Read(t.Context(), staff("e", east), ReadResponder, many[:3]...); err != nil { // another, of the same
		t.Fatal(err)
	}
	read := clock.Now()
	clock.Advance(time.Minute)
	if n, err := l.Enter().RunDue(t.Context()); err != nil || n != 4 {
		t.Fatalf("entered %d, %v", n, err)
	}
	page, err := l.ListOfUnit(t.Context(), staff("boss", district), district, 1000, "")
	if err != nil || len(page.Items) != len(many) {
		t.Fatalf("there are %d lines, %v; want %d", len(page.Items), err, len(many))
	}
	if at := page.Items[0].At; !at.Equal(read) {
		t.Errorf("it says %s, and was read at %s", at, read)
	}
	if due := page.Items[0].DueAt; !due.Equal(read.Add(keep)) {
		t.Errorf("it is kept until %s", due)
	}
	if err := l.Read(t.Context(), staff("e", east), ReadResponder, many...); err != nil || l.waiting(t) > 0 {
		t.Errorf("%d readings wait of what the log has, %v", l.waiting(t), err)
	}
}

func TestEnterByManyAtOnce(t *testing.T) {
	t.Parallel()
	l, _ := newLog(t)
	for i := range 8 { // of which each overlaps the next
		subjects := []Subject{{fmt.Sprint("rsp_", i), east}, {fmt.Sprint("rsp_", i+1), east}}
		if err := l.Read(t.Context(), staff("e", east), ReadResponder, subjects...); err != nil {
			t.Fatal(err)
		}
	}
	var lookers sync.WaitGroup
	for range 8 {
		lookers.Go(func() {
			if err := l.settle(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	lookers.Wait()
	page, err := l.ListOfUnit(t.Context(), staff("boss", district), district, 100, "")
	if err != nil || len(page.Items) != 9 || l.waiting(t) > 0 {
		t.Errorf("there are %v, %v; want each of 9 once", told(page), err)
	}
}
