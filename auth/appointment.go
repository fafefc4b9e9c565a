package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster/store"
)

// Appointment is a grant to staff, as lists of staff find it. Volunteers have
// none: the roster lists them.
type Appointment struct {
	store.Meta  `bson:",inline"`
	AccountID   string    `bson:"accountId"`
	Role        Role      `bson:"role"`
	UnitPath    string    `bson:"unitPath"`
	AppointedAt time.Time `bson:"appointedAt"`
}

var appointments = store.Define[Appointment]("appointments",
	store.Index{Name: "unitPath", Fields: []string{"unitPath"}})

// appointmentID is the same wherever in the tree the unit is.
func appointmentID(accountID string, g Grant) string {
	return accountID + " " + string(g.Role) + " " + LastUnit(g.UnitPath)
}

// appoint brings the appointments in line with an account's grants, which were
// others before.
func (s *Service) appoint(ctx context.Context, tx *store.Tx, had []Grant, account *Account) error {
	for _, g := range account.Grants {
		if g.Role != RoleVolunteer && !slices.Contains(had, g) {
			if err := s.putAppointment(ctx, tx, account.ID, g); err != nil {
				return fmt.Errorf("appointing staff: %w", err)
			}
		}
	}
	kept := func(g Grant) bool {
		return slices.ContainsFunc(account.Grants, func(has Grant) bool {
			return appointmentID(account.ID, has) == appointmentID(account.ID, g)
		})
	}
	for _, g := range had {
		if kept(g) {
			continue
		}
		if err := dropAppointment(ctx, tx, appointmentID(account.ID, g)); err != nil {
			return fmt.Errorf("dismissing staff: %w", err)
		}
	}
	return nil
}

func (s *Service) putAppointment(ctx context.Context, tx *store.Tx, accountID string, g Grant) error {
	id := appointmentID(accountID, g)
	_, err := appointments.Change(ctx, tx, id, func(a *Appointment) error {
		a.UnitPath = g.UnitPath
		return nil
	})
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return appointments.Insert(ctx, tx, &Appointment{
		Meta: store.Meta{ID: id}, AccountID: accountID, Role: g.Role, UnitPath: g.UnitPath, AppointedAt: s.Now(),
	})
}

func dropAppointment(ctx context.Context, tx *store.Tx, id string) error {
	found, err := appointments.Get(ctx, tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return appointments.Delete(ctx, tx, found)
}

// RefileAppointments files up to limit of the appointments to the org unit that
// had the path from under to, where it has gone, and returns how many those
// were. It takes effect on lists only: what staff may do follows the tree by
// itself.
func (s *Service) RefileAppointments(ctx context.Context, from, to string, limit int) (moved int, err error) {
	err = s.DB.Atomically(ctx, func(tx *store.Tx) error {
		page, err := appointments.List(ctx, tx, store.Where(store.Eq("unitPath", from)), limit, "")
		if err != nil {
			return err
		}
		for _, a := range page.Items {
			a.UnitPath = to
			if err := appointments.Replace(ctx, tx, a); err != nil {
				return err
			}
		}
		moved = len(page.Items)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("filing appointments anew: %w", err)
	}
	return moved, nil
}
