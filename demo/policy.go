package demo

import (
	"context"
	"time"

	"github.com/musterhq/muster/dispatch"
)

const (
	// StoryAnswer is how long an alert waits for an answer in the story, to
	// keep it short.
	StoryAnswer = 3 * time.Second
	// ByHand is what a person who pastes queries needs at least.
	ByHand = 20 * time.Second
)

// SetAnswerTimeout makes dispatches of all incident types, from then on, wait
// so long for an answer; the rest of the policies is as by default.
func SetAnswerTimeout(ctx context.Context, dispatches *dispatch.Service, timeout time.Duration) error {
	for _, t := range dispatch.IncidentTypes() {
		p := dispatch.DefaultPolicy(t)
		p.AnswerTimeout = timeout
		if err := dispatches.SetPolicy(ctx, t, p); err != nil {
			return err
		}
	}
	return nil
}
