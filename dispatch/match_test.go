package dispatch

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
)

func TestEstimate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		meters float64
		by     roster.TransportMode
		want   time.Duration
	}{
		{"on the spot there is still the turnout", 0, roster.OnFoot, 105 * time.Second},
		{"230 m on foot: 130 s of way", 230, roster.OnFoot, 235 * time.Second},
		{"1,800 m on foot", 1800, roster.OnFoot, 105*time.Second + 1017391304347*time.Nanosecond},
		{"no mode is on foot", 230, "", 235 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := estimate(tt.meters, tt.by); got.Round(time.Microsecond) != tt.want.Round(time.Microsecond) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestWindows_neverPartThoseWhoArriveEquallySoon(t *testing.T) {
	t.Parallel()
	var ps []proposal
	for n := range 3 * window {
		ps = append(ps, proposal{eta: time.Duration(n/(window+8)) * grain})
	}
	var sizes []int
	for w := range windows(ps) {
		sizes = append(sizes, len(w))
	}
	if diff := cmp.Diff([]int{40, 40, 16}, sizes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func by(m roster.TransportMode) func(*person) { return func(p *person) { p.by = m } }

func of(unit string) func(*person) { return func(p *person) { p.unit = unit } }

func oneByOne(p *Policy) { p.Needed, p.Cap, p.Parallel = 1, 1, 1 }

// askInTurn has everybody decline, and returns who was asked, in their order.
func (v *town) askInTurn(i *Incident) []string {
	v.t.Helper()
	for {
		v.run()
		all := v.alerts(i)
		if len(all) == 0 || all[len(all)-1].State == Declined {
			return v.alerted(i)
		}
		v.answer(i, Declined, all[len(all)-1].Name)
	}
}

func TestRanking_soonestArrivalFirst(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.policy(oneByOne)
	v.responder("walker 300", 300)
	v.responder("cyclist 450", 450, by(roster.Bicycle))
	v.responder("walker 100", 100)
	v.responder("car 490", 490, by(roster.Car))
	v.refresh()
	i := v.report()
	want := []string{"walker 100", "car 490", "cyclist 450", "walker 300"}
	if diff := cmp.Diff(want, v.askInTurn(i)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, a := range v.alerts(i) {
		if eta := estimate(a.DistanceMeters, map[string]roster.TransportMode{"cyclist 450": roster.Bicycle, "car 490": roster.Car}[a.Name]); a.EtaSeconds != int64(eta/time.Second) {
			t.Errorf("%s: %d s for %.0f m, want %s", a.Name, a.EtaSeconds, a.DistanceMeters, eta)
		}
	}
	v.check()
}

// Of those who arrive equally soon, who was alerted least recently goes first.
func TestRanking_leastRecentlyAlertedFirst(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.policy(oneByOne)
	v.row(3) // a is nearest, by a little
	first := func() string {
		i := v.report()
		v.run()
		name := v.alerts(i)[0].Name
		_, err := v.Close(t.Context(), v.staff, CallOff{ID: i.ID})
		must(t, err)
		v.clock.Advance(time.Minute)
		return name
	}
	got := []string{first(), first(), first(), first(), first()}
	if diff := cmp.Diff([]string{"a", "b", "c", "a", "b"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// rosterDocs writes the roster as another part of the system would, behind the
// back of the tracker.
var rosterDocs = store.Define[roster.Responder]("responders")

// Each reason for which somebody nearby is not alerted. whom is the one, whom
// the tracker proposes; "fit" is next door, and is alerted.
func TestExclusions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason  Exclusion
		arrange func(v *town)
	}{
		{NotActive, func(v *town) {
			id := v.responder("whom", 100)
			v.refresh()
			_, err := rosterDocs.Change(v.t.Context(), v.db, id, func(r *roster.Responder) error {
				r.Status = roster.StatusSuspended
				return nil
			})
			must(v.t, err)
		}},
		{OutOfScope, func(v *town) {
			v.responder("whom", 100, of(beyond))
			v.refresh()
		}},
		{OffDuty, func(v *town) {
			until := v.clock.Now().Add(5 * time.Minute)
			v.responder("whom", 100, func(p *person) { p.until = &until })
			v.refresh()
			v.clock.Advance(5 * time.Minute)
		}},
		{OffDuty, func(v *town) {
			v.responder("whom", 100)
			v.refresh()
			_, err := v.Roster.SetAvailability(v.t.Context(), volunteer("whom"), roster.SetAvailability{})
			must(v.t, err)
		}},
		{StalePosition, func(v *town) {
			v.responder("whom", 100)
			v.refresh()
			v.clock.Advance(15*time.Minute + time.Millisecond)
			v.stand("fit", at(150, 0))
		}},
		{OutOfReach, func(v *town) {
			v.responder("whom", 100)
			v.refresh()
			v.clock.Advance(time.Minute) // it is no jump
			v.stand("whom", at(0, 2500))
		}},
		{TooLate, func(v *town) {
			v.policy(func(p *Policy) { p.MaxArrival = 4 * time.Minute })
			v.responder("whom", 300)
			v.responder("cyclist", 300, by(roster.Bicycle)) // comes as far, and in time
			v.refresh()
		}},
		{Unqualified, func(v *town) {
			v.responder("whom", 100, func(p *person) { p.certified = time.Time{} })
			v.refresh()
		}},
		{Unqualified, func(v *town) { // the last day of the certificate was yesterday
			v.responder("whom", 100, func(p *person) { p.certified = v.clock.Now().AddDate(0, -24, 0) })
			v.refresh()
		}},
		{Engaged, func(v *town) {
			v.responder("whom", 100)
			v.refresh()
			v.stand("fit", at(0, 2500))
			other := v.report()
			v.run()
			v.answer(other, Accepted, "whom")
			v.stand("fit", at(150, 0))
		}},
		{Resting, func(v *town) {
			v.responder("whom", 100)
			v.refresh()
			v.stand("fit", at(0, 2500))
			arrest := v.report(func(r *Report) { r.Type = CardiacArrest })
			v.run()
			v.answer(arrest, Accepted, "whom")
			v.answer(arrest, OnScene, "whom")
			v.answer(arrest, Completed, "whom")
			_, err := v.Close(v.t.Context(), v.staff, CallOff{ID: arrest.ID})
			must(v.t, err)
			v.stand("fit", at(150, 0))
		}},
	}
	for _, tt := range tests {
		t.Run(string(tt.reason), func(t *testing.T) {
			t.Parallel()
			v := begin(t)
			v.responder("fit", 150)
			tt.arrange(v)
			i := v.report()
			v.run()
			for range 3 { // it looks again and again
				v.after(15 * time.Second)
			}
			if diff := cmp.Diff([]Exclusion{tt.reason}, v.excluded(i)["whom"]); diff != "" {
				t.Errorf("why (-want +got):\n%s", diff)
			}
			if slices.Contains(v.alerted(i), "whom") || !slices.Contains(v.alerted(i), "fit") {
				t.Errorf("alerted: %v", v.alerted(i))
			}
			v.check()
		})
	}
}

// The same reasons at their bounds, one file at a time.
func TestExclusion_bounds(t *testing.T) {
	t.Parallel()
	now := began
	d := &Dispatch{Policy: DefaultPolicy(CardiacArrest), Place: placeOf(home, homePath)}
	tests := []struct {
		name   string
		change func(*file)
		want   Exclusion
	}{
		{"fit", func(*file) {}, Eligible},
		{"alerted before everything else", func(f *file) { f.alerted, f.responder = true, nil }, AlreadyAlerted},
		{"gone from the roster", func(f *file) { f.responder = nil }, NotActive},
		{"an applicant", func(f *file) { f.responder.Status = roster.StatusApplied }, NotActive},
		{"of the next subdistrict", func(f *file) { f.responder.UnitPath = foreignPath }, Eligible},
		{"of the district itself", func(f *file) { f.responder.UnitPath = districtPath }, Eligible},
		{"of another district", func(f *file) { f.responder.UnitPath = neighbour + "/" }, OutOfScope},
		{"duty ends now", func(f *file) { f.responder.Duty.Until = now }, OffDuty},
		{"duty ends in a moment", func(f *file) { f.responder.Duty.Until = now.Add(time.Millisecond) }, Eligible},
		{"switched off", func(f *file) { f.responder.Duty = roster.Duty{Reason: roster.DutyToggle} }, OffDuty},
		{"out of shift", func(f *file) { f.responder.Duty = roster.Duty{Reason: roster.DutySchedule} }, OffDuty},
		{"signed out", func(f *file) { f.responder.Duty = roster.Duty{Reason: roster.DutySignedOut} }, SignedOut},
		{"on leave", func(f *file) { f.responder.Duty = roster.Duty{Reason: roster.DutyLeave} }, OnLeave},
		{"in quiet hours", func(f *file) { f.responder.Duty = roster.Duty{Reason: roster.DutyQuiet} }, QuietHours},
		{"in the quiet hours of another district", func(f *file) {
			f.responder.UnitPath, f.responder.Duty = neighbour+"/", roster.Duty{Reason: roster.DutyQuiet}
		}, OutOfScope},
		{"of another district, in a team of this", func(f *file) {
			f.responder.UnitPath, f.responder.Memberships = neighbour+"/", []roster.Membership{{UnitPath: homePath}}
		}, Eligible},
		{"no position", func(f *file) { f.presence = nil }, StalePosition},
		{"a position as old as may be", func(f *file) { f.presence.RecordedAt = now.Add(-15 * time.Minute) }, Eligible},
		{"an older one", func(f *file) { f.presence.RecordedAt = now.Add(-15*time.Minute - 1) }, StalePosition},
		{"as far as may be", func(f *file) { f.distance = 500 }, Eligible},
		{"farther", func(f *file) { f.distance = 500.01 }, OutOfReach},
		{"as late as may be", func(f *file) { f.eta = 20 * time.Minute }, Eligible},
		{"later", func(f *file) { f.eta = 20*time.Minute + 1 }, TooLate},
		{"not qualified", func(f *file) { f.qualified = false }, Unqualified},
		{"free again", func(f *file) { f.engagement = &Engagement{} }, Eligible},
		{"engaged", func(f *file) { f.engagement = &Engagement{AlertID: "alr_x"} }, Engaged},
		{"rests a moment longer", func(f *file) { f.engagement = &Engagement{RestingUntil: now.Add(1)} }, Resting},
		{"has rested", func(f *file) { f.engagement = &Engagement{RestingUntil: now} }, Eligible},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := &file{
				responder: &roster.Responder{Status: roster.StatusActive, UnitPath: homePath, Duty: roster.Duty{OnDuty: true}},
				presence:  &roster.Presence{RecordedAt: now}, qualified: true,
			}
			tt.change(f)
			if got := f.exclusion(d, now); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A scope must not be matched by the beginning of a code.
func TestInReachOf_codeThatBeginsAlike(t *testing.T) {
	t.Parallel()
	if inReachOf(Place{District: "4403"}, "44030/1/") {
		t.Error("44030 was taken for 4403")
	}
}

func TestWiden_whenCandidatesRunOut(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.responder("near", 400)
	v.responder("far", 900)
	v.responder("farthest", 1700)
	v.responder("too far", 1900)
	v.refresh()
	i := v.report()
	v.run()
	if diff := cmp.Diff([]string{"near", "far", "farthest"}, v.alerted(i)); diff != "" {
		t.Errorf("alerted (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]DecisionKind{DecidedWiden, DecidedWiden}, v.decided(i)); diff != "" {
		t.Errorf("decided (-want +got):\n%s", diff)
	}
	radii := map[string]float64{}
	for _, d := range v.decisionsOf(i) {
		if d.Kind == DecidedAlert {
			radii[v.names[d.ResponderID]] = d.RadiusMeters
		}
	}
	if diff := cmp.Diff(map[string]float64{"near": 500, "far": 1000, "farthest": 1800}, radii); diff != "" {
		t.Errorf("the radii (-want +got):\n%s", diff)
	}
	if d := v.dispatchOf(i); d.State != Searching || d.Considered != 3 {
		t.Errorf("%s, considered %d", d.State, d.Considered)
	}
	if got := v.heard("staff"); got != nil { // with three there are enough, if all come
		t.Errorf("staff heard %v", got)
	}
	v.check()
}

// With as many as may be open, there is no reason to look farther.
func TestWiden_notWhileAllSlotsAreTaken(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.policy(func(p *Policy) { p.Parallel = 2 })
	v.responder("near", 100)
	v.responder("also near", 200)
	v.responder("far", 900)
	v.refresh()
	i := v.report()
	v.run()
	if d := v.dispatchOf(i); d.Ring != 0 || len(v.decided(i)) != 0 {
		t.Errorf("ring %d, %v", d.Ring, v.decided(i))
	}
	v.answer(i, Declined, "near")
	v.run()
	if d := v.dispatchOf(i); d.Ring != 1 || d.Open != 2 {
		t.Errorf("after a refusal: ring %d, %d open", d.Ring, d.Open)
	}
}

// With too few within the largest radius the reporter is told, once, and the
// search goes on.
func TestShortage(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.responder("a", 100)
	v.responder("b", 200)
	v.responder("late", 300, func(p *person) { p.offDuty = true })
	v.refresh()
	i := v.report()
	v.run()
	v.answer(i, Accepted, "a", "b")
	v.after(15 * time.Second)
	v.after(15 * time.Second)
	if d := v.dispatchOf(i); d.State != Exhausted {
		t.Errorf("the dispatch is %s", d.State)
	}
	if diff := cmp.Diff([]DecisionKind{DecidedWiden, DecidedWiden, DecidedShort}, v.decided(i)); diff != "" {
		t.Errorf("decided (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]notify.Class{notify.ClassNotice}, v.heard("staff")); diff != "" {
		t.Errorf("staff heard (-want +got):\n%s", diff)
	}
	push := v.phones.to("acc_staff")[0]
	if diff := cmp.Diff(map[string]string{"incidentId": i.ID}, push.Data); diff != "" {
		t.Errorf("its data (-want +got):\n%s", diff)
	}

	v.onDuty("late", nil)
	v.stand("late", at(300, 0))
	v.refresh()
	v.after(14 * time.Second)
	if diff := cmp.Diff([]string{"a", "b"}, v.alerted(i)); diff != "" {
		t.Errorf("looked before it was time (-want +got):\n%s", diff)
	}
	v.after(time.Second)
	if diff := cmp.Diff([]string{"a", "b", "late"}, v.alerted(i)); diff != "" {
		t.Errorf("alerted (-want +got):\n%s", diff)
	}
	if d := v.dispatchOf(i); d.State != Searching {
		t.Errorf("the dispatch is %s", d.State)
	}
	v.answer(i, Accepted, "late")
	v.run()
	if d := v.dispatchOf(i); d.State != Filled || !d.DueAt.IsZero() {
		t.Errorf("the dispatch is %s, due at %v", d.State, d.DueAt)
	}
	v.check()
}

// A step that was claimed when enough had accepted, and comes to its turn after
// somebody has withdrawn, must not take it that there is nobody: it has not
// looked.
func TestAdvance_afterAWithdrawalThatItHasNotSeen(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.policy(func(p *Policy) { p.Needed, p.Cap, p.Parallel, p.RadiiMeters = 1, 1, 1, []float64{500} })
	v.row(2)
	i := v.report()
	v.run()
	v.answer(i, Accepted, "a")
	seen := v.dispatchOf(i)
	v.answer(i, Withdrawn, "a")
	must(t, v.advance(t.Context(), seen))
	v.run()
	if diff := cmp.Diff([]string{"a", "b"}, v.alerted(i)); diff != "" {
		t.Errorf("alerted (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]DecisionKind{DecidedFill, DecidedResume}, v.decided(i)); diff != "" {
		t.Errorf("decided (-want +got):\n%s", diff)
	}
	if got := v.heard("staff"); got != nil {
		t.Errorf("staff heard %v", got)
	}
}

// A dispatch that was seen with a smaller radius than it has now looks again
// before it does anything.
func TestAdvance_afterAnotherHasWidened(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.responder("far", 900)
	v.refresh()
	i := v.report()
	seen := v.dispatchOf(i)
	v.run()
	before := v.dispatchOf(i)
	must(t, v.advance(t.Context(), seen))
	if after := v.dispatchOf(i); after.Ring != before.Ring || after.Alerted != 1 {
		t.Errorf("ring %d, %d alerted", after.Ring, after.Alerted)
	}
	v.check()
}

// More candidates than are loaded at a time: the best are found nevertheless,
// and those who are not fit are passed over.
func TestMatching_beyondTheFirstWindow(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.crew(window+5, func(p *person) { p.certified = time.Time{} })
	v.responder("fit", 490)
	v.refresh()
	i := v.report()
	v.run()
	if diff := cmp.Diff([]string{"fit"}, v.alerted(i)); diff != "" {
		t.Errorf("alerted (-want +got):\n%s", diff)
	}
	if got := len(v.excluded(i)); got != window+5 {
		t.Errorf("%d excluded", got)
	}
}

func TestLook_endsForWhatWasForgotten(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(1)
	i := v.report()
	v.run()
	v.answer(i, Declined, "a")
	v.run()
	v.after(6*time.Hour + time.Second)
	v.responder("late", 30)
	v.refresh()
	v.after(time.Minute)
	if diff := cmp.Diff([]string{"a"}, v.alerted(i)); diff != "" {
		t.Errorf("alerted (-want +got):\n%s", diff)
	}
	if d := v.dispatchOf(i); !d.DueAt.IsZero() || d.State != Exhausted {
		t.Errorf("%s, due %s", d.State, d.DueAt)
	}
}
