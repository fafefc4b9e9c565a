package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/training"
)

// Policy says how a dispatch looks for responders. It is data: the policy of
// an incident type may be stored, and a dispatch keeps the one that it began
// with.
type Policy struct {
	// Needed is how many responders are to accept; from 1 to 500.
	Needed int `bson:"needed"`
	// Cap is how many may accept at most; at least Needed.
	Cap int `bson:"cap"`
	// Parallel is how many alerts are open at a time; from 1 to 500.
	Parallel int `bson:"parallel"`
	// RadiiMeters are the radii searched, one after the other; ascending, the
	// largest at most 50,000 m.
	RadiiMeters []float64 `bson:"radiiMeters"`
	// AnswerTimeout is how long an alert stays open, from 1 s to 10 min.
	AnswerTimeout time.Duration `bson:"answerTimeout"`
	// PresenceMaxAge is how old a position may be that is relied upon.
	PresenceMaxAge time.Duration `bson:"presenceMaxAge"`
	// MaxArrival is the longest estimated time to the arrival that is of use.
	MaxArrival time.Duration `bson:"maxArrival"`
	// RestPeriod is how long nobody is alerted who has been on the scene; 0 or
	// more.
	RestPeriod time.Duration `bson:"restPeriod"`
	// RetryEvery is how often a dispatch that found too few looks again.
	RetryEvery time.Duration `bson:"retryEvery"`
	// SearchFor is how long after the report responders are looked for: nobody
	// is to be summoned to what has been forgotten to be closed.
	SearchFor time.Duration `bson:"searchFor"`
	// Courses are those of which a responder must hold a valid certificate.
	Courses []string `bson:"courses"`
}

// DefaultPolicy returns what holds for an incident type unless a policy is
// stored. Seven parallel alerts with replacement of each refusal did better
// than waves on every measure in simulation (van den Berg et al., PLOS ONE
// 2026, 10.1371/journal.pone.0343762); three responders on the scene before
// the ambulance are associated with more defibrillation than one; the radii
// are those of Stockholm (500 m), GoodSAM in the country (1 km) and Denmark
// (1.8 km). The longest useful arrival, the retry and the end of the search are
// assumptions.
func DefaultPolicy(t IncidentType) Policy {
	p := Policy{
		Needed: 3, Cap: 3, Parallel: 7,
		RadiiMeters:    []float64{500, 1000, 1800},
		AnswerTimeout:  30 * time.Second,
		PresenceMaxAge: 15 * time.Minute,
		MaxArrival:     20 * time.Minute,
		RetryEvery:     15 * time.Second,
		SearchFor:      6 * time.Hour,
		Courses:        []string{FirstResponderCourse},
	}
	if t.Distressing() {
		p.RestPeriod = 24 * time.Hour
	}
	return p
}

// FirstResponderCourse is what policies ask for unless they say otherwise.
const FirstResponderCourse = training.FirstResponderID

// Limits of a policy.
const (
	// MaxNeeded is how many responders may be wanted, or alerted at a time.
	MaxNeeded = 500
	maxRadius = 50_000
	maxAnswer = 10 * time.Minute
)

// Validate returns an INVALID fault that names the first field that is out of
// its range.
func (p Policy) Validate() error {
	switch {
	case p.Needed < 1 || p.Needed > MaxNeeded:
		return outOfRange("needed", 1, MaxNeeded)
	case p.Cap < p.Needed || p.Cap > MaxNeeded:
		return outOfRange("cap", p.Needed, MaxNeeded)
	case p.Parallel < 1 || p.Parallel > MaxNeeded:
		return outOfRange("parallel", 1, MaxNeeded)
	case len(p.RadiiMeters) == 0:
		return fault.Invalid("radiiMeters", "required")
	case p.AnswerTimeout < time.Second || p.AnswerTimeout > maxAnswer:
		return outOfRange("answerTimeout", time.Second.String(), maxAnswer.String())
	case p.PresenceMaxAge <= 0:
		return fault.Invalid("presenceMaxAge", "positive")
	case p.MaxArrival <= 0:
		return fault.Invalid("maxArrival", "positive")
	case p.RestPeriod < 0:
		return fault.Invalid("restPeriod", "positive")
	case p.RetryEvery < time.Second:
		return fault.Invalid("retryEvery", "positive")
	case p.SearchFor <= 0:
		return fault.Invalid("searchFor", "positive")
	}
	last := 0.0
	for _, r := range p.RadiiMeters {
		if !(r > last && r <= maxRadius) { // NaN is neither
			return outOfRange("radiiMeters", last, maxRadius)
		}
		last = r
	}
	return nil
}

func outOfRange(field string, low, high any) *fault.Error {
	return fault.Invalid(field, "range", fault.Args{"min": low, "max": high})
}

// storedPolicy is the policy of the incident type that is its id.
type storedPolicy struct {
	store.Meta `bson:",inline"`
	Policy     Policy `bson:"policy"`
}

var policies = store.Define[storedPolicy]("policies")

// Policy returns the policy of an incident type.
func (s *Service) Policy(ctx context.Context, t IncidentType) (Policy, error) {
	stored, err := policies.Get(ctx, s.DB, string(t))
	if errors.Is(err, store.ErrNotFound) {
		return DefaultPolicy(t), nil
	}
	if err != nil {
		return Policy{}, err
	}
	return stored.Policy, nil
}

// SetPolicy stores the policy of an incident type, for the dispatches that
// begin from then on. It asks for no role: only the demonstration calls it so
// far.
func (s *Service) SetPolicy(ctx context.Context, t IncidentType, p Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	return s.DB.Atomically(ctx, func(tx *store.Tx) error {
		stored, err := policies.Get(ctx, tx, string(t))
		if errors.Is(err, store.ErrNotFound) {
			return policies.Insert(ctx, tx, &storedPolicy{Meta: store.Meta{ID: string(t)}, Policy: p})
		}
		if err != nil {
			return err
		}
		stored.Policy = p
		return policies.Replace(ctx, tx, stored)
	})
}
