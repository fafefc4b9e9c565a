package training

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Paths of org units: a district, a subdistrict, and two communities of it.
const (
	district    = "440303000000/"
	subdistrict = district + "440303001000/"
	community   = subdistrict + "440303001001/"
	sibling     = subdistrict + "440303001002/"
)

// fixture is a service on a database of its own, with two courses. All
// responders stand in the community; rsp_own belongs to account acc_own, and
// rsp_unknown does not exist.
type fixture struct {
	*Service
	clock       *storetest.Clock
	rescue, aid *Course // whose certificates are valid for 36 and 24 months
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	c := storetest.NewClock(time.Date(2026, 5, 12, 1, 30, 0, 0, time.UTC))
	f := &fixture{clock: c, Service: New(Config{
		DB: storetest.Open(t, Collections()...), Now: c.Now, NewID: store.NewIDs(), NewSerial: RandomSerial, Scope: scope,
	})}
	f.rescue = f.add(t, NewCourse{ID: "first-responder", Name: Name{Chinese: "应急第一响应人", English: "First responder"}, ValidityMonths: 36})
	f.aid = f.add(t, NewCourse{ID: "first-aid", Name: Name{Chinese: "应急救护"}, ValidityMonths: 24})
	return f
}

func scope(_ context.Context, responderID string) (accountID, unitPath string, err error) {
	switch responderID {
	case "rsp_unknown":
		return "", "", fault.NotFound("responder")
	case "rsp_own":
		return "acc_own", community, nil
	default:
		return "acc_of_" + responderID, community, nil
	}
}

func (f *fixture) add(t testing.TB, n NewCourse) *Course {
	t.Helper()
	c, err := f.AddCourse(t.Context(), f.db, n)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// issue issues a certificate now.
func (f *fixture) issue(t testing.TB, responderID string, c *Course) *Certificate {
	t.Helper()
	cert, err := f.Issue(t.Context(), f.db, NewCertificate{ResponderID: responderID, HolderName: "欧阳娜娜", CourseID: c.ID, IssuedAt: f.clock.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// revoke makes the certificate revoked from now on.
func (f *fixture) revoke(t testing.TB, c *Certificate) {
	t.Helper()
	_, err := certificates.Change(t.Context(), f.db, c.ID, func(c *Certificate) error {
		c.RevokedAt, c.RevokeReason = f.clock.Now(), "issued in error"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func holder(role auth.Role, unitPath string) auth.Principal {
	return auth.Principal{AccountID: "acc_holder", Grants: []auth.Grant{{Role: role, UnitPath: unitPath}}}
}

// wantFault checks that err is that fault; nil for none.
func wantFault(t testing.TB, err error, want *fault.Error) {
	t.Helper()
	if want == nil {
		if err != nil {
			t.Fatalf("error %v, want none", err)
		}
		return
	}
	var got *fault.Error
	if !errors.As(err, &got) || got.Code != want.Code || got.Key != want.Key || got.Field != want.Field {
		t.Fatalf("error %v, want %v", err, want)
	}
}
