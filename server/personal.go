package main

import (
	"context"
	"io"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/privacy"
	"github.com/musterhq/muster/store"
)

func (a *app) newPrivacy(keep periods) *privacy.Service {
	return privacy.New(privacy.Config{
		DB: a.db, Now: store.Now, Log: a.log, Audit: a.audit, Auth: a.auth,
		Parts: a.personalParts(), Sweeps: a.sweeps(keep), UnitOf: a.roster.PersonalUnit, Keep: keep.audit,
	})
}

// personalParts are what all packages keep about accounts. The account comes
// last (see privacy.Config), and the roster, by which others find what is the
// account's, before it.
func (a *app) personalParts() []privacy.Part {
	return []privacy.Part{
		{
			Name: "dispatch", Copy: a.copiedByResponder(a.dispatch.CopyPersonal),
			Begin: func(ctx context.Context, tx *store.Tx, accountID string) error {
				responderID, err := a.roster.PersonalID(ctx, tx, accountID)
				if err != nil || responderID == "" {
					return err
				}
				return a.dispatch.BeginErasure(ctx, tx, responderID)
			},
			Erase: a.erasedByResponder(a.dispatch.ErasePersonal),
		},
		{Name: "training", Copy: a.copiedByResponder(a.training.CopyPersonal), Erase: a.erasedByResponder(a.training.ErasePersonal)},
		{Name: "notify", Copy: a.copyMessages, Erase: a.notify.ErasePersonal},
		{Name: "audit", Copy: a.copyAudit, Erase: a.eraseAudit},
		{Name: "roster", Copy: a.roster.CopyPersonal, Begin: a.roster.BeginErasure, Erase: a.roster.ErasePersonal},
		{Name: "auth", Copy: a.auth.CopyPersonal, Begin: a.auth.BeginErasure, Erase: a.auth.ErasePersonal},
	}
}

// copiedByResponder copies what is kept by the responder's id; nothing if the
// account is not on the roster.
func (a *app) copiedByResponder(
	by func(ctx context.Context, responderID string, write privacy.Write) error,
) func(context.Context, string, privacy.Write) error {
	return func(ctx context.Context, accountID string, write privacy.Write) error {
		responderID, err := a.roster.PersonalID(ctx, a.db, accountID)
		if err != nil || responderID == "" {
			return err
		}
		return by(ctx, responderID, write)
	}
}

func (a *app) erasedByResponder(
	by func(ctx context.Context, responderID string) (more bool, err error),
) func(context.Context, string) (bool, error) {
	return func(ctx context.Context, accountID string) (bool, error) {
		responderID, err := a.roster.PersonalID(ctx, a.db, accountID)
		if err != nil || responderID == "" {
			return false, err
		}
		return by(ctx, responderID)
	}
}

// copyMessages copies the devices, and what the account was told on them: about
// its alerts, and about its place on the roster.
func (a *app) copyMessages(ctx context.Context, accountID string, write privacy.Write) error {
	if err := a.notify.CopyPersonal(ctx, accountID, write); err != nil {
		return err
	}
	responderID, err := a.roster.PersonalID(ctx, a.db, accountID)
	if err != nil || responderID == "" {
		return err
	}
	if err := a.dispatch.CopyPersonalMessages(ctx, accountID, responderID, write); err != nil {
		return err
	}
	return a.notify.CopyPersonalMessages(ctx, accountID, responderID, write)
}

func (a *app) copyAudit(ctx context.Context, accountID string, write privacy.Write) error {
	ids, err := a.subjects(ctx, accountID)
	if err != nil {
		return err
	}
	return a.audit.CopyPersonal(ctx, write, ids...)
}

func (a *app) eraseAudit(ctx context.Context, accountID string) (more bool, err error) {
	ids, err := a.subjects(ctx, accountID)
	if err != nil {
		return false, err
	}
	return a.audit.ErasePersonal(ctx, ids...)
}

// subjects are the ids by which the audit log speaks of one person.
func (a *app) subjects(ctx context.Context, accountID string) ([]string, error) {
	responderID, err := a.roster.PersonalID(ctx, a.db, accountID)
	if err != nil || responderID == "" {
		return []string{accountID}, err
	}
	return []string{accountID, responderID}, nil
}

// openPersonal opens the copy of everything about the actor's own account.
func (a *app) openPersonal(ctx context.Context, actor auth.Principal, _ string) (download, error) {
	write := func(w io.Writer) error { return a.privacy.CopyOwn(ctx, actor, w) }
	return download{"muster-" + actor.AccountID + ".json", "application/json", write}, nil
}
