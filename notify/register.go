package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
)

const (
	// MaxDevices is how many devices an account may have; with one more, the
	// one that was seen longest ago goes.
	MaxDevices = 10
	// maxToken is the longest push token in bytes; Firebase's have about 200.
	maxToken = 4096
	// maxAppVersion is the longest app version in bytes.
	maxAppVersion = 64
)

// DeviceInput is what an app says of its installation.
type DeviceInput struct {
	Token      string // of the push service, 1 to 4,096 bytes
	Platform   Platform
	Locale     locale.Tag
	AppVersion string // at most 64 bytes; may be empty
}

// RegisterDevice makes the installation with that token one of the actor's
// devices, in the actor's session, and returns it. A token that is another
// account's moves: the phone has changed hands, and the other account is not
// told anything there any more, even if it is queued already. It fails with
// INVALID.
func (s *Service) RegisterDevice(ctx context.Context, actor auth.Principal, in DeviceInput) (*Device, error) {
	if actor.AccountID == "" {
		return nil, fault.Forbidden()
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	device, err := s.register(ctx, actor, in)
	if errors.Is(err, store.ErrDuplicate) { // registered meanwhile: now it is there to change
		device, err = s.register(ctx, actor, in)
	}
	if err != nil {
		return nil, fmt.Errorf("registering a device: %w", err)
	}
	return device, nil
}

func (in DeviceInput) check() error {
	switch {
	case in.Token == "" || len(in.Token) > maxToken:
		return fault.Invalid("token", "device_token")
	case !slices.Contains([]Platform{Android, IOS, Web}, in.Platform):
		return fault.Invalid("platform", "device_platform")
	case !slices.Contains(locale.Tags(), in.Locale):
		return fault.Invalid("locale", "device_locale")
	case len(in.AppVersion) > maxAppVersion:
		return fault.Invalid("appVersion", "device_app_version", fault.Args{"max": maxAppVersion})
	}
	return nil
}

func (s *Service) register(ctx context.Context, actor auth.Principal, in DeviceInput) (*Device, error) {
	var device *Device
	err := s.DB.Atomically(ctx, func(tx *store.Tx) error {
		var err error
		if device, err = s.putDevice(ctx, tx, actor, in); err != nil {
			return err
		}
		return prune(ctx, tx, device)
	})
	return device, err
}

// putDevice stores the device in the place of the one with the token, if any.
func (s *Service) putDevice(ctx context.Context, tx *store.Tx, actor auth.Principal, in DeviceInput) (*Device, error) {
	device, err := devices.First(ctx, tx, store.Where(store.Eq("token", in.Token)))
	found := err == nil
	if errors.Is(err, store.ErrNotFound) {
		device, err = &Device{Meta: store.Meta{ID: s.NewID("dev")}, Token: in.Token}, nil
	}
	if err != nil {
		return nil, err
	}
	device.AccountID, device.SessionID = actor.AccountID, actor.SessionID
	device.Platform, device.Locale, device.AppVersion = in.Platform, in.Locale, in.AppVersion
	device.SeenAt = s.Now()
	if found {
		return device, devices.Replace(ctx, tx, device)
	}
	return device, devices.Insert(ctx, tx, device)
}

// prune deletes the account's devices that are too many, but never keep.
func prune(ctx context.Context, tx *store.Tx, keep *Device) error {
	all, err := listDevices(ctx, tx, keep.AccountID)
	if err != nil {
		return err
	}
	for excess := len(all) - MaxDevices; excess > 0; excess-- {
		oldest := all[len(all)-1]
		all = all[:len(all)-1]
		if oldest.ID == keep.ID { // all the others were seen in the same millisecond
			oldest = all[len(all)-1]
			all[len(all)-1] = keep
		}
		if err := devices.Delete(ctx, tx, oldest); err != nil {
			return err
		}
	}
	return nil
}

// Devices returns the actor's own devices, last seen first.
func (s *Service) Devices(ctx context.Context, actor auth.Principal) ([]*Device, error) {
	return listDevices(ctx, s.DB, actor.AccountID)
}

func listDevices(ctx context.Context, on store.Conn, accountID string) ([]*Device, error) {
	var list []*Device
	for d, err := range devices.All(ctx, on, store.Where(store.Eq("accountId", accountID))) {
		if err != nil {
			return nil, fmt.Errorf("listing devices: %w", err)
		}
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b *Device) int {
		return cmp.Or(b.SeenAt.Compare(a.SeenAt), cmp.Compare(b.ID, a.ID))
	})
	return list, nil
}

// ForgetSession deletes the devices of a session that ends, in the caller's
// atomic step. What is queued to them is not sent any more: a message whose
// device is not its account's any more becomes CANCELLED when its turn comes.
// To look then, rather than to cancel now, also stops what another step is
// queuing at this moment, and needs no index of messages by device.
func (s *Service) ForgetSession(ctx context.Context, tx *store.Tx, sessionID string) error {
	if sessionID == "" {
		return nil
	}
	for d, err := range devices.All(ctx, tx, store.Where(store.Eq("sessionId", sessionID))) {
		if err == nil {
			err = devices.Delete(ctx, tx, d)
		}
		if err != nil {
			return fmt.Errorf("forgetting a session's devices: %w", err)
		}
	}
	return nil
}
