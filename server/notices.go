package main

import (
	"context"
	"strings"
	"time"

	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
)

// noticeLifetime is how long news of one's place on the roster is worth
// bringing to a phone that was off.
const noticeLifetime = 7 * 24 * time.Hour

// tell brings what the roster has to say to an account's devices. It says that
// something was decided, and never why: reasons are read in the app.
func (a *app) tell(ctx context.Context, tx *store.Tx, n roster.Notice) error {
	_, err := a.notify.Enqueue(ctx, tx, notify.Notice{
		AccountID: n.AccountID, Class: notify.ClassNotice, Subject: n.SubjectID, Key: noticeKey(n.Kind),
		Data: map[string]string{"responderId": n.SubjectID}, Lifetime: noticeLifetime,
	})
	return err
}

// noticeKey is the key of a notice's text.
func noticeKey(kind roster.NoticeKind) string { return "roster_" + strings.ToLower(string(kind)) }
