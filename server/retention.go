package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/privacy"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
)

// periods are how long things are kept. docs/privacy.md says why.
type periods struct {
	audit     time.Duration // entries of the audit log
	rejected  time.Duration // after the rejection, those who were rejected
	retired   time.Duration // after they left, those who left the roster
	incidents time.Duration // after the end, an incident's exact place and texts
	imports   time.Duration // after the upload, a spreadsheet's rows
}

const day = 24 * time.Hour

// usualPeriods are the periods unless the configuration says otherwise.
func usualPeriods() periods {
	return periods{audit: 1095 * day, rejected: 90 * day, retired: 1095 * day, incidents: 1095 * day, imports: roster.KeepImports}
}

// period takes a period over that has minDays to maxDays.
func period(field func(*periods) *time.Duration, minDays, maxDays int) func(*config, string) error {
	return func(c *config, value string) error {
		d, err := parsePeriod(value)
		if err != nil {
			return err
		}
		if d < time.Duration(minDays)*day || d > time.Duration(maxDays)*day {
			return fmt.Errorf("must be from %dd to %dd", minDays, maxDays)
		}
		*field(&c.keep) = d
		return nil
	}
}

// maxPeriod keeps numbers out for which a duration has no room.
const maxPeriod = 36500 * day

// parsePeriod reads whole days (90d) or hours (2160h): of what is kept for
// months nobody means minutes, and a month has no fixed length.
func parsePeriod(value string) (time.Duration, error) {
	units := map[string]time.Duration{"d": day, "h": time.Hour}
	number, unit := value[:max(len(value)-1, 0)], value[max(len(value)-1, 0):]
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || units[unit] == 0 || n > uint64(maxPeriod/units[unit]) {
		return 0, errors.New("must be whole days or hours, such as 90d or 2160h")
	}
	return time.Duration(n) * units[unit], nil
}

// sweeps are what erases by itself.
func (a *app) sweeps(keep periods) []privacy.Sweep {
	return []privacy.Sweep{
		{Name: "rejected", Do: a.sweepLeft(roster.StatusRejected, keep.rejected)},
		{Name: "retired", Do: a.sweepLeft(roster.StatusRetired, keep.retired)},
		{Name: "incidents", Do: func(ctx context.Context, after string) (string, error) {
			return a.dispatch.ForgetIncidents(ctx, store.Now().Add(-keep.incidents), after)
		}},
	}
}

// sweepLeft erases the accounts of those who have had the status for so long,
// but for staff: their data is kept for as long as they have a role.
func (a *app) sweepLeft(status roster.Status, keep time.Duration) func(context.Context, string) (string, error) {
	return func(ctx context.Context, after string) (string, error) {
		before := store.Now().Add(-keep)
		accountIDs, next, err := a.roster.ListLeft(ctx, status, before, after)
		if err != nil {
			return "", err
		}
		for _, id := range accountIDs {
			err := a.privacy.Expire(ctx, id, func(tx *store.Tx) (bool, error) {
				left, err := a.roster.HasLeft(ctx, tx, id, before, status)
				if err != nil || !left {
					return false, err
				}
				return a.withoutOffice(ctx, tx, id)
			})
			if err != nil {
				return "", fmt.Errorf("erasing %s: %w", id, err)
			}
		}
		return next, nil
	}
}

// withoutOffice reports whether the account has no role but VOLUNTEER.
func (a *app) withoutOffice(ctx context.Context, tx *store.Tx, accountID string) (bool, error) {
	grants, err := a.auth.GrantsOf(ctx, tx, accountID)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(grants, func(g auth.Grant) bool { return g.Role != auth.RoleVolunteer }), nil
}
