package roster

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// shift reads a shift such as "08:00-18:00".
func shift(day time.Weekday, hours string) Shift { return Shift{day, hoursOf(hours)} }

func hoursOf(text string) Hours {
	from, ok := ParseMinute(text[:5])
	to, good := ParseMinute(text[6:])
	if !ok || !good {
		panic("no hours: " + text)
	}
	return Hours{from, to}
}

func weekdays(hours string) []Shift {
	var list []Shift
	for day := time.Monday; day <= time.Friday; day++ {
		list = append(list, shift(day, hours))
	}
	return list
}

func zoneNamed(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// on and off write the expected duty; until is on the clock of the zone.
func on(reason DutyReason, until ...time.Time) Duty { return dutyUntil(true, reason, until) }

func off(reason DutyReason, until ...time.Time) Duty { return dutyUntil(false, reason, until) }

func dutyUntil(on bool, reason DutyReason, until []time.Time) Duty {
	d := Duty{OnDuty: on, Reason: reason}
	if len(until) > 0 {
		d.Until = until[0].UTC()
	}
	return d
}

func TestEffective(t *testing.T) {
	t.Parallel()
	zone := zoneNamed(t, "Asia/Shanghai")
	// The 12th of May 2026 is a Tuesday.
	day := func(d int, clock string) time.Time {
		m, _ := ParseMinute(clock)
		return time.Date(2026, 5, d, 0, int(m), 0, 0, zone)
	}
	now := day(12, "09:30")
	office := weekdays("08:00-18:00")
	night := []Hours{hoursOf("22:00-07:00")}
	leave := func(from, to time.Time) []Leave { return []Leave{{From: from, To: to}} }
	for name, c := range map[string]struct {
		a    Availability
		now  time.Time
		want Duty
	}{
		"nothing set":                         {Availability{}, now, off(DutyNothingSet)},
		"quiet hours alone":                   {Availability{Quiet: night}, now, off(DutyNothingSet)},
		"switched on":                         {Availability{Toggle: Toggle{State: ToggleOn}}, now, on(DutyToggle)},
		"switched on, quiet hours tonight":    {Availability{Toggle: Toggle{State: ToggleOn}, Quiet: night}, now, on(DutyToggle, day(12, "22:00"))},
		"switched on, in quiet hours":         {Availability{Toggle: Toggle{State: ToggleOn}, Quiet: night}, day(12, "23:00"), off(DutyQuiet, day(13, "07:00"))},
		"switched on for the night":           {Availability{Toggle: Toggle{ToggleOn, day(13, "03:00")}, Quiet: night}, day(12, "23:00"), on(DutyToggle, day(13, "03:00"))},
		"switched on until the shift":         {Availability{Toggle: Toggle{ToggleOn, day(12, "08:00")}, Schedule: office}, day(12, "06:00"), on(DutyToggle, day(12, "18:00"))},
		"switched on into the shift":          {Availability{Toggle: Toggle{ToggleOn, day(12, "17:00")}, Schedule: office}, now, on(DutyToggle, day(12, "18:00"))},
		"switched on beyond the shift":        {Availability{Toggle: Toggle{ToggleOn, day(12, "19:00")}, Schedule: office}, now, on(DutyToggle, day(12, "19:00"))},
		"switched on until a moment ago":      {Availability{Toggle: Toggle{ToggleOn, now}}, now, off(DutyNothingSet)},
		"switched off":                        {Availability{Toggle: Toggle{State: ToggleOff}, Schedule: office}, now, off(DutyToggle)},
		"switched off for an hour":            {Availability{Toggle: Toggle{ToggleOff, day(12, "10:30")}, Schedule: office}, now, off(DutyToggle, day(12, "10:30"))},
		"switched off beyond the shift":       {Availability{Toggle: Toggle{ToggleOff, day(12, "20:00")}, Schedule: office}, now, off(DutyToggle, day(13, "08:00"))},
		"switched off until a moment ago":     {Availability{Toggle: Toggle{ToggleOff, now}, Schedule: office}, now, on(DutySchedule, day(12, "18:00"))},
		"within a shift":                      {Availability{Schedule: office}, now, on(DutySchedule, day(12, "18:00"))},
		"when a shift begins":                 {Availability{Schedule: office}, day(12, "08:00"), on(DutySchedule, day(12, "18:00"))},
		"when a shift ends":                   {Availability{Schedule: office}, day(12, "18:00"), off(DutySchedule, day(13, "08:00"))},
		"before the weekend":                  {Availability{Schedule: office}, day(15, "18:00"), off(DutySchedule, day(18, "08:00"))},
		"a shift over midnight, before":       {Availability{Schedule: []Shift{shift(time.Tuesday, "20:00-02:00")}}, day(12, "21:00"), on(DutySchedule, day(13, "02:00"))},
		"a shift over midnight, after":        {Availability{Schedule: []Shift{shift(time.Tuesday, "20:00-02:00")}}, day(13, "01:59"), on(DutySchedule, day(13, "02:00"))},
		"a shift over midnight, a day early":  {Availability{Schedule: []Shift{shift(time.Tuesday, "20:00-02:00")}}, day(12, "01:00"), off(DutySchedule, day(12, "20:00"))},
		"a shift of Saturday over midnight":   {Availability{Schedule: []Shift{shift(time.Saturday, "22:00-06:00")}}, day(17, "05:00"), on(DutySchedule, day(17, "06:00"))},
		"shifts that meet at 24:00":           {Availability{Schedule: []Shift{shift(time.Tuesday, "08:00-24:00"), shift(time.Wednesday, "00:00-04:00")}}, now, on(DutySchedule, day(13, "04:00"))},
		"a shift that ends at 00:00":          {Availability{Schedule: []Shift{shift(time.Tuesday, "08:00-00:00")}}, now, on(DutySchedule, day(13, "00:00"))},
		"shifts that overlap":                 {Availability{Schedule: []Shift{shift(time.Tuesday, "08:00-12:00"), shift(time.Tuesday, "11:00-15:00")}}, now, on(DutySchedule, day(12, "15:00"))},
		"shifts around the clock":             {Availability{Schedule: append(weekdays("00:00-24:00"), shift(time.Saturday, "00:00-24:00"), shift(time.Sunday, "00:00-24:00"))}, now, on(DutySchedule)},
		"quiet hours within a shift":          {Availability{Schedule: office, Quiet: []Hours{hoursOf("12:00-13:30")}}, now, on(DutySchedule, day(12, "12:00"))},
		"in quiet hours within a shift":       {Availability{Schedule: office, Quiet: []Hours{hoursOf("12:00-13:30")}}, day(12, "12:30"), off(DutyQuiet, day(12, "13:30"))},
		"on leave":                            {Availability{Schedule: office, Leaves: leave(day(11, "00:00"), day(14, "00:00"))}, now, off(DutyLeave, day(14, "08:00"))},
		"on leave, switched on":               {Availability{Toggle: Toggle{ToggleOn, day(13, "12:00")}, Leaves: leave(day(11, "00:00"), day(13, "00:00"))}, now, off(DutyLeave, day(13, "00:00"))},
		"before a leave":                      {Availability{Schedule: office, Leaves: leave(day(12, "15:00"), day(14, "00:00"))}, now, on(DutySchedule, day(12, "15:00"))},
		"leaves that meet":                    {Availability{Toggle: Toggle{State: ToggleOn}, Leaves: []Leave{{From: day(11, "00:00"), To: day(13, "00:00")}, {From: day(13, "00:00"), To: day(20, "00:00")}}}, now, off(DutyLeave, day(20, "00:00"))},
		"a leave in half a year":              {Availability{Toggle: Toggle{State: ToggleOn}, Leaves: leave(day(200, "00:00"), day(210, "00:00"))}, now, on(DutyToggle, day(200, "00:00"))},
		"a leave that has just ended":         {Availability{Toggle: Toggle{State: ToggleOn}, Leaves: leave(day(11, "00:00"), now)}, now, on(DutyToggle)},
		"signed out, switched on":             {Availability{Toggle: Toggle{State: ToggleOn}, Schedule: office, SignedOut: true}, now, off(DutySignedOut)},
		"signed out and on leave":             {Availability{Leaves: leave(day(11, "00:00"), day(14, "00:00")), SignedOut: true}, now, off(DutySignedOut)},
		"quiet around the clock, switched on": {Availability{Toggle: Toggle{State: ToggleOn}, Quiet: []Hours{hoursOf("00:00-24:00")}}, now, off(DutyQuiet)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _ := effective(c.a, StatusActive, zone, c.now.UTC())
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if got, again := effective(c.a, StatusSuspended, zone, c.now); got != off(DutyNotActive) || !again.IsZero() {
				t.Errorf("suspended: %+v, again %v", got, again)
			}
		})
	}
}

// In Berlin, the clocks of 2026 go from 02:00 to 03:00 on the 29th of March, and
// from 03:00 back to 02:00 on the 25th of October, both Sundays.
func TestEffective_whenTheClocksChange(t *testing.T) {
	t.Parallel()
	zone := zoneNamed(t, "Europe/Berlin")
	utc := func(month time.Month, d, hour, minute int) time.Time {
		return time.Date(2026, month, d, hour, minute, 0, 0, time.UTC)
	}
	sunday := func(hours string) Availability { return Availability{Schedule: []Shift{shift(time.Sunday, hours)}} }
	for name, c := range map[string]struct {
		a    Availability
		now  time.Time
		want Duty
	}{
		"a shift from the hour that is left out": {sunday("02:30-06:00"), utc(time.March, 29, 0, 0), off(DutySchedule, utc(time.March, 29, 1, 0))},
		"a shift up to that hour":                {sunday("00:00-02:30"), utc(time.March, 29, 0, 0), on(DutySchedule, utc(time.March, 29, 1, 0))},
		"a shift within that hour is left out":   {sunday("02:15-02:45"), utc(time.March, 29, 0, 0), off(DutySchedule, utc(time.April, 5, 0, 15))},
		"a shift around it is an hour shorter":   {sunday("01:00-05:00"), utc(time.March, 29, 0, 0), on(DutySchedule, utc(time.March, 29, 3, 0))},
		"a shift around the hour that is twice":  {sunday("01:00-05:00"), utc(time.October, 24, 23, 0), on(DutySchedule, utc(time.October, 25, 4, 0))},
		"a shift within it comes twice":          {sunday("02:15-02:45"), utc(time.October, 25, 0, 15), on(DutySchedule, utc(time.October, 25, 0, 45))},
		"and once more":                          {sunday("02:15-02:45"), utc(time.October, 25, 0, 45), off(DutySchedule, utc(time.October, 25, 1, 15))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _ := effective(c.a, StatusActive, zone, c.now)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// slowly evaluates by painting the minutes of a week, and knows nothing of
// turns.
type slowly struct {
	a            Availability
	shift, quiet map[string]bool // "Monday 08:00", and "08:00"
}

func paint(a Availability) slowly {
	p := slowly{a, map[string]bool{}, map[string]bool{}}
	monday := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	length := func(h Hours) int {
		if h.To > h.From {
			return int(h.To - h.From)
		}
		return int(h.To-h.From) + 24*60
	}
	for _, f := range a.Schedule {
		start := monday.AddDate(0, 0, (int(f.Weekday)+6)%7).Add(time.Duration(f.From) * time.Minute)
		for m := range length(f.Hours) {
			p.shift[start.Add(time.Duration(m)*time.Minute).Format("Monday 15:04")] = true
		}
	}
	for _, h := range a.Quiet {
		start := monday.Add(time.Duration(h.From) * time.Minute)
		for m := range length(h) {
			p.quiet[start.Add(time.Duration(m)*time.Minute).Format("15:04")] = true
		}
	}
	return p
}

func (p slowly) onDuty(t time.Time) bool {
	for _, l := range p.a.Leaves {
		if l.From.Compare(t) <= 0 && t.Before(l.To) {
			return false
		}
	}
	g := p.a.Toggle
	if g.Until.IsZero() || t.Before(g.Until) {
		if g.State == ToggleOff {
			return false
		}
		if g.State == ToggleOn {
			return !g.Until.IsZero() || !p.quiet[t.Format("15:04")]
		}
	}
	return p.shift[t.Format("Monday 15:04")] && !p.quiet[t.Format("15:04")]
}

func TestEffective_isWhatEachMinuteSays(t *testing.T) {
	t.Parallel()
	zones := []*time.Location{zoneNamed(t, "Asia/Shanghai"), zoneNamed(t, "Europe/Berlin"), zoneNamed(t, "Australia/Lord_Howe"), zoneNamed(t, "America/St_Johns")}
	rapid.Check(t, func(r *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(r, "zone")
		base := rapid.SampledFrom([]time.Time{
			time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 22, 0, 0, 0, 0, time.UTC), time.Date(2026, 4, 3, 0, 0, 0, 0, time.UTC),
			time.Date(2026, 3, 6, 0, 0, 0, 0, time.UTC),
		}).Draw(r, "base")
		now := base.Add(time.Duration(rapid.IntRange(0, 4*1440).Draw(r, "now")) * time.Minute)
		a := drawAvailability(r, now)
		got, again := effective(a, StatusActive, zone, now)
		p := paint(a)
		changes := firstChange(now, func(t time.Time) bool { return p.onDuty(t.In(zone)) })
		beyond := got.Until.After(now.Add(horizon))
		if got.OnDuty != p.onDuty(now.In(zone)) || !beyond && !got.Until.Equal(changes) || beyond && !changes.IsZero() {
			r.Fatalf("%v: %+v, want %v until %v\n%+v", now.In(zone), got, p.onDuty(now.In(zone)), changes, a)
		}
		if !got.Until.IsZero() && (again.IsZero() || again.After(got.Until)) {
			r.Fatalf("looks again at %v, after %v", again, got.Until)
		}
	})
}

const horizon = 9 * 24 * time.Hour

// firstChange goes on minute by minute; zero for no change.
func firstChange(now time.Time, on func(time.Time) bool) time.Time {
	was := on(now)
	for t := now; t.Before(now.Add(horizon)); t = t.Add(time.Minute) {
		if on(t) != was {
			return t
		}
	}
	return time.Time{}
}

func drawAvailability(r *rapid.T, now time.Time) (a Availability) {
	hours := rapid.Custom(func(r *rapid.T) Hours {
		grid := rapid.SampledFrom([]int{30, 60, 7}).Draw(r, "grid")
		from := rapid.IntRange(0, (1440-1)/grid).Draw(r, "from") * grid
		to := rapid.IntRange(0, 1440/grid).Draw(r, "to") * grid
		if from == to {
			to = 1440
		}
		return Hours{Minute(from), Minute(to)}
	})
	a.Schedule = rapid.SliceOfN(rapid.Custom(func(r *rapid.T) Shift {
		return Shift{time.Weekday(rapid.IntRange(0, 6).Draw(r, "day")), hours.Draw(r, "hours")}
	}), 0, 12).Draw(r, "schedule")
	a.Quiet = rapid.SliceOfN(hours, 0, 2).Draw(r, "quiet")
	later := func(name string) time.Time {
		return now.Add(time.Duration(rapid.IntRange(-2880, 8*1440).Draw(r, name)) * time.Minute)
	}
	a.Toggle.State = rapid.SampledFrom([]ToggleState{ToggleUnset, ToggleOn, ToggleOff}).Draw(r, "toggle")
	if rapid.Bool().Draw(r, "ends") {
		a.Toggle.Until = later("until")
	}
	for i := range rapid.IntRange(0, 3).Draw(r, "leaves") {
		from := later(fmt.Sprint("from", i))
		a.Leaves = append(a.Leaves, Leave{From: from, To: from.Add(time.Duration(rapid.IntRange(1, 3*1440).Draw(r, "length")) * time.Minute)})
	}
	return a
}

func TestParseMinute(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Minute{"00:00": 0, "08:05": 485, "23:59": 1439, "24:00": 1440} {
		if got, ok := ParseMinute(text); !ok || got != want || got.String() != text {
			t.Errorf("%s is %d (%s), %v", text, got, got, ok)
		}
	}
	for _, text := range []string{"", "8:00", "08:00:00", "24:01", "25:00", "08:60", "-1:00", "0８:00", "noon", "08.00"} {
		if got, ok := ParseMinute(text); ok {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

// BenchmarkEffective is the worst that can be set: shifts that never count,
// between as many leaves as there can be.
func BenchmarkEffective(b *testing.B) {
	now := time.Date(2026, 5, 12, 1, 30, 0, 0, time.UTC)
	a := Availability{Quiet: []Hours{hoursOf("00:00-24:00")}}
	for i := range MaxShifts {
		a.Schedule = append(a.Schedule, Shift{time.Weekday(i % 7), Hours{Minute(2 * i), Minute(2*i + 1)}})
	}
	for i := range MaxLeaves {
		from := now.AddDate(0, 0, 18*i+1)
		a.Leaves = append(a.Leaves, Leave{From: from, To: from.Add(time.Hour)})
	}
	zone := zoneNamed(b, "Asia/Shanghai")
	for b.Loop() {
		effective(a, StatusActive, zone, now)
	}
}
