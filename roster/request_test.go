package roster

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
)

// by is an account of its own with the role on the units.
func (f *fixture) by(t testing.TB, accountID string, role auth.Role, unitIDs ...string) auth.Principal {
	t.Helper()
	p := account(accountID)
	for _, id := range unitIDs {
		p.Grants = append(p.Grants, auth.Grant{Role: role, UnitPath: f.path(t, id)})
	}
	return p
}

func (f *fixture) dispatcher(t testing.TB, accountID string, unitIDs ...string) auth.Principal {
	t.Helper()
	return f.by(t, accountID, auth.RoleDispatcher, unitIDs...)
}

// waiting lists what waits for the unit's staff, as an admin sees it.
func (f *fixture) waiting(t testing.TB, unitID string) []*Request {
	t.Helper()
	page, err := f.ListRequests(t.Context(), f.by(t, "acc_admin", auth.RoleAdmin, district), unitID, 100, "")
	if err != nil {
		t.Fatal(err)
	}
	return page.Items
}

func (f *fixture) own(t testing.TB, accountID string) *Responder {
	t.Helper()
	r, err := f.OfAccount(t.Context(), accountID)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (f *fixture) askTransfer(t testing.TB, actor auth.Principal, r *Responder, unitID string) *Request {
	t.Helper()
	q, _, err := f.AskTransfer(t.Context(), actor, NewRequest{ResponderID: r.ID, UnitID: unitID, Reason: "搬家"})
	if err != nil || q == nil {
		t.Fatalf("asking: %v, %v", q, err)
	}
	return q
}

func (f *fixture) askJoin(t testing.TB, actor auth.Principal, r *Responder, unitID string) *Request {
	t.Helper()
	q, _, err := f.AskMembership(t.Context(), actor, NewRequest{ResponderID: r.ID, UnitID: unitID})
	if err != nil || q == nil {
		t.Fatalf("asking: %v, %v", q, err)
	}
	return q
}

func TestTransfer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	listen(f)
	r := f.member(t, "acc_own", eastOne, westOne, StatusActive)
	f.setDuty(t, "acc_own", true)
	f.reportAt(t, "acc_own", here)
	q := f.askTransfer(t, account("acc_own"), r, westOne)
	want := &Request{Meta: q.Meta, ResponderID: r.ID, Kind: RequestTransfer, ToUnitID: westOne, ToUnitPath: f.path(t, westOne), ByAccountID: "acc_own", At: f.clock.Now(), Reason: "搬家"}
	if diff := cmp.Diff([]*Request{want}, f.waiting(t, west)); diff != "" {
		t.Errorf("waiting:\n%s", diff)
	}
	if got := f.own(t, "acc_own"); got.UnitID != eastOne || len(f.notices(t)) > 0 {
		t.Errorf("it has moved already: %+v", got)
	}
	in := RequestAnswer{RequestID: q.ID, Key: "k"}
	got, err := f.AcceptRequest(t.Context(), f.dispatcher(t, "acc_west", west), in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.AcceptRequest(t.Context(), f.dispatcher(t, "acc_west", west), in)
	if diff := cmp.Diff(got, again); diff != "" || err != nil {
		t.Errorf("repeated: %v %s", err, diff)
	}
	if got.ID != r.ID || got.UnitID != westOne || got.UnitPath != f.path(t, westOne) || len(got.Memberships) > 0 || !got.Duty.OnDuty || f.presenceOf(t, r.ID) == nil {
		t.Errorf("got %+v", got)
	}
	if len(f.waiting(t, district)) > 0 {
		t.Error("it still waits")
	}
	if diff := cmp.Diff([]Notice{{"acc_own", NoticeTransferred, r.ID}}, f.notices(t)); diff != "" {
		t.Errorf("told:\n%s", diff)
	}
	byUnit := map[string]entry{}
	for _, e := range f.trail(t, r.ID, false) {
		byUnit[e.Unit] = e
	}
	wantTrail := map[string]entry{eastOne: {"acc_west", audit.AcceptTransfer, eastOne, ""}, westOne: {"acc_west", audit.AcceptTransfer, westOne, ""}}
	if diff := cmp.Diff(wantTrail, byUnit); diff != "" {
		t.Errorf("the audit log:\n%s", diff)
	}
	_, err = f.Responder(t.Context(), f.dispatcher(t, "acc_east", eastOne), r.ID)
	wantFault(t, err, fault.NotFound("responder"))
}

func TestTransfer_byStaff(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	listen(f)
	r := f.enrol(t, "acc_own", eastOne)
	q := f.askTransfer(t, f.dispatcher(t, "acc_east", eastOne), r, westOne)
	if diff := cmp.Diff([]entry{{"acc_east", audit.ProposeTransfer, eastOne, "搬家"}}, f.trail(t, r.ID, false)); diff != "" || q.ByAccountID != "acc_east" {
		t.Errorf("%+v\n%s", q, diff)
	}
	// Who is staff of both does it at once, and what waited is answered by it.
	f.clock.Advance(time.Minute)
	waiting, moved, err := f.AskTransfer(t.Context(), f.dispatcher(t, "acc_both", east, west), NewRequest{ResponderID: r.ID, UnitID: eastTwo, Key: "k"})
	if err != nil || waiting != nil || moved.UnitID != eastTwo {
		t.Fatalf("%v, %+v, %v", waiting, moved, err)
	}
	if len(f.waiting(t, district)) > 0 {
		t.Error("the other transfer still waits")
	}
	waiting, again, err := f.AskTransfer(t.Context(), f.dispatcher(t, "acc_both", east, west), NewRequest{ResponderID: r.ID, UnitID: eastTwo, Key: "k"})
	if diff := cmp.Diff(moved, again); diff != "" || waiting != nil || err != nil {
		t.Errorf("repeated: %v, %v %s", waiting, err, diff)
	}
	if diff := cmp.Diff([]Notice{{"acc_own", NoticeTransferred, r.ID}}, f.notices(t)); diff != "" {
		t.Errorf("told:\n%s", diff)
	}
}

// Who is staff of the receiving unit does not take oneself over.
func TestTransfer_nobodyDecidesAboutOneself(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	boss := f.by(t, "acc_own", auth.RoleAdmin, district)
	q := f.askTransfer(t, boss, r, westOne)
	_, err := f.AcceptRequest(t.Context(), boss, RequestAnswer{RequestID: q.ID})
	wantFault(t, err, fault.Forbidden())
	_, err = f.RefuseRequest(t.Context(), boss, RequestAnswer{RequestID: q.ID, Reason: "不"})
	wantFault(t, err, fault.Forbidden())
	if got := f.own(t, "acc_own"); got.UnitID != eastOne || len(f.waiting(t, westOne)) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	listen(f)
	r := f.enrol(t, "acc_own", eastOne)
	q := f.askJoin(t, f.dispatcher(t, "acc_east", east), r, westOne)
	f.clock.Advance(time.Minute)
	got, err := f.AcceptRequest(t.Context(), f.dispatcher(t, "acc_west", westOne), RequestAnswer{RequestID: q.ID})
	if err != nil {
		t.Fatal(err)
	}
	want := []Membership{{UnitID: westOne, UnitPath: f.path(t, westOne), Since: f.clock.Now()}}
	if diff := cmp.Diff(want, got.Memberships); diff != "" || got.UnitID != eastOne {
		t.Errorf("%s %s", diff, got.UnitID)
	}
	wantTrail := []entry{{"acc_west", audit.AcceptMembership, westOne, ""}, {"acc_east", audit.ProposeMembership, eastOne, ""}}
	if diff := cmp.Diff(wantTrail, f.trail(t, r.ID, false)); diff != "" {
		t.Errorf("the audit log:\n%s", diff)
	}
	if diff := cmp.Diff([]Notice{{"acc_own", NoticeJoined, r.ID}}, f.notices(t)); diff != "" {
		t.Errorf("told:\n%s", diff)
	}
	if _, err := f.Responder(t.Context(), f.dispatcher(t, "acc_west", westOne), r.ID); err != nil {
		t.Errorf("the team's staff do not see it: %v", err)
	}
	_, _, err = f.AskMembership(t.Context(), account("acc_own"), NewRequest{ResponderID: r.ID, UnitID: westOne})
	wantFault(t, err, fault.Conflict("in_unit"))
}

func TestRefuseRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	listen(f)
	r := f.enrol(t, "acc_own", eastOne)
	west := f.dispatcher(t, "acc_west", west)
	for _, c := range []struct {
		q      *Request
		action audit.Action
		notice NoticeKind
	}{
		{f.askTransfer(t, account("acc_own"), r, westOne), audit.RefuseTransfer, NoticeTransferRefused},
		{f.askJoin(t, account("acc_own"), r, westOne), audit.RefuseMembership, NoticeJoinRefused},
	} {
		f.clock.Advance(time.Minute)
		_, err := f.RefuseRequest(t.Context(), west, RequestAnswer{RequestID: c.q.ID})
		wantFault(t, err, fault.Invalid("reason", "required"))
		for range 2 {
			if _, err := f.RefuseRequest(t.Context(), west, RequestAnswer{RequestID: c.q.ID, Reason: "人满", Key: "k" + c.q.ID}); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(entry{"acc_west", c.action, westOne, "人满"}, f.trail(t, r.ID, false)[0]); diff != "" {
			t.Errorf("the audit log:\n%s", diff)
		}
		_, err = f.AcceptRequest(t.Context(), west, RequestAnswer{RequestID: c.q.ID})
		wantFault(t, err, fault.NotFound("request"))
		list := f.notices(t)
		if got := list[len(list)-1]; got != (Notice{"acc_own", c.notice, r.ID}) {
			t.Errorf("told %v", got)
		}
	}
	if got := f.own(t, "acc_own"); got.UnitID != eastOne || len(got.Memberships) > 0 || len(f.waiting(t, district)) > 0 || len(f.notices(t)) != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestRequests_byWhom(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.member(t, "acc_own", eastOne, west, StatusActive)
	q := f.askTransfer(t, account("acc_own"), r, westOne)
	no, hidden, unknown := fault.Forbidden(), fault.NotFound("request"), fault.NotFound("responder")
	for who, c := range map[string]struct {
		actor               auth.Principal
		ask, answer, cancel *fault.Error
	}{
		"nobody":                    {auth.Principal{}, unknown, hidden, hidden},
		"another volunteer":         {account("acc_2"), unknown, hidden, hidden},
		"its trainer":               {f.by(t, "acc_2", auth.RoleTrainer, eastOne), no, hidden, hidden},
		"a dispatcher of elsewhere": {f.dispatcher(t, "acc_2", eastTwo), unknown, hidden, hidden},
		"its dispatcher":            {f.dispatcher(t, "acc_2", eastOne), nil, no, nil},
		"the receiving dispatcher":  {f.dispatcher(t, "acc_2", westOne), unknown, nil, no},
		"the receiving trainer":     {f.by(t, "acc_2", auth.RoleTrainer, westOne), unknown, hidden, hidden},
		"a dispatcher of its team":  {f.dispatcher(t, "acc_2", west), no, nil, no},
		"itself":                    {account("acc_own"), nil, no, nil},
	} {
		for what, try := range map[string]struct {
			call func() error
			want *fault.Error
		}{
			"asking": {func() error {
				_, _, err := f.AskTransfer(t.Context(), c.actor, NewRequest{ResponderID: r.ID, UnitID: eastOne})
				return err
			}, c.ask},
			"accepting": {func() error {
				_, err := f.AcceptRequest(t.Context(), c.actor, RequestAnswer{RequestID: q.ID})
				return err
			}, c.answer},
			"refusing": {func() error {
				_, err := f.RefuseRequest(t.Context(), c.actor, RequestAnswer{RequestID: q.ID, Reason: "不"})
				return err
			}, c.answer},
			"cancelling": {func() error {
				_, err := f.CancelRequest(t.Context(), c.actor, RequestAnswer{RequestID: q.ID})
				return err
			}, c.cancel},
		} {
			switch {
			case what == "asking" && try.want == nil:
				wantFault(t, try.call(), fault.Conflict("in_unit")) // its own unit: allowed to ask
			case try.want != nil:
				if err := try.call(); fault.CodeOf(err) != try.want.Code {
					t.Errorf("%s by %s: %v, want %v", what, who, err, try.want)
				}
			}
		}
	}
	if len(f.waiting(t, westOne)) != 1 || f.own(t, "acc_own").UnitID != eastOne {
		t.Error("one of the refused has changed something")
	}
}

func TestCancelRequest(t *testing.T) {
	t.Parallel()
	for who, c := range map[string]struct {
		cancel func(*fixture) auth.Principal
		trail  []entry
	}{
		"the responder": {func(*fixture) auth.Principal { return account("acc_own") }, []entry{}},
		"its staff": {func(f *fixture) auth.Principal { return f.dispatcher(t, "acc_east", east) },
			[]entry{{"acc_east", audit.CancelTransfer, eastOne, "算了"}}},
	} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			listen(f)
			r := f.enrol(t, "acc_own", eastOne)
			q := f.askTransfer(t, account("acc_own"), r, westOne)
			if _, err := f.CancelRequest(t.Context(), c.cancel(f), RequestAnswer{RequestID: q.ID, Reason: "算了"}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.trail, f.trail(t, r.ID, false)); diff != "" || len(f.waiting(t, district)) > 0 || len(f.notices(t)) > 0 {
				t.Errorf("%s, waiting %v", diff, f.waiting(t, district))
			}
			f.askTransfer(t, account("acc_own"), r, westOne) // there is room again
		})
	}
}

func TestRequests_refused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	active, suspended, retired := f.enrol(t, "acc_a", eastOne), f.enrolAs(t, "acc_s", eastOne, StatusSuspended), f.enrolAs(t, "acc_r", eastOne, StatusRetired)
	f.askTransfer(t, account("acc_a"), active, westOne)
	f.askTransfer(t, account("acc_s"), suspended, westOne) // staff may want it elsewhere, too
	for name, c := range map[string]struct {
		ask  func() error
		want *fault.Error
	}{
		"the same again": {f.asking(t, active, RequestTransfer, westOne), fault.Conflict("request_pending")},
		"to where it is": {f.asking(t, active, RequestTransfer, eastOne), fault.Conflict("in_unit")},
		"to nowhere":     {f.asking(t, active, RequestTransfer, "440399000000"), fault.NotFound("unit")},
		"retired":        {f.asking(t, retired, RequestTransfer, westOne), fault.Conflict("responder_status")},
		"suspended":      {f.asking(t, suspended, RequestJoin, westOne), fault.Conflict("responder_status")},
		"to its own":     {f.asking(t, active, RequestJoin, eastOne), fault.Conflict("in_unit")},
	} {
		t.Run(name, func(t *testing.T) { wantFault(t, c.ask(), c.want) })
	}
	_, _, err := f.AskTransfer(t.Context(), account("acc_a"), NewRequest{ResponderID: active.ID, UnitID: westOne, Reason: string(make([]byte, 1))})
	wantFault(t, err, fault.Invalid("reason", "text"))
}

func (f *fixture) asking(t testing.TB, r *Responder, kind RequestKind, unitID string) func() error {
	t.Helper()
	return func() error {
		_, _, err := f.request(t.Context(), account(r.AccountID), kind, NewRequest{ResponderID: r.ID, UnitID: unitID})
		return err
	}
}

func TestRequests_noMoreThanFiveWait(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	for _, unit := range []string{district, west, westOne} {
		f.askTransfer(t, account("acc_own"), r, unit)
	}
	f.askJoin(t, account("acc_own"), r, district)
	f.askJoin(t, account("acc_own"), r, westOne)
	wantFault(t, f.asking(t, r, RequestJoin, west)(), fault.Conflict("requests_full"))
	found, err := f.RequestsOf(t.Context(), account("acc_own"), []*Responder{r})
	if err != nil || len(found[r.ID]) != MaxRequests {
		t.Errorf("RequestsOf = %v, %v", found, err)
	}
	others, err := f.RequestsOf(t.Context(), f.by(t, "acc_t", auth.RoleTrainer, eastOne), []*Responder{r})
	if err != nil || len(others) > 0 {
		t.Errorf("to its trainer: %v, %v", others, err)
	}
	if _, err := f.Leave(t.Context(), account("acc_own"), Leaving{}); err != nil {
		t.Fatal(err)
	}
	if n := len(f.waiting(t, district)); n > 0 {
		t.Errorf("%d wait for one who has left", n)
	}
}

func TestJoin_noMoreThanTen(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var list []Unit
	for i := range MaxMemberships + 1 {
		id := "4403030020" + string(rune('1'+i/10)) + string(rune('0'+i%10))
		list = append(list, Unit{Name: "社区", Level: LevelCommunity, ParentID: west, Path: f.path(t, west) + id + "/", Center: &geo.Position{}})
		list[i].ID = id
	}
	if err := f.ImportUnits(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	r, boss := f.enrol(t, "acc_own", eastOne), f.dispatcher(t, "acc_boss", district)
	waits := f.askJoin(t, account("acc_own"), r, westOne)
	for i, u := range list {
		_, _, err := f.AskMembership(t.Context(), boss, NewRequest{ResponderID: r.ID, UnitID: u.ID})
		if i < MaxMemberships {
			wantFault(t, err, nil)
			continue
		}
		wantFault(t, err, fault.Conflict("memberships_full"))
	}
	_, err := f.AcceptRequest(t.Context(), boss, RequestAnswer{RequestID: waits.ID})
	wantFault(t, err, fault.Conflict("memberships_full"))
	if n := len(f.waiting(t, westOne)); n != 1 {
		t.Errorf("%d wait", n)
	}
}

func TestListRequests(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	q := f.askTransfer(t, account("acc_own"), r, westOne)
	for who, c := range map[string]struct {
		actor auth.Principal
		unit  string
		want  *fault.Error
	}{
		"the receiving dispatcher":  {f.dispatcher(t, "acc_w", westOne), westOne, nil},
		"one above":                 {f.dispatcher(t, "acc_w", west), west, nil},
		"one who sees part of it":   {f.dispatcher(t, "acc_w", westOne), west, fault.Forbidden()},
		"the receiving trainer":     {f.by(t, "acc_t", auth.RoleTrainer, west), westOne, fault.Forbidden()},
		"the side that asks":        {f.dispatcher(t, "acc_e", east), westOne, fault.Forbidden()},
		"the responder":             {account("acc_own"), westOne, fault.Forbidden()},
		"of a unit that is unknown": {f.dispatcher(t, "acc_w", west), "440399000000", fault.NotFound("unit")},
	} {
		page, err := f.ListRequests(t.Context(), c.actor, c.unit, 10, "")
		if c.want != nil {
			if fault.CodeOf(err) != c.want.Code || len(page.Items) > 0 {
				t.Errorf("%s: %v, %v", who, page.Items, err)
			}
			continue
		}
		if err != nil || len(page.Items) != 1 || page.Items[0].ID != q.ID {
			t.Errorf("%s: %v, %v", who, page.Items, err)
		}
	}
	names, err := f.ResponderNames(t.Context(), f.dispatcher(t, "acc_w", westOne), []*Request{q, {ResponderID: "rsp_none"}, q})
	if diff := cmp.Diff([]string{"张三", "", "张三"}, names); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if diff := cmp.Diff([]entry{{"acc_w", audit.ReadResponder, eastOne, ""}}, f.trail(t, r.ID, true)); diff != "" {
		t.Errorf("readings:\n%s", diff)
	}
}

func TestEndMembership(t *testing.T) {
	t.Parallel()
	for who, c := range map[string]struct {
		actor func(*fixture) auth.Principal
		want  *fault.Error
		trail []entry
	}{
		"itself":             {func(*fixture) auth.Principal { return account("acc_own") }, nil, []entry{}},
		"its staff":          {func(f *fixture) auth.Principal { return f.dispatcher(t, "acc_e", east) }, nil, []entry{{"acc_e", audit.EndMembership, westOne, "人满"}}},
		"the team's staff":   {func(f *fixture) auth.Principal { return f.dispatcher(t, "acc_w", west) }, nil, []entry{{"acc_w", audit.EndMembership, westOne, "人满"}}},
		"the team's trainer": {func(f *fixture) auth.Principal { return f.by(t, "acc_t", auth.RoleTrainer, west) }, fault.Forbidden(), []entry{}},
		"others":             {func(f *fixture) auth.Principal { return f.dispatcher(t, "acc_o", eastTwo) }, fault.NotFound("responder"), []entry{}},
	} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			r := f.member(t, "acc_own", eastOne, westOne, StatusActive)
			in := MembershipEnd{ResponderID: r.ID, UnitID: westOne, Reason: "人满", Key: "k"}
			for range 2 { // the second is a repetition, even by who may not know of it any more
				_, err := f.EndMembership(t.Context(), c.actor(f), in)
				wantFault(t, err, c.want)
			}
			if n := len(f.own(t, "acc_own").Memberships); (n == 0) != (c.want == nil) {
				t.Errorf("%d memberships", n)
			}
			if diff := cmp.Diff(c.trail, f.trail(t, r.ID, false)); diff != "" {
				t.Errorf("the audit log:\n%s", diff)
			}
		})
	}
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	_, err := f.EndMembership(t.Context(), account("acc_own"), MembershipEnd{ResponderID: r.ID, UnitID: westOne})
	wantFault(t, err, fault.NotFound("membership"))
	_, err = f.EndMembership(t.Context(), account("acc_own"), MembershipEnd{ResponderID: "rsp_none", UnitID: westOne})
	wantFault(t, err, fault.NotFound("responder"))
}
