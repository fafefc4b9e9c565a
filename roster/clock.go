package roster

import (
	"iter"
	"slices"
	"time"
)

// cycle is for how long the weekly clock is followed: a week, with two days to
// spare for clocks that are changed. What does not happen within it never does,
// unless something else changes first.
const cycle = 9 * 24 * time.Hour

// turns goes through the times after now at which something may change, in
// their order: the ends of toggles and leaves, and between them the times on
// the clock. Whoever has gone through a whole cycle of the clock without a
// change need not do so again.
func (a Availability) turns(zone *time.Location, now time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		from, seen := now, false
		for _, end := range append(a.dates(now), time.Time{}) {
			if !seen && !a.clockless(from) {
				for _, t := range a.clockTurns(zone, from, end) {
					if !yield(t) {
						return
					}
				}
				seen = end.Sub(from) >= cycle
			}
			if end.IsZero() || !yield(end) {
				return
			}
			from = end
		}
	}
}

// dates are the times after now at which something begins or ends that is not
// repeated, in their order.
func (a Availability) dates(now time.Time) []time.Time {
	dates := []time.Time{a.Toggle.Until}
	for _, l := range a.Leaves {
		dates = append(dates, l.From, l.To)
	}
	dates = slices.DeleteFunc(dates, func(t time.Time) bool { return !t.After(now) })
	slices.SortFunc(dates, time.Time.Compare)
	return dates
}

// clockTurns returns the times between from and end, zero for open, at which
// the clock may change something, for one cycle at most.
func (a Availability) clockTurns(zone *time.Location, from, end time.Time) []time.Time {
	if limit := from.Add(cycle); end.IsZero() || limit.Before(end) {
		end = limit
	}
	var found []time.Time
	add := func(t time.Time) {
		if t.After(from) && t.Before(end) {
			found = append(found, t.UTC())
		}
	}
	if _, change := from.In(zone).ZoneBounds(); !change.IsZero() {
		add(change) // the clock jumps, and may jump into a shift or out of one
	}
	y, m, d := from.In(zone).Date()
	for day := time.Date(y, m, d-1, 0, 0, 0, 0, time.UTC); day.Before(end.Add(dayLength)); day = day.AddDate(0, 0, 1) {
		offsets := offsetsOn(day, zone)
		for _, minute := range a.marks(day.Weekday()) {
			for _, offset := range offsets {
				add(day.Add(time.Duration(minute)*time.Minute - offset))
			}
		}
	}
	slices.SortFunc(found, time.Time.Compare)
	return slices.CompactFunc(found, time.Time.Equal)
}

// dayLength is longer than any zone is ahead of another.
const dayLength = 26 * time.Hour

// offsetsOn returns what the clocks of the zone are ahead of UTC on a day, which
// is given as if it were one of UTC: two values when the clocks change about
// then. A mark on the clock is looked at by both, since there may be two such
// times on that day, or none.
func offsetsOn(day time.Time, zone *time.Location) []time.Duration {
	_, before := day.Add(-dayLength).In(zone).Zone()
	_, after := day.Add(2 * dayLength).In(zone).Zone()
	offsets := []time.Duration{time.Duration(before) * time.Second}
	if after != before {
		offsets = append(offsets, time.Duration(after)*time.Second)
	}
	return offsets
}

// clockless reports whether what is set leaves nothing for the clock to decide
// from t until the next date.
func (a Availability) clockless(t time.Time) bool {
	toggle := a.Toggle.At(t)
	return a.SignedOut || a.onLeave(t) || toggle == ToggleOff || toggle == ToggleOn && !a.Toggle.Until.IsZero()
}

// marks are the times on the clock of a weekday at which something begins or
// ends.
func (a Availability) marks(day time.Weekday) []Minute {
	var marks []Minute
	for _, h := range a.Quiet {
		marks = append(marks, h.From, h.To)
	}
	for _, f := range a.Schedule {
		ends := f.Weekday
		if f.overnight() {
			ends = (ends + 1) % 7
		}
		if day == f.Weekday {
			marks = append(marks, f.From)
		}
		if day == ends {
			marks = append(marks, f.To)
		}
	}
	slices.Sort(marks)
	return slices.Compact(marks)
}
