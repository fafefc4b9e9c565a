package roster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/geo"
)

func TestCoarse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		p := &Presence{
			Position: geo.Position{
				Latitude:  rapid.Float64Range(-90, 90).Draw(r, "latitude"),
				Longitude: rapid.Float64Range(-180, 180).Draw(r, "longitude"),
			},
			AccuracyMeters: rapid.Float64Range(0.1, MaxAccuracyMeters).Draw(r, "accuracy"),
		}
		c := p.Coarse()
		off := geo.Distance(p.Position, c.Position)
		if !c.Position.Valid() || c.AccuracyMeters < coarseMeters || off+p.AccuracyMeters > c.AccuracyMeters+coarseMeters/2 || off > c.AccuracyMeters {
			r.Errorf("%v has become %v within %v m, %v m off", p.Position, c.Position, c.AccuracyMeters, off)
		}
	})
	t.Run("a step within the cell tells nothing", func(t *testing.T) {
		t.Parallel()
		a, b := &Presence{Position: here, AccuracyMeters: 5}, &Presence{Position: away(300), AccuracyMeters: 5}
		if diff := cmp.Diff(a.Coarse(), b.Coarse()); diff != "" {
			t.Error(diff)
		}
		if off := geo.Distance(here, a.Coarse().Position); off < 100 {
			t.Errorf("%v m off is not coarse", off)
		}
	})
}

// How each reader sees where somebody of community eastOne is.
func TestPresencesOf(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.enrol(t, "acc_own", eastOne)
	f.change(t, r.ID, func(r *Responder) {
		r.Memberships = []Membership{{UnitID: westOne, UnitPath: f.path(t, westOne)}}
	})
	r = f.setDuty(t, "acc_own", true)
	exact := f.reportAt(t, "acc_own", here)
	f.reportAt(t, "acc_own", away(200_000)) // a doubt, which is nobody's business
	const none, coarse, all = "none", "coarse", "exact"
	actors := map[string]struct {
		actor auth.Principal
		want  string
	}{
		"own":                         {account("acc_own"), all},
		"nobody":                      {auth.Principal{}, none},
		"another account":             {account("acc_other"), none},
		"volunteer of the district":   {f.holder(t, auth.RoleVolunteer, district), none},
		"trainer of the community":    {f.holder(t, auth.RoleTrainer, eastOne), none},
		"trainer of the district":     {f.holder(t, auth.RoleTrainer, district), none},
		"dispatcher of the community": {f.holder(t, auth.RoleDispatcher, eastOne), coarse},
		"dispatcher above":            {f.holder(t, auth.RoleDispatcher, east), coarse},
		"dispatcher of another team":  {f.holder(t, auth.RoleDispatcher, westOne), coarse},
		"dispatcher of the sibling":   {f.holder(t, auth.RoleDispatcher, eastTwo), none},
		"admin of the district":       {f.holder(t, auth.RoleAdmin, district), coarse},
	}
	for name, c := range actors {
		t.Run(name, func(t *testing.T) {
			c.actor.AccountID += map[bool]string{true: " " + name}[c.actor.AccountID == "acc_holder"]
			found, err := f.PresencesOf(t.Context(), c.actor, []*Responder{r})
			if err != nil {
				t.Fatal(err)
			}
			p := found[r.ID]
			got := none
			switch {
			case p == nil:
			case p.Position == exact.Position:
				got = all
			case p.AccuracyMeters >= coarseMeters && p.Doubt == nil && p.Position == exact.Coarse().Position:
				got = coarse
			}
			if got != c.want {
				t.Errorf("sees %s: %+v", got, p)
			}
			page, err := f.audit.ListByActor(t.Context(), c.actor, c.actor.AccountID, 10, "")
			if err != nil {
				t.Fatal(err)
			}
			if written := len(page.Items) == 1 && page.Items[0].Action == audit.ReadPresence && page.Items[0].SubjectID == r.ID; written != (c.want == coarse) || len(page.Items) > 1 {
				t.Errorf("the audit log has %v", page.Items)
			}
		})
	}
	t.Run("one that is over", func(t *testing.T) {
		f.clock.Advance(PresenceLifetime) // whenever the worker comes
		found, err := f.PresencesOf(t.Context(), account("acc_own"), []*Responder{r})
		if err != nil || len(found) != 0 {
			t.Errorf("%v, %v", found, err)
		}
	})
}
