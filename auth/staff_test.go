package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/storetest"
)

// office is a world with staff and a record of what they do.
type office struct {
	*world
	places map[string]string // of accounts
	phones int
}

// line is one line of the record, which is in the store: steps may be run more
// than once, and what they write is there once.
type line struct {
	store.Meta `bson:",inline"`
	Text       string `bson:"text"`
}

var lines = store.Define[line]("lines")

func openOffice(t *testing.T, changes ...func(*Config)) *office {
	t.Helper()
	o := &office{places: map[string]string{}}
	o.world = open(t, append([]func(*Config){wide, func(c *Config) {
		db := storetest.Open(t, append(Collections(), store.Steps, lines)...)
		write := func(ctx context.Context, on store.Conn, text string) error {
			return lines.Insert(ctx, on, &line{Meta: store.Meta{ID: c.NewID("lin")}, Text: text})
		}
		c.DB = db
		c.Place = func(_ context.Context, id string) (string, error) { return o.places[id], nil }
		c.Record = func(ctx context.Context, tx *store.Tx, _ Principal, c Change) error {
			return write(ctx, tx, fmt.Sprintf("%s %s %s %s%s", c.Action, c.SubjectID, c.UnitPath, c.Role, c.Reason))
		}
		c.RecordRead = func(ctx context.Context, _ Principal, subjects []Subject) error {
			for _, s := range subjects {
				if err := write(ctx, db, "READ "+s.AccountID); err != nil {
					return err
				}
			}
			return nil
		}
	}}, changes...)...)
	return o
}

// record returns what was recorded, in order.
func (o *office) record(t *testing.T) []string {
	t.Helper()
	list := []string{}
	for l, err := range lines.All(t.Context(), o.DB, store.Query{}) {
		must(t, err)
		list = append(list, l.Text)
	}
	return list
}

// member is somebody with grants who has signed in.
func (o *office) member(t *testing.T, grants ...Grant) Principal {
	t.Helper()
	o.phones++
	number := fmt.Sprintf("+86138001%05d", o.phones)
	_, err := o.CreateAccount(t.Context(), o.DB, NewAccount{Phone: number, Name: fmt.Sprint("n", o.phones), Grants: grants})
	must(t, err)
	tokens, _ := o.signIn(t, number)
	return o.principal(t, tokens)
}

// grants returns an account's.
func (o *office) grants(t *testing.T, accountID string) []Grant {
	t.Helper()
	account, err := o.Account(t.Context(), accountID)
	must(t, err)
	return account.Grants
}

func (o *office) staff(t *testing.T, actor Principal, path string) []string {
	t.Helper()
	page, err := o.ListStaff(t.Context(), actor, path, 100, "")
	must(t, err)
	list := []string{}
	for _, a := range page.Items {
		list = append(list, a.AccountID+" "+string(a.Role)+" "+a.UnitPath)
	}
	slices.Sort(list)
	return list
}

func TestGrantRole(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	boss := o.member(t, Grant{RoleAdmin, subdistrict})
	in := NewStaff{Phone: "139 0013 9000", Name: " 王芳 ", Role: RoleDispatcher, UnitPath: community, Key: "k"}
	made, err := o.GrantRole(t.Context(), boss, in)
	must(t, err)
	if made.Name != "王芳" || made.Phone != other {
		t.Errorf("made %v", made)
	}
	again, err := o.GrantRole(t.Context(), boss, in)
	must(t, err)
	in.Key = ""
	third, err := o.GrantRole(t.Context(), boss, in)
	must(t, err)
	if again.ID != made.ID || third.ID != made.ID {
		t.Error("there are two accounts")
	}
	in.Role = RoleTrainer
	_, err = o.GrantRole(t.Context(), boss, in)
	must(t, err)
	want := []string{"GRANT_ROLE " + made.ID + " " + community + " DISPATCHER", "GRANT_ROLE " + made.ID + " " + community + " TRAINER"}
	if diff := cmp.Diff(want, o.record(t)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Grant{{RoleDispatcher, community}, {RoleTrainer, community}}, o.grants(t, made.ID)); diff != "" {
		t.Error(diff)
	}
	listed := []string{made.ID + " DISPATCHER " + community, made.ID + " TRAINER " + community}
	if diff := cmp.Diff(listed, o.staff(t, boss, community)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"READ " + made.ID, "READ " + made.ID}, o.record(t)[2:]); diff != "" {
		t.Error(diff)
	}
}

func TestGrantRoleIsRefused(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	boss := o.member(t, Grant{RoleAdmin, subdistrict})
	clerk := o.member(t, Grant{RoleDispatcher, district})
	good := NewStaff{Phone: other, Name: "王芳", Role: RoleDispatcher, UnitPath: community}
	for name, c := range map[string]struct {
		actor  Principal
		change func(*NewStaff)
		code   fault.Code
		key    string
	}{
		"by a dispatcher":          {clerk, func(*NewStaff) {}, fault.CodeForbidden, "forbidden"},
		"beside one's scope":       {boss, func(n *NewStaff) { n.UnitPath = elsewhere }, fault.CodeForbidden, "forbidden"},
		"above one's scope":        {boss, func(n *NewStaff) { n.UnitPath, n.Role = district, RoleAdmin }, fault.CodeForbidden, "forbidden"},
		"nowhere":                  {boss, func(n *NewStaff) { n.UnitPath = "" }, fault.CodeForbidden, "forbidden"},
		"of a volunteer":           {boss, func(n *NewStaff) { n.Role = RoleVolunteer }, fault.CodeInvalid, "invalid.grant"},
		"of no role":               {boss, func(n *NewStaff) { n.Role = "KING" }, fault.CodeInvalid, "invalid.grant"},
		"to a landline":            {boss, func(n *NewStaff) { n.Phone = "0755-12345678" }, fault.CodeInvalid, "invalid.phone"},
		"to somebody without name": {boss, func(n *NewStaff) { n.Name = " " }, fault.CodeInvalid, "invalid.required"},
		"to too long a name":       {boss, func(n *NewStaff) { n.Name = strings.Repeat("王", 101) }, fault.CodeInvalid, "invalid.account_name"},
	} {
		t.Run(name, func(t *testing.T) {
			in := good
			c.change(&in)
			_, err := o.GrantRole(t.Context(), c.actor, in)
			wantFault(t, err, c.code, c.key)
		})
	}
	if _, err := o.AccountByPhone(t.Context(), o.DB, other); !errors.Is(err, fault.NotFound("account")) {
		t.Errorf("an account was made: %v", err)
	}
	if len(o.record(t)) > 0 {
		t.Errorf("recorded are %v", o.record(t))
	}
}

func TestRevokeRole(t *testing.T) {
	t.Parallel()
	m := tree{}
	o := openOffice(t, func(c *Config) { c.CurrentPath = m.path })
	boss := o.member(t, Grant{RoleAdmin, district})
	clerk := o.member(t, Grant{RoleDispatcher, community}, Grant{RoleTrainer, community})
	d := Dismissal{AccountID: clerk.AccountID, Role: RoleDispatcher, UnitPath: community, Reason: "离任"}

	for name, c := range map[string]struct {
		actor  Principal
		change func(*Dismissal)
		code   fault.Code
		key    string
	}{
		"by somebody else":   {clerk, func(*Dismissal) {}, fault.CodeForbidden, "forbidden"},
		"without a reason":   {boss, func(d *Dismissal) { d.Reason = " " }, fault.CodeInvalid, "invalid.required"},
		"with an epic":       {boss, func(d *Dismissal) { d.Reason = strings.Repeat("长", 501) }, fault.CodeInvalid, "invalid.too_long"},
		"of nobody":          {boss, func(d *Dismissal) { d.AccountID = "acc_none" }, fault.CodeNotFound, "not_found.account"},
		"that is not there":  {boss, func(d *Dismissal) { d.UnitPath = subdistrict }, fault.CodeNotFound, "not_found.role"},
		"that one has not":   {boss, func(d *Dismissal) { d.Role = RoleAdmin }, fault.CodeNotFound, "not_found.role"},
		"of one's own, last": {boss, func(d *Dismissal) { d.AccountID, d.Role, d.UnitPath = boss.AccountID, RoleAdmin, district }, fault.CodeConflict, "conflict.own_role"},
	} {
		t.Run(name, func(t *testing.T) {
			in := d
			c.change(&in)
			_, err := o.RevokeRole(t.Context(), c.actor, in)
			wantFault(t, err, c.code, c.key)
		})
	}
	if len(o.record(t)) > 0 {
		t.Errorf("recorded are %v", o.record(t))
	}

	moved := elsewhere + "440303001001/"
	m[community] = moved // the unit has moved since the role was given
	d.UnitPath = moved
	_, err := o.RevokeRole(t.Context(), boss, d)
	must(t, err)
	if diff := cmp.Diff([]Grant{{RoleTrainer, community}}, o.grants(t, clerk.AccountID)); diff != "" {
		t.Error(diff)
	}
	wantFault(t, o.Check(t.Context(), clerk), fault.CodeUnauthenticated, "unauthenticated.token")
	if diff := cmp.Diff([]string{"REVOKE_ROLE " + clerk.AccountID + " " + moved + " DISPATCHER离任"}, o.record(t)); diff != "" {
		t.Error(diff)
	}
	n, err := o.RefileAppointments(t.Context(), community, moved, 100)
	must(t, err)
	want := []string{clerk.AccountID + " TRAINER " + moved}
	if diff := cmp.Diff(want, o.staff(t, boss, elsewhere)); diff != "" || n != 1 {
		t.Errorf("%d were filed anew: %s", n, diff)
	}
}

func TestAdministratorsWhoDismissEachOtherAtOnceLeaveOne(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	boss := []Principal{o.member(t, Grant{RoleAdmin, district}), o.member(t, Grant{RoleAdmin, district})}
	var refused atomic.Int32
	o.Record = nil
	together(2, func(i int) {
		_, err := o.RevokeRole(t.Context(), boss[i], Dismissal{
			AccountID: boss[1-i].AccountID, Role: RoleAdmin, UnitPath: district, Reason: "x",
		})
		if fault.CodeOf(err) == fault.CodeForbidden {
			refused.Add(1)
		}
	})
	left := len(o.grants(t, boss[0].AccountID)) + len(o.grants(t, boss[1].AccountID))
	if left != 1 || refused.Load() != 1 {
		t.Errorf("%d are left, %d were refused", left, refused.Load())
	}
}

func TestListStaffIsForStaff(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.member(t, Grant{RoleAdmin, district})
	clerk := o.member(t, Grant{RoleDispatcher, subdistrict})
	o.member(t, Grant{RoleVolunteer, community})
	trainer := o.member(t, Grant{RoleTrainer, community})
	want := []string{clerk.AccountID + " DISPATCHER " + subdistrict, trainer.AccountID + " TRAINER " + community}
	if diff := cmp.Diff(want, o.staff(t, clerk, subdistrict)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"READ " + trainer.AccountID}, o.record(t)); diff != "" {
		t.Error(diff)
	}
	for _, path := range []string{district, elsewhere, ""} {
		page, err := o.ListStaff(t.Context(), clerk, path, 10, "")
		wantFault(t, err, fault.CodeForbidden, "forbidden")
		if len(page.Items) > 0 {
			t.Error("somebody was listed")
		}
	}
	o.RecordRead = func(context.Context, Principal, []Subject) error { return errors.New("the log is full") }
	if page, err := o.ListStaff(t.Context(), clerk, subdistrict, 10, ""); err == nil || len(page.Items) > 0 {
		t.Error("somebody was listed without a record")
	}
}

func TestSuspendAndReinstateAccount(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	boss := o.member(t, Grant{RoleAdmin, subdistrict})
	clerk := o.member(t, Grant{RoleDispatcher, community})
	order := Order{AccountID: clerk.AccountID, Reason: "调查"}
	for range 2 {
		account, err := o.SuspendAccount(t.Context(), boss, order)
		must(t, err)
		if !account.Suspended() {
			t.Error("it is not suspended")
		}
	}
	wantFault(t, o.Check(t.Context(), clerk), fault.CodeUnauthenticated, "unauthenticated.token")
	for range 2 {
		account, err := o.ReinstateAccount(t.Context(), boss, order)
		must(t, err)
		if account.Suspended() {
			t.Error("it is suspended")
		}
	}
	want := []string{"SUSPEND_ACCOUNT " + clerk.AccountID + " " + community + " 调查", "REINSTATE_ACCOUNT " + clerk.AccountID + " " + community + " 调查"}
	if diff := cmp.Diff(want, o.record(t)); diff != "" {
		t.Error(diff)
	}
}

func TestWhoIsInChargeOfAnAccount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		grants []Grant
		place  string
		want   fault.Code
	}{
		"staff below":                       {[]Grant{{RoleDispatcher, community}}, "", ""},
		"staff of the same unit":            {[]Grant{{RoleAdmin, subdistrict}}, "", ""},
		"staff above":                       {[]Grant{{RoleDispatcher, district}}, "", fault.CodeForbidden},
		"staff here and elsewhere":          {[]Grant{{RoleDispatcher, community}, {RoleTrainer, elsewhere}}, community, fault.CodeForbidden},
		"a responder of the unit":           {nil, community, ""},
		"a volunteer of the unit":           {[]Grant{{RoleVolunteer, community}}, "", ""},
		"a responder here, staff elsewhere": {[]Grant{{RoleDispatcher, elsewhere}}, community, fault.CodeForbidden},
		"a responder elsewhere":             {nil, elsewhere, fault.CodeForbidden},
		"staff here, a responder elsewhere": {[]Grant{{RoleTrainer, community}}, elsewhere, fault.CodeForbidden},
		"somebody who belongs nowhere":      {nil, "", fault.CodeForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := openOffice(t)
			boss, them := o.member(t, Grant{RoleAdmin, subdistrict}), o.member(t, c.grants...)
			o.places[them.AccountID] = c.place
			_, err := o.SuspendAccount(t.Context(), boss, Order{AccountID: them.AccountID, Reason: "x"})
			if fault.CodeOf(err) != c.want {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if suspended := o.Check(t.Context(), them) != nil; suspended != (c.want == "") {
				t.Errorf("suspended: %t", suspended)
			}
			if len(o.record(t)) > 0 != (c.want == "") {
				t.Errorf("recorded are %v", o.record(t))
			}
		})
	}
	o := openOffice(t)
	boss := o.member(t, Grant{RoleAdmin, district})
	_, err := o.SuspendAccount(t.Context(), boss, Order{AccountID: boss.AccountID, Reason: "x"})
	wantFault(t, err, fault.CodeConflict, "conflict.own_account")
	_, err = o.SuspendAccount(t.Context(), boss, Order{AccountID: "acc_none", Reason: "x"})
	wantFault(t, err, fault.CodeNotFound, "not_found.account")
	_, err = o.SuspendAccount(t.Context(), o.member(t), Order{AccountID: boss.AccountID, Reason: "x"})
	wantFault(t, err, fault.CodeForbidden, "forbidden")
}

func TestAFormerAdministratorIsTooLate(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	boss := o.member(t, Grant{RoleAdmin, district})
	clerk := o.member(t, Grant{RoleDispatcher, community})
	o.revoke(t, boss.AccountID, Grant{RoleAdmin, district})
	_, err := o.SuspendAccount(t.Context(), boss, Order{AccountID: clerk.AccountID, Reason: "x"})
	wantFault(t, err, fault.CodeForbidden, "forbidden")
	_, err = o.GrantRole(t.Context(), boss, NewStaff{Phone: other, Name: "x", Role: RoleAdmin, UnitPath: district})
	wantFault(t, err, fault.CodeForbidden, "forbidden")
	must(t, o.Check(t.Context(), clerk))
}
