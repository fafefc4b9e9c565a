package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/musterhq/muster/client"
)

// The story's operations, as any client could send them.
const (
	reportQuery = `mutation ($latitude: Float!, $longitude: Float!, $key: String) {
		reportIncident(input: {
			type: CARDIAC_ARREST, severity: LEVEL_II, idempotencyKey: $key
			position: {latitude: $latitude, longitude: $longitude, datum: WGS84}
			address: "桂园街道（演示地址）", description: "一人倒地，无反应，无正常呼吸（演示数据）"
		}) { incident { id } } }`
	followQuery = `subscription ($id: ID!) { incidentUpdated(id: $id) { status dispatch { state } } }`
	closeQuery  = `mutation ($id: ID!, $key: String) {
		closeIncident(input: {incidentId: $id, outcome: "已移交急救人员（演示）", idempotencyKey: $key}) { incident { status } } }`
	incidentQuery = `query ($id: ID!) { incident(id: $id) {
		id status reportedAt orgUnit { name parent { name } }
		dispatch {
			state needed accepted open alerted considered radiusMeters
			alerts(first: 100) { nodes {
				id number state responderName etaSeconds distanceMeters
				pendingAt sentAt deliveredAt acceptedAt enRouteAt onSceneAt completedAt
				declinedAt expiredAt stoodDownAt
			} }
		} } }`
	timelineQuery = `query ($id: ID!, $after: String) { incident(id: $id) {
		timeline(first: 100, after: $after) { nodes { id at kind alertId } pageInfo { hasNextPage endCursor } } } }`
	decisionsQuery = `query ($id: ID!, $after: String) { incident(id: $id) { dispatch {
		decisions(first: 100, after: $after) { nodes { kind reason } pageInfo { hasNextPage endCursor } } } } }`
)

// incident is the incident as staff see it.
type incident struct {
	ID         string
	Status     string
	ReportedAt time.Time
	OrgUnit    struct {
		Name   string
		Parent struct{ Name string }
	}
	Dispatch dispatched
}

// dispatched is its dispatch.
type dispatched struct {
	State                                       string
	Needed, Accepted, Open, Alerted, Considered int
	RadiusMeters                                float64
	Alerts                                      struct{ Nodes []summons }
}

// summons is one alert of it. A time is zero if the state was not reached.
type summons struct {
	ID, State, ResponderName                      string
	Number, EtaSeconds                            int
	DistanceMeters                                float64
	PendingAt, SentAt, DeliveredAt                time.Time
	AcceptedAt, EnRouteAt, OnSceneAt, CompletedAt time.Time
	DeclinedAt, ExpiredAt, StoodDownAt            time.Time
}

// entry is a line of its timeline.
type entry struct {
	ID, Kind, AlertID string
	At                time.Time
}

type pageInfo struct {
	HasNextPage bool
	EndCursor   string
}

// loadIncident reads the incident.
func loadIncident(ctx context.Context, c *client.Client, id string) (*incident, error) {
	var out struct{ Incident incident }
	if err := c.Do(ctx, incidentQuery, map[string]any{"id": id}, &out); err != nil {
		return nil, fmt.Errorf("reading the incident: %w", err)
	}
	return &out.Incident, nil
}

// pages calls query for one page after the other, from the first; read takes
// one in and returns where it is.
func pages(ctx context.Context, c *client.Client, query, id string, out any, read func() pageInfo) error {
	variables := map[string]any{"id": id}
	for {
		if err := c.Do(ctx, query, variables, out); err != nil {
			return err
		}
		info := read()
		if !info.HasNextPage {
			return nil
		}
		variables["after"] = info.EndCursor
	}
}

// loadTimeline reads all of the timeline, in its order.
func loadTimeline(ctx context.Context, c *client.Client, id string) ([]entry, error) {
	var all []entry
	var out struct {
		Incident struct {
			Timeline struct {
				Nodes    []entry
				PageInfo pageInfo
			}
		}
	}
	err := pages(ctx, c, timelineQuery, id, &out, func() pageInfo {
		page := out.Incident.Timeline
		out.Incident.Timeline.Nodes = nil // or the next page would be written over this one
		all = append(all, page.Nodes...)
		return page.PageInfo
	})
	if err != nil {
		return nil, fmt.Errorf("reading the timeline: %w", err)
	}
	return all, nil
}

// loadExclusions counts who was passed over, by reason.
func loadExclusions(ctx context.Context, c *client.Client, id string) (map[string]int, error) {
	excluded := map[string]int{}
	var out struct {
		Incident struct {
			Dispatch struct {
				Decisions struct {
					Nodes    []struct{ Kind, Reason string }
					PageInfo pageInfo
				}
			}
		}
	}
	err := pages(ctx, c, decisionsQuery, id, &out, func() pageInfo {
		page := out.Incident.Dispatch.Decisions
		out.Incident.Dispatch.Decisions.Nodes = nil
		for _, d := range page.Nodes {
			if d.Kind == "EXCLUDED" {
				excluded[d.Reason]++
			}
		}
		return page.PageInfo
	})
	if err != nil {
		return nil, fmt.Errorf("reading the decisions: %w", err)
	}
	return excluded, nil
}
