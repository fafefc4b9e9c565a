package dispatch

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
)

// reorganised changes the tree and lets everything follow.
func (v *town) reorganised(change func(admin auth.Principal) error) {
	v.t.Helper()
	must(v.t, change(with(auth.RoleAdmin, "admin", districtPath)))
	_, err := v.Roster.Reorganise().RunDue(v.t.Context())
	must(v.t, err)
}

func (v *town) moveHome() {
	v.t.Helper()
	v.reorganised(func(admin auth.Principal) error {
		_, err := v.Roster.MoveUnit(v.t.Context(), admin, roster.MoveUnit{UnitID: home, ParentID: liantang, Reason: "x"})
		return err
	})
}

func (v *town) mergeHome() {
	v.t.Helper()
	v.reorganised(func(admin auth.Principal) error {
		_, err := v.Roster.MergeUnit(v.t.Context(), admin, roster.MergeUnit{UnitID: home, IntoID: foreign, Reason: "x"})
		return err
	})
}

// places returns where the incident, its dispatch and its alerts are filed.
func (v *town) places(i *Incident) []Place {
	v.t.Helper()
	i, err := incidents.Get(v.t.Context(), v.db, i.ID)
	must(v.t, err)
	all := []Place{i.Place, v.dispatchOf(i).Place}
	for _, a := range v.alerts(i) {
		all = append(all, a.Place)
	}
	return all
}

func TestIncidentsFollowTheirUnit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(v *town)
		want   Place
	}{
		"that moves":     {(*town).moveHome, placeOf(home, liantangPath+home+"/")},
		"that is merged": {(*town).mergeHome, placeOf(home, foreignPath)}, // by the name it had
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := begin(t)
			v.row(2)
			i := v.report()
			v.run()
			next := dispatcher("next", liantangPath)
			l := v.live()
			heard := l.Follow(UnitTopic(liantang))
			defer heard.Close()
			c.change(v)
			if diff := cmp.Diff([]Place{c.want, c.want, c.want, c.want}, v.places(i)); diff != "" {
				t.Fatal(diff)
			}
			l.catchUp(t)
			if diff := cmp.Diff([]string{i.ID}, heard.told(t)); diff != "" {
				t.Errorf("followers of the new place: %s", diff)
			}

			_, err := v.Incident(t.Context(), v.staff, i.ID)
			if fault.CodeOf(err) != fault.CodeNotFound {
				t.Errorf("the old staff: error %v, want NOT_FOUND", err)
			}
			unit := c.want.Units()[2]
			page, err := v.ListIncidents(t.Context(), next, unit, 10, "")
			if err != nil || len(page.Items) != 1 || page.Items[0].ID != i.ID {
				t.Errorf("the new staff find %v, %v", page.Items, err)
			}
			page, err = v.ListIncidents(t.Context(), v.staff, guiyuan, 10, "")
			if err != nil || len(page.Items) != 0 {
				t.Errorf("the old staff find %v, %v", page.Items, err)
			}
			// The call-out goes on as if nothing had happened.
			v.answer(i, Accepted, "a")
			v.after(time.Minute)
			if _, err := v.Close(t.Context(), next, CallOff{ID: i.ID}); err != nil {
				t.Error(err)
			}
		})
	}
}

// What goes on is refiled before what is over.
func TestRefilersBeginWithWhatIsUrgent(t *testing.T) {
	t.Parallel()
	v := begin(t)
	v.row(1)
	var all []*Incident
	for range 3 {
		i := v.report()
		all = append(all, i)
		v.run()
		v.clock.Advance(time.Second)
	}
	for _, i := range []*Incident{all[0], all[2]} {
		if _, err := v.Close(t.Context(), v.staff, CallOff{ID: i.ID}); err != nil {
			t.Fatal(err)
		}
	}
	refile := Refilers(v.db)[0]
	if n, err := refile(t.Context(), homePath, foreignPath, 1); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	for n, i := range all {
		i, err := incidents.Get(t.Context(), v.db, i.ID)
		must(t, err)
		if moved := i.Place.UnitPath == foreignPath; moved != (n == 1) {
			t.Errorf("incident %d (%s): moved %v", n, i.Status, moved)
		}
	}
	if n, err := refile(t.Context(), homePath, foreignPath, 10); n != 2 || err != nil {
		t.Error(n, err)
	}
	if n, err := refile(t.Context(), homePath, foreignPath, 10); n != 0 || err != nil {
		t.Error(n, err)
	}
	counted, err := incidents.Count(t.Context(), v.db, store.Where(store.Eq("place.unitPath", foreignPath)))
	if counted != 3 || err != nil {
		t.Error(counted, err)
	}
}
