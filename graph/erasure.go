package graph

import (
	"time"

	"github.com/musterhq/muster/privacy"
)

const (
	// PersonalData is the purpose of tickets for a copy of everything about an
	// account.
	PersonalData = "personal-data"
	// downloadPath is where files are fetched from, followed by a ticket.
	downloadPath = "/downloads/"
)

func erasureOf(e *privacy.Erasure) *Erasure {
	var doneAt *time.Time
	if !e.DoneAt.IsZero() {
		doneAt = &e.DoneAt
	}
	return &Erasure{AccountID: e.ID, Reason: e.Reason, BegunAt: e.BegunAt, DoneAt: doneAt}
}
