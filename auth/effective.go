package auth

import (
	"context"
	"fmt"
	"slices"
)

// principal returns who an account is in a session, and with which grants at
// this moment.
func (s *Service) principal(ctx context.Context, session *Session, account *Account) (Principal, error) {
	grants, err := s.effective(ctx, account.Grants)
	if err != nil {
		return Principal{}, err
	}
	if account.SecondFactorRequired && !(session.Proved && account.HasSecondFactor()) {
		grants = slices.DeleteFunc(grants, func(g Grant) bool { return g.Role != RoleVolunteer })
	}
	return Principal{AccountID: account.ID, SessionID: session.ID, Grants: grants}, nil
}

// effective returns the grants with the paths that their org units have now, and
// with those of before, under which something may still be filed: codes are
// never given again, so that nobody else's is. What was granted on a unit that
// is gone is left out.
func (s *Service) effective(ctx context.Context, grants []Grant) ([]Grant, error) {
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
		for _, holds := range []Grant{{g.Role, path}, g} {
			if !slices.Contains(now, holds) {
				now = append(now, holds)
			}
		}
	}
	return now, nil
}
