package demo

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/dispatch"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/storetest"
	"github.com/musterhq/muster/training"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a seeded store, at a time that the test changes.
type world struct {
	Services
	now    time.Time
	tokens []string
	seeded *Seeded
}

func seedWorld(t *testing.T, responders int) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 5, 12, 1, 30, 0, 0, time.UTC)}
	var defs []store.Definition
	for _, list := range [][]store.Definition{auth.Collections(), roster.Collections(), training.Collections(), notify.Collections()} {
		defs = append(defs, list...)
	}
	db, log := storetest.Open(t, defs...), slog.New(slog.DiscardHandler)
	now := func() time.Time { return w.now }
	catalogue, err := locale.New()
	if err != nil {
		t.Fatal(err)
	}
	wide := auth.Limit{N: 1, Per: time.Second}
	accounts, err := auth.New(auth.Config{
		DB: db, Now: now, NewID: store.NewIDs(), Log: log, Keyring: auth.NewKeyring(), Issuer: "i", Audience: "a",
		NewCode: auth.RandomCode, Sender: auth.LogSender{Log: log}, Limits: auth.Limits{
			FailuresPerPhone: wide, FailuresPerAddress: wide, RequestsPerPhone: wide, RequestsPerAddress: wide, Requests: wide,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	trail := audit.New(audit.Config{DB: db, Now: now, NewID: store.NewIDs(), Log: log, Keep: time.Hour})
	people := roster.New(roster.Config{DB: db, Now: now, NewID: store.NewIDs(), Log: log, Audit: trail, Zone: time.UTC})
	w.Services = Services{
		DB: db, Now: now, Auth: accounts, Roster: people,
		Training: training.New(training.Config{DB: db, Now: now, NewID: store.NewIDs(), NewSerial: training.RandomSerial, Scope: people.LoadScope, OnQualified: people.SetQualification}),
		Notify: notify.New(notify.Config{
			DB: db, Now: now, NewID: store.NewIDs(), Log: log, Catalogue: catalogue, Channel: notify.Disabled{}, Rand: func() float64 { return 0 },
		}),
		Register: func(token string) { w.tokens = append(w.tokens, token) },
	}
	if w.seeded, err = Seed(t.Context(), w.Services, responders); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) account(t *testing.T, phone string) *auth.Account {
	t.Helper()
	a, err := w.Auth.AccountByPhone(t.Context(), w.DB, phone)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestSeed(t *testing.T) {
	t.Parallel()
	const n = 500 // more than one atomic step
	w := seedWorld(t, n)
	want := Seeded{Districts: 1, Subdistricts: 10, Communities: 109, Responders: n, OnDuty: 485, Phones: w.seeded.Phones}
	if diff := cmp.Diff(want, *w.seeded); diff != "" {
		t.Error(diff)
	}
	if len(w.seeded.Phones) != want.OnDuty || len(w.tokens) != n {
		t.Errorf("%d phones on duty, %d tokens", len(w.seeded.Phones), len(w.tokens))
	}
	t.Run("those on duty are in Luohu, with a phone and a position of now", func(t *testing.T) {
		for _, c := range w.seeded.Phones {
			known, err := w.Roster.LoadPresences(t.Context(), w.DB, []string{c.ResponderID})
			if err != nil {
				t.Fatal(err)
			}
			devices, err := w.Notify.Devices(t.Context(), auth.Principal{AccountID: c.AccountID})
			if err != nil || len(devices) != 1 || !strings.HasPrefix(devices[0].Token, tokenPrefix) {
				t.Fatalf("devices of %s: %v, %v", c.AccountID, devices, err)
			}
			p := known[c.ResponderID]
			if p == nil || !p.RecordedAt.Equal(w.now) {
				t.Fatalf("presence of %s: %+v", c.ResponderID, p)
			}
			if at := p.Position; at.Latitude < 22.53 || at.Latitude > 22.62 || at.Longitude < 114.09 || at.Longitude > 114.21 {
				t.Errorf("%s is at %v", c.ResponderID, at)
			}
		}
	})
	t.Run("everybody is certified", func(t *testing.T) {
		for _, i := range []int{0, n / 2, n - fixedVolunteers - 1} {
			r, err := w.Roster.OfAccount(t.Context(), w.account(t, number(i)).ID)
			if err != nil {
				t.Fatal(err)
			}
			got, err := w.Training.Qualified(t.Context(), w.DB, []string{r.ID}, []string{dispatch.FirstResponderCourse}, w.now)
			if err != nil || !got[r.ID] {
				t.Errorf("responder %d: %v, %v", i, got, err)
			}
		}
	})
	t.Run("one off duty has no presence", func(t *testing.T) {
		r, err := w.Roster.OfAccount(t.Context(), w.account(t, number(offDutyEvery/2)).ID)
		if err != nil {
			t.Fatal(err)
		}
		known, err := w.Roster.LoadPresences(t.Context(), w.DB, []string{r.ID})
		if err != nil || len(known) != 0 || r.OnDutyAt(w.now) {
			t.Errorf("on duty: %t, presences %v, %v", r.OnDutyAt(w.now), known, err)
		}
	})
}

func TestSeedFixedAccounts(t *testing.T) {
	t.Parallel()
	w := seedWorld(t, fixedVolunteers)
	const luohu, guiyuan, liantang = "440303000000/", "440303000000/440303001000/", "440303000000/440303008000/"
	for phone, want := range map[string]auth.Grant{
		Admin: {Role: auth.RoleAdmin, UnitPath: luohu}, Dispatcher: {Role: auth.RoleDispatcher, UnitPath: guiyuan},
		Trainer:       {Role: auth.RoleTrainer, UnitPath: luohu},
		VolunteerWest: {Role: auth.RoleVolunteer, UnitPath: guiyuan}, VolunteerEast: {Role: auth.RoleVolunteer, UnitPath: liantang},
	} {
		account := w.account(t, phone)
		if diff := cmp.Diff([]auth.Grant{want}, account.Grants); diff != "" {
			t.Errorf("%s: %s", phone, diff)
		}
		r, err := w.Roster.OfAccount(t.Context(), account.ID)
		if volunteer := want.Role == auth.RoleVolunteer; volunteer != (err == nil && r.OnDutyAt(w.now)) {
			t.Errorf("%s on the roster: %+v, %v", phone, r, err)
		}
	}
}

func TestPeopleAreTheSameEveryTime(t *testing.T) {
	t.Parallel()
	units, err := divisions()
	if err != nil {
		t.Fatal(err)
	}
	phones := map[string]bool{}
	few, many := people(units, 200), people(units, 2000)
	for i, p := range many {
		if i < len(few) && (few[i].name != p.name || few[i].position != p.position || few[i].mode != p.mode || few[i].phone != p.phone) {
			t.Errorf("person %d is %+v among few, and %+v among many", i, few[i], p)
		}
		if e164, err := auth.ParsePhone(p.phone); err != nil || e164 != p.phone || phones[p.phone] {
			t.Errorf("phone %s: %v, seen before: %t", p.phone, err, phones[p.phone])
		}
		phones[p.phone] = true
	}
}

func TestPhoneOf(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]string{
		"demo-00000": "+8619900000000", "demo-01057": "+8619900001057", "demo-99999": "+8619900099999",
		"demo-100000": "", "demo--1": "", "demo-visitor-4": "", "demo-": "", "00001": "",
	} {
		if got, ok := phoneOf(token); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %t", token, got, ok)
		}
	}
}

func TestBeaconKeepsPositionsFresh(t *testing.T) {
	t.Parallel()
	w := seedWorld(t, 40)
	off := w.seeded.Phones[5]
	if _, err := w.Roster.SetAvailability(t.Context(), auth.Principal{AccountID: off.AccountID}, roster.SetAvailability{}); err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(w.seeded.Phones))
	for i, c := range w.seeded.Phones {
		ids[i] = c.ResponderID
	}
	before, err := w.Roster.LoadPresences(t.Context(), w.DB, ids)
	if err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(time.Hour)
	b := &Beacon{DB: w.DB, Now: w.Now, Roster: w.Roster, Phones: w.seeded.Phones, Log: slog.New(slog.DiscardHandler)}
	if err := b.Report(t.Context(), b.Phones); err != nil {
		t.Fatal(err)
	}
	after, err := w.Roster.LoadPresences(t.Context(), w.DB, ids)
	if err != nil {
		t.Fatal(err)
	}
	if len(after) != len(ids)-1 || after[off.ResponderID] != nil {
		t.Errorf("%d of %d have a presence; the one off duty: %v", len(after), len(ids), after[off.ResponderID])
	}
	for id, p := range after {
		if p.Position != before[id].Position || !p.RecordedAt.Equal(w.now) {
			t.Errorf("%s is at %v since %s", id, p.Position, p.RecordedAt)
		}
	}
}

func TestSeedTwiceFails(t *testing.T) {
	t.Parallel()
	w := seedWorld(t, 1)
	if _, err := Seed(t.Context(), w.Services, 1); fault.CodeOf(err) != fault.CodeConflict {
		t.Errorf("got %v", err)
	}
}
