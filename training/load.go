package training

import (
	"context"
	"slices"

	"github.com/musterhq/muster/store"
)

// LoadCertificates returns the certificates of each of at most 200 responders,
// newest first, to services that have decided themselves who may see them: it
// asks for no actor.
func (s *Service) LoadCertificates(ctx context.Context, responderIDs []string) (map[string][]*Certificate, error) {
	held := make(map[string][]*Certificate, len(responderIDs))
	for c, err := range certificates.All(ctx, s.db, store.Where(store.In("responderId", responderIDs...))) {
		if err != nil {
			return nil, err
		}
		held[c.ResponderID] = append(held[c.ResponderID], c)
	}
	for _, list := range held {
		slices.SortFunc(list, newestFirst)
	}
	return held, nil
}
