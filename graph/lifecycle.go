package graph

import (
	"context"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/roster"
)

// decide calls one of the services by which staff decide about a responder.
func decide(
	ctx context.Context, call func(context.Context, auth.Principal, roster.Decision) (*roster.Responder, error),
	responderID, reason string, key *string,
) (*roster.Responder, error) {
	checked, err := keyOf(key)
	if err != nil {
		return nil, err
	}
	return call(ctx, actor(ctx), roster.Decision{ResponderID: responderID, Reason: reason, Key: checked})
}

// answerRequest calls one of the services by which somebody answers a request.
func answerRequest(
	ctx context.Context, call func(context.Context, auth.Principal, roster.RequestAnswer) (*roster.Responder, error),
	requestID, reason string, key *string,
) (*roster.Responder, error) {
	checked, err := keyOf(key)
	if err != nil {
		return nil, err
	}
	return call(ctx, actor(ctx), roster.RequestAnswer{RequestID: requestID, Reason: reason, Key: checked})
}

// ask calls one of the services by which somebody asks for an org unit.
func ask(
	ctx context.Context, call func(context.Context, auth.Principal, roster.NewRequest) (*roster.Request, *roster.Responder, error),
	in roster.NewRequest, key *string,
) (request *roster.Request, responder *roster.Responder, err error) {
	if in.Key, err = keyOf(key); err != nil {
		return nil, nil, err
	}
	return call(ctx, actor(ctx), in)
}

// application reads an application. The phone is the account's, as it signs in
// by.
func (r *Resolver) application(ctx context.Context, in ApplyToRosterInput) (roster.Application, error) {
	key, err := keyOf(in.IdempotencyKey)
	if err != nil {
		return roster.Application{}, err
	}
	account, err := r.Auth.Account(ctx, actor(ctx).AccountID)
	if err != nil {
		return roster.Application{}, err
	}
	return roster.Application{
		Name: in.Name, Phone: account.Phone, UnitID: in.OrgUnitID, TransportMode: in.TransportMode, Equipment: in.Equipment,
		PrivacyVersion: in.PrivacyConsentVersion, PositionVersion: or(in.PositionConsentVersion), Key: key,
	}, nil
}

func agreed(c roster.Consents) *Consents {
	return &Consents{Privacy: consent(c.Privacy), Position: consent(c.Position)}
}

func consent(c roster.Consent) *Consent {
	return &Consent{Holds: c.Holds(), Version: some(c.Version), GivenAt: some(c.GivenAt), WithdrawnAt: some(c.WithdrawnAt)}
}

// names returns the names of accounts, in the order of the ids; nil for "", for
// accounts that there are no more, and for those without a name.
func (r *Resolver) names(ctx context.Context, accountIDs []string) ([]*string, error) {
	found, err := r.Auth.Accounts(ctx, accountIDs)
	if err != nil {
		return nil, err
	}
	names := make([]*string, len(accountIDs))
	for i, id := range accountIDs {
		if account := found[id]; account != nil {
			names[i] = some(account.Name)
		}
	}
	return names, nil
}

// actorOf returns the account that did what an entry tells of, to those who may
// know its name.
func actorOf(ctx context.Context) func(*audit.Entry) string {
	who := actor(ctx)
	return func(e *audit.Entry) string {
		if !e.OfStaff(who) {
			return ""
		}
		return e.ActorID
	}
}

// ownSubjects are the ids under which the audit log has the actor: those of its
// account, and of its responder if there is one.
func (r *Resolver) ownSubjects(ctx context.Context) ([]string, error) {
	account := actor(ctx).AccountID
	subjects := []string{account}
	responder, err := r.ownResponder(ctx, account)
	if responder != nil {
		subjects = append(subjects, responder.ID)
	}
	return subjects, err
}

// ownResponder returns the account's responder, or nil: an account need not be
// on the roster.
func (r *Resolver) ownResponder(ctx context.Context, accountID string) (*roster.Responder, error) {
	responder, err := r.Roster.OfAccount(ctx, accountID)
	if fault.CodeOf(err) == fault.CodeNotFound {
		return nil, nil
	}
	return responder, err
}
