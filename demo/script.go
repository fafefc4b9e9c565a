package demo

import "time"

// act is what a phone does with an alert that it has acknowledged.
type act int

const (
	silent act = iota
	decline
	accept
)

// lastSilent is the last of the alerts whose phones stay silent: the first
// seven, and the replacements of those who answer before anybody's time is
// over, one for each.
const lastSilent = parallel + 4

// actOf is the script: by an alert's place among those of its dispatch, so that
// the same happens every time, whoever is nearest. Of the first seven, two
// decline and two accept, and the replacements stay silent, as do the other
// three, until their time is over; whoever replaces those accepts, and so do
// all who come later, should somebody's turn have fallen to a phone that does
// not follow the script.
func actOf(number int) act {
	switch {
	case number == 2 || number == 5:
		return decline
	case number == 1 || number == 4 || number > lastSilent:
		return accept
	default:
		return silent
	}
}

// Pace is how fast the simulated responders are. Whatever a person takes
// minutes for takes seconds.
type Pace struct {
	Notice  time.Duration // from the push to the acknowledgement
	Decide  time.Duration // from there to the answer
	SetOff  time.Duration // from there to setting off
	Travel  time.Duration // from there to the arrival
	OnScene time.Duration // from there to being done
}

// StoryPace fits the incident of the story into some seconds.
func StoryPace() Pace {
	return Pace{
		Notice: 150 * time.Millisecond, Decide: 450 * time.Millisecond, SetOff: 300 * time.Millisecond,
		Travel: 900 * time.Millisecond, OnScene: 700 * time.Millisecond,
	}
}

// VisitorPace lets a person who looks on, or takes part, keep up.
func VisitorPace() Pace {
	return Pace{
		Notice: time.Second, Decide: 4 * time.Second, SetOff: 3 * time.Second,
		Travel: 20 * time.Second, OnScene: 20 * time.Second,
	}
}

// personal is the pace of one of several, who are not all equally fast: up to
// two thirds slower for later numbers.
func (p Pace) personal(number int) Pace {
	slower := func(d time.Duration) time.Duration { return d + d*time.Duration(number%5)/6 }
	return Pace{
		Notice: slower(p.Notice), Decide: slower(p.Decide), SetOff: slower(p.SetOff),
		Travel: slower(p.Travel), OnScene: slower(p.OnScene),
	}
}
