// Package dispatch calls responders out to incidents: what Muster is for.
//
// An incident gets one dispatch, which keeps a set of open alerts: each alert
// summons one responder, and whoever declines or stays silent is replaced by
// the next best candidate, until as many as are needed have accepted. The
// lifecycle of an alert is the table in state.go, and nothing else changes an
// alert's state.
//
// Everything that happens is one atomic step: the alert, what it does to its
// dispatch and to the responder's engagement, the push that it implies and the
// line that it leaves in the timeline. What must happen later is a due date on
// the dispatch; the step that is due is advance, which looks only at what is
// stored, so that it may be repeated, raced and interrupted at any instant.
//
// Who is on the roster is package roster's, who holds which certificate
// package training's, and how a push reaches a phone package notify's.
package dispatch
