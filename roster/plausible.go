package roster

import (
	"math"
	"time"

	"github.com/musterhq/muster/geo"
)

// Doubt is a report that cannot be believed alone, beside the position that it
// contradicts. The next report that agrees with it makes it the position.
type Doubt struct {
	Position       geo.Position `bson:"position"`
	AccuracyMeters float64      `bson:"accuracyMeters"`
	RecordedAt     time.Time    `bson:"recordedAt"`
}

const (
	// maxSpeed is how fast a responder may move, in metres per second: 250 km/h
	// is more than any way of getting to an incident. Whoever sits in a faster
	// train keeps the position from before, which grows too old to be used;
	// that is right, for nobody gets off it.
	maxSpeed = 70
	// clockGrain is the least time that reports are taken to be apart: devices
	// round their clocks to seconds.
	clockGrain = time.Second
	// nullIsland is how many degrees from 0, 0 a position must be: broken
	// receivers and unset fields are there, and no district.
	nullIsland = 0.001
	// datumSlack bounds, in metres, how exactly a move must be a datum's shift
	// to be taken for one.
	datumSlack = 30
)

// nowhere reports whether the position is that of a receiver without one.
func nowhere(p geo.Position) bool {
	return math.Abs(p.Latitude) < nullIsland && math.Abs(p.Longitude) < nullIsland
}

// take puts a report that is not older in the place of what is known, or beside
// it if it is to be doubted.
//
// A report is doubted if it implies more than maxSpeed, beyond both circles of
// uncertainty, or if the move is, as exactly as the circles can tell, what a
// wrong datum would make of standing still: a device that names one datum now
// and another then for the same numbers, or that mixes two sources. A true move
// of that kind costs one report. What cannot be told is a device that has named
// the wrong datum from its first report on: its positions are off by some 300 to
// 1,200 m, consistently, and look like any other place.
func (p *Presence) take(in PositionReport, now time.Time) {
	last := Doubt{p.Position, p.AccuracyMeters, p.RecordedAt}
	confirmed := p.Doubt != nil && p.Doubt.agrees(in) && !p.Doubt.isShiftOf(in)
	if confirmed || last.agrees(in) && !last.isShiftOf(in) {
		p.believe(in, now)
		return
	}
	if p.Doubt == nil || !in.RecordedAt.Before(p.Doubt.RecordedAt) {
		p.Doubt = &Doubt{in.Position, in.AccuracyMeters, in.RecordedAt}
	}
}

func (p *Presence) believe(in PositionReport, now time.Time) {
	p.Position, p.AccuracyMeters, p.RecordedAt, p.ReceivedAt = in.Position, in.AccuracyMeters, in.RecordedAt, now
	p.Doubt = nil
}

// apart is how far the report is from d, beyond both circles of uncertainty.
func (d Doubt) apart(in PositionReport) float64 {
	return max(0, geo.Distance(d.Position, in.Position)-d.AccuracyMeters-in.AccuracyMeters)
}

// agrees reports whether the same device can have been at both.
func (d Doubt) agrees(in PositionReport) bool {
	between := max(in.RecordedAt.Sub(d.RecordedAt).Abs(), clockGrain)
	return d.apart(in) <= maxSpeed*between.Seconds()
}

// isShiftOf reports whether the move from d to the report is the shift between
// two datums, and nothing else.
func (d Doubt) isShiftOf(in PositionReport) bool {
	if d.apart(in) == 0 {
		return false
	}
	slack := min(d.AccuracyMeters+in.AccuracyMeters, datumSlack)
	for _, q := range misread(in) {
		if geo.Distance(d.Position, q) <= slack {
			return true
		}
	}
	return false
}

// misread returns where the report would be had its numbers been in another
// datum than was said, and where it would be taken to be had the numbers of its
// place in another datum been said to be its own.
func misread(in PositionReport) []geo.Position {
	said := in.Datum
	if said == "" {
		said = geo.WGS84
	}
	var others []geo.Position
	lat, lng, _ := geo.FromWGS84(in.Position, said)
	for _, other := range []geo.Datum{geo.WGS84, geo.GCJ02, geo.BD09} {
		if other == said {
			continue
		}
		if q, ok := geo.ToWGS84(lat, lng, other); ok {
			others = append(others, q)
		}
		oLat, oLng, _ := geo.FromWGS84(in.Position, other)
		if q, ok := geo.ToWGS84(oLat, oLng, said); ok {
			others = append(others, q)
		}
	}
	return others
}
