package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/dispatch"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/training"
)

// Services are what the seed is sown with. All are required.
type Services struct {
	DB       *store.DB
	Now      func() time.Time
	Auth     *auth.Service
	Roster   *roster.Service
	Training *training.Service
	Notify   *notify.Service
	// Register tells the push service of a device's token.
	Register func(token string)
}

// Seeded says what Seed has made.
type Seeded struct {
	Districts, Subdistricts, Communities int
	// Responders are the made-up ones, the fixed accounts' not counted.
	Responders, OnDuty int
	// Phones are the devices whose positions go stale unless they are reported
	// again (see Beacon).
	Phones []Carrier
}

// Carrier is a responder with a phone.
type Carrier struct{ AccountID, ResponderID string }

const (
	// seedChunk is how many people are written in one atomic step.
	seedChunk      = 400
	accuracyMeters = 15
)

// Seed fills an empty store with Luohu's org units, the first responder's
// course, the fixed accounts and a roster of so many responders, all certified,
// of whom the fixed accounts are two; from 2 to MaxResponders.
func Seed(ctx context.Context, s Services, responders int) (*Seeded, error) {
	units, err := divisions()
	if err != nil {
		return nil, err
	}
	if err := s.Roster.ImportUnits(ctx, units); err != nil {
		return nil, err
	}
	if _, err := s.Training.AddCourse(ctx, s.DB, training.FirstResponder()); err != nil {
		return nil, err
	}
	seeded := count(units)
	for chunk := range slices.Chunk(people(units, responders), seedChunk) {
		if err := s.settle(ctx, chunk, seeded); err != nil {
			return nil, fmt.Errorf("seeding people: %w", err)
		}
	}
	return seeded, nil
}

func count(units []roster.Unit) *Seeded {
	n := map[roster.Level]int{}
	for _, u := range units {
		n[u.Level]++
	}
	return &Seeded{
		Districts: n[roster.LevelDistrict], Subdistricts: n[roster.LevelSubdistrict], Communities: n[roster.LevelCommunity],
	}
}

// people makes everybody up, the fixed accounts first.
func people(units []roster.Unit, responders int) []person {
	byID := map[string]roster.Unit{}
	for _, u := range units {
		byID[u.ID] = u
	}
	all := fixed(func(id string) roster.Unit { return byID[id] })
	for i, a := range all {
		for j, g := range a.grants {
			all[i].grants[j].unit = byID[g.unit].Path
		}
	}
	homes := communities(units)
	for i := range responders - fixedVolunteers {
		p := responder(i, homes)
		p.grants = []grant{{auth.RoleVolunteer, p.unit.Path}}
		all = append(all, p)
	}
	return all
}

// settle writes some people, in one atomic step.
func (s Services) settle(ctx context.Context, chunk []person, seeded *Seeded) error {
	var carriers []Carrier
	err := s.DB.Atomically(ctx, func(tx *store.Tx) error {
		carriers = carriers[:0] // the step may be run again
		for _, p := range chunk {
			c, err := s.add(ctx, tx, p)
			if err != nil {
				return fmt.Errorf("%s: %w", p.phone, err)
			}
			if p.roster && !p.offDuty {
				carriers = append(carriers, c)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	seeded.Phones = append(seeded.Phones, carriers...)
	for _, p := range chunk {
		if p.roster {
			s.Register(p.token)
		}
		seeded.tally(p)
	}
	return nil
}

func (n *Seeded) tally(p person) {
	if !p.roster {
		return
	}
	n.Responders++
	if !p.offDuty {
		n.OnDuty++
	}
}

// add writes one person.
func (s Services) add(ctx context.Context, tx *store.Tx, p person) (Carrier, error) {
	n := auth.NewAccount{Phone: p.phone, Name: p.name, Locale: locale.Chinese}
	for _, g := range p.grants {
		n.Grants = append(n.Grants, auth.Grant{Role: g.role, UnitPath: g.unit})
	}
	account, err := s.Auth.CreateAccount(ctx, tx, n)
	if err != nil || !p.roster {
		return Carrier{}, err
	}
	r, err := s.Roster.Enrol(ctx, tx, roster.NewResponder{
		AccountID: account.ID, Name: p.name, Phone: account.Phone, UnitID: p.unit.ID, Status: roster.StatusActive,
		TransportMode: p.mode, Equipment: []string{}, Consents: roster.Agreed("demo", s.Now()),
	})
	if err != nil {
		return Carrier{}, err
	}
	return Carrier{account.ID, r.ID}, s.equip(ctx, tx, p, r)
}

// equip gives a responder what an alert asks for: a phone, a place to be on
// duty at, and a certificate. That comes last, because it changes the responder.
func (s Services) equip(ctx context.Context, tx *store.Tx, p person, r *roster.Responder) error {
	now := s.Now()
	_, err := s.Notify.Install(ctx, tx, r.AccountID, notify.DeviceInput{
		Token: p.token, Platform: p.platform, Locale: locale.Chinese, AppVersion: "demo",
	})
	if err == nil && !p.offDuty {
		err = s.Roster.Place(ctx, tx, r, roster.PositionReport{Position: p.position, AccuracyMeters: accuracyMeters, RecordedAt: now})
	}
	if err != nil {
		return err
	}
	_, err = s.Training.Issue(ctx, tx, training.NewCertificate{
		ResponderID: r.ID, HolderName: p.name, CourseID: dispatch.FirstResponderCourse, IssuedAt: now.AddDate(0, -6, 0),
	})
	return err
}
