package roster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/store"
)

// TestDirectoryAnswersAsTheDocumentsDo compares pages with what a slow search of
// all documents finds, while the roster changes.
func TestDirectoryAnswersAsTheDocumentsDo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(0, 6).Draw(rt, "changes") {
			n++
			f.meddle(t, rt, n)
		}
		f.clock.Advance(time.Duration(rapid.IntRange(0, 90).Draw(rt, "minutes")) * time.Minute)
		in := Search{
			UnitID: rapid.SampledFrom([]string{district, east, eastOne, westOne}).Draw(rt, "unit"),
			Filter: drawFilter(rt, f.clock.Now()),
			Sort:   Sort{rapid.SampledFrom(sortKeys).Draw(rt, "sort"), rapid.Bool().Draw(rt, "descending")},
		}
		want := f.slowSearch(t, in)
		size := rapid.IntRange(1, 10).Draw(rt, "page")
		got := f.pages(t, in, size, func(int) {})
		if diff := gocmp.Diff(want, got); diff != "" {
			rt.Fatalf("%+v (-want +got):\n%s", in, diff)
		}
		if count, err := f.CountResponders(t.Context(), f.holder(t, auth.RoleDispatcher, district), in); err != nil || count != len(want) {
			rt.Fatalf("counted %d, %v; there are %d", count, err, len(want))
		}
	})
}

// meddle adds, changes or removes somebody.
func (f *fixture) meddle(t *testing.T, rt *rapid.T, n int) {
	ctx := t.Context()
	id := fmt.Sprintf("rsp_%02d", rapid.IntRange(0, 30).Draw(rt, "who"))
	r := f.drawResponder(rt, n)
	r.ID = id
	known, err := responders.GetMany(ctx, f.db, []string{id})
	if err != nil {
		t.Fatal(err)
	}
	old := known[id]
	switch {
	case old == nil:
		err = responders.Insert(ctx, f.db, r)
	case rapid.IntRange(0, 4).Draw(rt, "deleted") == 0:
		err = responders.Delete(ctx, f.db, old)
	default:
		r.Rev = old.Rev
		err = responders.Replace(ctx, f.db, r)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) drawResponder(rt *rapid.T, n int) *Responder {
	unit := rapid.SampledFrom([]string{eastOne, eastTwo, westOne, east}).Draw(rt, "home")
	team := rapid.SampledFrom([]string{"", eastOne, westOne}).Draw(rt, "team")
	r := &Responder{
		AccountID: fmt.Sprint("acc_", n), UnitID: unit, UnitPath: pathIn(unit),
		Name:          rapid.SampledFrom([]string{"张三", "张山", "章三", "单飞", "山飞", "John Smith", "吕布", "解放", "Ann 张"}).Draw(rt, "name"),
		Phone:         fmt.Sprintf("+861380000%04d", rapid.IntRange(0, 20).Draw(rt, "phone")),
		Status:        rapid.SampledFrom(sortedStatuses).Draw(rt, "status"),
		TransportMode: rapid.SampledFrom(transportModes).Draw(rt, "mode"),
		EnrolledAt:    f.clock.Now().Add(-time.Duration(rapid.IntRange(0, 5).Draw(rt, "enrolled")) * time.Hour),
		Duty:          Duty{OnDuty: rapid.Bool().Draw(rt, "duty")},
	}
	if team != "" {
		r.Memberships = []Membership{{UnitID: team, UnitPath: pathIn(team)}}
	}
	if minutes := rapid.IntRange(-1, 100).Draw(rt, "until"); r.Duty.OnDuty && minutes > 0 {
		r.Duty.Until = f.clock.Now().Add(time.Duration(minutes) * time.Minute)
	}
	for _, course := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"first", "second"}), 0, 2, rapid.ID).Draw(rt, "courses") {
		until := f.clock.Now().Add(time.Duration(rapid.IntRange(-2, 4).Draw(rt, "ends")) * time.Hour)
		r.Qualifications = append(r.Qualifications, Qualification{course, until})
	}
	return r
}

func pathIn(unit string) string {
	switch unit {
	case district:
		return district + "/"
	case east, west:
		return district + "/" + unit + "/"
	default:
		return district + "/" + unit[:9] + "000/" + unit + "/"
	}
}

func drawFilter(rt *rapid.T, now time.Time) Filter {
	var f Filter
	f.Text = rapid.SampledFrom([]string{"", "", " ", "zs", "张", "san", "shan", "fei", "001", "0012", "smith", "lv", "xie", "·"}).Draw(rt, "text")
	if rapid.Bool().Draw(rt, "by status") {
		f.Statuses = rapid.SliceOfN(rapid.SampledFrom(sortedStatuses), 0, 3).Draw(rt, "statuses")
	}
	if rapid.Bool().Draw(rt, "by duty") {
		on := rapid.Bool().Draw(rt, "on duty")
		f.OnDuty = &on
	}
	if rapid.Bool().Draw(rt, "by mode") {
		f.Modes = rapid.SliceOfN(rapid.SampledFrom(transportModes), 0, 3).Draw(rt, "modes")
	}
	if rapid.Bool().Draw(rt, "by course") {
		f.Qualification = &QualificationFilter{
			CourseID: rapid.SampledFrom([]string{"first", "second", "none"}).Draw(rt, "course"),
			State:    rapid.SampledFrom([]QualificationState{QualificationValid, QualificationMissing, QualificationExpiring}).Draw(rt, "state"),
			Before:   now.Add(2 * time.Hour),
		}
	}
	return f
}

// pages goes through all pages and returns the ids. After each it calls turn
// with the number of pages that were read.
func (f *fixture) pages(t *testing.T, in Search, size int, turn func(page int)) []string {
	t.Helper()
	ids, after := []string{}, ""
	for n := 1; ; n++ {
		page, err := f.FindResponders(t.Context(), f.holder(t, auth.RoleDispatcher, district), in, size, after)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Items {
			ids = append(ids, r.ID)
		}
		if !page.HasNext {
			return ids
		}
		after = page.EndCursor
		turn(n)
	}
}

// slowSearch asks every document.
func (f *fixture) slowSearch(t *testing.T, in Search) []string {
	t.Helper()
	var found []*Responder
	for r, err := range responders.All(t.Context(), f.db, store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if slowMatches(r, in.Filter, pathIn(in.UnitID), f.clock.Now()) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *Responder) int {
		order := cmp.Or(slowCompare(a, b, in.Sort.Key), cmp.Compare(a.ID, b.ID))
		if in.Sort.Descending {
			return -order
		}
		return order
	})
	ids := make([]string, len(found))
	for i, r := range found {
		ids[i] = r.ID
	}
	return ids
}

func slowMatches(r *Responder, f Filter, path string, now time.Time) bool {
	text := strings.TrimSpace(f.Text)
	digits := strings.Trim(text, "0123456789") == "" && len(text) >= 3
	return slices.ContainsFunc(r.UnitPaths(), func(p string) bool { return strings.HasPrefix(p, path) }) &&
		(f.Statuses == nil || slices.Contains(f.Statuses, r.Status)) &&
		(f.Modes == nil || slices.Contains(f.Modes, r.TransportMode)) &&
		(f.OnDuty == nil || *f.OnDuty == r.OnDutyAt(now)) &&
		(f.Qualification == nil || slowQualified(r, *f.Qualification, now)) &&
		(text == "" || digits && strings.HasSuffix(r.Phone, text) || slowFinds(r.Name, text))
}

func slowQualified(r *Responder, f QualificationFilter, now time.Time) bool {
	var until time.Time
	for _, q := range r.Qualifications {
		if q.CourseID == f.CourseID {
			until = q.Until
		}
	}
	switch valid := until.After(now); f.State {
	case QualificationMissing:
		return !valid
	case QualificationExpiring:
		return valid && until.Before(f.Before)
	default:
		return valid
	}
}

func slowCompare(a, b *Responder, by SortKey) int {
	names := cmp.Compare(nameKey(fold(a.Name)), nameKey(fold(b.Name)))
	switch by {
	case SortName:
		return names
	case SortOrgUnit:
		return cmp.Or(cmp.Compare(a.UnitPath, b.UnitPath), names)
	case SortStatus:
		return cmp.Or(cmp.Compare(slices.Index(sortedStatuses, a.Status), slices.Index(sortedStatuses, b.Status)), names)
	case SortEnrolledAt:
		return a.EnrolledAt.Compare(b.EnrolledAt)
	}
	first := func(r *Responder) time.Time {
		ends := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
		for _, q := range r.Qualifications {
			if q.Until.Before(ends) {
				ends = q.Until
			}
		}
		return ends
	}
	return first(a).Compare(first(b))
}

// TestPagesSkipNobodyWhoStays changes others between the pages: they move to
// all sides of where the reader is, come and go.
func TestPagesSkipNobodyWhoStays(t *testing.T) {
	t.Parallel()
	for _, key := range sortKeys {
		for _, descending := range []bool{false, true} {
			t.Run(fmt.Sprint(key, descending), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t)
				f.populate(t, 60)
				in := Search{UnitID: district, Sort: Sort{key, descending}}
				var stay []string
				for i := 1; i < 60; i += 2 {
					stay = append(stay, fmt.Sprintf("rsp_%012d", i))
				}
				got := f.pages(t, in, 7, func(page int) { f.shake(t, page) })
				seen := map[string]int{}
				for _, id := range got {
					seen[id]++
				}
				for _, id := range stay {
					if seen[id] != 1 {
						t.Errorf("%s was shown %d times", id, seen[id])
					}
				}
			})
		}
	}
}

// shake changes everything about those with an even number.
func (f *fixture) shake(t *testing.T, page int) {
	t.Helper()
	for i := 0; i < 60; i += 2 {
		names := []string{"啊", "张三", "祖宗", "Zed"}
		_, err := responders.Change(t.Context(), f.db, fmt.Sprintf("rsp_%012d", i), func(r *Responder) error {
			r.Name, r.UnitPath = names[(page+i)%4], pathIn([]string{eastOne, westOne, east}[(page+i)%3])
			r.Status, r.Qualifications = sortedStatuses[(page+i)%5], []Qualification{{"first-responder", f.clock.Now().AddDate(page-i, 0, 0)}}
			r.EnrolledAt = f.clock.Now().AddDate(0, 0, i-10*page)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	extra := &Responder{Meta: store.Meta{ID: fmt.Sprint("rsp_", page)}, AccountID: fmt.Sprint("new", page), Name: "新", UnitPath: pathIn(eastOne), Status: StatusActive}
	if err := responders.Insert(t.Context(), f.db, extra); err != nil {
		t.Fatal(err)
	}
}

func TestDirectoryLoadsAfreshWhenItHasMissedChanges(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.populate(t, 10)
	in := Search{UnitID: district, Sort: Sort{Key: SortName}}
	f.pages(t, in, 10, func(int) {})
	f.directory.feed.Close()
	f.directory.feed = f.db.Watch(1, responders)
	f.enrol(t, "one", eastOne)
	f.enrol(t, "two", eastOne)
	if got := f.pages(t, in, 100, func(int) {}); len(got) != 12 {
		t.Errorf("there are %d, want 12", len(got))
	}
}

func TestDirectoryLoadsAgainAfterAFailure(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.populate(t, 3)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.directory.current(over, f.db); err == nil {
		t.Fatal("it loaded in no time")
	}
	if got := f.pages(t, Search{UnitID: district, Sort: Sort{Key: SortName}}, 10, func(int) {}); len(got) != 3 {
		t.Errorf("there are %d, want 3", len(got))
	}
}

func TestDirectoryForgetsNamesThatHaveGone(t *testing.T) {
	t.Parallel()
	d := &directory{}
	d.empty()
	for rev := range int64(2000) {
		r := &Responder{Meta: store.Meta{ID: fmt.Sprint(rev % 7), Rev: rev + 1}, Name: strings.Repeat("张", int(rev%9)), UnitPath: "1/", Status: StatusActive}
		d.apply(map[string]*listing{r.ID: listingOf(r)})
	}
	if len(d.c.letters) > 4<<10 {
		t.Errorf("%d letters are kept", len(d.c.letters))
	}
	for slot := range uint32(7) {
		if n := len(d.c.name(slot)); n > 0 && d.c.glyphs[d.c.name(slot)[0]].char != '张' {
			t.Errorf("slot %d has another's name", slot)
		}
	}
}

func TestFollowDirectory(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.populate(t, 5)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { f.FollowDirectory(ctx) })
	known := func() int {
		f.directory.mu.RLock()
		defer f.directory.mu.RUnlock()
		if f.directory.c == nil {
			return 0
		}
		return len(f.directory.c.slots)
	}
	eventually(t, "the first load", func() bool { return known() == 5 })
	f.enrol(t, "one", eastOne)
	eventually(t, "taking in another", func() bool { return known() == 6 })
	stop()
	running.Wait()
}
