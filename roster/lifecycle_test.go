package roster

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// telling is a notice that was brought. The tests keep them in the database,
// because what is told by a step that is undone was not told.
type telling struct {
	store.Meta `bson:",inline"`
	Notice     Notice `bson:"notice"`
}

var tellings = store.Define[telling]("tellings")

func listen(f *fixture) {
	f.hooks.tell = func(ctx context.Context, tx *store.Tx, n Notice) error {
		return tellings.Insert(ctx, tx, &telling{Meta: store.Meta{ID: f.newID("tel")}, Notice: n})
	}
}

// notices lists what was told.
func (f *fixture) notices(t testing.TB) []Notice {
	t.Helper()
	list := []Notice{}
	for n, err := range tellings.All(t.Context(), f.db, store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, n.Notice)
	}
	return list
}

// entry is what a test wants of the audit log's.
type entry struct {
	Actor  string
	Action audit.Action
	Unit   string
	Reason string
}

// trail lists what the audit log has on the subject, newest first; without
// readings unless they are asked for.
func (f *fixture) trail(t testing.TB, subjectID string, readings bool) []entry {
	t.Helper()
	page, err := f.audit.ListOfSubject(t.Context(), auth.Principal{}, subjectID, true, 100, "")
	if err != nil {
		t.Fatal(err)
	}
	list := []entry{}
	for _, e := range page.Items {
		if reading := e.Action == audit.ReadResponder || e.Action == audit.ReadNotes; reading == readings {
			list = append(list, entry{e.ActorID, e.Action, e.UnitID(), e.Reason})
		}
	}
	return list
}

func application(changes ...func(*Application)) Application {
	in := Application{
		Name: " 李四 ", Phone: "+8613800138001", UnitID: eastOne, TransportMode: EBike, Equipment: []string{" AED "}, PrivacyVersion: "p1", PositionVersion: "l1",
	}
	for _, change := range changes {
		change(&in)
	}
	return in
}

func (f *fixture) consentsOf(t testing.TB, accountID string) []ConsentRecord {
	t.Helper()
	list := []ConsentRecord{}
	for c, err := range consents.All(t.Context(), f.db, store.Where(store.Eq("accountId", accountID)).Sort("at")) {
		if err != nil {
			t.Fatal(err)
		}
		c.Meta = store.Meta{}
		list = append(list, *c)
	}
	return list
}

func TestApply(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	listen(f)
	got, err := f.Apply(t.Context(), account("acc_own"), application())
	if err != nil {
		t.Fatal(err)
	}
	now := f.clock.Now()
	want := &Responder{
		Meta: store.Meta{ID: got.ID, Rev: 1}, AccountID: "acc_own", Name: "李四", Phone: "+8613800138001", UnitID: eastOne, UnitPath: f.path(t, eastOne),
		Status: StatusApplied, StatusAt: now, TransportMode: EBike, Equipment: []string{"AED"}, EnrolledAt: now,
		Consents: Consents{Privacy: Consent{Version: "p1", GivenAt: now}, Position: Consent{Version: "l1", GivenAt: now}},
	}
	stored, err := f.OfAccount(t.Context(), "acc_own")
	if diff := cmp.Diff([]*Responder{want, want}, []*Responder{got, stored}); diff != "" || err != nil {
		t.Error(diff, err)
	}
	history := []ConsentRecord{
		{AccountID: "acc_own", Purpose: ConsentPrivacy, Version: "p1", Given: true, At: now},
		{AccountID: "acc_own", Purpose: ConsentPosition, Version: "l1", Given: true, At: now},
	}
	if diff := cmp.Diff(history, f.consentsOf(t, "acc_own")); diff != "" {
		t.Error(diff)
	}
	if trail := f.trail(t, got.ID, false); len(trail) > 0 || len(f.notices(t)) > 0 {
		t.Errorf("a volunteer's own doing is in the audit log: %v", trail)
	}
}

func TestApplyAgain(t *testing.T) {
	t.Parallel()
	for _, from := range Statuses() {
		t.Run(string(from), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			before := f.enrolAs(t, "acc_own", eastOne, from)
			f.clock.Advance(time.Hour)
			got, err := f.Apply(t.Context(), account("acc_own"), application(func(a *Application) { a.UnitID, a.PositionVersion = westOne, "" }))
			if from.Enlisted() {
				wantFault(t, err, fault.Conflict("on_roster"))
				if stored, _ := f.OfAccount(t.Context(), "acc_own"); stored.Rev != before.Rev {
					t.Errorf("it has changed: %+v", stored)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.ID != before.ID || got.Status != StatusApplied || got.UnitID != westOne || got.UnitPath != f.path(t, westOne) || !got.EnrolledAt.Equal(before.EnrolledAt) {
				t.Errorf("got %+v", got)
			}
			if !got.Consents.Privacy.Holds() || got.Consents.Position.Holds() {
				t.Errorf("consents %+v", got.Consents)
			}
		})
	}
}

func TestApplyOnceWithOneKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in := application(func(a *Application) { a.Key = "k" })
	first, err := f.Apply(t.Context(), account("acc_own"), in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.Apply(t.Context(), account("acc_own"), in)
	if diff := cmp.Diff(first, again); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if n := len(f.consentsOf(t, "acc_own")); n != 2 {
		t.Errorf("%d consents", n)
	}
}

func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	long := func(n int) string {
		text := make([]rune, n)
		for i := range text {
			text[i] = '名'
		}
		return string(text)
	}
	for name, c := range map[string]struct {
		spoil func(*Application)
		want  *fault.Error
	}{
		"no name":                  {func(a *Application) { a.Name = " " }, fault.Invalid("name", "required")},
		"a name of 101":            {func(a *Application) { a.Name = long(101) }, fault.Invalid("name", "too_long")},
		"a name of two lines":      {func(a *Application) { a.Name = "张\n三" }, fault.Invalid("name", "text")},
		"a name that is no text":   {func(a *Application) { a.Name = "\xff" }, fault.Invalid("name", "text")},
		"no phone":                 {func(a *Application) { a.Phone = "" }, fault.Invalid("phone", "required")},
		"no means of transport":    {func(a *Application) { a.TransportMode = "HORSE" }, fault.Invalid("transportMode", "transport_mode")},
		"21 things":                {func(a *Application) { a.Equipment = make([]string, 21) }, fault.Invalid("equipment", "too_many_items")},
		"a thing without a name":   {func(a *Application) { a.Equipment = []string{"AED", ""} }, fault.Invalid("equipment.1", "required")},
		"a thing of 51":            {func(a *Application) { a.Equipment = []string{long(51)} }, fault.Invalid("equipment.0", "too_long")},
		"no consent":               {func(a *Application) { a.PrivacyVersion = " " }, fault.Invalid("privacyConsentVersion", "privacy_consent")},
		"a consent of 51":          {func(a *Application) { a.PrivacyVersion = long(51) }, fault.Invalid("privacyConsentVersion", "too_long")},
		"a position of 51":         {func(a *Application) { a.PositionVersion = long(51) }, fault.Invalid("positionConsentVersion", "too_long")},
		"a unit that is not there": {func(a *Application) { a.UnitID = "440399000000" }, fault.NotFound("unit")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := f.Apply(t.Context(), account("acc_"+name), application(c.spoil))
			wantFault(t, err, c.want)
			if _, err := f.OfAccount(t.Context(), "acc_"+name); fault.CodeOf(err) != fault.CodeNotFound {
				t.Errorf("on the roster: %v", err)
			}
			if n := len(f.consentsOf(t, "acc_"+name)); n > 0 {
				t.Errorf("%d consents", n)
			}
		})
	}
}

// deciding is one of the decisions of staff.
type deciding struct {
	decide   func(*Service, context.Context, auth.Principal, Decision) (*Responder, error)
	from, to Status
	action   audit.Action
	notice   NoticeKind
	reasoned bool
}

var decisions = map[string]deciding{
	"approve":   {(*Service).Approve, StatusApplied, StatusActive, audit.ApproveResponder, NoticeApproved, false},
	"reject":    {(*Service).Reject, StatusApplied, StatusRejected, audit.RejectResponder, NoticeRejected, true},
	"suspend":   {(*Service).Suspend, StatusActive, StatusSuspended, audit.SuspendResponder, NoticeSuspended, true},
	"reinstate": {(*Service).Reinstate, StatusSuspended, StatusActive, audit.ReinstateResponder, NoticeReinstated, true},
	"retire":    {(*Service).Retire, StatusActive, StatusRetired, audit.RetireResponder, NoticeRetired, true},
}

func TestDecide(t *testing.T) {
	t.Parallel()
	for name, d := range decisions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			listen(f)
			r := f.enrolAs(t, "acc_own", eastOne, d.from)
			f.clock.Advance(time.Minute)
			boss := f.holder(t, auth.RoleDispatcher, east)
			in := Decision{ResponderID: r.ID, Reason: "因为", Key: "k"}
			got, err := d.decide(f.Service, t.Context(), boss, in)
			if err != nil {
				t.Fatal(err)
			}
			again, err := d.decide(f.Service, t.Context(), boss, in)
			if diff := cmp.Diff(got, again); diff != "" || err != nil {
				t.Errorf("repeated: %s %v", diff, err)
			}
			if got.Status != d.to || !got.StatusAt.Equal(f.clock.Now()) || got.StatusReason != "因为" {
				t.Errorf("got %+v", got)
			}
			if diff := cmp.Diff([]Notice{{"acc_own", d.notice, r.ID}}, f.notices(t)); diff != "" {
				t.Errorf("told:\n%s", diff)
			}
			if diff := cmp.Diff([]entry{{"acc_holder", d.action, eastOne, "因为"}}, f.trail(t, r.ID, false)); diff != "" {
				t.Errorf("the audit log:\n%s", diff)
			}
			in.Key = ""
			_, err = d.decide(f.Service, t.Context(), boss, in)
			wantFault(t, err, fault.Conflict("responder_status"))
		})
	}
}

func TestDecide_fromTheWrongStatus(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	listen(f)
	for name, d := range decisions {
		for _, from := range Statuses() {
			if from == d.from || name == "retire" && from == StatusSuspended {
				continue
			}
			r := f.enrolAs(t, "acc_"+name+string(from), eastOne, from)
			_, err := d.decide(f.Service, t.Context(), f.holder(t, auth.RoleAdmin, district), Decision{ResponderID: r.ID, Reason: "因为"})
			wantFault(t, err, fault.Conflict("responder_status"))
			if trail := f.trail(t, r.ID, false); len(trail) > 0 || len(f.notices(t)) > 0 {
				t.Errorf("%s from %s: %v, told %v", name, from, trail, f.notices(t))
			}
		}
	}
}

func TestDecide_reasons(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, d := range decisions {
		r := f.enrolAs(t, "acc_"+name, eastOne, d.from)
		boss := f.holder(t, auth.RoleDispatcher, eastOne)
		_, err := d.decide(f.Service, t.Context(), boss, Decision{ResponderID: r.ID, Reason: string(make([]byte, 501))})
		wantFault(t, err, fault.Invalid("reason", "text"))
		_, err = d.decide(f.Service, t.Context(), boss, Decision{ResponderID: r.ID, Reason: " "})
		if d.reasoned {
			wantFault(t, err, fault.Invalid("reason", "required"))
		} else {
			wantFault(t, err, nil)
		}
	}
}

// Who decides: dispatchers of the own unit, and never the responder itself.
func TestDecide_byWhom(t *testing.T) {
	t.Parallel()
	f := newFixture(t) // for the paths, which are the same in all
	own := account("acc_own")
	own.Grants = []auth.Grant{{Role: auth.RoleAdmin, UnitPath: f.path(t, district)}}
	for who, c := range map[string]struct {
		actor auth.Principal
		want  *fault.Error
	}{
		"nobody":                      {auth.Principal{}, fault.NotFound("responder")},
		"another volunteer":           {f.holder(t, auth.RoleVolunteer, district), fault.NotFound("responder")},
		"a dispatcher of the sibling": {f.holder(t, auth.RoleDispatcher, eastTwo), fault.NotFound("responder")},
		"its trainer":                 {f.holder(t, auth.RoleTrainer, eastOne), fault.Forbidden()},
		"a dispatcher of its team":    {f.holder(t, auth.RoleDispatcher, westOne), fault.Forbidden()},
		"itself":                      {account("acc_own"), fault.Forbidden()},
		"itself, an admin":            {own, fault.Forbidden()},
	} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			listen(f)
			for name, d := range decisions {
				r := f.member(t, "acc_own", eastOne, westOne, d.from)
				_, err := d.decide(f.Service, t.Context(), c.actor, Decision{ResponderID: r.ID, Reason: "因为"})
				wantFault(t, err, c.want)
				_, err = f.Correct(t.Context(), c.actor, Correction{ResponderID: r.ID, Reason: "因为"})
				wantFault(t, err, c.want)
				_, err = f.AddNote(t.Context(), c.actor, NewNote{ResponderID: r.ID, Text: "记"})
				wantFault(t, err, c.want)
				after, _ := f.OfAccount(t.Context(), "acc_own")
				if diff := cmp.Diff(r, after); diff != "" || len(f.notices(t)) > 0 || len(f.trail(t, r.ID, false)) > 0 {
					t.Errorf("%s has left something behind: %v %s", name, f.notices(t), diff)
				}
				if err := responders.Delete(t.Context(), f.db, after); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// member enrols a responder that also belongs to another unit's team.
func (f *fixture) member(t testing.TB, accountID, unitID, teamID string, status Status) *Responder {
	t.Helper()
	r := f.enrolAs(t, accountID, unitID, status)
	r.Memberships = []Membership{{UnitID: teamID, UnitPath: f.path(t, teamID), Since: f.clock.Now()}}
	if err := responders.Replace(t.Context(), f.db, r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestLeave(t *testing.T) {
	t.Parallel()
	for _, from := range Statuses() {
		t.Run(string(from), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			listen(f)
			r := f.member(t, "acc_own", eastOne, westOne, from)
			got, err := f.Leave(t.Context(), account("acc_own"), Leaving{Reason: "搬家", Key: "k"})
			if !from.Enlisted() {
				wantFault(t, err, fault.Conflict("responder_status"))
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			again, err := f.Leave(t.Context(), account("acc_own"), Leaving{Reason: "搬家", Key: "k"})
			if diff := cmp.Diff(got, again); diff != "" || err != nil {
				t.Errorf("repeated: %s %v", diff, err)
			}
			if got.Status != StatusRetired || got.StatusReason != "搬家" || len(got.Memberships) > 0 {
				t.Errorf("got %+v", got)
			}
			if trail := f.trail(t, r.ID, false); len(trail) > 0 || len(f.notices(t)) > 0 {
				t.Errorf("the audit log has %v, told %v", trail, f.notices(t))
			}
		})
	}
	f := newFixture(t)
	_, err := f.Leave(t.Context(), account("acc_none"), Leaving{})
	wantFault(t, err, fault.NotFound("responder"))
	_, err = f.Leave(t.Context(), account("acc_none"), Leaving{Reason: "\x00"})
	wantFault(t, err, fault.Invalid("reason", "text"))
}
