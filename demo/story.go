package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/notify/fcm/fcmtest"
)

// Story is one incident, played by a dispatcher through the API. It may be
// played once. All fields are required.
type Story struct {
	API  string       // the server's base URL
	HTTP *http.Client // makes the dispatcher's requests
	FCM  *fcmtest.Server
	Out  io.Writer // gets the timeline and the summary
	// Limit is the longest that it may take; StoryTime outside of tests.
	Limit time.Duration

	staff    *client.Client
	incident *incident
	printed  map[string]bool // timeline entries
	pushed   int             // deliveries that were looked at
	pushes   map[string][]fcmtest.Delivery

	mu      sync.Mutex
	trouble []error
}

// StoryTime is more than twice as long as the story takes.
const StoryTime = 15 * time.Second

// Trouble notes what went wrong on a phone. It may be called from any
// goroutine.
func (s *Story) Trouble(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = append(s.trouble, err)
}

// Play plays the incident: it signs the dispatcher in, reports, follows the
// subscription until those who accepted are done, closes, and prints. It fails
// unless every step happened, and says which did not.
func (s *Story) Play(ctx context.Context) error {
	err := s.playWithin(ctx)
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

var errInterrupted = errors.New("interrupted before the incident was over")

func (s *Story) playWithin(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.Limit, fmt.Errorf("the incident was not over after %s", s.Limit))
	defer cancel()
	s.printed, s.pushes = map[string]bool{}, map[string][]fcmtest.Delivery{}
	s.staff = client.New(s.API, client.Options{HTTP: s.HTTP, Locale: "en"})
	if err := s.signIn(ctx); err != nil {
		return err
	}
	fmt.Fprint(s.Out, "The dispatcher of 桂园街道 signs in, reports over HTTP, and follows over WebSocket;\n"+
		"simulated phones answer over HTTP. Times count from the report.\n\n")
	id, err := s.report(ctx)
	if err != nil {
		return err
	}
	stream, err := s.staff.Subscribe(ctx, followQuery, map[string]any{"id": id})
	if err != nil {
		return fmt.Errorf("subscribing to the incident: %w", err)
	}
	defer stream.Close()
	err = s.play(ctx, stream, id)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return s.judge(err)
}

// play follows the incident until it can be closed, and closes it.
func (s *Story) play(ctx context.Context, stream *client.Stream, id string) error {
	if err := s.follow(ctx, stream, id, s.done); err != nil {
		return err
	}
	if err := s.staff.Do(ctx, closeQuery, map[string]any{"id": id, "key": "close " + id}, nil); err != nil {
		return fmt.Errorf("closing the incident: %w", err)
	}
	if err := s.follow(ctx, stream, id, s.closed); err != nil {
		return err
	}
	return s.summarize(ctx)
}

func (s *Story) signIn(ctx context.Context) error {
	if err := s.staff.RequestCode(ctx, Dispatcher); err != nil {
		return fmt.Errorf("requesting the dispatcher's code: %w", err)
	}
	return s.staff.SignIn(ctx, Dispatcher, Code, "the demonstration's dispatcher")
}

func (s *Story) report(ctx context.Context) (id string, err error) {
	at := scene()
	var out struct {
		ReportIncident struct{ Incident struct{ ID string } }
	}
	variables := map[string]any{"latitude": at.Latitude, "longitude": at.Longitude, "key": "the story's incident"}
	if err := s.staff.Do(ctx, reportQuery, variables, &out); err != nil {
		return "", fmt.Errorf("reporting the incident: %w", err)
	}
	return out.ReportIncident.Incident.ID, nil
}

// update is what the subscription says: that there is something to read, and
// how far the incident is.
type update struct {
	IncidentUpdated struct {
		Status   string
		Dispatch struct{ State string }
	}
}

// follow reads the subscription and prints what is new, until it is enough.
func (s *Story) follow(ctx context.Context, stream *client.Stream, id string, enough func(update) bool) error {
	for {
		var u update
		if err := stream.Next(ctx, &u); err != nil {
			return fmt.Errorf("following the incident: %w", err)
		}
		if err := s.look(ctx, id); err != nil {
			return err
		}
		if enough(u) {
			return nil
		}
	}
}

// look reads the incident and prints what is new.
func (s *Story) look(ctx context.Context, id string) error {
	entries, err := loadTimeline(ctx, s.staff, id)
	if err != nil {
		return err
	}
	// After the timeline, so that it has every alert that a line is about.
	if s.incident, err = loadIncident(ctx, s.staff, id); err != nil {
		return err
	}
	s.collectPushes()
	s.print(entries)
	return nil
}

// collectPushes sorts what the push service accepted by alert.
func (s *Story) collectPushes() {
	accepted := s.FCM.Accepted()
	for _, d := range accepted[s.pushed:] {
		id := d.Message.Data["alertId"]
		s.pushes[id] = append(s.pushes[id], d)
	}
	s.pushed = len(accepted)
}

// done reports whether all who are needed have accepted and done their part,
// and nobody else is being waited for.
func (s *Story) done(update) bool {
	d := s.incident.Dispatch
	completed := 0
	for _, a := range d.Alerts.Nodes {
		if a.State == "COMPLETED" {
			completed++
		}
	}
	return completed >= d.Needed && d.Open == 0
}

// closed reports whether the subscription itself has told the end.
func (s *Story) closed(u update) bool {
	return u.IncidentUpdated.Status == "CLOSED" && u.IncidentUpdated.Dispatch.State == "ENDED"
}

// judge joins what stopped the story, what went wrong on phones, and what did
// not happen.
func (s *Story) judge(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := append([]error{err}, s.trouble...)
	if s.incident != nil {
		if what := missing(s.incident, s.pushes); len(what) > 0 {
			errs = append(errs, errors.New("these steps did not happen:\n  - "+strings.Join(what, "\n  - ")))
		}
	}
	return errors.Join(errs...)
}
