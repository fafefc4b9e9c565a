package dispatch

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/store"
)

// forgetPage is how many incidents ForgetIncidents handles at a time.
const forgetPage = 20

// ForgetIncidents takes from some of the incidents that were closed before the
// time what is not needed for statistics: the exact place, which is often
// somebody's home, and all that was written in words, with the names of who was
// alerted. Kind, severity, org unit, times, states, distances and counts stay.
// It returns where to go on, "" at the end.
func (s *Service) ForgetIncidents(ctx context.Context, before time.Time, after string) (next string, err error) {
	page, err := incidents.List(ctx, s.DB, store.Where(store.Below("heldSince", before)), forgetPage, after)
	if err != nil {
		return "", fmt.Errorf("listing old incidents: %w", err)
	}
	for _, i := range page.Items {
		if err := s.forget(ctx, i); err != nil {
			return "", fmt.Errorf("forgetting an incident: %w", err)
		}
	}
	if !page.HasNext {
		return "", nil
	}
	return page.EndCursor, nil
}

// forget ends with the incident itself, by which it is known to be done.
func (s *Service) forget(ctx context.Context, i *Incident) error {
	for e, err := range timeline.All(ctx, s.DB, entriesOf(i.ID)) {
		if err == nil {
			err = s.eraseNote(ctx, e)
		}
		if err != nil {
			return err
		}
	}
	for a, err := range alerts.All(ctx, s.DB, store.Where(store.Eq("dispatchId", i.DispatchID)).Sort("number")) {
		if err == nil {
			err = s.eraseWords(ctx, a)
		}
		if err != nil {
			return err
		}
	}
	_, err := dispatches.Change(ctx, s.DB, i.DispatchID, func(d *Dispatch) error {
		d.Position = blurred(d.Position)
		return nil
	})
	if err != nil {
		return err
	}
	_, err = incidents.Change(ctx, s.DB, i.ID, func(i *Incident) error {
		i.Position, i.Address, i.Description, i.Outcome = blurred(i.Position), "", "", ""
		i.HeldSince = time.Time{}
		return nil
	})
	return err
}

// blurred is the position to two decimals of a degree: within about 800 m, as
// far as statistics by neighbourhood need it.
func blurred(p geo.Position) geo.Position {
	return geo.Position{Latitude: math.Round(p.Latitude*100) / 100, Longitude: math.Round(p.Longitude*100) / 100}
}
