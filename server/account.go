package main

import (
	"context"
	"strconv"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/store"
)

// placeOf returns where an account is on the roster.
func (a *app) placeOf(ctx context.Context, accountID string) (string, error) {
	return a.roster.PersonalUnit(ctx, a.db, accountID)
}

// recordAccount writes into the audit log what was done to an account.
func (a *app) recordAccount(ctx context.Context, tx *store.Tx, actor auth.Principal, c auth.Change) error {
	change := audit.Change{Action: audit.Action(c.Action), SubjectID: c.SubjectID, UnitPath: c.UnitPath, Reason: c.Reason}
	if c.Role != "" {
		change.Details = append(change.Details, audit.Detail{Name: "role", Value: string(c.Role)})
	}
	if c.Required != nil {
		change.Details = append(change.Details, audit.Detail{Name: "required", Value: strconv.FormatBool(*c.Required)})
	}
	return a.audit.Changed(ctx, tx, actor, change)
}

// recordAccountsRead writes into the audit log whose accounts are shown.
func (a *app) recordAccountsRead(ctx context.Context, actor auth.Principal, subjects []auth.Subject) error {
	read := make([]audit.Subject, len(subjects))
	for i, s := range subjects {
		read[i] = audit.Subject{ID: s.AccountID, UnitPath: s.UnitPath}
	}
	return a.audit.Read(ctx, actor, audit.ReadAccount, read...)
}
