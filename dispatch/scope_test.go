package dispatch

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
)

// outsiders are all those who may neither see nor do anything about an incident
// in the home community.
func outsiders() map[string]auth.Principal {
	return map[string]auth.Principal{
		"dispatcher of the next subdistrict": dispatcher("liantang", liantangPath),
		"dispatcher of another community":    dispatcher("foreign", foreignPath),
		"admin of another district":          with(auth.RoleAdmin, "neighbour", neighbour+"/"),
		"trainer of the district":            with(auth.RoleTrainer, "trainer", districtPath),
		"volunteer of the district":          with(auth.RoleVolunteer, "volunteer", districtPath),
		"responder who was not alerted":      volunteer("idle"),
		"account without grants":             volunteer("plain"),
		"nobody":                             {},
	}
}

// scene is an incident with an alert, which somebody tries to get at.
type scene struct {
	*town
	i *Incident
	d *Dispatch
	a *Alert
}

type attempt func(context.Context, *scene, auth.Principal) error

// attempts are all the doors of the service, and what they say to outsiders.
var attempts = map[string]struct {
	want error
	try  attempt
}{
	"Report": {fault.Forbidden(), func(ctx context.Context, s *scene, p auth.Principal) error {
		_, err := s.Report(ctx, p, reported())
		return err
	}},
	"Incident": {fault.NotFound("incident"), func(ctx context.Context, s *scene, p auth.Principal) error {
		_, err := s.Incident(ctx, p, s.i.ID)
		return err
	}},
	"FollowIncident": {fault.NotFound("incident"), func(ctx context.Context, s *scene, p auth.Principal) error {
		_, err := s.FollowIncident(ctx, p, s.i.ID)
		return err
	}},
	"ListIncidents": {fault.Forbidden(), func(ctx context.Context, s *scene, p auth.Principal) error {
		_, err := s.ListIncidents(ctx, p, home, 10, "")
		return err
	}},
	"Watchable": {fault.Forbidden(), func(ctx context.Context, s *scene, p auth.Principal) error {
		_, err := s.Watchable(ctx, p, home)
		return err
	}},
	"Alert": {fault.NotFound("alert"), func(ctx context.Context, s *scene, p auth.Principal) error {
		_, err := s.Alert(ctx, p, s.a.ID)
		return err
	}},
	"ListAlerts": {fault.Forbidden(), func(ctx context.Context, s *scene, p auth.Principal) error {
		_, err := s.ListAlerts(ctx, p, s.d, 10, "")
		return err
	}},
	"ListDecisions": {fault.Forbidden(), func(ctx context.Context, s *scene, p auth.Principal) error {
		_, err := s.ListDecisions(ctx, p, s.d, 10, "")
		return err
	}},
	"ListTimeline": {fault.Forbidden(), func(ctx context.Context, s *scene, p auth.Principal) error {
		_, err := s.ListTimeline(ctx, p, s.i, 10, "")
		return err
	}},
	"StandDown": {fault.NotFound("dispatch"), func(ctx context.Context, s *scene, p auth.Principal) error {
		_, err := s.StandDown(ctx, p, CallOff{ID: s.d.ID})
		return err
	}},
	"Close": {fault.NotFound("incident"), func(ctx context.Context, s *scene, p auth.Principal) error {
		_, err := s.Close(ctx, p, CallOff{ID: s.i.ID})
		return err
	}},
	"Acknowledge": answering(Delivered),
	"Accept":      answering(Accepted),
	"Decline":     answering(Declined),
	"SetOff":      answering(EnRoute),
	"Arrive":      answering(OnScene),
	"Complete":    answering(Completed),
	"Withdraw":    answering(Withdrawn),
}

func answering(to State) struct {
	want error
	try  attempt
} {
	return struct {
		want error
		try  attempt
	}{fault.NotFound("alert"), func(ctx context.Context, s *scene, p auth.Principal) error {
		_, err := verbs[to](s.Service, ctx, p, Answer{AlertID: s.a.ID})
		return err
	}}
}

// staged returns the scene: a is alerted, "idle" is on the roster.
func staged(t *testing.T) *scene {
	t.Helper()
	v := begin(t)
	v.row(1)
	v.responder("idle", 100, func(p *person) { p.offDuty = true })
	i := v.report()
	v.run()
	return &scene{town: v, i: i, d: v.dispatchOf(i), a: v.alert(i, "a")}
}

func TestScope_outsidersSeeAndDoNothing(t *testing.T) {
	t.Parallel()
	s := staged(t)
	feed := s.db.Watch(16, definitions()...)
	for who, actor := range outsiders() {
		t.Run(who, func(t *testing.T) {
			for door, a := range attempts {
				if diff := cmp.Diff(a.want, a.try(t.Context(), s, actor)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", door, diff)
				}
			}
			seesNothing(t, s, actor)
		})
	}
	if list := waiting(t, feed); len(list) != 0 {
		t.Errorf("%d documents have changed: %s %s", len(list), list[0].Collection, list[0].ID)
	}
}

// seesNothing tries the doors that answer with nothing in place of an error.
func seesNothing(t *testing.T, s *scene, actor auth.Principal) {
	t.Helper()
	mine, err := s.MyAlerts(t.Context(), actor, nil, 10, "")
	must(t, err)
	ids, err := s.LiveAlertIDs(t.Context(), actor)
	must(t, err)
	seen, err := s.IncidentsOf(t.Context(), actor, []*Alert{s.a})
	must(t, err)
	calls, err := s.DispatchesOf(t.Context(), actor, []*Incident{s.i})
	must(t, err)
	if len(mine.Items) != 0 || len(ids) != 0 || seen[0] != nil || calls[0] != nil || IsStaffOf(actor, s.i) {
		t.Errorf("sees %v, %v, %v, %v", mine.Items, ids, seen[0], calls[0])
	}
}

func TestScope_staffSeeEverything(t *testing.T) {
	t.Parallel()
	s := staged(t)
	for who, actor := range map[string]auth.Principal{
		"dispatcher of the community":   dispatcher("home", homePath),
		"dispatcher of the subdistrict": s.staff,
		"admin of the district":         with(auth.RoleAdmin, "admin", districtPath),
	} {
		t.Run(who, func(t *testing.T) {
			for door, a := range attempts {
				if slices.Contains([]string{"StandDown", "Close"}, door) || a.want.Error() == fault.NotFound("alert").Error() && door != "Alert" {
					continue
				}
				if err := a.try(t.Context(), s, actor); err != nil {
					t.Errorf("%s: %v", door, err)
				}
			}
			seen, err := s.IncidentsOf(t.Context(), actor, []*Alert{s.a})
			must(t, err)
			calls, err := s.DispatchesOf(t.Context(), actor, []*Incident{s.i})
			must(t, err)
			if !IsStaffOf(actor, s.i) || seen[0] == nil || seen[0].Coarse || seen[0].Position != origin || calls[0] == nil {
				t.Errorf("sees %v, %v", seen[0], calls[0])
			}
		})
	}
}

func TestScope_staffMayEnd(t *testing.T) {
	t.Parallel()
	s := staged(t)
	_, err := s.StandDown(t.Context(), dispatcher("home", homePath), CallOff{ID: s.d.ID})
	must(t, err)
	_, err = s.Close(t.Context(), with(auth.RoleAdmin, "admin", districtPath), CallOff{ID: s.i.ID})
	must(t, err)
}

// What is not there looks just like what is not for the actor to see.
func TestScope_whatIsNotThere(t *testing.T) {
	t.Parallel()
	s := staged(t)
	none := &scene{town: s.town, i: &Incident{Meta: store.Meta{ID: "inc_none"}}, d: &Dispatch{Meta: store.Meta{ID: "dsp_none"}}, a: &Alert{Meta: store.Meta{ID: "alr_none"}}}
	for door, a := range attempts {
		if fault.CodeOf(a.want) != fault.CodeNotFound {
			continue
		}
		if diff := cmp.Diff(a.want, a.try(t.Context(), none, s.staff)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", door, diff)
		}
	}
	if _, err := s.ListIncidents(t.Context(), s.staff, "999999999999", 10, ""); !cmp.Equal(error(fault.NotFound("unit")), err) {
		t.Errorf("incidents of no unit: %v", err)
	}
}

// A responder sees the own alert; of the incident not the exact place, until
// the alert is accepted; and nothing of the dispatch.
func TestScope_responderSeesTheExactPlaceAfterAccepting(t *testing.T) {
	t.Parallel()
	s := staged(t)
	a := volunteer("a")
	look := func(wantCoarse bool) {
		t.Helper()
		i, err := s.Incident(t.Context(), a, s.i.ID)
		must(t, err)
		mine, err := s.MyAlerts(t.Context(), a, nil, 10, "")
		must(t, err)
		batch, err := s.IncidentsOf(t.Context(), a, mine.Items)
		must(t, err)
		calls, err := s.DispatchesOf(t.Context(), a, []*Incident{i})
		must(t, err)
		if diff := cmp.Diff(i, batch[0]); diff != "" {
			t.Errorf("one by one and in a batch differ:\n%s", diff)
		}
		exact := i.Position == origin && i.Address == "Renmin South Road 1001"
		gone := i.Position == geo.Position{} && i.Address == ""
		if i.Coarse != wantCoarse || wantCoarse && !gone || !wantCoarse && !exact {
			t.Errorf("in %s: coarse %v, %v, %q", mine.Items[0].State, i.Coarse, i.Position, i.Address)
		}
		if i.Type != Medical || calls[0] != nil {
			t.Errorf("type %s, dispatch %v", i.Type, calls[0])
		}
	}
	look(true)
	s.answer(s.i, Delivered, "a")
	look(true)
	for _, to := range []State{Accepted, EnRoute, OnScene} {
		s.answer(s.i, to, "a")
		look(false)
	}
	if got, err := s.Alert(t.Context(), a, s.a.ID); err != nil || got.ID != s.a.ID {
		t.Errorf("the own alert: %v", err)
	}
	for door, try := range attempts {
		if code := fault.CodeOf(try.want); !slices.Contains([]string{"Alert", "Incident", "FollowIncident"}, door) && !isAnswer(door) {
			if err := try.try(t.Context(), s, a); fault.CodeOf(err) != code {
				t.Errorf("%s: %v", door, err)
			}
		}
	}
	s.answer(s.i, Withdrawn, "a")
	look(true)
}

// A responder follows the incident for as long as the alert is live.
func TestFollowIncident_whileTheAlertIsLive(t *testing.T) {
	t.Parallel()
	for _, end := range []State{Declined, Withdrawn, StoodDown, Expired, Completed} {
		t.Run(string(end), func(t *testing.T) {
			t.Parallel()
			s := staged(t)
			i, err := s.FollowIncident(t.Context(), volunteer("a"), s.i.ID)
			must(t, err)
			if !i.Coarse {
				t.Error("the exact place before accepting")
			}
			s.reach(s.i, "a", end)
			_, err = s.FollowIncident(t.Context(), volunteer("a"), s.i.ID)
			if diff := cmp.Diff(error(fault.NotFound("incident")), err); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			_, err = s.Incident(t.Context(), volunteer("a"), s.i.ID)
			must(t, err)
		})
	}
}

func isAnswer(door string) bool {
	return slices.Contains([]string{"Acknowledge", "Accept", "Decline", "SetOff", "Arrive", "Complete", "Withdraw"}, door)
}

// In a batch each keeps its place, and what is not there is nil.
func TestScope_batchesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	s := staged(t)
	other := s.report()
	got, err := s.DispatchesOf(t.Context(), s.staff, []*Incident{other, {Place: s.i.Place, DispatchID: "dsp_none"}, s.i})
	must(t, err)
	if got[0].ID != other.DispatchID || got[1] != nil || got[2].ID != s.d.ID {
		t.Errorf("%v", got)
	}
	is, err := s.IncidentsOf(t.Context(), s.staff, []*Alert{{IncidentID: other.ID}, {IncidentID: "inc_none"}, s.a, s.a})
	must(t, err)
	if is[0].ID != other.ID || is[1] != nil || is[2].ID != s.i.ID || is[3].ID != s.i.ID {
		t.Errorf("%v", is)
	}
}

func TestMyAlerts_activeAndOver(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(1)
	first := v.report()
	v.run()
	v.answer(first, Declined, "a")
	v.clock.Advance(time.Second)
	second := v.report()
	v.run()
	yes, no := true, false
	for name, tt := range map[string]struct {
		active *bool
		want   []string
	}{"all, newest first": {nil, []string{second.ID, first.ID}}, "active": {&yes, []string{second.ID}}, "over": {&no, []string{first.ID}}} {
		page, err := v.MyAlerts(t.Context(), volunteer("a"), tt.active, 10, "")
		must(t, err)
		var got []string
		for _, a := range page.Items {
			got = append(got, a.IncidentID)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	ids, err := v.LiveAlertIDs(t.Context(), volunteer("a"))
	must(t, err)
	if diff := cmp.Diff([]string{v.alert(second, "a").ID}, ids); diff != "" {
		t.Errorf("live (-want +got):\n%s", diff)
	}
}

func TestListIncidents_ofEachUnitAboveThePlaceAndNoOther(t *testing.T) {
	t.Parallel()
	v := begin(t)
	here := v.report()
	v.clock.Advance(time.Second)
	east, err := v.Report(t.Context(), dispatcher("east", liantangPath), reported(func(r *Report) { r.Position = at(0, 3000) }))
	must(t, err)
	admin := with(auth.RoleAdmin, "admin", districtPath)
	for unit, want := range map[string][]string{
		district: {east.ID, here.ID}, guiyuan: {here.ID}, home: {here.ID}, liantang: {east.ID}, foreign: {east.ID},
	} {
		page, err := v.ListIncidents(t.Context(), admin, unit, 10, "")
		must(t, err)
		var got []string
		for _, i := range page.Items {
			got = append(got, i.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", unit, diff)
		}
	}
}

func TestLists_cursorOfAnotherListIsInvalid(t *testing.T) {
	t.Parallel()
	s := staged(t)
	for name, try := range map[string]func() error{
		"incidents": func() error { _, err := s.ListIncidents(t.Context(), s.staff, home, 1, "x"); return err },
		"alerts":    func() error { _, err := s.ListAlerts(t.Context(), s.staff, s.d, 1, "x"); return err },
		"decisions": func() error { _, err := s.ListDecisions(t.Context(), s.staff, s.d, 1, "x"); return err },
		"timeline":  func() error { _, err := s.ListTimeline(t.Context(), s.staff, s.i, 1, "x"); return err },
		"my alerts": func() error { _, err := s.MyAlerts(t.Context(), volunteer("a"), nil, 1, "x"); return err },
	} {
		if err := try(); !errors.Is(err, store.ErrCursor) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A place near the border may seem to be the neighbour's, whose centre is 3 km
// to the east. Up to a kilometre of difference is forgiven.
func TestReport_nearTheBorder(t *testing.T) {
	t.Parallel()
	v := begin(t)
	both := v.staff
	both.Grants = append(slices.Clone(both.Grants), auth.Grant{Role: auth.RoleDispatcher, UnitPath: liantangPath})
	tests := []struct {
		name  string
		actor auth.Principal
		east  float64
		want  string // "" for FORBIDDEN
	}{
		{"at home", v.staff, 100, home},
		{"nearer to the neighbour, by 980 m", v.staff, 1990, home},
		{"nearer to the neighbour, by 1,020 m", v.staff, 2010, ""},
		{"in the neighbour's middle", v.staff, 3000, ""},
		{"the neighbour at home", dispatcher("east", liantangPath), 2010, foreign},
		{"the neighbour, too far away", dispatcher("east", liantangPath), 990, ""},
		{"dispatcher of both", both, 1990, foreign},
		{"admin of the district", with(auth.RoleAdmin, "admin", districtPath), 1400, home},
		{"trainer of the district", with(auth.RoleTrainer, "trainer", districtPath), 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i, err := v.Report(t.Context(), tt.actor, reported(func(r *Report) { r.Position = at(0, tt.east) }))
			if tt.want == "" {
				if diff := cmp.Diff(error(fault.Forbidden()), err); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				return
			}
			must(t, err)
			if i.Place.UnitID != tt.want {
				t.Errorf("it belongs to %s", i.Place.UnitID)
			}
			if d := v.dispatchOf(i); d.Place != i.Place || d.ReportedBy != tt.actor.AccountID {
				t.Errorf("its dispatch: %+v", d)
			}
		})
	}
}

func TestPlaceOf(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]Place{
		districtPath: {UnitID: "u", UnitPath: districtPath, District: district},
		guiyuanPath:  {UnitID: "u", UnitPath: guiyuanPath, District: district, Subdistrict: guiyuan},
		homePath:     {UnitID: "u", UnitPath: homePath, District: district, Subdistrict: guiyuan, Community: home},
	} {
		if diff := cmp.Diff(want, placeOf("u", path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	if diff := cmp.Diff([]string{district, guiyuan, home}, placeOf(home, homePath).Units()); diff != "" {
		t.Errorf("units (-want +got):\n%s", diff)
	}
}
