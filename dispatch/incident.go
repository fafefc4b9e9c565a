package dispatch

import (
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
)

// IncidentType is what kind of thing happened, by the classes of GB/T
// 35561-2017 as far as first responders meet them.
type IncidentType string

// The incident types.
const (
	CardiacArrest      IncidentType = "CARDIAC_ARREST"
	Medical            IncidentType = "MEDICAL"
	Fire               IncidentType = "FIRE"
	TrafficAccident    IncidentType = "TRAFFIC_ACCIDENT"
	Flooding           IncidentType = "FLOODING"
	Landslide          IncidentType = "LANDSLIDE"
	BuildingCollapse   IncidentType = "BUILDING_COLLAPSE"
	GasLeak            IncidentType = "GAS_LEAK"
	Hazmat             IncidentType = "HAZMAT"
	ElevatorEntrapment IncidentType = "ELEVATOR_ENTRAPMENT"
	Crowd              IncidentType = "CROWD"
	Typhoon            IncidentType = "TYPHOON"
	MissingPerson      IncidentType = "MISSING_PERSON"
	Other              IncidentType = "OTHER"
)

// IncidentTypes lists all types.
func IncidentTypes() []IncidentType {
	return []IncidentType{
		CardiacArrest, Medical, Fire, TrafficAccident, Flooding, Landslide, BuildingCollapse,
		GasLeak, Hazmat, ElevatorEntrapment, Crowd, Typhoon, MissingPerson, Other,
	}
}

// Distressing reports whether responding to such an incident calls for a rest
// afterwards, because it often means a death or a grave injury.
func (t IncidentType) Distressing() bool {
	return slices.Contains([]IncidentType{CardiacArrest, TrafficAccident, Fire, Landslide, BuildingCollapse}, t)
}

// Severity is how grave an incident is, from LEVEL_I 特别重大 to LEVEL_IV 一般.
type Severity string

// The severities.
const (
	LevelI   Severity = "LEVEL_I"
	LevelII  Severity = "LEVEL_II"
	LevelIII Severity = "LEVEL_III"
	LevelIV  Severity = "LEVEL_IV"
)

// IncidentStatus is whether an incident is going on.
type IncidentStatus string

// The statuses of an incident.
const (
	IncidentOpen   IncidentStatus = "OPEN"
	IncidentClosed IncidentStatus = "CLOSED"
)

// Place is where something belongs in the tree: its org unit, and the units
// above it by level, by each of which it can be listed.
type Place struct {
	UnitID      string `bson:"unitId"`
	UnitPath    string `bson:"unitPath"`
	District    string `bson:"district"`
	Subdistrict string `bson:"subdistrict"` // "" for a district's own
	Community   string `bson:"community"`   // "" for a subdistrict's own
}

// placeOf reads a place off a unit's path.
func placeOf(unitID, unitPath string) Place {
	p := Place{UnitID: unitID, UnitPath: unitPath}
	levels := []*string{&p.District, &p.Subdistrict, &p.Community}
	for i, id := range p.Units() {
		if i < len(levels) {
			*levels[i] = id
		}
	}
	return p
}

// Units returns the ids of the units that the place lies in, from the root
// down.
func (p Place) Units() []string {
	return strings.Split(strings.TrimSuffix(p.UnitPath, "/"), "/")
}

// Incident is what happened.
type Incident struct {
	store.Meta  `bson:",inline"`
	Type        IncidentType   `bson:"type"`
	Severity    Severity       `bson:"severity"`
	Status      IncidentStatus `bson:"status"`
	Position    geo.Position   `bson:"position"` // WGS-84
	Address     string         `bson:"address"`  // as it was typed
	Description string         `bson:"description"`
	Drill       bool           `bson:"drill"`
	Place       Place          `bson:"place"`
	DispatchID  string         `bson:"dispatchId"`
	ReportedBy  string         `bson:"reportedBy"` // an account
	ReportedAt  time.Time      `bson:"reportedAt"`
	ClosedBy    string         `bson:"closedBy,omitempty"`
	ClosedAt    time.Time      `bson:"closedAt,omitempty"`
	Outcome     string         `bson:"outcome,omitempty"`
	// HeldSince is ClosedAt as long as the exact place and the texts are kept
	// (see ForgetIncidents); zero before and afterwards.
	HeldSince time.Time `bson:"heldSince,omitempty"`

	// Coarse marks a copy from which the exact place has been taken out,
	// because its reader has not accepted.
	Coarse bool `bson:"-"`
}

// coarse returns a copy for those who have not accepted: without the exact
// place.
func (i *Incident) coarse() *Incident {
	c := *i
	c.Position, c.Address, c.Coarse = geo.Position{}, "", true
	return &c
}

var incidents = store.Define[Incident]("incidents",
	store.Index{Name: "district", Fields: []string{"place.district", "reportedAt"}},
	store.Index{Name: "subdistrict", Fields: []string{"place.subdistrict", "reportedAt"}},
	store.Index{Name: "community", Fields: []string{"place.community", "reportedAt"}},
	store.Index{Name: "path", Fields: []string{"place.unitPath", "status"}},
	store.Index{Name: "held", Fields: []string{"heldSince"}, Sparse: true},
)
