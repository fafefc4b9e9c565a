package graph

import (
	"context"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/roster"
)

// availability says whether a responder is on duty now, and to itself also what
// it has set.
func (r *Resolver) availability(ctx context.Context, of *roster.Responder) *Availability {
	duty, zone := r.Roster.DutyOf(ctx, of)
	out := &Availability{OnDuty: duty.OnDuty, Until: some(duty.Until), Reason: duty.Reason}
	if of.AccountID != actor(ctx).AccountID {
		return out
	}
	set, now := of.Availability, r.Now()
	out.Explanation = some(r.explanation(ctx, duty, now.In(zone)))
	if state := set.Toggle.At(now); state != roster.ToggleUnset {
		out.Toggle = &AvailabilityToggle{OnDuty: state == roster.ToggleOn, Until: some(set.Toggle.Until)}
	}
	out.Schedule, out.QuietHours, out.Leaves = shifts(set.Schedule), quietHours(set.Quiet), leaves(set.Leaves, now)
	return out
}

// explanation puts a duty into a sentence; now is in the zone in which its times
// are told.
func (r *Resolver) explanation(ctx context.Context, d roster.Duty, now time.Time) string {
	tag := RequestOf(ctx).Locale
	key := "duty." + map[bool]string{true: "on", false: "off"}[d.OnDuty] + "." + string(d.Reason)
	if d.Until.IsZero() {
		return r.Catalogue.Text(tag, key, nil)
	}
	until := d.Until.In(now.Location())
	args := map[string]any{
		"clock": until.Format("15:04"), "date": until.Format(time.DateOnly),
	}
	when := "duty.time.today"
	if until.Format(time.DateOnly) != now.Format(time.DateOnly) {
		when = "duty.time.other_day"
	}
	return r.Catalogue.Text(tag, key+".until", map[string]any{"until": r.Catalogue.Text(tag, when, args)})
}

func shifts(list []roster.Shift) []*Shift {
	out := make([]*Shift, len(list))
	for i, f := range list {
		out[i] = &Shift{Weekday: weekdays[f.Weekday], From: f.From.String(), To: f.To.String()}
	}
	return out
}

func quietHours(list []roster.Hours) []*QuietHours {
	out := make([]*QuietHours, len(list))
	for i, h := range list {
		out[i] = &QuietHours{From: h.From.String(), To: h.To.String()}
	}
	return out
}

func leaves(list []roster.Leave, now time.Time) []*Leave {
	out := []*Leave{}
	for _, l := range list {
		if now.Before(l.To) {
			out = append(out, &Leave{ID: l.ID, From: l.From, To: l.To, Reason: l.Reason})
		}
	}
	return out
}

// weekdays are the schema's names of time's weekdays.
var weekdays = [...]Weekday{
	time.Sunday: WeekdaySunday, time.Monday: WeekdayMonday, time.Tuesday: WeekdayTuesday, time.Wednesday: WeekdayWednesday,
	time.Thursday: WeekdayThursday, time.Friday: WeekdayFriday, time.Saturday: WeekdaySaturday,
}

func weekdayOf(w Weekday) time.Weekday {
	for day, name := range weekdays {
		if name == w {
			return time.Weekday(day)
		}
	}
	return -1 // which the roster refuses
}

func (r *Resolver) setSchedule(ctx context.Context, in SetScheduleInput) (*roster.Responder, error) {
	key, err := keyOf(in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	list := make([]roster.Shift, len(in.Shifts))
	for i, f := range in.Shifts {
		hours, err := hoursOf("shifts", f.From, f.To)
		if err != nil {
			return nil, err
		}
		list[i] = roster.Shift{Weekday: weekdayOf(f.Weekday), Hours: hours}
	}
	return r.Roster.SetSchedule(ctx, actor(ctx), list, key)
}

func (r *Resolver) setQuietHours(ctx context.Context, in SetQuietHoursInput) (*roster.Responder, error) {
	key, err := keyOf(in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	list := make([]roster.Hours, len(in.Hours))
	for i, h := range in.Hours {
		if list[i], err = hoursOf("hours", h.From, h.To); err != nil {
			return nil, err
		}
	}
	return r.Roster.SetQuietHours(ctx, actor(ctx), list, key)
}

// hoursOf reads a time of the day; what cannot be read is a fault of the list
// in which it is.
func hoursOf(list, from, to string) (roster.Hours, error) {
	start, good := roster.ParseMinute(from)
	end, ok := roster.ParseMinute(to)
	if !good || !ok {
		return roster.Hours{}, fault.Invalid(list, "hours")
	}
	return roster.Hours{From: start, To: end}, nil
}

// presences loads where responders are, in their order, as the actor may know
// it.
func (r *Resolver) presences(ctx context.Context, of []*roster.Responder) ([]*Presence, error) {
	known, err := r.Roster.PresencesOf(ctx, actor(ctx), of)
	if err != nil {
		return nil, err
	}
	return mapped(inOrder(ids(of, func(r *roster.Responder) string { return r.ID }), known), presence), nil
}
