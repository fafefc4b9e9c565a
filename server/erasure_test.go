package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/sqlite"
)

// traces is somebody of whom something is kept everywhere.
type traces struct {
	accountID, responderID, phone, number string
	position                              geo.Position
	words                                 []string // what tells of the person, in clear
}

// errDied is what a dead process's writes end with.
var errDied = errors.New("the process died")

// mortal is an engine that dies after some writes, as a process would between
// two commits.
type mortal struct {
	store.Engine
	left atomic.Int64
}

func (m *mortal) spend() error {
	if m.left.Add(-1) < 0 {
		return errDied
	}
	return nil
}

func (m *mortal) Insert(ctx context.Context, c *store.Spec, id string, doc bson.Raw) error {
	if err := m.spend(); err != nil {
		return err
	}
	return m.Engine.Insert(ctx, c, id, doc)
}

func (m *mortal) Replace(ctx context.Context, c *store.Spec, id string, rev int64, doc bson.Raw) error {
	if err := m.spend(); err != nil {
		return err
	}
	return m.Engine.Replace(ctx, c, id, rev, doc)
}

func (m *mortal) Delete(ctx context.Context, c *store.Spec, id string, rev int64) error {
	if err := m.spend(); err != nil {
		return err
	}
	return m.Engine.Delete(ctx, c, id, rev)
}

func (m *mortal) Atomically(ctx context.Context, fn func(store.Ops) error) error {
	if err := m.spend(); err != nil {
		return err
	}
	return m.Engine.Atomically(ctx, fn)
}

// live opens the app on a directory, for some writes, without workers.
func live(t *testing.T, dir string, writes int64, use func(*app)) {
	t.Helper()
	engine, err := sqlite.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	m := &mortal{Engine: engine}
	m.left.Store(writes)
	a, err := newApp(t.Context(), parts{
		engine: m, keyring: auth.NewKeyring(), channel: notify.Disabled{}, sender: noSender{}, newCode: auth.RandomCode,
		limits: wideLimits(), issuer: "i", audience: "a", zone: time.UTC, keep: usualPeriods(), log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.close(); err != nil {
			t.Error(err)
		}
	}()
	use(a)
}

const immortal = math.MaxInt64

// leaveTraces has somebody do everything, over HTTP where there is a way, and
// stops the server.
func leaveTraces(t *testing.T, dir string) (left traces) {
	lived := t.Run("a life", func(t *testing.T) {
		tw := newTown(t, func(p *parts) {
			if err := p.engine.Close(); err != nil {
				t.Fatal(err)
			}
			engine, err := sqlite.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			p.engine = engine
		})
		left = tw.leaveTraces(t)
	})
	if !lived {
		t.FailNow()
	}
	return left
}

func (tw *town) leaveTraces(t *testing.T) traces {
	t.Helper()
	a := tw.alerted(t)
	if err := a.SignIn(t.Context(), a.phone, a.code(t), "张三的旧手机"); err != nil {
		t.Fatal(err)
	}
	a.say(t, "acceptAlert")
	a.must(t, answering("withdrawAlert"), vars{"input": vars{"alertId": a.alertID, "reason": "我崴了脚", "idempotencyKey": "w"}})
	second := near(near(a.scene))
	tw.guiyuan.open(t, second)
	id := a.awaitAlert(t)
	a.must(t, answering("declineAlert"), vars{"input": vars{"alertId": id, "reason": "在医院输液", "idempotencyKey": "d"}})
	where := near(a.scene) // where it was, a few steps on
	where.Latitude += 0.0001
	a.must(t, reportPosition, positionReport(at(where)))
	tw.writeAbout(t, a)
	held, err := tw.app.training.Certificates(t.Context(), auth.Principal{AccountID: a.accountID}, a.responderID)
	if err != nil || len(held) != 1 {
		t.Fatalf("certificates %v, %v", held, err)
	}
	return traces{
		accountID: a.accountID, responderID: a.responderID, phone: a.phone, number: held[0].Number, position: where,
		words: []string{a.phone, "张三", "张三的旧手机", "我崴了脚", "在医院输液", "AED", "无故缺勤的张三"},
	}
}

// code asks for a sign-in code.
func (r *resident) code(t *testing.T) string {
	t.Helper()
	if err := r.RequestCode(t.Context(), r.phone); err != nil {
		t.Fatal(err)
	}
	return townCode
}

// writeAbout has staff read and write about the volunteer.
func (tw *town) writeAbout(t *testing.T, a *alerted) {
	t.Helper()
	boss := auth.Principal{AccountID: tw.admin.accountID}
	err := tw.app.audit.Read(t.Context(), boss, audit.ReadResponder, audit.Subject{ID: a.responderID, UnitPath: pathOf(guiyuanOne)})
	if err == nil {
		err = tw.app.db.Atomically(t.Context(), func(tx *store.Tx) error {
			return tw.app.audit.Changed(t.Context(), tx, boss, audit.Change{
				Action: audit.SuspendResponder, SubjectID: a.responderID, UnitPath: pathOf(guiyuanOne), Reason: "无故缺勤的张三",
			})
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// everything is all that is stored, as bytes.
func everything(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	engine, err := sqlite.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close() // it was only read
	target := t.TempDir()
	if err := engine.Export(t.Context(), target, "all"); err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	err = filepath.WalkDir(target, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".bson" {
			return err
		}
		all[strings.TrimSuffix(filepath.Base(path), ".bson")], err = os.ReadFile(path)
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("%d collections, %v", len(all), err)
	}
	return all
}

// found says in which collections the bytes are.
func found(all map[string][]byte, what []byte) (names []string) {
	for name, content := range all {
		if bytes.Contains(content, what) {
			names = append(names, name)
		}
	}
	return names
}

func (l traces) needles() map[string][]byte {
	needles := map[string][]byte{"the push token": []byte("phone-of-")}
	for _, w := range l.words {
		needles[w] = []byte(w)
	}
	needles["the latitude"] = binary.LittleEndian.AppendUint64(nil, math.Float64bits(l.position.Latitude))
	return needles
}

func TestErasureLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	left := leaveTraces(t, dir)
	before := everything(t, dir)
	for what, needle := range left.needles() {
		if len(found(before, needle)) == 0 {
			t.Errorf("%s is nowhere to begin with", what)
		}
	}
	owner := auth.Principal{AccountID: left.accountID}
	live(t, dir, immortal, func(a *app) {
		testCopy(t, a, left)
		if _, err := a.privacy.RunDue(t.Context()); err != nil { // the sweeps, so that they are not in the way
			t.Fatal(err)
		}
		if _, err := a.privacy.EraseOwn(t.Context(), owner, left.phone); err != nil {
			t.Fatal(err)
		}
	})
	lives := dieAndErase(t, dir, left.accountID)
	if lives < 5 {
		t.Errorf("it died %d times only", lives)
	}
	after := everything(t, dir)
	for what, needle := range left.needles() {
		if names := found(after, needle); len(names) > 0 {
			t.Errorf("%s is still in %v", what, names)
		}
	}
	for _, kept := range []string{left.accountID, left.responderID} { // what the law makes us keep
		for _, name := range []string{"alerts", "timeline"} {
			if !bytes.Contains(after[name], []byte(kept)) {
				t.Errorf("%s has forgotten that %s was there", name, kept)
			}
		}
	}
	live(t, dir, immortal, func(a *app) { testErased(t, a, left) })
}

// dieAndErase lets the server live for a few writes at a time, of which one makes
// the work due again and one claims it, until the erasure is done, and returns
// how often it died.
func dieAndErase(t *testing.T, dir, accountID string) (deaths int) {
	t.Helper()
	for done := false; !done; {
		if deaths > 200 {
			t.Fatal("it gets nowhere")
		}
		live(t, dir, 4+int64(deaths)/8, func(a *app) { // longer, if it is too short for a step
			if _, err := a.privacy.RunDue(t.Context()); errors.Is(err, errDied) {
				deaths++
			} else if err != nil {
				t.Fatal(err)
			}
			e, err := a.privacy.Erasure(t.Context(), accountID)
			if err != nil {
				t.Fatal(err)
			}
			done = !e.DoneAt.IsZero()
		})
	}
	return deaths
}

// testCopy looks whether all of it is in a copy, and nothing about others.
func testCopy(t *testing.T, a *app, left traces) {
	t.Helper()
	file, err := a.openPersonal(t.Context(), auth.Principal{AccountID: left.accountID}, "")
	var text bytes.Buffer
	if err == nil {
		err = file.write(&text)
	}
	if err != nil {
		t.Fatal(err)
	}
	contains(t, "the copy", text.String(), append(left.words, left.accountID, left.responderID, left.number, "phone-of", "READ_RESPONDER", "WITHDRAWN", "DECLINED")...)
	lacks(t, "the copy", text.String(), "phone-of-acc", "蔡屋围", "一人跌倒", "桂园调度员", "管理员")
	var got struct {
		Format    string                      `json:"format"`
		AccountID string                      `json:"accountId"`
		Sections  map[string][]map[string]any `json:"sections"`
	}
	if err := json.Unmarshal(text.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"account": 1, "sessions": 2, "devices": 1, "responder": 1, "presence": 1, "certificates": 1, "alerts": 2, "engagement": 1,
		"messages": 2, "auditEntries": 2,
	}
	for name, n := range want {
		if len(got.Sections[name]) != n {
			t.Errorf("the copy has %d of %s, want %d", len(got.Sections[name]), name, n)
		}
	}
	if len(got.Sections) != len(want) || got.Format != "muster.personal-data" || got.AccountID != left.accountID {
		t.Errorf("the copy is %s of %s with %d sections", got.Format, got.AccountID, len(got.Sections))
	}
	if where := got.Sections["presence"]; len(where) == 1 && dig(where[0], "position", "latitude") != left.position.Latitude {
		t.Errorf("the copy has another place: %v", where)
	}
}

// testErased looks at what is left from the outside.
func testErased(t *testing.T, a *app, left traces) {
	t.Helper()
	ctx := t.Context()
	account, err := a.auth.Account(ctx, left.accountID)
	if err != nil || !account.Erased() || !account.Suspended() || account.Name != "" || len(account.Grants) > 0 {
		t.Errorf("the account is %+v, %v", account, err)
	}
	if _, err := a.auth.AccountByPhone(ctx, a.db, left.phone); fault.CodeOf(err) != fault.CodeNotFound {
		t.Errorf("the phone still has an account: %v", err)
	}
	if _, err := a.training.Verify(ctx, left.number); fault.CodeOf(err) != fault.CodeNotFound {
		t.Errorf("the certificate can still be verified: %v", err)
	}
	r, err := a.roster.OfAccount(ctx, left.accountID)
	if err != nil || !r.Erased() || r.Status != "RETIRED" || r.UnitID != guiyuanOne || r.Duty.OnDuty {
		t.Errorf("the responder is %+v, %v", r, err)
	}
	if n, err := a.privacy.RunDue(ctx); err != nil { // again changes nothing
		t.Errorf("%d, %v", n, err)
	}
}
