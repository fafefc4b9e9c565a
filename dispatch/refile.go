package dispatch

import (
	"context"

	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
)

// Refilers let incidents, dispatches and alerts follow the org units that they
// are filed under, those that go on first. An incident keeps the unit that it was
// reported in, by whose name it is known, also when that was merged into another;
// whose staff find it is what changes.
func Refilers(db *store.DB) []roster.Refiler {
	return []roster.Refiler{
		refiler(db, incidents, "status", func(i *Incident) *Place { return &i.Place }), // OPEN follows CLOSED
		refiler(db, dispatches, "startedAt", func(d *Dispatch) *Place { return &d.Place }),
		refiler(db, alerts, "live", func(a *Alert) *Place { return &a.Place }),
	}
}

// refiler begins with the highest values of the urgency.
func refiler[T any](db *store.DB, c *store.Collection[T], urgency string, place func(*T) *Place) roster.Refiler {
	return func(ctx context.Context, from, to string, limit int) (int, error) {
		q := store.Where(store.Eq("place.unitPath", from)).SortDescending(urgency)
		return roster.Refile(ctx, db, c, q, limit, func(doc *T) {
			p := place(doc)
			*p = placeOf(p.UnitID, to)
		})
	}
}
