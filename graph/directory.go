package graph

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/roster"
)

// ResponderConnection is a page of responders, which counts only if it is
// asked.
type ResponderConnection struct {
	Nodes    []*roster.Responder
	PageInfo *PageInfo
	count    func(context.Context) (int, error)
}

// TotalCount is how many there are on all pages.
func (c *ResponderConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// viewOf reads a view of the roster.
func viewOf(orgUnitID string, in *ResponderFilter, by *ResponderSort) roster.Search {
	view := roster.Search{UnitID: orgUnitID, Sort: roster.Sort{Key: by.By, Descending: by.Direction == SortDirectionDesc}}
	if in == nil {
		return view
	}
	view.Filter = roster.Filter{Text: or(in.Text), Statuses: in.Statuses, OnDuty: in.OnDuty, Modes: in.TransportModes}
	if q := in.Qualification; q != nil {
		view.Filter.Qualification = &roster.QualificationFilter{CourseID: q.CourseID, State: q.State, Before: or(q.Before)}
	}
	return view
}

// narrowed is the view of those only who have the status, too.
func narrowed(view roster.Search, status *roster.Status) roster.Search {
	if status == nil {
		return view
	}
	if all := view.Filter.Statuses; all != nil && !slices.Contains(all, *status) {
		view.Filter.Statuses = []roster.Status{}
	} else {
		view.Filter.Statuses = []roster.Status{*status}
	}
	return view
}

// Downloads are at DownloadPath, followed by a ticket, which is for one of the
// purposes.
const (
	DownloadPath     = "/downloads/"
	DownloadRoster   = "roster"
	DownloadPersonal = "personal-data" // everything about the account of the ticket
)

// RosterDownload is what a ticket for DownloadRoster says, as JSON.
type RosterDownload struct {
	View   roster.Search
	Locale locale.Tag
}

// download issues a ticket for a file.
func (r *Resolver) download(ctx context.Context, purpose string, args any) (*Download, error) {
	what, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	secret, until, err := r.Auth.IssueTicket(ctx, r.Auth.DB, actor(ctx), purpose, string(what))
	if err != nil {
		return nil, err
	}
	return &Download{URL: DownloadPath + secret, ExpiresAt: until}, nil
}
