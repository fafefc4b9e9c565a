package roster

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The units of the tests: a district with two subdistricts, the first with two
// communities and the second with one.
const (
	district = "440303000000"
	east     = "440303001000"
	west     = "440303002000"
	eastOne  = "440303001001"
	eastTwo  = "440303001002"
	westOne  = "440303002001"

	divisions = `code,name,level,parent
440303001001,东一社区,COMMUNITY,440303001000
440303000000,罗湖区,DISTRICT,
440303001000,东街道,SUBDISTRICT,440303000000
440303002000,西街道,SUBDISTRICT,440303000000
440303001002,东二社区,COMMUNITY,440303001000
440303002001,西一社区,COMMUNITY,440303002000
`
)

// here is a synthetic position within the district.
var here = geo.Position{Latitude: 22.55, Longitude: 114.13}

// fixture is a service on a database of its own, with the test's units.
type fixture struct {
	*Service
	clock *storetest.Clock
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	return newFixtureOn(t, storetest.Open(t, definitions()...))
}

func definitions() []store.Definition {
	return slices.Concat(Collections(), audit.Collections(), []store.Definition{store.Steps, tellings})
}

func newFixtureOn(t testing.TB, db *store.DB) *fixture {
	t.Helper()
	c := storetest.NewClock(time.Date(2026, 5, 12, 1, 30, 0, 0, time.UTC))
	s := New(Config{
		DB: db, Now: c.Now, NewID: store.NewIDs(),
		Log: slog.New(slog.DiscardHandler), Zone: time.FixedZone("CST", 8*60*60),
		Audit: audit.New(audit.Config{DB: db, Now: c.Now, NewID: store.NewIDs(), Log: slog.New(slog.DiscardHandler), Keep: 1000 * time.Hour}),
	})
	if err := s.ImportUnits(t.Context(), readDivisions(t, divisions)); err != nil {
		t.Fatal(err)
	}
	return &fixture{Service: s, clock: c}
}

func readDivisions(t testing.TB, csv string) []Unit {
	t.Helper()
	list, err := ReadDivisions(strings.NewReader(csv))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// enrol puts an active responder of the account on the roster.
func (f *fixture) enrol(t testing.TB, accountID, unitID string) *Responder {
	t.Helper()
	return f.enrolAs(t, accountID, unitID, StatusActive)
}

func (f *fixture) enrolAs(t testing.TB, accountID, unitID string, status Status) *Responder {
	t.Helper()
	r, err := f.Enrol(t.Context(), f.db, NewResponder{
		AccountID: accountID, Name: "张三", Phone: "+8613800138000", UnitID: unitID, Status: status, TransportMode: OnFoot,
		Equipment: []string{"AED"}, Consents: Agreed("1", f.clock.Now()),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// setDuty switches the account's responder on or off duty.
func (f *fixture) setDuty(t testing.TB, accountID string, on bool) *Responder {
	t.Helper()
	r, err := f.SetAvailability(t.Context(), account(accountID), SetAvailability{OnDuty: on})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// reportAt reports that the account's responder is at p now.
func (f *fixture) reportAt(t testing.TB, accountID string, p geo.Position) *Presence {
	t.Helper()
	got, err := f.ReportPosition(t.Context(), account(accountID), f.reading(p))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (f *fixture) reading(p geo.Position) PositionReport {
	return PositionReport{Position: p, AccuracyMeters: 12, RecordedAt: f.clock.Now()}
}

// presenceOf returns what is stored, or nil.
func (f *fixture) presenceOf(t testing.TB, responderID string) *Presence {
	t.Helper()
	found, err := f.LoadPresences(t.Context(), f.db, []string{responderID})
	if err != nil {
		t.Fatal(err)
	}
	return found[responderID]
}

func (f *fixture) path(t testing.TB, unitID string) string {
	t.Helper()
	u, err := f.Unit(t.Context(), unitID)
	if err != nil {
		t.Fatal(err)
	}
	return u.Path
}

// account is somebody without a role.
func account(id string) auth.Principal { return auth.Principal{AccountID: id, SessionID: "ses_" + id} }

// holder is another account with the role on the unit.
func (f *fixture) holder(t testing.TB, role auth.Role, unitID string) auth.Principal {
	t.Helper()
	return auth.Principal{AccountID: "acc_holder", Grants: []auth.Grant{{Role: role, UnitPath: f.path(t, unitID)}}}
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

// readers are those who may or may not read what belongs to a responder of
// account acc_own in community eastOne.
func (f *fixture) readers(t testing.TB) map[string]reader {
	return map[string]reader{
		"own":                         {account("acc_own"), true},
		"nobody":                      {auth.Principal{}, false},
		"another account":             {account("acc_other"), false},
		"volunteer of the community":  {f.holder(t, auth.RoleVolunteer, eastOne), false},
		"volunteer of the district":   {f.holder(t, auth.RoleVolunteer, district), false},
		"dispatcher of the community": {f.holder(t, auth.RoleDispatcher, eastOne), true},
		"trainer of the community":    {f.holder(t, auth.RoleTrainer, eastOne), true},
		"admin of the community":      {f.holder(t, auth.RoleAdmin, eastOne), true},
		"dispatcher of the sibling":   {f.holder(t, auth.RoleDispatcher, eastTwo), false},
		"admin of another tree":       {f.holder(t, auth.RoleAdmin, west), false},
		"trainer above":               {f.holder(t, auth.RoleTrainer, east), true},
		"admin of the district":       {f.holder(t, auth.RoleAdmin, district), true},
	}
}

type reader struct {
	actor auth.Principal
	may   bool
}

// eventually waits for what a goroutine is about to do.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for tick := time.NewTicker(time.Millisecond); !done(); {
		select {
		case <-ctx.Done():
			t.Fatalf("%s never happened", what)
		case <-tick.C:
		}
	}
}
