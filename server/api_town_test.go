package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/dispatch"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/notify/fcm"
	"github.com/musterhq/muster/notify/fcm/fcmtest"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/sqlite"
	"github.com/musterhq/muster/training"
)

// town is a whole server with a few people, of which tests see nothing but its
// address and what the push service got. One serves a group of tests: what they
// do lies kilometres apart (see scene).
type town struct {
	app  *app
	url  string
	http *http.Client
	fcm  *fcmtest.Server

	admin, guiyuan, liantang, trainer, nobody *resident

	scenes, phones atomic.Int64
}

// The town's org units and where they are.
const (
	luohuID    = "440303000000"
	guiyuanID  = "440303001000"
	liantangID = "440303008000"
	guiyuanOne = "440303001001" // the community in which all scenes are
	unknownID  = "440303099000"

	townCode = "135790" // every sign-in code
)

var (
	guiyuanCenter  = geo.Position{Latitude: 22.545, Longitude: 114.105}
	liantangCenter = geo.Position{Latitude: 22.562, Longitude: 114.175}
)

var townUnits = []roster.Unit{
	{Meta: store.Meta{ID: luohuID}, Name: "罗湖区", Level: roster.LevelDistrict, Path: luohuID + "/"},
	{Meta: store.Meta{ID: guiyuanID}, Name: "桂园街道", Level: roster.LevelSubdistrict, ParentID: luohuID, Path: luohuID + "/" + guiyuanID + "/"},
	{Meta: store.Meta{ID: liantangID}, Name: "莲塘街道", Level: roster.LevelSubdistrict, ParentID: luohuID, Path: luohuID + "/" + liantangID + "/"},
	{
		Meta: store.Meta{ID: guiyuanOne}, Name: "老围社区", Level: roster.LevelCommunity, ParentID: guiyuanID,
		Path: luohuID + "/" + guiyuanID + "/" + guiyuanOne + "/", Center: &guiyuanCenter,
	},
	{
		Meta: store.Meta{ID: "440303008001"}, Name: "坳下社区", Level: roster.LevelCommunity, ParentID: liantangID,
		Path: luohuID + "/" + liantangID + "/440303008001/", Center: &liantangCenter,
	},
}

// pathOf returns a unit's path.
func pathOf(unitID string) string {
	for _, u := range townUnits {
		if u.ID == unitID {
			return u.Path
		}
	}
	panic("no such unit: " + unitID)
}

// wideLimits leave room for the sign-ins of all tests, which come from one
// address.
func wideLimits() auth.Limits {
	wide := auth.Limit{N: 100_000, Per: time.Minute}
	return auth.Limits{
		FailuresPerPhone: wide, FailuresPerAddress: wide, RequestsPerPhone: wide, RequestsPerAddress: wide, Requests: wide,
	}
}

// newTown starts a server. change, if not nil, changes its parts before.
func newTown(t testing.TB, change func(*parts)) *town {
	t.Helper()
	tw := &town{fcm: newPushService(t), http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 20}}}
	t.Cleanup(tw.http.CloseIdleConnections)
	tw.app = tw.open(t, change)
	tw.serve(t)
	tw.settle(t)
	return tw
}

func newPushService(t testing.TB) *fcmtest.Server {
	t.Helper()
	s, err := fcmtest.New(fcmtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the push service: %v", err)
		}
	})
	return s
}

func (tw *town) open(t testing.TB, change func(*parts)) *app {
	t.Helper()
	channel, err := fcm.New(t.Context(), fcm.Config{
		CredentialsJSON: tw.fcm.CredentialsJSON(), ProjectID: tw.fcm.ProjectID(), Endpoint: tw.fcm.Endpoint(),
	})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := sqlite.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := parts{
		engine: engine, keyring: auth.NewKeyring(), channel: channel,
		sender:  auth.LogSender{Log: slog.New(slog.DiscardHandler)},
		newCode: func() (string, error) { return townCode, nil },
		limits:  wideLimits(), issuer: "https://muster.test", audience: "muster-test", zone: time.UTC, keep: usualPeriods(), log: slog.New(slog.DiscardHandler),
		web: web{maxStreams: 200},
	}
	if change != nil {
		change(&p)
	}
	a, err := newApp(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// serve does what app.serve does, on a test's server. Everything ends with the
// test.
func (tw *town) serve(t testing.TB) {
	t.Helper()
	if err := tw.app.tracker.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(tw.app.handler())
	tw.url = server.URL
	ctx, stop := context.WithCancel(context.Background())
	var working sync.WaitGroup
	working.Go(func() { tw.app.work(ctx) })
	t.Cleanup(func() {
		ending, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		err := tw.app.streams.Shutdown(ending)
		server.Close()
		stop()
		working.Wait()
		if err := errors.Join(err, tw.app.close()); err != nil {
			t.Errorf("closing the town: %v", err)
		}
	})
}

// settle fills the town: its units, what its policies ask for, and staff.
func (tw *town) settle(t testing.TB) {
	t.Helper()
	ctx, a := t.Context(), tw.app
	course := training.NewCourse{
		ID: dispatch.FirstResponderCourse, Name: training.Name{Chinese: "应急第一响应人", English: "First responder"}, ValidityMonths: 24,
	}
	_, err := a.training.AddCourse(ctx, a.db, course)
	err = errors.Join(err, a.roster.ImportUnits(ctx, townUnits))
	for _, typ := range dispatch.IncidentTypes() {
		p := dispatch.DefaultPolicy(typ)
		p.AnswerTimeout = 10 * time.Minute // whatever the machine is busy with
		err = errors.Join(err, a.dispatch.SetPolicy(ctx, typ, p))
	}
	if err != nil {
		t.Fatal(err)
	}
	tw.admin = tw.newResident(t, "管理员", auth.RoleAdmin, luohuID)
	tw.guiyuan = tw.newResident(t, "桂园调度员", auth.RoleDispatcher, guiyuanID)
	tw.liantang = tw.newResident(t, "莲塘调度员", auth.RoleDispatcher, liantangID)
	tw.trainer = tw.newResident(t, "教官", auth.RoleTrainer, luohuID)
	tw.nobody = tw.newResident(t, "无名", "", "")
}

// resident is somebody who has signed in.
type resident struct {
	*client.Client
	tw          *town
	name        string
	phone       string
	accountID   string
	responderID string // "" if not on the roster
	token       string // of the push service
}

// newResident makes an account, with a role unless that is "", and signs it in.
func (tw *town) newResident(t testing.TB, name string, role auth.Role, unitID string) *resident {
	t.Helper()
	r := &resident{tw: tw, name: name, phone: fmt.Sprintf("+86139000%05d", tw.phones.Add(1))}
	n := auth.NewAccount{Phone: r.phone, Name: name, Locale: locale.Chinese}
	if role != "" {
		n.Grants = []auth.Grant{{Role: role, UnitPath: pathOf(unitID)}}
	}
	account, err := tw.app.auth.CreateAccount(t.Context(), tw.app.db, n)
	if err != nil {
		t.Fatal(err)
	}
	r.accountID = account.ID
	r.Client = r.speaking(t, "en")
	return r
}

// speaking signs the resident in once more, in another language.
func (r *resident) speaking(t testing.TB, tag string) *client.Client {
	t.Helper()
	c := r.tw.client(tag)
	if err := errors.Join(c.RequestCode(t.Context(), r.phone), c.SignIn(t.Context(), r.phone, townCode, "test")); err != nil {
		t.Fatal(err)
	}
	return c
}

// client is one that nobody has signed in on.
func (tw *town) client(tag string) *client.Client {
	return client.New(tw.url, client.Options{HTTP: tw.http, Locale: tag})
}

// newVolunteer is a responder of the unit, certified, with a phone, and on duty
// at a place.
func (tw *town) newVolunteer(t testing.TB, unitID string, at geo.Position) *resident {
	t.Helper()
	r := tw.newResident(t, "张三", auth.RoleVolunteer, unitID)
	r.token = "phone-of-" + r.accountID
	tw.fcm.Register(r.token)
	ctx, a := t.Context(), tw.app
	err := a.db.Atomically(ctx, func(tx *store.Tx) error {
		enrolled, err := a.roster.Enrol(ctx, tx, roster.NewResponder{
			AccountID: r.accountID, Name: "张三", Phone: r.phone, UnitID: unitID, Status: roster.StatusActive,
			TransportMode: roster.OnFoot, Equipment: []string{"AED"}, Consents: roster.Agreed("1", store.Now()),
		})
		if err != nil {
			return err
		}
		r.responderID = enrolled.ID
		err = a.roster.Place(ctx, tx, enrolled, roster.PositionReport{Position: at, AccuracyMeters: 10, RecordedAt: store.Now()})
		if err != nil {
			return err
		}
		_, err = a.training.Issue(ctx, tx, training.NewCertificate{ // last, because it changes the responder
			ResponderID: r.responderID, HolderName: "张三", CourseID: dispatch.FirstResponderCourse, IssuedAt: store.Now().AddDate(0, -1, 0),
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r.must(t, registerDevice, vars{"input": vars{"token": r.token, "platform": "ANDROID", "locale": "zh-CN", "appVersion": "1"}})
	return r
}

// scene is a place of its own, further from all others than any dispatch
// searches. All scenes belong to the community guiyuanOne, whose centre is
// nearest.
func (tw *town) scene() geo.Position {
	const apart = 0.05 // degrees of longitude, 5 km
	return geo.Position{Latitude: guiyuanCenter.Latitude, Longitude: guiyuanCenter.Longitude - apart*float64(tw.scenes.Add(1))}
}

// near is a place about 110 m from another.
func near(p geo.Position) geo.Position {
	p.Latitude += 0.001
	return p
}

// pushes returns what the push service took for the resident's phone.
func (r *resident) pushes() []fcmtest.Message {
	var got []fcmtest.Message
	for _, d := range r.tw.fcm.Accepted() {
		if d.Message.Token == r.token {
			got = append(got, d.Message)
		}
	}
	return got
}
