package audit

import (
	"context"
	"fmt"
	"slices"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/store"
)

// readers are the roles that may read the log of their scope.
var readers = []auth.Role{auth.RoleDispatcher}

// ListOfUnit lists the entries on whatever belonged to the org unit with that
// path or to those below it, newest first, to its staff; to others it is
// FORBIDDEN.
func (l *Log) ListOfUnit(ctx context.Context, actor auth.Principal, unitPath string, first int, after string) (store.Page[Entry], error) {
	if err := actor.Require(unitPath, readers...); err != nil {
		return store.Page[Entry]{}, err
	}
	var at Entry
	at.put(unitPath)
	field, id := "district", at.District
	switch {
	case at.Community != "":
		field, id = "community", at.Community
	case at.Subdistrict != "":
		field, id = "subdistrict", at.Subdistrict
	}
	return l.list(ctx, store.Where(store.Eq(field, id)), first, after)
}

// ListOfSubject lists the entries on one subject, newest first: to itself, all
// of them, and to staff those of their scope.
func (l *Log) ListOfSubject(ctx context.Context, actor auth.Principal, subjectID string, own bool, first int, after string) (store.Page[Entry], error) {
	return l.visible(ctx, actor, store.Where(store.Eq("subjectId", subjectID)), own, first, after)
}

// ListByActor lists what one account did, newest first: to itself, all of it,
// and to staff what lies in their scope.
func (l *Log) ListByActor(ctx context.Context, actor auth.Principal, actorID string, first int, after string) (store.Page[Entry], error) {
	return l.visible(ctx, actor, store.Where(store.Eq("actorId", actorID)), actorID == actor.AccountID, first, after)
}

// visible leaves out what the actor may not see, so that a page may be shorter
// than asked for.
func (l *Log) visible(ctx context.Context, actor auth.Principal, q store.Query, own bool, first int, after string) (store.Page[Entry], error) {
	page, err := l.list(ctx, q, first, after)
	if own || err != nil {
		return page, err
	}
	page.Items = slices.DeleteFunc(page.Items, func(e *Entry) bool { return !actor.May(e.unitPath(), readers...) })
	return page, nil
}

func (l *Log) list(ctx context.Context, q store.Query, first int, after string) (store.Page[Entry], error) {
	if err := l.settle(ctx); err != nil {
		return store.Page[Entry]{}, err
	}
	page, err := entries.List(ctx, l.DB, q.SortDescending("at"), first, after)
	if err != nil {
		return page, fmt.Errorf("listing the audit log: %w", err)
	}
	return page, nil
}
