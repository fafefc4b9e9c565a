package demo

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
)

// Beacon is the part of the simulated phones that reports positions: each
// phone says every few minutes that it is still where it was, so that
// dispatches find fresh positions for as long as the demonstration runs. It
// calls the roster's service and not the API, because thousands of sessions
// would show nothing more.
type Beacon struct {
	DB     *store.DB
	Now    func() time.Time
	Roster *roster.Service
	Phones []Carrier
	Log    *slog.Logger
}

const (
	// round is how long it takes until every phone has reported: well below
	// the 15 minutes after which a position is stale.
	round = 4 * time.Minute
	// beat is how often some of them report.
	beat = time.Second
	// beaconWidth is how many report at a time.
	beaconWidth = 8
)

// Run reports until the context ends.
func (b *Beacon) Run(ctx context.Context) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	batch := (len(b.Phones) + int(round/beat) - 1) / int(round/beat)
	for next := 0; batch > 0; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		end := min(next+batch, len(b.Phones))
		if err := b.Report(ctx, b.Phones[next:end]); err != nil && ctx.Err() == nil {
			b.Log.Warn("reporting positions", "error", err)
		}
		next = end % len(b.Phones)
	}
}

// Report has phones say that they are still where they were. Those off duty
// say nothing.
func (b *Beacon) Report(ctx context.Context, phones []Carrier) error {
	ids := make([]string, len(phones))
	for i, p := range phones {
		ids[i] = p.ResponderID
	}
	known, err := b.Roster.LoadPresences(ctx, b.DB, ids)
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(beaconWidth)
	for _, phone := range phones {
		if p := known[phone.ResponderID]; p != nil {
			g.Go(func() error { return b.report(ctx, phone, p) })
		}
	}
	return g.Wait()
}

func (b *Beacon) report(ctx context.Context, phone Carrier, last *roster.Presence) error {
	_, err := b.Roster.ReportPosition(ctx, auth.Principal{AccountID: phone.AccountID}, roster.PositionReport{
		Position: last.Position, AccuracyMeters: last.AccuracyMeters, RecordedAt: b.Now(),
	})
	if fault.CodeOf(err) == fault.CodeConflict {
		return nil // has gone off duty this moment
	}
	return err
}
