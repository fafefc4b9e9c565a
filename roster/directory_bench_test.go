package roster

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/sqlite"
)

// rosterSize is how many responders the benchmarks have.
var rosterSize = flag.Int("roster", 100_000, "how many responders the benchmarks have")

const (
	surnames  = "王李张刘陈杨黄赵周吴徐孙马胡朱郭何罗高林郑梁谢唐许冯宋韩邓彭曹曾田于萧潘袁董叶杜丁蒋程余吕魏任卢单仇解区"
	givenName = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂文辉力红玉建国志华永春海燕小龙凤云飞雪梅林峰宇浩然子轩梓涵欣怡"
)

// madeUp is a responder that a seed makes up.
func madeUp(random *rand.Rand, i int) *Responder {
	pick := func(from string) string { all := []rune(from); return string(all[random.IntN(len(all))]) }
	unit := []string{eastOne, eastTwo, westOne}[random.IntN(3)]
	parent := unit[:9] + "000"
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(random.IntN(20_000)) * time.Hour)
	return &Responder{
		Meta: store.Meta{ID: fmt.Sprintf("rsp_%012d", i)}, AccountID: fmt.Sprintf("acc_%012d", i),
		Name: pick(surnames) + pick(givenName) + pick(givenName), Phone: fmt.Sprintf("+8613%09d", i),
		UnitID: unit, UnitPath: district + "/" + parent + "/" + unit + "/",
		Status: []Status{StatusActive, StatusActive, StatusActive, StatusSuspended, StatusApplied}[random.IntN(5)], StatusAt: at,
		TransportMode: transportModes[random.IntN(len(transportModes))], Equipment: []string{"AED"},
		Duty: Duty{OnDuty: random.IntN(2) == 0}, Consents: Agreed("1", at),
		Qualifications: []Qualification{{CourseID: "first-responder", Until: at.AddDate(2, 0, 0)}}, EnrolledAt: at,
	}
}

// populate puts so many made-up responders on the roster.
func (f *fixture) populate(tb testing.TB, n int) {
	tb.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	for begin := 0; begin < n; begin += 1000 {
		err := f.db.Atomically(tb.Context(), func(tx *store.Tx) error {
			for i := begin; i < min(n, begin+1000); i++ {
				if err := responders.Insert(tb.Context(), tx, madeUp(random, i)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// embedded is the store as the program has it, without what tests do to it.
func embedded(tb testing.TB) *store.DB {
	tb.Helper()
	engine, err := sqlite.Open(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	db, err := store.Open(tb.Context(), engine, definitions()...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkDirectory measures pages as the API gives them: found, loaded from
// the store, and written into the audit log (by another member of staff each
// time, in those called fresh; else they are known to have been read).
func BenchmarkDirectory(b *testing.B) {
	f := newFixtureOn(b, embedded(b))
	f.populate(b, *rosterSize)
	before := heap()
	begin := time.Now()
	if err := f.directory.current(b.Context(), f.db); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d responders: loaded in %s, %d bytes each", *rosterSize, time.Since(begin).Round(time.Millisecond), (heap()-before)/uint64(*rosterSize))
	staff := f.holder(b, auth.RoleDispatcher, district)
	yes := true
	byName := Sort{Key: SortName}
	course := func(state QualificationState) *QualificationFilter {
		return &QualificationFilter{CourseID: "first-responder", State: state, Before: f.clock.Now().AddDate(0, 1, 0)}
	}
	for _, c := range []struct {
		name   string
		filter Filter
		sort   Sort
	}{
		{"all", Filter{}, byName},
		{"descending", Filter{}, Sort{SortOrgUnit, true}},
		{"initials", Filter{Text: "zs"}, byName},
		{"part of the name", Filter{Text: "海燕"}, byName},
		{"nobody by characters", Filter{Text: "张三丰"}, byName},
		{"nobody by pinyin", Filter{Text: "zhangxq"}, Sort{Key: SortExpires}},
		{"nobody by many initials", Filter{Text: "zzzz"}, Sort{Key: SortOrgUnit}},
		{"nobody by phone", Filter{Text: "99999999"}, Sort{Key: SortEnrolledAt}},
		{"the last by phone", Filter{Text: fmt.Sprintf("%08d", *rosterSize-1)}, Sort{Key: SortOrgUnit}},
		{"nobody by status", Filter{Statuses: []Status{StatusRejected}}, byName},
		{"expiring, of those on duty", Filter{OnDuty: &yes, Qualification: course(QualificationExpiring)}, Sort{Key: SortExpires}},
		{"everything asked, nobody there", Filter{
			Text: "wang", Statuses: []Status{StatusActive}, OnDuty: &yes, Modes: []TransportMode{Car},
			Qualification: &QualificationFilter{CourseID: "none", State: QualificationValid},
		}, Sort{SortStatus, true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := f.FindResponders(b.Context(), staff, Search{district, c.filter, c.sort}, 50, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("deep, by cursor", func(b *testing.B) {
		p := standing{Number: int64(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()), ID: "x"}
		after := Sort{Key: SortEnrolledAt}.cursor(p)
		for b.Loop() {
			if _, err := f.FindResponders(b.Context(), staff, Search{district, Filter{}, Sort{Key: SortEnrolledAt}}, 50, after); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("fresh", func(b *testing.B) {
		actor := staff
		for i := 0; b.Loop(); i++ {
			actor.AccountID = fmt.Sprintf("acc_%d_%d", b.N, i)
			if _, err := f.FindResponders(b.Context(), actor, Search{district, Filter{}, byName}, 50, ""); err != nil {
				b.Fatal(err)
			}
			b.StopTimer() // the worker does this after the answer
			if _, err := f.audit.Enter().RunDue(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
	b.Run("counting", func(b *testing.B) {
		for b.Loop() {
			if _, err := f.CountResponders(b.Context(), staff, Search{district, Filter{Text: "zs"}, byName}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("taking in one who moves everywhere", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			r := madeUp(rand.New(rand.NewPCG(3, uint64(i))), i%*rosterSize)
			r.Rev = int64(i + 2)
			f.directory.apply(map[string]*listing{r.ID: listingOf(r)})
		}
	})
	b.Run("taking in 20000", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			random := rand.New(rand.NewPCG(4, uint64(i)))
			latest := map[string]*listing{}
			for j := range 20_000 {
				r := madeUp(random, *rosterSize+j)
				r.Rev = int64(i + 1)
				latest[r.ID] = listingOf(r)
			}
			f.directory.apply(latest)
		}
	})
}

// BenchmarkDirectoryAlone is without the store, for sizes that take long to
// fill one.
func BenchmarkDirectoryAlone(b *testing.B) {
	before, random := heap(), rand.New(rand.NewPCG(1, 2))
	all := make(map[string]*listing, *rosterSize)
	for i := range *rosterSize {
		r := madeUp(random, i)
		r.Rev = 1
		all[r.ID] = listingOf(r)
	}
	d := &directory{}
	d.empty()
	begin := time.Now()
	d.apply(all)
	took := time.Since(begin)
	all = nil
	b.Logf("%d responders: sorted in %s, %d bytes each", *rosterSize, took.Round(time.Millisecond), (heap()-before)/uint64(*rosterSize))
	now := time.Date(2026, 5, 12, 0, 0, 0, 0, time.UTC)
	for name, text := range map[string]string{"all": "", "initials": "zs", "nobody by pinyin": "zhangxq", "nobody by phone": "99999999"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				d.find(query{filter: Filter{Text: text}, phones: true, now: now}, Sort{Key: SortName}, nil, 50)
			}
		})
	}
}
