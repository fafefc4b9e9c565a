package auth

import (
	"context"
	"fmt"

	"github.com/musterhq/muster/store"
)

// AccountsByPhone returns the accounts with the phones that exist, by phone:
// up to 256 phones in E.164 form. It asks for no actor. Within an atomic step,
// on is its Tx.
func (s *Service) AccountsByPhone(ctx context.Context, on store.Conn, phones []string) (map[string]*Account, error) {
	found := make(map[string]*Account, len(phones))
	for a, err := range accounts.All(ctx, on, store.Where(store.In("phone", phones...))) {
		if err != nil {
			return nil, fmt.Errorf("finding accounts: %w", err)
		}
		found[a.Phone] = a
	}
	return found, nil
}
