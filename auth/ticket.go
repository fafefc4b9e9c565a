package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

const (
	// TicketLifetime is how long a ticket is good.
	TicketLifetime = 5 * time.Minute
	// MaxTicketArgs is how many bytes a ticket's args may have.
	MaxTicketArgs = 4 << 10
)

// ticket lets whoever has its secret do one thing, once: fetch a file with a
// plain GET, in which browsers send no Authorization. Its id is a keyed hash of
// the secret.
type ticket struct {
	store.Meta `bson:",inline"`
	store.Due  `bson:",inline"` // when it is deleted
	SessionID  string           `bson:"sessionId"`
	Purpose    string           `bson:"purpose"`
	Args       string           `bson:"args,omitempty"`
	ExpiresAt  time.Time        `bson:"expiresAt"`
}

var tickets = store.Define[ticket]("tickets", store.DueIndex)

// IssueTicket makes a ticket by which whoever has the secret may once do what
// the purpose names, as the actor in this session. args say what exactly, and
// come back as they are. It fails with INVALID if args are longer than
// MaxTicketArgs.
func (s *Service) IssueTicket(
	ctx context.Context, on store.Conn, actor Principal, purpose, args string,
) (secret string, expiresAt time.Time, err error) {
	if len(args) > MaxTicketArgs {
		return "", time.Time{}, fault.Invalid("", "too_long", fault.Args{"max": MaxTicketArgs})
	}
	secret = base64.RawURLEncoding.EncodeToString(randomBytes(refreshSize))
	t := &ticket{
		Meta: store.Meta{ID: s.Keyring.opaque("ticket", secret)}, SessionID: actor.SessionID,
		Purpose: purpose, Args: args, ExpiresAt: s.Now().Add(TicketLifetime),
	}
	t.SetDue(t.ExpiresAt)
	if err := tickets.Insert(ctx, on, t); err != nil {
		return "", time.Time{}, fmt.Errorf("issuing a ticket: %w", err)
	}
	return secret, t.ExpiresAt, nil
}

// RedeemTicket uses a ticket up. It returns who it was issued to, with the
// grants of this moment, and what for. It fails with NOT_FOUND if there is none
// such, if it was used or is too old, and if its session has ended.
func (s *Service) RedeemTicket(ctx context.Context, secret string) (actor Principal, purpose, args string, err error) {
	var t *ticket
	var refused error
	err = s.DB.Atomically(ctx, func(tx *store.Tx) (err error) {
		refused = nil
		if t, err = tickets.Get(ctx, tx, s.Keyring.opaque("ticket", secret)); err != nil {
			return err
		}
		actor, refused = s.bearer(ctx, tx, t)
		return tickets.Delete(ctx, tx, t)
	})
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && fault.CodeOf(refused) == fault.CodeUnauthenticated:
		return Principal{}, "", "", fault.NotFound("ticket")
	case err != nil, refused != nil:
		return Principal{}, "", "", fmt.Errorf("redeeming a ticket: %w", errors.Join(err, refused))
	}
	return actor, t.Purpose, t.Args, nil
}

// bearer returns who the ticket was issued to. It fails with UNAUTHENTICATED.
func (s *Service) bearer(ctx context.Context, tx *store.Tx, t *ticket) (Principal, error) {
	if !s.Now().Before(t.ExpiresAt) {
		return Principal{}, fault.Unauthenticated("token")
	}
	session, account, err := s.live(ctx, tx, t.SessionID)
	if err != nil {
		return Principal{}, err
	}
	return s.principal(ctx, session, account)
}
