package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/musterhq/muster/store"
)

// personalEntry is an entry in a copy of everything about an account.
type personalEntry struct {
	ID        string           `json:"id"`
	At        time.Time        `json:"at"`
	ActorID   string           `json:"actorId"`
	Action    Action           `json:"action"`
	SubjectID string           `json:"subjectId"`
	Reason    string           `json:"reason,omitempty"`
	Details   []personalDetail `json:"details,omitempty"`
}

type personalDetail struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// CopyPersonal writes who of the staff read or changed the data of any of the
// subjects, which are one person's ids, oldest first (section "auditEntries").
// Staff are in it by the ids of their accounts alone. It asks for no actor.
func (l *Log) CopyPersonal(ctx context.Context, write func(section string, doc any) error, subjectIDs ...string) error {
	if err := l.settle(ctx); err != nil {
		return err
	}
	for _, id := range subjectIDs {
		for e, err := range entries.All(ctx, l.DB, about(id)) {
			if err == nil {
				err = write("auditEntries", e.personal())
			}
			if err != nil {
				return fmt.Errorf("copying the audit log: %w", err)
			}
		}
	}
	return nil
}

func (e *Entry) personal() personalEntry {
	p := personalEntry{ID: e.ID, At: e.At, ActorID: e.ActorID, Action: e.Action, SubjectID: e.SubjectID, Reason: e.Reason}
	for _, d := range e.Details {
		p.Details = append(p.Details, personalDetail(d))
	}
	return p
}

// ErasePersonal takes what staff wrote about the subjects, which are one
// person's ids, from the entries: that is free text, and may name them. Who did
// what, when, and with what result stays. The reason of an erasure stays, too:
// without it nobody could account for it.
func (l *Log) ErasePersonal(ctx context.Context, subjectIDs ...string) (more bool, err error) {
	for _, id := range subjectIDs {
		for e, err := range entries.All(ctx, l.DB, about(id)) {
			if err == nil && e.Reason != "" && e.Action != EraseAccount {
				_, err = entries.Change(ctx, l.DB, e.ID, func(e *Entry) error {
					e.Reason = ""
					return nil
				})
			}
			if err != nil {
				return false, fmt.Errorf("erasing reasons from the audit log: %w", err)
			}
		}
	}
	return false, nil
}

func about(subjectID string) store.Query {
	return store.Where(store.Eq("subjectId", subjectID)).Sort("at")
}
