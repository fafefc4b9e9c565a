package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
)

// Account is someone who can sign in.
type Account struct {
	store.Meta `bson:",inline"`
	Phone      string     `bson:"phone"` // E.164
	Name       string     `bson:"name"`  // "" until someone gives it
	Locale     locale.Tag `bson:"locale"`
	Grants     []Grant    `bson:"grants,omitempty"`
	CreatedAt  time.Time  `bson:"createdAt"`
	// SuspendedAt is when the account was barred from signing in; zero if it
	// is not.
	SuspendedAt time.Time `bson:"suspendedAt,omitempty"`
	// SecondFactorAt is when its second factor was confirmed; zero if it has
	// none. SecondFactorRequired says that without one it is no staff.
	SecondFactorAt       time.Time `bson:"secondFactorAt,omitempty"`
	SecondFactorRequired bool      `bson:"secondFactorRequired,omitempty"`
}

var accounts = store.Define[Account]("accounts",
	store.Index{Name: "phone", Fields: []string{"phone"}, Unique: true})

// Suspended reports whether the account is barred from signing in.
func (a *Account) Suspended() bool { return !a.SuspendedAt.IsZero() }

// HasSecondFactor reports whether signing in takes a second factor.
func (a *Account) HasSecondFactor() bool { return !a.SecondFactorAt.IsZero() }

// NewAccount is what an account begins with.
type NewAccount struct {
	Phone  string     // as people write it, see ParsePhone
	Name   string     // at most 100 characters; may be empty
	Locale locale.Tag // "" for locale.Default
	Grants []Grant
}

// maxName is how many characters a name may have.
const maxName = 100

// checkName fails with INVALID for a name that is too long, or that would look
// like another: with a control character, or one that turns the direction of
// what follows.
func checkName(name string) error {
	if utf8.RuneCountInString(name) > maxName {
		return fault.Invalid("name", "account_name", fault.Args{"max": maxName})
	}
	if strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
		return fault.Invalid("name", "text")
	}
	return nil
}

// Account returns the account with the id. It fails with NOT_FOUND.
func (s *Service) Account(ctx context.Context, id string) (*Account, error) {
	account, err := accounts.Get(ctx, s.DB, id)
	return account, accountFault("reading an account", err)
}

// Accounts returns the accounts with the ids that exist, by id.
func (s *Service) Accounts(ctx context.Context, ids []string) (map[string]*Account, error) {
	found, err := accounts.GetMany(ctx, s.DB, ids)
	if err != nil {
		return nil, fmt.Errorf("reading accounts: %w", err)
	}
	return found, nil
}

// AccountByPhone returns the account with the phone. It fails with INVALID if
// that is none, and with NOT_FOUND.
func (s *Service) AccountByPhone(ctx context.Context, on store.Conn, phone string) (*Account, error) {
	e164, err := ParsePhone(phone)
	if err != nil {
		return nil, err
	}
	account, err := accounts.First(ctx, on, store.Where(store.Eq("phone", e164)))
	return account, accountFault("finding an account", err)
}

// CreateAccount makes an account. It fails with INVALID, and with CONFLICT if
// the phone has one. Whether the caller's actor may do that, and give those
// grants, is the caller's to decide.
func (s *Service) CreateAccount(ctx context.Context, on store.Conn, n NewAccount) (*Account, error) {
	account, err := s.newAccount(n)
	if err != nil {
		return nil, err
	}
	err = s.within(ctx, on, func(tx *store.Tx) error { return s.insert(ctx, tx, account) })
	return account, err
}

// insert stores a new account and its appointments.
func (s *Service) insert(ctx context.Context, tx *store.Tx, account *Account) error {
	err := accounts.Insert(ctx, tx, account)
	var taken *store.DuplicateError
	if errors.As(err, &taken) && taken.Index == "phone" {
		return fault.Conflict("phone_taken")
	}
	if err != nil {
		return fmt.Errorf("creating an account: %w", err)
	}
	return s.appoint(ctx, tx, nil, account)
}

func (s *Service) newAccount(n NewAccount) (*Account, error) {
	phone, err := ParsePhone(n.Phone)
	if err != nil {
		return nil, err
	}
	name := strings.TrimSpace(n.Name)
	if err := checkName(name); err != nil {
		return nil, err
	}
	account := &Account{
		Meta: store.Meta{ID: s.NewID("acc")}, Phone: phone, Name: name,
		Locale: knownLocale(n.Locale), CreatedAt: s.Now(),
	}
	for _, g := range n.Grants {
		if err := account.grant(g); err != nil {
			return nil, err
		}
	}
	return account, nil
}

// Grant gives the account the grant, unless it has it, and returns the account.
// It fails with INVALID and NOT_FOUND. Whether the caller's actor may do that
// is the caller's to decide.
func (s *Service) Grant(ctx context.Context, on store.Conn, accountID string, g Grant) (*Account, error) {
	account, err := s.regrant(ctx, on, accountID, func(a *Account) error { return a.grant(g) })
	return account, accountFault("granting a role", err)
}

// regrant changes an account's grants, and its appointments with them.
func (s *Service) regrant(ctx context.Context, on store.Conn, accountID string, change func(*Account) error) (account *Account, err error) {
	err = s.within(ctx, on, func(tx *store.Tx) (err error) {
		var had []Grant
		account, err = accounts.Change(ctx, tx, accountID, func(a *Account) error {
			if a.Erased() {
				return fault.NotFound("account")
			}
			had = slices.Clone(a.Grants)
			return change(a)
		})
		if err != nil {
			return err
		}
		return s.appoint(ctx, tx, had, account)
	})
	return account, err
}

// Suspend bars the account from signing in and ends its sessions, all in the
// step tx. It fails with NOT_FOUND.
func (s *Service) Suspend(ctx context.Context, tx *store.Tx, accountID string) (*Account, error) {
	account, err := accounts.Change(ctx, tx, accountID, func(a *Account) error {
		if !a.Suspended() {
			a.SuspendedAt = s.Now()
		}
		return nil
	})
	if err != nil {
		return nil, accountFault("suspending an account", err)
	}
	return account, s.endSessions(ctx, tx, accountID)
}

// Reinstate lets a suspended account sign in again. It fails with NOT_FOUND,
// also for one that was erased.
func (s *Service) Reinstate(ctx context.Context, on store.Conn, accountID string) (*Account, error) {
	account, err := accounts.Change(ctx, on, accountID, func(a *Account) error {
		if a.Erased() {
			return fault.NotFound("account")
		}
		a.SuspendedAt = time.Time{}
		return nil
	})
	return account, accountFault("reinstating an account", err)
}

func (a *Account) grant(g Grant) error {
	// Without the last slash a unit would reach those whose ids begin as its
	// own does.
	if !g.Role.known() || len(g.UnitPath) < 2 || !strings.HasSuffix(g.UnitPath, "/") {
		return fault.Invalid("grants", "grant")
	}
	if !slices.Contains(a.Grants, g) {
		a.Grants = append(a.Grants, g)
	}
	return nil
}

func knownLocale(tag locale.Tag) locale.Tag {
	if slices.Contains(locale.Tags(), tag) {
		return tag
	}
	return locale.Default
}

// accountFault turns what a read or change of one account may end with into
// what a caller is told. nil stays nil.
func accountFault(doing string, err error) error {
	var known *fault.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, store.ErrNotFound):
		return fault.NotFound("account")
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
}
