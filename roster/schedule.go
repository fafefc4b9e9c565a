package roster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
)

// Limits of what a responder may set.
const (
	MaxShifts = 50
	MaxQuiet  = 5
)

// dayMinutes is how many minutes a day has on the clock.
const dayMinutes = 24 * 60

// Shift is a part of every week, by the clock of the district. One whose To is
// not after From ends on the next day. On the day when the clocks change, a
// shift lasts as long as the clock says it does.
type Shift struct {
	Weekday time.Weekday `bson:"weekday"` // on which it begins
	Hours   `bson:",inline"`
}

// Hours are a part of every day, by the clock of the district, To excluded. They
// go over midnight if To is not after From.
type Hours struct {
	From Minute `bson:"from"` // from 00:00 to 23:59
	To   Minute `bson:"to"`   // up to 24:00; differs from From
}

// Minute is a time of the day: how many minutes after midnight the clock shows.
type Minute int

// ParseMinute reads a time such as 08:00; 24:00 is the end of the day. It
// reports false for anything else.
func ParseMinute(text string) (Minute, bool) {
	if text == "24:00" {
		return dayMinutes, true
	}
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, false
	}
	return minuteOf(t), true
}

// String writes the time as ParseMinute reads it.
func (m Minute) String() string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }

// minuteOf is what the clock shows at t, in t's zone.
func minuteOf(t time.Time) Minute { return Minute(t.Hour()*60 + t.Minute()) }

// overnight reports whether the hours end on the next day.
func (h Hours) overnight() bool { return h.To <= h.From }

func (h Hours) valid() bool {
	return h.From >= 0 && h.From < dayMinutes && h.To >= 0 && h.To <= dayMinutes && h.From != h.To
}

// covers reports whether the daily hours hold when the clock shows m.
func (h Hours) covers(m Minute) bool {
	if h.overnight() {
		return m >= h.From || m < h.To
	}
	return m >= h.From && m < h.To
}

// covers reports whether the shift holds on the day when the clock shows m.
func (f Shift) covers(day time.Weekday, m Minute) bool {
	if !f.overnight() {
		return day == f.Weekday && m >= f.From && m < f.To
	}
	return day == f.Weekday && m >= f.From || day == (f.Weekday+1)%7 && m < f.To
}

// SetSchedule replaces the weekly schedule of the actor's responder; no shifts
// mean none. It has an effect while the responder is ACTIVE and has no toggle
// set. It fails with NOT_FOUND if the actor is not on the roster, or INVALID.
func (s *Service) SetSchedule(ctx context.Context, actor auth.Principal, shifts []Shift, key string) (*Responder, error) {
	if len(shifts) > MaxShifts {
		return nil, fault.Invalid("shifts", "too_many_shifts", fault.Args{"max": MaxShifts})
	}
	for _, f := range shifts {
		if f.Weekday < time.Sunday || f.Weekday > time.Saturday || !f.valid() {
			return nil, fault.Invalid("shifts", "hours")
		}
	}
	return s.arrange(ctx, actor, setting{"set schedule", key, fmt.Sprint(shifts)}, func(r *Responder) error {
		r.Availability.Schedule = slices.Clone(shifts)
		return nil
	})
}

// SetQuietHours replaces the hours of every day in which the actor's responder
// does not want to be called, unless it has switched itself on until a given
// time. It fails with NOT_FOUND if the actor is not on the roster, or INVALID.
func (s *Service) SetQuietHours(ctx context.Context, actor auth.Principal, quiet []Hours, key string) (*Responder, error) {
	if len(quiet) > MaxQuiet {
		return nil, fault.Invalid("hours", "too_many_quiet_hours", fault.Args{"max": MaxQuiet})
	}
	if slices.ContainsFunc(quiet, func(h Hours) bool { return !h.valid() }) {
		return nil, fault.Invalid("hours", "hours")
	}
	return s.arrange(ctx, actor, setting{"set quiet hours", key, fmt.Sprint(quiet)}, func(r *Responder) error {
		r.Availability.Quiet = slices.Clone(quiet)
		return nil
	})
}
