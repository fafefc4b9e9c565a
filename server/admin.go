package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
)

// createAdmin makes somebody an administrator of a unit and all below it: the
// first, who gives others their roles over the API.
func (p program) createAdmin(ctx context.Context, args []string) int {
	flags := newFlags("admin create")
	var n newAdmin
	flags.StringVar(&n.phone, "phone", "", "")
	flags.StringVar(&n.name, "name", "", "")
	flags.StringVar(&n.unitID, "unit", "", "")
	if code, ok := p.parse(flags, args); !ok {
		return code
	}
	if n.phone == "" || n.name == "" || n.unitID == "" {
		return p.misused("admin create: --phone, --name and --unit are all needed")
	}
	return p.with(ctx, func(a *app) error {
		made, err := n.make(ctx, a)
		if err == nil {
			made.tell(p)
		}
		return err
	})
}

// with runs fn on an app that nobody else can reach.
func (p program) with(ctx context.Context, fn func(a *app) error) int {
	c, log, ok := p.configure()
	if !ok {
		return exitUsage
	}
	a, err := open(ctx, c, log)
	if err != nil {
		return p.failed(err)
	}
	if err := errors.Join(fn(a), a.close()); err != nil {
		return p.failed(err)
	}
	return exitClean
}

// newAdmin is who is to be an administrator, and of what.
type newAdmin struct{ phone, name, unitID string }

// madeAdmin is what came of it.
type madeAdmin struct {
	unit             *roster.Unit
	account          *auth.Account
	created, granted bool
}

func (n newAdmin) make(ctx context.Context, a *app) (made madeAdmin, err error) {
	made.unit, err = a.roster.Unit(ctx, n.unitID)
	if fault.CodeOf(err) == fault.CodeNotFound {
		return made, fmt.Errorf("there is no org unit %s; \"server units import\" adds them", n.unitID)
	}
	if err != nil {
		return made, fmt.Errorf("finding the org unit: %w", err)
	}
	grant := auth.Grant{Role: auth.RoleAdmin, UnitPath: made.unit.Path}
	err = a.db.Atomically(ctx, func(tx *store.Tx) error {
		made.created, made.granted = false, false
		return made.grant(ctx, tx, a.auth, n, grant)
	})
	return made, explainAdmin(err)
}

// grant finds the account, or makes it, and gives it the grant.
func (m *madeAdmin) grant(ctx context.Context, tx *store.Tx, accounts *auth.Service, n newAdmin, g auth.Grant) (err error) {
	m.account, err = accounts.AccountByPhone(ctx, tx, n.phone)
	switch {
	case fault.CodeOf(err) == fault.CodeNotFound:
		m.created, m.granted = true, true
		m.account, err = accounts.CreateAccount(ctx, tx, auth.NewAccount{Phone: n.phone, Name: n.name, Grants: []auth.Grant{g}})
	case err == nil && !slices.Contains(m.account.Grants, g):
		m.granted = true
		m.account, err = accounts.Grant(ctx, tx, m.account.ID, g)
	}
	return err
}

// explainAdmin says in words of this command what is wrong with its input.
func explainAdmin(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fault.CodeInvalid {
		return err
	}
	switch f.Field {
	case "phone":
		return errors.New("--phone is not the number of a mobile phone; give it with its country code, such as +8613800138000")
	case "name":
		return errors.New("--name is too long")
	default:
		return err
	}
}

func (m madeAdmin) tell(p program) {
	if m.created {
		p.say("Created account %s for %s (%s).", m.account.ID, m.account.Phone, m.account.Name)
	} else {
		p.say("Found account %s of %s (%s).", m.account.ID, m.account.Phone, m.account.Name)
	}
	if m.granted {
		p.say("It is now ADMIN of %s (%s) and all below.", m.unit.Name, m.unit.ID)
	} else {
		p.say("It is ADMIN of %s (%s) already: nothing changed.", m.unit.Name, m.unit.ID)
	}
	if m.account.Suspended() {
		p.say("It is suspended, and cannot sign in.")
	}
}
