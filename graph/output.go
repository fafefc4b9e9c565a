package graph

import (
	"context"
	"time"

	"github.com/musterhq/muster/dispatch"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/training"
)

// position writes a position in the datum asked for.
func position(p geo.Position, datum geo.Datum) *Position {
	latitude, longitude, _ := geo.FromWGS84(p, datum)
	return &Position{Latitude: latitude, Longitude: longitude, Datum: datum}
}

func presence(p *roster.Presence) *Presence {
	if p == nil {
		return nil
	}
	return &Presence{Position: position(p.Position, geo.WGS84), AccuracyMeters: p.AccuracyMeters, RecordedAt: p.RecordedAt}
}

func decision(d *dispatch.Decision) *Decision {
	out := &Decision{
		ID: d.ID, Number: int(d.Number), At: d.At, Kind: d.Kind, RadiusMeters: d.RadiusMeters,
		ResponderID: some(d.ResponderID), Reason: some(d.Reason),
	}
	if d.EtaSeconds > 0 {
		eta := int(d.EtaSeconds)
		out.DistanceMeters, out.EtaSeconds = &d.DistanceMeters, &eta
	}
	return out
}

func timelineEntry(e *dispatch.Entry) *TimelineEntry {
	return &TimelineEntry{
		ID: e.ID, At: e.At, Kind: e.Kind, ActorID: some(e.ActorID),
		AlertID: some(e.AlertID), ResponderID: some(e.ResponderID), Note: e.Note,
	}
}

func (r *Resolver) certificate(ctx context.Context, c *training.Certificate, courses map[string]*training.Course) *Certificate {
	out := &Certificate{ID: c.ID, Number: c.Number, IssuedAt: c.IssuedAt, ExpiresAt: c.ExpiresAt, State: c.StateAt(r.Now())}
	if course := courses[c.CourseID]; course != nil {
		out.Course = &Course{ID: course.ID, Name: course.Name.In(RequestOf(ctx).Locale)}
	}
	return out
}

// reached returns when an alert reached a state, or nil.
func reached(a *dispatch.Alert, s dispatch.State) *time.Time {
	t, ok := a.ReachedAt(s)
	if !ok {
		return nil
	}
	return &t
}

// some returns nil for a zero value: what is absent is null.
func some[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
