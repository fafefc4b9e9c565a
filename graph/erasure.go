package graph

import (
	"time"

	"github.com/musterhq/muster/privacy"
)

func erasureOf(e *privacy.Erasure) *Erasure {
	var doneAt *time.Time
	if !e.DoneAt.IsZero() {
		doneAt = &e.DoneAt
	}
	return &Erasure{AccountID: e.ID, Reason: e.Reason, BegunAt: e.BegunAt, DoneAt: doneAt}
}
