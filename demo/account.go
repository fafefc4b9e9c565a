package demo

import (
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/roster"
)

// Code is every sign-in code of the demonstration.
const Code = "246810"

// The fixed accounts, for visitors.
const (
	Admin         = "+8613800000001" // of Luohu
	Dispatcher    = "+8613800000002" // of Guiyuan
	Trainer       = "+8613800000003" // of Luohu
	VolunteerWest = "+8613800000004" // near the centre of Guiyuan
	VolunteerEast = "+8613800000005" // near the centre of Liantang
)

// grant is a role on an org unit.
type grant struct {
	role auth.Role
	unit string
}

// The places of the story and of the visitors, in metres and radians from the
// centres. The volunteer stands well away from where the story happens, so
// that the visitor's phone, which nobody answers, has no part in it.
const (
	volunteerDistance = 300.0
	sceneDistance     = 150.0
	westward          = 3.14
	eastward          = 0.0
)

// VolunteerPosition is where VolunteerWest is, made up like everything here.
func VolunteerPosition() geo.Position { return away(centres[Guiyuan], volunteerDistance, westward) }

// scene is where the story's incident is.
func scene() geo.Position { return away(centres[Guiyuan], sceneDistance, eastward) }

// fixedVolunteers is how many of the fixed accounts are on the roster.
const fixedVolunteers = 2

// fixed returns the fixed accounts; unit finds an org unit by its id.
func fixed(unit func(id string) roster.Unit) []person {
	volunteer := func(name, phone, token, id string, at geo.Position) person {
		return person{
			name: name, phone: phone, token: token, unit: unit(id), position: at, roster: true,
			grants: []grant{{auth.RoleVolunteer, id}}, mode: roster.OnFoot, platform: notify.Android,
		}
	}
	return []person{
		{name: "演示管理员", phone: Admin, grants: []grant{{auth.RoleAdmin, Luohu}}},
		{name: "演示调度员", phone: Dispatcher, grants: []grant{{auth.RoleDispatcher, Guiyuan}}},
		{name: "演示教官", phone: Trainer, grants: []grant{{auth.RoleTrainer, Luohu}}},
		volunteer("演示桂园志愿者", VolunteerWest, "demo-visitor-4", Guiyuan, VolunteerPosition()),
		volunteer("演示莲塘志愿者", VolunteerEast, "demo-visitor-5", Liantang, away(centres[Liantang], volunteerDistance, westward)),
	}
}
