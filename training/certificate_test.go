package training

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

func TestIssue(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	issued := time.Date(2026, 2, 28, 4, 0, 0, 0, time.UTC)
	got, err := f.Issue(t.Context(), f.db, NewCertificate{ResponderID: "rsp_own", HolderName: " 张三 ", CourseID: f.aid.ID, IssuedAt: issued})
	if err != nil {
		t.Fatal(err)
	}
	want := &Certificate{
		Meta: store.Meta{ID: got.ID, Rev: 1}, Number: got.Number, ResponderID: "rsp_own", HolderName: "张三", CourseID: f.aid.ID,
		IssuedAt: issued, ExpiresAt: time.Date(2028, 2, 28, 4, 0, 0, 0, time.UTC),
	}
	stored, err := certificates.Get(t.Context(), f.db, got.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]*Certificate{want, want}, []*Certificate{got, stored}); diff != "" {
		t.Error(diff)
	}
	if number, err := parseNumber(got.Number); err != nil || number != got.Number || !strings.HasPrefix(got.ID, "crt_") {
		t.Errorf("number %q, id %q, %v", got.Number, got.ID, err)
	}
}

func TestIssueRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	now := f.clock.Now()
	for name, c := range map[string]struct {
		spoil func(*NewCertificate)
		want  *fault.Error
	}{
		"no responder":   {func(n *NewCertificate) { n.ResponderID = "" }, fault.Invalid("responderId", "required")},
		"no name":        {func(n *NewCertificate) { n.HolderName = " " }, fault.Invalid("holderName", "required")},
		"in the future":  {func(n *NewCertificate) { n.IssuedAt = now.Add(time.Second) }, fault.Invalid("issuedAt", "issued_in_future")},
		"no such course": {func(n *NewCertificate) { n.CourseID = "crs_unknown" }, fault.NotFound("course")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := NewCertificate{ResponderID: "rsp_refused", HolderName: "张三", CourseID: f.aid.ID, IssuedAt: now}
			c.spoil(&n)
			_, err := f.Issue(t.Context(), f.db, n)
			wantFault(t, err, c.want)
			if n, err := certificates.Count(t.Context(), f.db, store.Query{}); err != nil || n > 0 {
				t.Errorf("%d certificates, %v", n, err)
			}
		})
	}
}

func TestIssueDrawsAFreeNumber(t *testing.T) {
	t.Parallel()
	draws := func(serials ...string) func() (string, error) {
		return func() (string, error) {
			next := serials[0]
			serials = serials[min(1, len(serials)-1):] // the last one for ever
			return next, nil
		}
	}
	t.Run("after taken ones", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.newSerial = draws("11111111111", "11111111111", "22222222222")
		first, second := f.issue(t, "rsp_1", f.aid), f.issue(t, "rsp_2", f.aid)
		if first.Number[:11] != "11111111111" || second.Number[:11] != "22222222222" {
			t.Errorf("numbers %s, %s", first.Number, second.Number)
		}
	})
	t.Run("or gives up", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.newSerial = draws("11111111111")
		f.issue(t, "rsp_1", f.aid)
		_, err := f.Issue(t.Context(), f.db, NewCertificate{ResponderID: "rsp_2", HolderName: "张三", CourseID: f.aid.ID, IssuedAt: f.clock.Now()})
		if err == nil || fault.CodeOf(err) != fault.CodeInternal {
			t.Errorf("error %v, want an unexpected one", err)
		}
	})
}

func TestAddMonths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from   string
		months int
		want   string
	}{
		{"2026-05-12", 36, "2029-05-12"},
		{"2026-01-31", 1, "2026-02-28"},
		{"2027-01-31", 13, "2028-02-29"},
		{"2028-02-29", 12, "2029-02-28"},
		{"2026-10-31", 4, "2027-02-28"},
		{"2026-12-31", 12, "2027-12-31"},
	} {
		from, err := time.Parse(time.DateOnly, c.from)
		if err != nil {
			t.Fatal(err)
		}
		if got := addMonths(from, c.months).Format(time.DateOnly); got != c.want {
			t.Errorf("%s and %d months = %s, want %s", c.from, c.months, got, c.want)
		}
	}
}

func TestValidAt(t *testing.T) {
	t.Parallel()
	issued := time.Date(2026, 5, 12, 0, 0, 0, 0, time.UTC)
	expires := issued.AddDate(1, 0, 0)
	revoked := issued.AddDate(0, 1, 0)
	for name, c := range map[string]struct {
		revoked time.Time
		at      time.Time
		want    bool
	}{
		"before it was issued":     {time.Time{}, issued.Add(-time.Millisecond), false},
		"when issued":              {time.Time{}, issued, true},
		"just before it expires":   {time.Time{}, expires.Add(-time.Millisecond), true},
		"when it expires":          {time.Time{}, expires, false},
		"just before the revoking": {revoked, revoked.Add(-time.Millisecond), true},
		"when revoked":             {revoked, revoked, false},
		"revoked long ago":         {revoked, expires.AddDate(0, -1, 0), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cert := Certificate{IssuedAt: issued, ExpiresAt: expires, RevokedAt: c.revoked}
			if got := cert.ValidAt(c.at); got != c.want {
				t.Errorf("ValidAt = %v, want %v", got, c.want)
			}
		})
	}
}

func TestCertificatesAreReadBy(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	old := f.issue(t, "rsp_own", f.aid)
	f.clock.Set(f.clock.Now().AddDate(0, 6, 0))
	newer := f.issue(t, "rsp_own", f.rescue)
	f.issue(t, "rsp_other", f.aid)
	for name, c := range map[string]struct {
		actor auth.Principal
		may   bool
	}{
		"own":                         {auth.Principal{AccountID: "acc_own"}, true},
		"nobody":                      {auth.Principal{}, false},
		"another account":             {auth.Principal{AccountID: "acc_other"}, false},
		"volunteer of the community":  {holder(auth.RoleVolunteer, community), false},
		"trainer of the community":    {holder(auth.RoleTrainer, community), true},
		"dispatcher of the community": {holder(auth.RoleDispatcher, community), true},
		"trainer of the sibling":      {holder(auth.RoleTrainer, sibling), false},
		"dispatcher above":            {holder(auth.RoleDispatcher, subdistrict), true},
		"admin of the district":       {holder(auth.RoleAdmin, district), true},
		"admin of another":            {holder(auth.RoleAdmin, "440304000000/"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, unknown := f.Certificates(t.Context(), c.actor, "rsp_unknown")
			wantFault(t, unknown, fault.NotFound("responder"))
			got, err := f.Certificates(t.Context(), c.actor, "rsp_own")
			if !c.may {
				if diff := cmp.Diff(unknown, err); diff != "" || got != nil {
					t.Errorf("differs from one that does not exist: %v %s", got, diff)
				}
				return
			}
			if diff := cmp.Diff([]*Certificate{newer, old}, got); diff != "" || err != nil {
				t.Error(err, diff)
			}
		})
	}
}

func TestIssueTellsOfTheQualification(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var told []string
	var trouble error
	f.qualified = func(_ context.Context, _ *store.Tx, responderID, courseID string, until time.Time) error {
		told = append(told, fmt.Sprint(responderID, " ", courseID, " ", until.Format(time.DateOnly)))
		return trouble
	}
	issue := func(course string, issued time.Time) error {
		told = nil
		_, err := f.Issue(t.Context(), f.db, NewCertificate{ResponderID: "rsp_own", HolderName: "张三", CourseID: course, IssuedAt: issued})
		return err
	}
	now := f.clock.Now()
	for _, c := range []struct {
		course string
		issued time.Time
		want   string
	}{
		{"first-aid", now, "rsp_own first-aid 2028-05-12"},
		{"first-responder", now.AddDate(0, 0, -1), "rsp_own first-responder 2029-05-11"},
		{"first-aid", now.AddDate(-1, 0, 0), "rsp_own first-aid 2028-05-12"}, // the other lasts longer
	} {
		if err := issue(c.course, c.issued); err != nil || len(told) == 0 || told[len(told)-1] != c.want {
			t.Errorf("told %v, %v, want %s", told, err, c.want)
		}
	}
	trouble = errors.New("no room")
	if err := issue("first-aid", now); !errors.Is(err, trouble) {
		t.Errorf("error %v", err)
	}
	if held, err := f.LoadCertificates(t.Context(), []string{"rsp_own"}); err != nil || len(held["rsp_own"]) != 3 {
		t.Errorf("there are %d certificates, %v", len(held["rsp_own"]), err)
	}
}
