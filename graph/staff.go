package graph

import (
	"context"

	"github.com/musterhq/muster/auth"
)

// appointing reads what giving and taking a role have in common.
func (r *Resolver) appointing(ctx context.Context, orgUnitID string, idempotencyKey *string) (path, key string, err error) {
	if key, err = keyOf(idempotencyKey); err != nil {
		return "", "", err
	}
	unit, err := r.Roster.Unit(ctx, orgUnitID)
	if err != nil {
		return "", "", err
	}
	return unit.Path, key, nil
}

func orderOf(accountID, reason string, idempotencyKey *string) (auth.Order, error) {
	key, err := keyOf(idempotencyKey)
	return auth.Order{AccountID: accountID, Reason: reason, Key: key}, err
}

func secondFactor(a *auth.Account) *SecondFactor {
	return &SecondFactor{Active: a.HasSecondFactor(), Required: a.SecondFactorRequired}
}

// staffAccount is an account as its administrators see it.
func staffAccount(a *auth.Account) *StaffAccount {
	return &StaffAccount{
		ID: a.ID, Name: a.Name, Phone: &a.Phone, SuspendedAt: some(a.SuspendedAt), SecondFactor: secondFactor(a),
	}
}

// staffEntries loads what appointments are about. What only administrators see
// is left out for others. An account that was erased meanwhile is left out.
func (r *Resolver) staffEntries(ctx context.Context, found []*auth.Appointment) ([]*StaffEntry, error) {
	accounts, err := r.Auth.Accounts(ctx, ids(found, func(a *auth.Appointment) string { return a.AccountID }))
	if err != nil {
		return nil, err
	}
	units, err := r.units(ctx, ids(found, func(a *auth.Appointment) string { return auth.LastUnit(a.UnitPath) }))
	if err != nil {
		return nil, err
	}
	entries := []*StaffEntry{}
	for i, a := range found {
		if accounts[a.AccountID] == nil {
			continue
		}
		account := staffAccount(accounts[a.AccountID])
		if !actor(ctx).May(a.UnitPath, auth.RoleAdmin) {
			account.Phone, account.SecondFactor = nil, nil
		}
		entries = append(entries, &StaffEntry{Account: account, Role: a.Role, OrgUnit: units[i], AppointedAt: a.AppointedAt})
	}
	return entries, nil
}

// pointers returns pointers to the items, as generated code wants them.
func pointers[T any](items []T) []*T {
	out := make([]*T, len(items))
	for i := range items {
		out[i] = &items[i]
	}
	return out
}
