package notify

import (
	"context"
	"fmt"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// Install makes the installation one of the account's devices, in the caller's
// atomic step and outside of any session: what RegisterDevice does for one who
// has signed in. It is for seeding, and asks for no actor; callers with many
// put several hundred into one step. It fails with INVALID.
func (s *Service) Install(ctx context.Context, tx *store.Tx, accountID string, in DeviceInput) (*Device, error) {
	if accountID == "" {
		return nil, fault.Invalid("accountId", "required")
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	device, err := s.putDevice(ctx, tx, auth.Principal{AccountID: accountID}, in)
	if err != nil {
		return nil, fmt.Errorf("installing a device: %w", err)
	}
	return device, nil
}
