package roster

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

func TestCopyPapers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r, err := f.Apply(t.Context(), account("acc_own"), application())
	if err != nil {
		t.Fatal(err)
	}
	q := f.askTransfer(t, account("acc_own"), r, westOne)
	if _, err := f.AddNote(t.Context(), f.dispatcher(t, "acc_e", east), NewNote{ResponderID: r.ID, Text: "秘密"}); err != nil {
		t.Fatal(err)
	}
	var got []string
	copyPapers := func() error {
		return f.copyPapers(t.Context(), "acc_own", r.ID, func(section string, doc any) error {
			text, err := json.Marshal(doc)
			got = append(got, section+" "+string(text))
			return err
		})
	}
	if err := copyPapers(); err != nil {
		t.Fatal(err)
	}
	at := f.clock.Now().Format("2006-01-02T15:04:05Z")
	want := []string{
		`consents {"purpose":"PRIVACY","version":"p1","given":true,"at":"` + at + `"}`,
		`consents {"purpose":"POSITION","version":"l1","given":true,"at":"` + at + `"}`,
		`requests {"id":"` + q.ID + `","kind":"TRANSFER","orgUnitId":"` + westOne + `","requestedAt":"` + at + `","reason":"搬家"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" || strings.Contains(strings.Join(got, ""), "秘密") {
		t.Error(diff)
	}
}

func TestErasePapers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r, other := f.enrol(t, "acc_own", eastOne), f.enrol(t, "acc_2", eastOne)
	boss := f.dispatcher(t, "acc_e", east)
	err := f.db.Atomically(t.Context(), func(tx *store.Tx) error {
		for i := range papersChunk + 1 {
			if _, err := f.addNote(t.Context(), tx, boss, r, fmt.Sprint("记", i)); err != nil {
				return err
			}
		}
		_, err := f.addNote(t.Context(), tx, boss, other, "别人")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	f.askTransfer(t, account("acc_own"), r, westOne)
	for i, want := range []bool{true, false, false} {
		if more, err := f.erasePapers(t.Context(), r.ID); more != want || err != nil {
			t.Errorf("step %d: %v, %v", i, more, err)
		}
	}
	for id, want := range map[*Responder]int{r: 0, other: 1} {
		if page, err := f.ListNotes(t.Context(), boss, id, 10, ""); len(page.Items) != want || err != nil {
			t.Errorf("%d notes, %v", len(page.Items), err)
		}
	}
	if n := len(f.waiting(t, district)); n > 0 {
		t.Errorf("%d requests", n)
	}
}

func TestRefileRequests(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one, two := f.enrol(t, "acc_1", eastOne), f.enrol(t, "acc_2", eastOne)
	f.askTransfer(t, account("acc_1"), one, eastTwo)
	f.askTransfer(t, account("acc_2"), two, eastTwo)
	f.askTransfer(t, account("acc_2"), two, westOne) // and is asked for there already
	from, to := f.path(t, eastTwo), f.path(t, westOne)
	for i, want := range []int{1, 1, 0} {
		if moved, err := f.refileRequests(t.Context(), from, to, 1); moved != want || err != nil {
			t.Errorf("step %d: %d, %v", i, moved, err)
		}
	}
	var got []string
	for _, q := range f.waiting(t, westOne) {
		got = append(got, q.ResponderID+" "+q.ToUnitID+" "+q.ToUnitPath)
	}
	want := []string{one.ID + " " + westOne + " " + to, two.ID + " " + westOne + " " + to}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := len(f.waiting(t, east)); n > 0 {
		t.Errorf("%d wait for where they were", n)
	}
}

// Of answers that are given at once, one is taken, and all agree on what
// became of it.
func TestAnswersAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	listen(f)
	for i := range 8 {
		own := fmt.Sprintf("acc_%d", i)
		r := f.enrol(t, own, eastOne)
		q := f.askTransfer(t, account(own), r, westOne)
		in := RequestAnswer{RequestID: q.ID, Reason: "因为"}
		west := f.dispatcher(t, "acc_w", west)
		var answers sync.WaitGroup
		errs := make([]error, 4)
		for n, answer := range []func() error{
			func() error { _, err := f.AcceptRequest(t.Context(), west, in); return err },
			func() error { _, err := f.RefuseRequest(t.Context(), west, in); return err },
			func() error { _, err := f.CancelRequest(t.Context(), account(own), in); return err },
			func() error { _, err := f.AcceptRequest(t.Context(), west, in); return err },
		} {
			answers.Go(func() { errs[n] = answer() })
		}
		answers.Wait()
		taken := -1
		for n, err := range errs {
			switch {
			case err == nil && taken < 0:
				taken = n
			case err == nil:
				t.Errorf("answers %d and %d were both taken", taken, n)
			case !errors.Is(err, fault.NotFound("request")) && !errors.Is(err, store.ErrStale):
				t.Errorf("answer %d: %v", n, err)
			}
		}
		if accepted := taken == 0 || taken == 3; taken < 0 || (f.own(t, own).UnitID == westOne) != accepted {
			t.Errorf("answer %d was taken, and it is in %s", taken, f.own(t, own).UnitID)
		}
	}
	if n := len(f.waiting(t, district)); n > 0 {
		t.Errorf("%d wait", n)
	}
}

// Whoever is suspended while it reports where it is leaves no position behind.
func TestSuspensionWhileReporting(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	boss := f.by(t, "acc_e", auth.RoleDispatcher, east)
	for i := range 8 {
		own := fmt.Sprintf("acc_%d", i)
		r := f.enrol(t, own, eastOne)
		f.setDuty(t, own, true)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { _, _ = f.ReportPosition(t.Context(), account(own), f.reading(here)) })
			all.Go(func() { _, _ = f.SetAvailability(t.Context(), account(own), SetAvailability{OnDuty: true}) })
		}
		all.Go(func() {
			for {
				_, err := f.Suspend(t.Context(), boss, Decision{ResponderID: r.ID, Reason: "因为"})
				if !errors.Is(err, store.ErrStale) {
					return
				}
			}
		})
		all.Wait()
		if got := f.own(t, own); got.Status != StatusSuspended || got.Duty.OnDuty || f.presenceOf(t, r.ID) != nil {
			t.Errorf("%+v at %v", got, f.presenceOf(t, r.ID))
		}
	}
}
