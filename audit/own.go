package audit

import (
	"context"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/store"
)

// ListOfOwn lists the entries on any of the subjects, all of which are the
// caller's own, newest first.
func (l *Log) ListOfOwn(ctx context.Context, subjectIDs []string, first int, after string) (store.Page[Entry], error) {
	return l.list(ctx, store.Where(store.In("subjectId", subjectIDs...)), first, after)
}

// OfStaff reports whether the actor reads the entry as staff of where its
// subject belonged, rather than as its subject.
func (e *Entry) OfStaff(actor auth.Principal) bool { return actor.May(e.unitPath(), readers...) }

// UnitID is the org unit to which the subject belonged then, or "".
func (e *Entry) UnitID() string {
	for _, id := range []string{e.Community, e.Subdistrict, e.District} {
		if id != "" {
			return id
		}
	}
	return ""
}
