package demo

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/notify/fcm/fcmtest"
)

// PhonesConfig is what simulated phones need. All is required.
type PhonesConfig struct {
	API  string       // the server's base URL
	HTTP *http.Client // shared by all phones
	// Trouble is told what goes wrong on a phone, from any goroutine. That an
	// alert is over when the phone answers is not trouble.
	Trouble func(error)
}

// Phones are the phones of the made-up responders. Each wakes when the push
// service has a push for it, signs in as an app does, acknowledges the alert
// and follows the script. The phones of the fixed accounts are the visitors'
// and never answer. Close them.
type Phones struct {
	PhonesConfig
	ctx  context.Context
	stop context.CancelFunc

	mu      sync.Mutex
	pace    Pace
	clients map[string]*client.Client // by phone number
	seen    map[string]struct{}       // alerts: a push may come twice
	running sync.WaitGroup
}

// NewPhones returns phones that hear nothing yet: give their Receive to the
// push service's OnAccept.
func NewPhones(c PhonesConfig, p Pace) *Phones {
	ctx, stop := context.WithCancel(context.Background())
	return &Phones{
		PhonesConfig: c, ctx: ctx, stop: stop, pace: p,
		clients: map[string]*client.Client{}, seen: map[string]struct{}{},
	}
}

// SetPace sets how fast the phones' owners are with alerts that come from then
// on.
func (p *Phones) SetPace(pace Pace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pace = pace
}

// Close stops whatever the phones are doing, and waits until they have.
func (p *Phones) Close() {
	p.mu.Lock()
	p.stop()
	p.mu.Unlock()
	p.running.Wait()
}

// Receive takes a push. It returns at once.
func (p *Phones) Receive(d fcmtest.Delivery) {
	number, known := phoneOf(d.Message.Token)
	alertID := d.Message.Data["alertId"]
	if !known || alertID == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, again := p.seen[alertID]; again || p.ctx.Err() != nil {
		return // again: also the push that says that one may stop
	}
	p.seen[alertID] = struct{}{}
	if p.clients[number] == nil {
		p.clients[number] = client.New(p.API, client.Options{HTTP: p.HTTP, Locale: "zh-CN"})
	}
	owner := &owner{phone: number, client: p.clients[number], pace: p.pace}
	p.running.Go(func() {
		err := owner.answer(p.ctx, alertID)
		if err != nil && p.ctx.Err() == nil {
			p.Trouble(fmt.Errorf("phone %s: %w", number, err))
		}
	})
}
