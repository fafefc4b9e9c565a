package roster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
)

// Presence is where an on-duty responder was last seen. Its id is the
// responder's. There is none for those off duty, and no history. It is deleted
// PresenceLifetime after RecordedAt, by TurnDuties, unless it has been renewed.
type Presence struct {
	store.Meta     `bson:",inline"`
	Position       geo.Position `bson:"position"`
	AccuracyMeters float64      `bson:"accuracyMeters"`
	RecordedAt     time.Time    `bson:"recordedAt"` // by the device's clock
	ReceivedAt     time.Time    `bson:"receivedAt"` // by ours
	// Doubt is a report since then that cannot be believed alone.
	Doubt *Doubt `bson:"doubt,omitempty"`
}

// LiveAt reports whether the presence is still to be known at t.
func (p *Presence) LiveAt(t time.Time) bool { return t.Before(p.RecordedAt.Add(PresenceLifetime)) }

// presences is relaxed: a position that is lost with a server is reported again
// half a minute later.
var presences = store.Define[Presence]("presences").Relax()

// Limits of what a device may report.
const (
	// MaxAccuracyMeters: a wider circle says nothing about who is near; 1,800 m
	// is the largest radius that dispatches use by default.
	MaxAccuracyMeters = 2000
	// MaxClockAhead allows for devices whose clocks run fast.
	MaxClockAhead = 2 * time.Minute
	// MaxReportAge is how old a position may be when it arrives; older ones
	// are of no use to a dispatch.
	MaxReportAge = 15 * time.Minute
	// PresenceLifetime is how long a position is kept that is not renewed:
	// twice as long as dispatches use one by default, so that a phone that
	// slept is still found by a policy that allows for it, and no longer,
	// because it tells where somebody was.
	PresenceLifetime = 30 * time.Minute
)

// PositionReport is what a device says of where it is.
type PositionReport struct {
	Position       geo.Position // WGS-84
	Datum          geo.Datum    // in which the device gave it; "" for WGS-84
	AccuracyMeters float64      // radius of the circle that it is in
	RecordedAt     time.Time
}

func (p PositionReport) check(now time.Time) error {
	switch {
	case !p.Position.Valid() || nowhere(p.Position):
		return fault.Invalid("position", "position")
	case !(p.AccuracyMeters > 0 && p.AccuracyMeters <= MaxAccuracyMeters): // NaN is neither
		return fault.Invalid("accuracyMeters", "accuracy", fault.Args{"max": MaxAccuracyMeters})
	case p.RecordedAt.After(now.Add(MaxClockAhead)):
		return fault.Invalid("recordedAt", "recorded_in_future")
	case p.RecordedAt.Before(now.Add(-MaxReportAge)):
		return fault.Invalid("recordedAt", "recorded_too_long_ago", fault.Args{"minutes": int(MaxReportAge.Minutes())})
	}
	return nil
}

// maxRaces is how often a report begins again when another report, or the
// switch, was first.
const maxRaces = 100

// ReportPosition stores where the actor's responder is, in the place of what
// was stored before, and returns what is stored then. A report that is older
// than that is ignored, and one that cannot be believed alone is kept as a Doubt.
// It fails with INVALID, with NOT_FOUND if the actor is not on the roster, and
// with CONFLICT off duty or without the consent, when nothing is stored.
//
// It is what every device on duty asks for all the time: two reads and one
// relaxed write, of the presence alone, which has no index. The first report of
// a duty is an atomic step of three reads and two writes.
func (s *Service) ReportPosition(ctx context.Context, actor auth.Principal, in PositionReport) (*Presence, error) {
	in.RecordedAt = in.RecordedAt.UTC().Truncate(time.Millisecond)
	now := s.now()
	if err := in.check(now); err != nil {
		return nil, err
	}
	if in.RecordedAt.After(now) { // or else its later reports would seem older
		in.RecordedAt = now
	}
	for race := 0; ; race++ {
		p, err := s.report(ctx, actor.AccountID, in)
		if err == nil {
			return p, nil
		}
		if race == maxRaces || !lostRace(err) {
			return nil, fmt.Errorf("reporting a position: %w", err)
		}
	}
}

// report moves the presence if there is one. Going off duty deletes it, so that
// the replacement fails if that comes in between, and no atomic step is needed.
func (s *Service) report(ctx context.Context, accountID string, in PositionReport) (*Presence, error) {
	r, err := s.begun(ctx, accountID)
	if err == nil {
		err = s.mayReport(r)
	}
	if err != nil {
		return nil, err
	}
	p, err := presences.Get(ctx, s.db, r.ID)
	if errors.Is(err, store.ErrNotFound) {
		return s.firstReport(ctx, accountID, in)
	}
	if err != nil || in.RecordedAt.Before(p.RecordedAt) {
		return p, err
	}
	p.take(in, s.now())
	return p, presences.Replace(ctx, s.db, p)
}

// firstReport inserts the presence. It also rewrites the responder: to be looked
// at when the presence ends, and so that it conflicts with going off duty on
// engines whose atomic steps only conflict where both write.
func (s *Service) firstReport(ctx context.Context, accountID string, in PositionReport) (*Presence, error) {
	var p *Presence
	err := s.db.Atomically(ctx, func(tx *store.Tx) error {
		r, err := s.onDuty(ctx, tx, accountID)
		if err != nil {
			return err
		}
		r.SetDue(earlier(r.DueAt, in.RecordedAt.Add(PresenceLifetime)))
		if err := responders.Replace(ctx, tx, r); err != nil {
			return err
		}
		p = &Presence{Meta: store.Meta{ID: r.ID}}
		p.believe(in, s.now())
		return presences.Insert(ctx, tx, p)
	})
	return p, err
}

// onDuty returns the account's responder, or CONFLICT if its position is not to
// be known.
func (s *Service) onDuty(ctx context.Context, on store.Conn, accountID string) (*Responder, error) {
	r, err := ofAccount(ctx, on, accountID)
	if err != nil {
		return nil, err
	}
	return r, s.mayReport(r)
}

// mayReport returns CONFLICT if the responder's position is not to be known: it
// is off duty, or has not agreed.
func (s *Service) mayReport(r *Responder) error {
	switch {
	case r.Status == StatusActive && !r.Consents.Position.Holds():
		return fault.Conflict("position_consent")
	case !r.OnDutyAt(s.now()):
		return fault.Conflict("off_duty")
	}
	return nil
}

// begun returns the account's responder, with the duty that has begun by itself
// if no worker has come to that yet: where thousands of shifts begin at once it
// takes seconds, and a device that is refused reports again much later.
func (s *Service) begun(ctx context.Context, accountID string) (*Responder, error) {
	r, err := ofAccount(ctx, s.db, accountID)
	if err != nil || r.OnDutyAt(s.now()) {
		return r, err
	}
	if d, _ := s.DutyOf(ctx, r); !d.OnDuty {
		return r, nil
	}
	if err := s.turnDuty(ctx, r); err != nil {
		return nil, err
	}
	return ofAccount(ctx, s.db, accountID)
}

func lostRace(err error) bool {
	return errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDuplicate)
}

// LoadPresences returns the presences of those of the responders that have one,
// by responder id, to services that have decided themselves who may see them:
// it asks for no actor, and may return one that is about to be deleted (see
// LiveAt). Within an atomic step, on is its Tx.
func (s *Service) LoadPresences(ctx context.Context, on store.Conn, responderIDs []string) (map[string]*Presence, error) {
	return presences.GetMany(ctx, on, responderIDs)
}

// keepPresence deletes the responder's presence if it is not to be known any
// more, and otherwise returns when it ends; zero if there is none.
func (s *Service) keepPresence(ctx context.Context, tx *store.Tx, r *Responder, now time.Time) (ends time.Time, err error) {
	p, err := presences.Get(ctx, tx, r.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, err
	case r.Duty.OnDuty && r.Consents.Position.Holds() && p.LiveAt(now):
		return p.RecordedAt.Add(PresenceLifetime), nil
	}
	return time.Time{}, presences.Delete(ctx, tx, p)
}
