package auth

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
)

const (
	district    = "440303000000/"
	subdistrict = district + "440303001000/"
	community   = subdistrict + "440303001001/"
	elsewhere   = district + "440303002000/"
)

func TestMay(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		grant Grant
		path  string
		roles []Role
		want  bool
	}{
		"the unit itself":               {Grant{RoleDispatcher, subdistrict}, subdistrict, []Role{RoleDispatcher}, true},
		"its subtree":                   {Grant{RoleDispatcher, subdistrict}, community, []Role{RoleDispatcher}, true},
		"not the unit above":            {Grant{RoleDispatcher, subdistrict}, district, []Role{RoleDispatcher}, false},
		"not a unit beside":             {Grant{RoleDispatcher, subdistrict}, elsewhere, []Role{RoleDispatcher}, false},
		"not an id that begins alike":   {Grant{RoleDispatcher, "4403/"}, "44030/", []Role{RoleDispatcher}, false},
		"one of several roles":          {Grant{RoleTrainer, district}, community, []Role{RoleDispatcher, RoleTrainer}, true},
		"not another role":              {Grant{RoleTrainer, district}, community, []Role{RoleDispatcher}, false},
		"an admin as dispatcher":        {Grant{RoleAdmin, district}, community, []Role{RoleDispatcher}, true},
		"an admin as trainer":           {Grant{RoleAdmin, district}, community, []Role{RoleTrainer}, true},
		"an admin is no volunteer":      {Grant{RoleAdmin, district}, community, []Role{RoleVolunteer}, false},
		"a dispatcher is no admin":      {Grant{RoleDispatcher, district}, community, []Role{RoleAdmin}, false},
		"a grant without a path":        {Grant{RoleAdmin, ""}, community, []Role{RoleAdmin}, false},
		"a thing without a path":        {Grant{RoleAdmin, district}, "", []Role{RoleAdmin}, false},
		"no role asked for is no right": {Grant{RoleAdmin, district}, community, nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := Principal{Grants: []Grant{tt.grant}}
			if got := p.May(tt.path, tt.roles...); got != tt.want {
				t.Errorf("May = %t", got)
			}
			if err := p.Require(tt.path, tt.roles...); (fault.CodeOf(err) == fault.CodeForbidden) == tt.want {
				t.Errorf("Require = %v", err)
			}
		})
	}
}

func TestLastUnit(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"": "", district: "440303000000", community: "440303001001", "440303000000": "440303000000"} {
		if got := LastUnit(path); got != want {
			t.Errorf("LastUnit(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestScopesLeaveOutWhatLiesWithinAnother(t *testing.T) {
	t.Parallel()
	p := Principal{Grants: []Grant{
		{RoleDispatcher, community},
		{RoleAdmin, subdistrict},
		{RoleDispatcher, subdistrict + "440303001002/"},
		{RoleDispatcher, elsewhere},
		{RoleDispatcher, elsewhere},
		{RoleVolunteer, district},
	}}
	if diff := cmp.Diff([]string{subdistrict, elsewhere}, p.Scopes(RoleDispatcher)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{district}, p.Scopes(RoleVolunteer)); diff != "" {
		t.Error(diff)
	}
	if got := p.Scopes(RoleTrainer); len(got) != 1 {
		t.Errorf("an admin's scopes as a trainer are %v", got)
	}
	if got := (Principal{}).Scopes(RoleAdmin); len(got) != 0 {
		t.Errorf("nobody's scopes are %v", got)
	}
}

func TestHas(t *testing.T) {
	t.Parallel()
	p := Principal{Grants: []Grant{{RoleTrainer, community}}}
	if !p.Has(RoleDispatcher, RoleTrainer) || p.Has(RoleDispatcher, RoleAdmin) || (Principal{}).Has(RoleVolunteer) {
		t.Error("Has does not tell roles apart")
	}
}
