package dispatch

import (
	"flag"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/sqlite"
)

// TestMain keeps the random test short; -rapid.checks on the command line
// makes it longer.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "5"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// crowd is a town in which anything happens, in any order.
type crowd struct {
	*town
	ledger *ledger
	is     []*Incident
	// final are the alerts of which no more must be heard, with how many
	// pushes their responders had had about them.
	final map[string]int
}

var crowdNames = []string{"a", "b", "c", "d", "e", "f"}

// Whatever happens, in any order, what must be true stays true.
func TestRandom_invariantsHold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		engine, err := sqlite.Open(t.TempDir())
		must(r, err)
		db, err := store.Open(r.Context(), engine, definitions()...)
		must(r, err)
		defer func() { must(r, db.Close()) }()
		c := &crowd{town: settled(r, db), final: map[string]int{}}
		c.policy(func(p *Policy) {
			p.Needed = rapid.IntRange(1, 3).Draw(r, "needed")
			p.Cap = p.Needed + rapid.IntRange(0, 1).Draw(r, "more")
			p.Parallel = rapid.IntRange(1, 4).Draw(r, "parallel")
			p.RestPeriod = time.Minute
		})
		for n, name := range crowdNames {
			c.responder(name, 300*float64(n)+50)
		}
		c.refresh()
		c.ledger = newLedger(db)
		r.Repeat(map[string]func(*rapid.T){
			"":           c.verify,
			"report":     c.randomReport,
			"answer":     c.randomAnswer,
			"answer too": c.randomAnswer,
			"call off":   c.randomEnd,
			"duty":       c.randomDuty,
			"pass":       c.randomPass,
			"advance":    func(r *rapid.T) { _, err := c.RunDue(r.Context()); must(r, err) },
			"send":       func(r *rapid.T) { _, err := c.Notify.RunDue(r.Context()); must(r, err) },
			"restart":    func(*rapid.T) { c.restart() },
		})
	})
}

func (c *crowd) verify(r *rapid.T) {
	c.check()
	c.ledger.check(r)
	for _, i := range c.is {
		for _, a := range c.alerts(i) {
			c.verifySilence(r, a)
		}
	}
}

// verifySilence: once an alert is over nothing more is sent about it. The
// update that someone who was coming is stood down may still be on its way.
func (c *crowd) verifySilence(r *rapid.T, a *Alert) {
	if a.State.Live() {
		return
	}
	heard := 0
	for _, push := range c.phones.to(a.AccountID) {
		if push.CollapseKey == a.ID {
			heard++
		}
	}
	_, accepted := a.ReachedAt(Accepted)
	known, seen := c.final[a.ID]
	if !seen {
		c.final[a.ID] = heard
		known = heard
	}
	if a.State == StoodDown && accepted {
		known++
	}
	if heard > known {
		r.Errorf("%s heard of the alert %s after it was %s", a.Name, a.ID, a.State)
	}
}

func (c *crowd) randomReport(r *rapid.T) {
	if len(c.is) == 4 {
		r.Skip("enough of them")
	}
	c.is = append(c.is, c.report(func(in *Report) {
		in.Position = at(float64(rapid.IntRange(0, 1000).Draw(r, "north")), 0)
		in.Drill = rapid.Bool().Draw(r, "drill")
	}))
}

func (c *crowd) randomIncident(r *rapid.T) *Incident {
	if len(c.is) == 0 {
		r.Skip("no incident yet")
	}
	return rapid.SampledFrom(c.is).Draw(r, "incident")
}

// randomAnswer gives any answer to any alert: it is taken exactly if the table
// has it and there is room.
func (c *crowd) randomAnswer(r *rapid.T) {
	i := c.randomIncident(r)
	all := c.alerts(i)
	if len(all) == 0 {
		r.Skip("nobody was alerted yet")
	}
	a := rapid.SampledFrom(all).Draw(r, "alert")
	to := rapid.SampledFrom([]State{Delivered, Accepted, Accepted, Accepted, Declined, EnRoute, OnScene, Completed, Withdrawn}).Draw(r, "answer")
	d := c.dispatchOf(i)
	legal := inLifecycle(a.State, to)
	switch to {
	case Accepted:
		legal = legal && d.Accepted < d.Policy.Cap
	case Delivered:
		legal = a.State.Open() || a.State.Responding()
	}
	_, err := verbs[to](c.Service, r.Context(), volunteer(a.Name), Answer{AlertID: a.ID})
	if legal && err != nil || !legal && fault.CodeOf(err) != fault.CodeConflict {
		r.Errorf("from %s to %s: %v", a.State, to, err)
	}
}

func (c *crowd) randomEnd(r *rapid.T) {
	i := c.randomIncident(r)
	over := c.dispatchOf(i).State
	var err error
	if rapid.Bool().Draw(r, "close") {
		_, err = c.Close(r.Context(), c.staff, CallOff{ID: i.ID})
		over = map[bool]DispatchState{true: Ended}[over == Ended]
	} else {
		_, err = c.StandDown(r.Context(), c.staff, CallOff{ID: i.DispatchID})
	}
	if over.Over() != (fault.CodeOf(err) == fault.CodeConflict) || !over.Over() && err != nil {
		r.Errorf("%s: %v", over, err)
	}
}

func (c *crowd) randomDuty(r *rapid.T) {
	name := rapid.SampledFrom(crowdNames).Draw(r, "who")
	on := rapid.Bool().Draw(r, "on duty")
	_, err := c.Roster.SetAvailability(r.Context(), volunteer(name), roster.SetAvailability{OnDuty: on})
	must(r, err)
	if on {
		c.stand(name, at(float64(rapid.IntRange(0, 2000).Draw(r, "north")), 0))
	}
	if rapid.Bool().Draw(r, "seen") {
		c.refresh()
	}
}

func (c *crowd) randomPass(r *rapid.T) {
	c.clock.Advance(time.Duration(rapid.IntRange(1, 40).Draw(r, "seconds")) * time.Second)
}
