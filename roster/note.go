package roster

import (
	"context"
	"fmt"
	"time"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Note is something that staff remember about a responder, who never sees it.
// It is written once and never changed.
type Note struct {
	store.Meta  `bson:",inline"`
	ResponderID string    `bson:"responderId"`
	AuthorID    string    `bson:"authorId"` // an account
	Text        string    `bson:"text"`
	At          time.Time `bson:"at"`
}

var notes = store.Define[Note]("notes",
	store.Index{Name: "responder", Fields: []string{"responderId", "at"}},
)

// NewNote is a note to write.
type NewNote struct {
	ResponderID string
	Text        string // 1 to MaxNote characters
	Key         string `json:"-"` // makes a repetition safe (see store.Once); optional
}

// AddNote writes a note about a responder, for dispatchers of its unit. It fails
// with INVALID, NOT_FOUND or FORBIDDEN.
func (s *Service) AddNote(ctx context.Context, actor auth.Principal, in NewNote) (*Note, error) {
	if err := fault.CheckRequired("text", in.Text, MaxNote); err != nil {
		return nil, err
	}
	var n *Note
	err := s.db.Atomically(ctx, func(tx *store.Tx) error {
		r, err := staffed(ctx, tx, actor, in.ResponderID)
		if err != nil {
			return err
		}
		again := asked{actor, "adding a note", in.Key, in}.step()
		id, _, err := store.Once(ctx, tx, s.now(), again, func() (string, error) { return s.addNote(ctx, tx, actor, r, in.Text) })
		if err != nil {
			return err
		}
		n, err = notes.Get(ctx, tx, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("adding a note: %w", err)
	}
	return n, nil
}

// addNote does not replace the responder: a note by one who was its staff when
// the step began may well stand after it has moved.
func (s *Service) addNote(ctx context.Context, tx *store.Tx, actor auth.Principal, r *Responder, text string) (string, error) {
	n := &Note{Meta: store.Meta{ID: s.newID("nte")}, ResponderID: r.ID, AuthorID: actor.AccountID, Text: text, At: s.now()}
	if err := notes.Insert(ctx, tx, n); err != nil {
		return "", err
	}
	return n.ID, s.changed(ctx, tx, actor, audit.AddNote, r, r.UnitPath, "", audit.Detail{Name: "note", Value: n.ID})
}

// ListNotes lists the notes on a responder, newest first, to dispatchers of its
// teams; to everyone else, the responder itself included, it is FORBIDDEN. r is
// as the actor was shown it. The reading is written down first.
func (s *Service) ListNotes(ctx context.Context, actor auth.Principal, r *Responder, first int, after string) (store.Page[Note], error) {
	if !r.ShowsNotesTo(actor) {
		return store.Page[Note]{}, fault.Forbidden()
	}
	if err := s.noteReading(ctx, actor, audit.ReadNotes, r); err != nil {
		return store.Page[Note]{}, err
	}
	page, err := notes.List(ctx, s.db, store.Where(store.Eq("responderId", r.ID)).SortDescending("at"), first, after)
	if err != nil {
		return page, fmt.Errorf("listing notes: %w", err)
	}
	return page, nil
}

// ShowsNotesTo reports whether the actor may read the notes on the responder.
func (r *Responder) ShowsNotesTo(actor auth.Principal) bool {
	return !r.ownedBy(actor) && r.inTeamOf(actor, auth.RoleDispatcher)
}
