package auth

import (
	"context"
	"fmt"
	"slices"
)

// principal returns who an account is in a session, and with which grants at
// this moment.
func (s *Service) principal(ctx context.Context, session *Session, account *Account) (Principal, error) {
	grants, err := s.followed(ctx, account.Grants, true)
	if err != nil {
		return Principal{}, err
	}
	if account.SecondFactorRequired && !(session.Proved && account.HasSecondFactor()) {
		grants = slices.DeleteFunc(grants, func(g Grant) bool { return g.Role != RoleVolunteer })
	}
	return Principal{AccountID: account.ID, SessionID: session.ID, Grants: grants}, nil
}

// EffectiveGrants returns the account's grants as they are now, whether or not a second
// factor has to be shown before they count.
func (s *Service) EffectiveGrants(ctx context.Context, account *Account) ([]Grant, error) {
	return s.effective(ctx, account.Grants)
}

// effective returns the grants with the paths that their org units have now.
// What was granted on a unit that is gone is left out.
func (s *Service) effective(ctx context.Context, grants []Grant) ([]Grant, error) {
	return s.followed(ctx, grants, false)
}

// followed is effective, if former is true also with the paths that the units
// had when the grants were given: something may still be filed there, and codes
// are never given again, so that nobody else's is.
func (s *Service) followed(ctx context.Context, grants []Grant, former bool) ([]Grant, error) {
	if s.CurrentPath == nil {
		return slices.Clone(grants), nil
	}
	var now []Grant
	for _, g := range grants {
		path, err := s.CurrentPath(ctx, g.UnitPath)
		if err != nil {
			return nil, fmt.Errorf("following a grant's org unit: %w", err)
		}
		if path == "" {
			continue
		}
		now = append(now, Grant{g.Role, path})
		if former && path != g.UnitPath {
			now = append(now, g)
		}
	}
	return distinct(now), nil
}

func distinct(grants []Grant) []Grant {
	var once []Grant
	for _, g := range grants {
		if !slices.Contains(once, g) {
			once = append(once, g)
		}
	}
	return once
}
