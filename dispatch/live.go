package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/musterhq/muster/store"
)

// Topic is something that can be followed live.
type Topic string

// IncidentTopic is everything about one incident; it yields the incident's id.
func IncidentTopic(incidentID string) Topic { return Topic("incident " + incidentID) }

// UnitTopic is all incidents in an org unit's subtree; it yields their ids.
func UnitTopic(unitID string) Topic { return Topic("unit " + unitID) }

// AccountTopic is an account's alerts; it yields their ids.
func AccountTopic(accountID string) Topic { return Topic("account " + accountID) }

// Live tells followers which things have changed. It reads one feed of the
// store for all of them and hands out ids only; a follower loads what an id
// stands for when it is ready to, and so always has the newest, however slow
// it is.
type Live struct {
	db  *store.DB
	log *slog.Logger
	// feed is Run's alone.
	feed *store.Feed

	mu        sync.Mutex
	followers map[Topic]map[*Follower]struct{}
}

const (
	// liveBuffer is how many changes may wait for Live itself.
	liveBuffer = 1 << 16
	// followerBuffer is how many different ids may wait for a follower.
	followerBuffer = 256
)

// NewLive returns a Live that misses nothing from now on, and is to be Run.
func NewLive(db *store.DB, log *slog.Logger) *Live {
	l := &Live{db: db, log: log, followers: map[Topic]map[*Follower]struct{}{}}
	l.feed = l.watch()
	return l
}

func (l *Live) watch() *store.Feed { return l.db.Watch(liveBuffer, incidents, dispatches, alerts) }

// Run reads the feed until the context ends or the store is closed.
func (l *Live) Run(ctx context.Context) {
	defer func() { l.feed.Close() }()
	for {
		err := l.read(ctx, l.feed)
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return
		}
		l.log.Error("following changes", "error", err)
		missed := l.feed
		l.feed = l.watch() // before anybody loads afresh
		missed.Close()
		l.loseAll()
	}
}

func (l *Live) read(ctx context.Context, feed *store.Feed) error {
	for {
		changes, err := feed.Next(ctx)
		if err != nil {
			return err
		}
		for _, c := range changes {
			if err := l.route(c); err != nil {
				return err
			}
		}
	}
}

// route hands a change to those who follow what it is about.
func (l *Live) route(c store.Change) error {
	if c.Op == store.Deleted {
		return nil
	}
	switch c.Collection {
	case incidents.Spec().Name:
		i, err := incidents.Decode(c)
		if err != nil {
			return err
		}
		l.tellOfIncident(i.ID, i.Place)
	case dispatches.Spec().Name:
		d, err := dispatches.Decode(c)
		if err != nil {
			return err
		}
		l.tellOfIncident(d.IncidentID, d.Place)
	case alerts.Spec().Name:
		a, err := alerts.Decode(c)
		if err != nil {
			return err
		}
		l.tellOfIncident(a.IncidentID, a.Place)
		l.tell(AccountTopic(a.AccountID), a.ID)
	}
	return nil
}

func (l *Live) tellOfIncident(id string, p Place) {
	l.tell(IncidentTopic(id), id)
	for _, unit := range p.Units() {
		l.tell(UnitTopic(unit), id)
	}
}

func (l *Live) tell(t Topic, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for f := range l.followers[t] {
		f.add(id)
	}
}

// loseAll tells all followers that they have missed something.
func (l *Live) loseAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, fs := range l.followers {
		for f := range fs {
			f.lose()
		}
	}
}

// Follow returns a follower of the topic, which hears of everything that
// changes from then on. Close it.
func (l *Live) Follow(t Topic) *Follower {
	f := &Follower{live: l, topic: t, waiting: map[string]struct{}{}, wake: make(chan struct{}, 1)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.followers[t] == nil {
		l.followers[t] = map[*Follower]struct{}{}
	}
	l.followers[t][f] = struct{}{}
	return f
}

// Follower hears of what changes in one topic. One goroutine reads it.
type Follower struct {
	live  *Live
	topic Topic

	mu      sync.Mutex
	waiting map[string]struct{}
	order   []string
	lost    bool
	wake    chan struct{}
}

// Next waits for changes, and returns the ids of what has changed since it was
// last called, each once. It fails with store.ErrLagged when changes were
// missed, after which the reader must load everything afresh, or with the
// context's error.
func (f *Follower) Next(ctx context.Context) ([]string, error) {
	for {
		f.mu.Lock()
		ids, lost := f.order, f.lost
		f.order, f.lost = nil, false
		clear(f.waiting)
		f.mu.Unlock()
		if lost {
			return nil, store.ErrLagged
		}
		if len(ids) > 0 {
			return ids, nil
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close ends the following.
func (f *Follower) Close() {
	f.live.mu.Lock()
	defer f.live.mu.Unlock()
	delete(f.live.followers[f.topic], f)
	if len(f.live.followers[f.topic]) == 0 {
		delete(f.live.followers, f.topic)
	}
}

func (f *Follower) add(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.waiting[id]; known || f.lost {
		return
	}
	if len(f.order) == followerBuffer {
		f.miss()
		return
	}
	f.waiting[id] = struct{}{}
	f.order = append(f.order, id)
	f.signal()
}

func (f *Follower) lose() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.miss()
}

func (f *Follower) miss() {
	f.lost, f.order = true, nil
	clear(f.waiting)
	f.signal()
}

func (f *Follower) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}
