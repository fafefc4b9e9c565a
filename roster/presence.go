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
// responder's. There is none for those off duty, and no history.
type Presence struct {
	store.Meta     `bson:",inline"`
	Position       geo.Position `bson:"position"`
	AccuracyMeters float64      `bson:"accuracyMeters"`
	RecordedAt     time.Time    `bson:"recordedAt"` // by the device's clock
	ReceivedAt     time.Time    `bson:"receivedAt"` // by ours
}

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
)

// PositionReport is what a device says of where it is.
type PositionReport struct {
	Position       geo.Position // WGS-84
	AccuracyMeters float64      // radius of the circle that it is in
	RecordedAt     time.Time
}

func (p PositionReport) check(now time.Time) error {
	switch {
	case !p.Position.Valid():
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
// than that is ignored. It fails with INVALID, with NOT_FOUND if the actor is
// not on the roster, and with CONFLICT off duty, when nothing is stored.
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
	r, err := s.onDuty(ctx, s.db, accountID)
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
	s.fill(p, in)
	return p, presences.Replace(ctx, s.db, p)
}

// firstReport inserts the presence. It also rewrites the responder, unchanged,
// so that it conflicts with going off duty on engines whose atomic steps only
// conflict where both write.
func (s *Service) firstReport(ctx context.Context, accountID string, in PositionReport) (*Presence, error) {
	var p *Presence
	err := s.db.Atomically(ctx, func(tx *store.Tx) error {
		r, err := s.onDuty(ctx, tx, accountID)
		if err != nil {
			return err
		}
		if err := responders.Replace(ctx, tx, r); err != nil {
			return err
		}
		p = &Presence{Meta: store.Meta{ID: r.ID}}
		s.fill(p, in)
		return presences.Insert(ctx, tx, p)
	})
	return p, err
}

// onDuty returns the account's responder, or CONFLICT if it is off duty.
func (s *Service) onDuty(ctx context.Context, on store.Conn, accountID string) (*Responder, error) {
	r, err := ofAccount(ctx, on, accountID)
	if err == nil && !r.OnDutyAt(s.now()) {
		return nil, fault.Conflict("off_duty")
	}
	return r, err
}

func (s *Service) fill(p *Presence, in PositionReport) {
	p.Position, p.AccuracyMeters, p.RecordedAt, p.ReceivedAt = in.Position, in.AccuracyMeters, in.RecordedAt, s.now()
}

func lostRace(err error) bool {
	return errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDuplicate)
}

// LoadPresences returns the presences of those of the responders that have one,
// by responder id, to services that have decided themselves who may see them:
// it asks for no actor. Within an atomic step, on is its Tx.
func (s *Service) LoadPresences(ctx context.Context, on store.Conn, responderIDs []string) (map[string]*Presence, error) {
	return presences.GetMany(ctx, on, responderIDs)
}

func forgetPresence(ctx context.Context, tx *store.Tx, responderID string) error {
	p, err := presences.Get(ctx, tx, responderID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return presences.Delete(ctx, tx, p)
}
