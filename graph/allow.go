package graph

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
)

// allow is the directive @allow. It is closed to whom it does not name.
func allow(ctx context.Context, _ any, next graphql.Resolver, to []Audience) (any, error) {
	if slices.Contains(to, AudienceAnyone) {
		return next(ctx)
	}
	actor, err := RequestOf(ctx).signedIn()
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(to, func(a Audience) bool { return a.includes(actor) }) {
		return nil, fault.Forbidden()
	}
	return next(ctx)
}

// includes reports whether somebody who is signed in belongs to the audience.
func (a Audience) includes(actor auth.Principal) bool {
	switch a {
	case AudienceAnyone, AudienceSignedIn:
		return true
	case AudienceTrainer:
		return actor.Has(auth.RoleTrainer)
	case AudienceDispatcher:
		return actor.Has(auth.RoleDispatcher)
	case AudienceAdmin:
		return actor.Has(auth.RoleAdmin)
	}
	return false
}
