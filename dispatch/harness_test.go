package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/storetest"
	"github.com/musterhq/muster/training"
)

// The town's tree: a district with two subdistricts, and a neighbour district.
const (
	district  = "440303000000"
	guiyuan   = "440303001000" // the home subdistrict
	home      = "440303001001" // its community, whose centre is the origin
	liantang  = "440303002000"
	foreign   = "440303002001" // a community of liantang, 3 km to the east
	neighbour = "440304000000"
	beyond    = "440304001001" // a community of the neighbour, 30 km to the east
)

const (
	districtPath = district + "/"
	guiyuanPath  = districtPath + guiyuan + "/"
	homePath     = guiyuanPath + home + "/"
	liantangPath = districtPath + liantang + "/"
	foreignPath  = liantangPath + foreign + "/"
)

var origin = geo.Position{Latitude: 22.54, Longitude: 114.11}

// at is the place so many metres north and east of the origin.
func at(north, east float64) geo.Position {
	degree := geo.EarthRadius * math.Pi / 180
	return geo.Position{
		Latitude:  origin.Latitude + north/degree,
		Longitude: origin.Longitude + east/degree/math.Cos(origin.Latitude*math.Pi/180),
	}
}

func units() []roster.Unit {
	unit := func(id, parent, path string, level roster.Level, center *geo.Position) roster.Unit {
		return roster.Unit{Meta: store.Meta{ID: id}, Name: id, Level: level, ParentID: parent, Path: path, Center: center}
	}
	here, east, far := origin, at(0, 3000), at(0, 30_000)
	return []roster.Unit{
		unit(district, "", districtPath, roster.LevelDistrict, nil),
		unit(guiyuan, district, guiyuanPath, roster.LevelSubdistrict, nil),
		unit(home, guiyuan, homePath, roster.LevelCommunity, &here),
		unit(liantang, district, liantangPath, roster.LevelSubdistrict, nil),
		unit(foreign, liantang, foreignPath, roster.LevelCommunity, &east),
		unit(neighbour, "", neighbour+"/", roster.LevelDistrict, nil),
		unit("440304001000", neighbour, neighbour+"/440304001000/", roster.LevelSubdistrict, nil),
		unit(beyond, "440304001000", neighbour+"/440304001000/"+beyond+"/", roster.LevelCommunity, &far),
	}
}

// tb is what the town asks of a test: of testing's, or of rapid's.
type tb interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Context() context.Context
}

// world is what outlives a process: the database, the phones and the time.
type world struct {
	t      tb
	db     *store.DB
	phones *phones
	clock  *storetest.Clock

	mu  sync.Mutex
	ids int
	// onID, if not nil, is told of every id that is drawn.
	onID func()
}

// town is a process that serves a small town, and those who live there.
type town struct {
	*Service
	*world
	staff auth.Principal
	names map[string]string // of responders, by id
}

var began = time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)

// begin returns a town on a fresh database, in which nobody lives yet.
func begin(t *testing.T) *town {
	t.Helper()
	return settled(t, storetest.Open(t, definitions()...))
}

func definitions() []store.Definition {
	defs := []store.Definition{store.Steps}
	for _, part := range [][]store.Definition{audit.Collections(), roster.Collections(), training.Collections(), notify.Collections(), Collections()} {
		defs = append(defs, part...)
	}
	return defs
}

func settled(t tb, db *store.DB) *town {
	t.Helper()
	w := &world{t: t, db: db, phones: &phones{}, clock: storetest.NewClock(began)}
	v := &town{world: w, staff: dispatcher("staff", guiyuanPath), names: map[string]string{}}
	v.restart()
	must(t, v.Roster.ImportUnits(t.Context(), units()))
	_, err := v.Training.AddCourse(t.Context(), db, training.NewCourse{
		ID: FirstResponderCourse, Name: training.Name{Chinese: "第一响应人"}, ValidityMonths: 24,
	})
	must(t, err)
	v.phone(v.staff)
	return v
}

// restart puts a new process in the place of the one there was, which kept
// nothing.
func (v *town) restart() {
	v.t.Helper()
	v.Service = v.process()
	v.refresh()
}

// process returns the services of another process on the same database.
func (w *world) process() *Service {
	w.t.Helper()
	return w.processWith(w.phones)
}

// processWith is process with another push service.
func (w *world) processWith(channel notify.Channel) *Service {
	w.t.Helper()
	catalogue, err := locale.New()
	must(w.t, err)
	log := slog.New(slog.DiscardHandler)
	trail := audit.New(audit.Config{DB: w.db, Now: w.clock.Now, NewID: w.id, Log: log, Keep: time.Hour})
	var s *Service
	people := roster.New(roster.Config{
		DB: w.db, Now: w.clock.Now, NewID: w.id, Log: log, Audit: trail, Zone: time.UTC,
		OffDuty: func(ctx context.Context, tx *store.Tx, r *roster.Responder) error { return s.LeaveDuty(ctx, tx, r) },
		Refile:  Refilers(w.db),
	})
	s = New(Config{
		DB: w.db, Now: w.clock.Now, NewID: w.id, Log: log,
		Roster: people, Tracker: roster.NewTracker(w.db, log), Audit: trail,
		Training: training.New(training.Config{
			DB: w.db, Now: w.clock.Now, NewID: w.id, NewSerial: training.RandomSerial, Scope: people.LoadScope,
		}),
		Notify: notify.New(notify.Config{
			DB: w.db, Now: w.clock.Now, NewID: w.id, Log: log, Catalogue: catalogue, Channel: channel,
			Rand: func() float64 { return 0.5 },
			OnSent: func(ctx context.Context, tx *store.Tx, m *notify.Message) error {
				return s.Pushed(ctx, tx, m.Subject)
			},
		}),
	})
	return s
}

// id draws ids that sort by the order of their making.
func (w *world) id(prefix string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	if w.onID != nil {
		w.onID()
	}
	return fmt.Sprintf("%s_%06d", prefix, w.ids)
}

// phones is the push service, and all phones that it reaches.
type phones struct {
	mu     sync.Mutex
	pushes []notify.Push
}

func (p *phones) Send(_ context.Context, push notify.Push) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pushes = append(p.pushes, push)
	return fmt.Sprintf("push/%d", len(p.pushes)), nil
}

// to lists the pushes to a phone, in their order.
func (p *phones) to(token string) []notify.Push {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []notify.Push
	for _, push := range p.pushes {
		if push.Token == token {
			list = append(list, push)
		}
	}
	return list
}

func must(t tb, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func volunteer(name string) auth.Principal {
	return auth.Principal{AccountID: "acc_" + name, SessionID: "ses_" + name}
}

func with(role auth.Role, name, path string) auth.Principal {
	p := volunteer(name)
	p.Grants = []auth.Grant{{Role: role, UnitPath: path}}
	return p
}

func dispatcher(name, path string) auth.Principal { return with(auth.RoleDispatcher, name, path) }

// phone registers a phone of the account, whose token is the account's id.
func (v *town) phone(actor auth.Principal) {
	v.t.Helper()
	_, err := v.Notify.RegisterDevice(v.t.Context(), actor, notify.DeviceInput{
		Token: actor.AccountID, Platform: notify.Android, Locale: locale.English,
	})
	must(v.t, err)
}

// person is who is to live in the town.
type person struct {
	name   string
	unit   string
	place  geo.Position
	by     roster.TransportMode
	status roster.Status
	// certified is when the certificate was issued; zero for none.
	certified time.Time
	offDuty   bool
	until     *time.Time
}

// responder has somebody move in: a certified walker of the home community, on
// duty so many metres north of the origin, with a phone; changed as asked for.
func (v *town) responder(name string, north float64, changes ...func(*person)) string {
	v.t.Helper()
	p := v.person(name, north, changes)
	id := v.enrol(v.db, p)
	v.phone(volunteer(name))
	if !p.offDuty {
		v.onDuty(name, p.until)
		v.stand(name, p.place)
	}
	return id
}

// crew has many move in at once, 10 m after each other; they have no phones.
func (v *town) crew(n int, changes ...func(*person)) {
	v.t.Helper()
	people := make([]person, n)
	for k := range people {
		people[k] = v.person(fmt.Sprintf("crew %03d", k), 10*float64(k), changes)
	}
	must(v.t, v.db.Atomically(v.t.Context(), func(tx *store.Tx) error {
		for _, p := range people {
			v.enrol(tx, p)
		}
		return nil
	}))
	for _, p := range people {
		v.onDuty(p.name, nil)
		v.stand(p.name, p.place)
	}
	v.refresh()
}

func (v *town) person(name string, north float64, changes []func(*person)) person {
	p := person{
		name: name, unit: home, place: at(north, 0), by: roster.OnFoot,
		status: roster.StatusActive, certified: v.clock.Now(),
	}
	for _, change := range changes {
		change(&p)
	}
	return p
}

func (v *town) enrol(on store.Conn, p person) string {
	v.t.Helper()
	ctx := v.t.Context()
	r, err := v.Roster.Enrol(ctx, on, roster.NewResponder{
		AccountID: volunteer(p.name).AccountID, Name: p.name, Phone: "+8613800000000", UnitID: p.unit, Status: p.status, TransportMode: p.by,
		Consents: roster.Agreed("1", v.clock.Now()),
	})
	must(v.t, err)
	v.names[r.ID] = p.name
	if p.certified.IsZero() {
		return r.ID
	}
	_, err = v.Training.Issue(ctx, on, training.NewCertificate{
		ResponderID: r.ID, HolderName: p.name, CourseID: FirstResponderCourse, IssuedAt: p.certified,
	})
	must(v.t, err)
	return r.ID
}

func (v *town) onDuty(name string, until *time.Time) {
	v.t.Helper()
	_, err := v.Roster.SetAvailability(v.t.Context(), volunteer(name), roster.SetAvailability{OnDuty: true, Until: until})
	must(v.t, err)
}

// stand has the responder report where it is.
func (v *town) stand(name string, p geo.Position) {
	v.t.Helper()
	_, err := v.Roster.ReportPosition(v.t.Context(), volunteer(name), roster.PositionReport{
		Position: p, AccuracyMeters: 10, RecordedAt: v.clock.Now(),
	})
	must(v.t, err)
}

// row has n walkers move in, named from "a" on, a metre after each other from
// 50 m on: so near that up to eleven of them arrive equally soon, and come in
// the order of their names as long as none was alerted before.
func (v *town) row(n int) []string {
	v.t.Helper()
	names := make([]string, n)
	for i := range names {
		names[i] = string(rune('a' + i))
		v.responder(names[i], 50+float64(i))
	}
	v.refresh()
	return names
}

// refresh lets the tracker see the roster as it is.
func (v *town) refresh() {
	v.t.Helper()
	must(v.t, v.Tracker.Load(v.t.Context()))
}

// policy changes the policy of medical emergencies, which report reports.
func (v *town) policy(change func(*Policy)) {
	v.t.Helper()
	p := DefaultPolicy(Medical)
	change(&p)
	must(v.t, v.SetPolicy(v.t.Context(), Medical, p))
}

// report has staff report a medical emergency at the origin, changed as asked
// for.
func (v *town) report(changes ...func(*Report)) *Incident {
	v.t.Helper()
	i, err := v.Report(v.t.Context(), v.staff, reported(changes...))
	must(v.t, err)
	return i
}

func reported(changes ...func(*Report)) Report {
	in := Report{Type: Medical, Severity: LevelIII, Position: origin, Address: "Renmin South Road 1001", Description: "fell down the stairs"}
	for _, change := range changes {
		change(&in)
	}
	return in
}

// run does all that is due, and sends all that is queued.
func (v *town) run() {
	v.t.Helper()
	for {
		_, err := v.Roster.TurnDuties().RunDue(v.t.Context())
		must(v.t, err)
		steps, err := v.RunDue(v.t.Context())
		must(v.t, err)
		sent, err := v.Notify.RunDue(v.t.Context())
		must(v.t, err)
		if steps+sent == 0 {
			return
		}
	}
}

// after lets time pass, and does what is due then.
func (v *town) after(d time.Duration) {
	v.t.Helper()
	v.clock.Advance(d)
	v.run()
}

type verb func(*Service, context.Context, auth.Principal, Answer) (*Alert, error)

// verbs are the answers, by the state that each leads to.
var verbs = map[State]verb{
	Delivered: (*Service).Acknowledge,
	Accepted:  (*Service).Accept,
	Declined:  (*Service).Decline,
	EnRoute:   (*Service).SetOff,
	OnScene:   (*Service).Arrive,
	Completed: (*Service).Complete,
	Withdrawn: (*Service).Withdraw,
}

// answer has the named responders answer their alerts of the incident.
func (v *town) answer(i *Incident, s State, names ...string) {
	v.t.Helper()
	for _, name := range names {
		_, err := v.try(i, s, name)
		if err != nil {
			v.t.Fatalf("%s → %s: %v", name, s, err)
		}
	}
}

func (v *town) try(i *Incident, s State, name string) (*Alert, error) {
	v.t.Helper()
	return verbs[s](v.Service, v.t.Context(), volunteer(name), Answer{AlertID: v.alert(i, name).ID})
}

// alert returns the responder's alert of the incident.
func (v *town) alert(i *Incident, name string) *Alert {
	v.t.Helper()
	for _, a := range v.alerts(i) {
		if a.Name == name {
			return a
		}
	}
	v.t.Fatalf("%s was not alerted; %v were", name, v.states(i))
	return nil
}

// alerts returns all alerts of the incident, in their order.
func (v *town) alerts(i *Incident) []*Alert {
	v.t.Helper()
	var list []*Alert
	for a, err := range alerts.All(v.t.Context(), v.db, store.Where(store.Eq("dispatchId", i.DispatchID)).Sort("number")) {
		must(v.t, err)
		list = append(list, a)
	}
	return list
}

// states returns where the alerts of the incident stand, by responder.
func (v *town) states(i *Incident) map[string]State {
	v.t.Helper()
	states := map[string]State{}
	for _, a := range v.alerts(i) {
		states[a.Name] = a.State
	}
	return states
}

// alerted lists who was alerted, in the order in which they were.
func (v *town) alerted(i *Incident) []string {
	v.t.Helper()
	var names []string
	for _, a := range v.alerts(i) {
		names = append(names, a.Name)
	}
	return names
}

func (v *town) dispatchOf(i *Incident) *Dispatch {
	v.t.Helper()
	d, err := dispatches.Get(v.t.Context(), v.db, i.DispatchID)
	must(v.t, err)
	return d
}

// decisionsOf returns the dispatch's log.
func (v *town) decisionsOf(i *Incident) []*Decision {
	v.t.Helper()
	var list []*Decision
	for d, err := range decisions.All(v.t.Context(), v.db, store.Where(store.Eq("dispatchId", i.DispatchID)).Sort("number")) {
		must(v.t, err)
		list = append(list, d)
	}
	return list
}

// decided lists the kinds of decisions, without those about single responders.
func (v *town) decided(i *Incident) []DecisionKind {
	v.t.Helper()
	var kinds []DecisionKind
	for _, d := range v.decisionsOf(i) {
		if d.ResponderID == "" {
			kinds = append(kinds, d.Kind)
		}
	}
	return kinds
}

// excluded lists why each responder was passed over, in the order of the log.
func (v *town) excluded(i *Incident) map[string][]Exclusion {
	v.t.Helper()
	reasons := map[string][]Exclusion{}
	for _, d := range v.decisionsOf(i) {
		if d.Kind == DecidedExclude {
			reasons[v.names[d.ResponderID]] = append(reasons[v.names[d.ResponderID]], d.Reason)
		}
	}
	return reasons
}

// heard lists the classes of the pushes that reached the account's phone.
func (v *town) heard(name string) []notify.Class {
	var classes []notify.Class
	for _, push := range v.phones.to(volunteer(name).AccountID) {
		classes = append(classes, push.Class)
	}
	return classes
}
