package roster

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
)

func to[T any](v T) *T { return &v }

func TestChangeProfile(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	for _, c := range []struct {
		name  string
		in    Profile
		mode  TransportMode
		items []string
		rev   int64
	}{
		{"nothing", Profile{}, OnFoot, []string{"AED"}, 1},
		{"the mode", Profile{TransportMode: to(Car)}, Car, []string{"AED"}, 2},
		{"the same again", Profile{TransportMode: to(Car), Equipment: []string{"AED "}}, Car, []string{"AED"}, 2},
		{"what is carried", Profile{Equipment: []string{" 急救包 ", "AED"}}, Car, []string{"急救包", "AED"}, 3},
		{"to carry nothing", Profile{Equipment: []string{}}, Car, []string{}, 4},
	} {
		got, err := f.ChangeProfile(t.Context(), account("acc_own"), c.in)
		if err != nil || got.TransportMode != c.mode || !cmp.Equal(got.Equipment, c.items) || got.Rev != c.rev {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
	_, err := f.ChangeProfile(t.Context(), account("acc_own"), Profile{TransportMode: to(TransportMode("HORSE"))})
	wantFault(t, err, fault.Invalid("transportMode", "transport_mode"))
	_, err = f.ChangeProfile(t.Context(), account("acc_own"), Profile{Equipment: make([]string, 21)})
	wantFault(t, err, fault.Invalid("equipment", "too_many_items"))
	_, err = f.ChangeProfile(t.Context(), account("acc_none"), Profile{})
	wantFault(t, err, fault.NotFound("responder"))
	if trail := f.trail(t, r.ID, false); len(trail) > 0 {
		t.Errorf("a volunteer's own doing is in the audit log: %v", trail)
	}
}

func TestCorrect(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	boss := f.holder(t, auth.RoleDispatcher, eastOne)
	in := Correction{ResponderID: r.ID, Name: to(" 张叁 "), Profile: Profile{TransportMode: to(Bicycle)}, Reason: "笔误"}
	got, err := f.Correct(t.Context(), boss, in)
	if err != nil || got.Name != "张叁" || got.TransportMode != Bicycle || !cmp.Equal(got.Equipment, []string{"AED"}) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if _, err := f.Correct(t.Context(), boss, in); err != nil { // is right already
		t.Fatal(err)
	}
	page, err := f.audit.ListOfSubject(t.Context(), boss, r.ID, false, 10, "")
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("the audit log has %v, %v", page.Items, err)
	}
	want := []audit.Detail{{Name: "changed", Value: "transportMode"}, {Name: "changed", Value: "name"}}
	if diff := cmp.Diff(want, page.Items[0].Details); diff != "" || page.Items[0].Action != audit.CorrectResponder || page.Items[0].Reason != "笔误" {
		t.Errorf("%+v\n%s", page.Items[0], diff)
	}
	for field, spoil := range map[string]func(*Correction){
		"name":   func(c *Correction) { c.Name = to("") },
		"reason": func(c *Correction) { c.Reason = "" },
	} {
		wrong := in
		spoil(&wrong)
		_, err := f.Correct(t.Context(), boss, wrong)
		wantFault(t, err, fault.Invalid(field, "required"))
	}
}

func TestPhoneFor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.member(t, "acc_own", eastOne, westOne, StatusActive)
	const full, masked = "+8613800138000", "138******00"
	for who, c := range map[string]struct {
		actor auth.Principal
		want  string
	}{
		"itself":                    {account("acc_own"), full},
		"its dispatcher":            {f.holder(t, auth.RoleDispatcher, eastOne), full},
		"its admin":                 {f.holder(t, auth.RoleAdmin, district), full},
		"a dispatcher of its team":  {f.holder(t, auth.RoleDispatcher, westOne), full},
		"its trainer":               {f.holder(t, auth.RoleTrainer, east), masked},
		"a trainer of its team":     {f.holder(t, auth.RoleTrainer, westOne), masked},
		"a dispatcher of elsewhere": {f.holder(t, auth.RoleDispatcher, eastTwo), ""},
		"a volunteer":               {f.holder(t, auth.RoleVolunteer, eastOne), ""},
		"nobody":                    {auth.Principal{}, ""},
	} {
		if got := r.PhoneFor(c.actor); got != c.want {
			t.Errorf("%s: %q, want %q", who, got, c.want)
		}
	}
}

func TestRecordConsent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	own := account("acc_own")
	if _, err := f.Apply(t.Context(), own, application()); err != nil {
		t.Fatal(err)
	}
	began := f.clock.Now()
	say := func(p Purpose, version string, given bool) (*Responder, error) {
		f.clock.Advance(time.Minute)
		return f.RecordConsent(t.Context(), own, NewConsent{Purpose: p, Version: version, Given: given})
	}
	for _, step := range []struct {
		purpose Purpose
		version string
		given   bool
	}{{ConsentPosition, "l1", true}, {ConsentPosition, "l2", true}, {ConsentPosition, "l2", false}, {ConsentPosition, "l2", false}, {ConsentPrivacy, "p2", true}} {
		if _, err := say(step.purpose, step.version, step.given); err != nil {
			t.Fatal(err)
		}
	}
	_, err := say(ConsentPrivacy, "p2", false)
	wantFault(t, err, fault.Conflict("privacy_consent"))
	record := func(p Purpose, version string, given bool, minutes time.Duration) ConsentRecord {
		return ConsentRecord{AccountID: "acc_own", Purpose: p, Version: version, Given: given, At: began.Add(minutes * time.Minute)}
	}
	want := []ConsentRecord{
		record(ConsentPrivacy, "p1", true, 0), record(ConsentPosition, "l1", true, 0),
		record(ConsentPosition, "l2", true, 2), record(ConsentPosition, "l2", false, 3), record(ConsentPrivacy, "p2", true, 5),
	}
	if diff := cmp.Diff(want, f.consentsOf(t, "acc_own")); diff != "" {
		t.Error(diff)
	}
	r, _ := f.OfAccount(t.Context(), "acc_own")
	if r.Consents.Position.Holds() || !r.Consents.Privacy.Holds() || r.Consents.Privacy.Version != "p2" {
		t.Errorf("consents %+v", r.Consents)
	}
	_, err = say("OTHER", "1", true)
	wantFault(t, err, fault.Invalid("purpose", "required"))
	_, err = say(ConsentPosition, "", true)
	wantFault(t, err, fault.Invalid("version", "required"))
	_, err = say(ConsentPosition, strings.Repeat("1", 51), true)
	wantFault(t, err, fault.Invalid("version", "too_long"))
	_, err = f.RecordConsent(t.Context(), account("acc_none"), NewConsent{Purpose: ConsentPosition, Version: "1", Given: true})
	wantFault(t, err, fault.NotFound("responder"))
}

// Without the consent to its position nobody is on duty, and the position is
// gone with it.
func TestRecordConsent_withdrawingThePosition(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	f.setDuty(t, "acc_own", true)
	f.reportAt(t, "acc_own", here)
	got, err := f.RecordConsent(t.Context(), account("acc_own"), NewConsent{Purpose: ConsentPosition, Version: "1"})
	if err != nil || got.OnDutyAt(f.clock.Now()) || f.presenceOf(t, r.ID) != nil || got.Status != StatusActive {
		t.Errorf("%+v, %v", got, err)
	}
}
