package demo

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/training"
)

// what is what the timeline's lines say. Those that are not here are said by
// others.
var what = map[string]string{
	"REPORTED":            "incident reported",
	"DISPATCH_FILLED":     "enough have accepted",
	"DISPATCH_WIDENED":    "the radius grows",
	"DISPATCH_SHORT":      "too few, even in the largest radius",
	"DISPATCH_RESUMED":    "somebody withdrew",
	"DISPATCH_STOOD_DOWN": "dispatch stood down",
	"CLOSED":              "incident closed",
	"ALERT_SENT":          "push accepted by FCM",
	"ALERT_DELIVERED":     "phone acknowledged",
	"ALERT_ACCEPTED":      "ACCEPTED",
	"ALERT_EN_ROUTE":      "on the way",
	"ALERT_ON_SCENE":      "arrived",
	"ALERT_COMPLETED":     "done",
	"ALERT_DECLINED":      "declined",
	"ALERT_EXPIRED":       "no answer in time",
	"ALERT_WITHDRAWN":     "withdrew",
	"ALERT_STOOD_DOWN":    "not needed, stood down",
}

// print prints the timeline's entries that are new.
func (s *Story) print(entries []entry) {
	alerts := map[string]summons{}
	for _, a := range s.incident.alerts() {
		alerts[a.ID] = a
	}
	for _, e := range entries {
		if s.printed[e.ID] {
			continue
		}
		s.printed[e.ID] = true
		if text := what[e.Kind]; text != "" {
			s.line(e.At, text, s.about(e, alerts[e.AlertID]))
		}
		if e.Kind == "ALERT_SENT" {
			s.showPush(alerts[e.AlertID])
		}
	}
}

// line prints what happened and when, counted from the report.
func (s *Story) line(at time.Time, text, about string) {
	line := fmt.Sprintf("  %+7.3f s  %-22s  %s", at.Sub(s.incident.ReportedAt).Seconds(), text, about)
	fmt.Fprintln(s.Out, strings.TrimRight(line, " "))
}

// about says whom or what a line is about. Names stand last, since columns of
// Chinese characters do not align everywhere.
func (s *Story) about(e entry, a summons) string {
	switch {
	case e.Kind == "REPORTED":
		return fmt.Sprintf("cardiac arrest in %s, %s", s.incident.OrgUnit.Parent.Name, s.incident.OrgUnit.Name)
	case e.Kind == "ALERT_SENT":
		return fmt.Sprintf("#%-2d %s, %.0f m, %s away%s", a.Number, training.MaskName(a.ResponderName), a.DistanceMeters, eta(a.EtaSeconds), s.insteadOf(a))
	case e.AlertID != "":
		return fmt.Sprintf("#%-2d %s", a.Number, training.MaskName(a.ResponderName))
	}
	return ""
}

// insteadOf marks a replacement.
func (s *Story) insteadOf(a summons) string {
	if a.Number > parallel {
		return " (replacement)"
	}
	return ""
}

// showPush prints what the first phone shows: all that a push may say.
func (s *Story) showPush(a summons) {
	if a.Number != 1 || len(s.pushes[a.ID]) == 0 {
		return
	}
	if n := s.pushes[a.ID][0].Message.Notification; n != nil {
		fmt.Fprintf(s.Out, "  %9s  its screen shows        “%s” %s\n", "", n.Title, n.Body)
	}
}

func eta(seconds int) string {
	if seconds < 60 {
		return fmt.Sprintf("%d s", seconds)
	}
	return fmt.Sprintf("%d min %d s", seconds/60, seconds%60)
}

// summarize prints the figures.
func (s *Story) summarize(ctx context.Context) error {
	excluded, err := loadExclusions(ctx, s.staff, s.incident.ID)
	if err != nil {
		return err
	}
	i, d := s.incident, s.incident.Dispatch
	fmt.Fprintln(s.Out, "\nSummary")
	for _, row := range [][2]string{
		{"candidates considered", fmt.Sprintf("%d on duty within %.0f m", d.Considered, d.RadiusMeters)},
		{"passed over", listed(excluded)},
		{"alerts sent", fmt.Sprint(i.count(func(a summons) time.Time { return a.SentAt }))},
		{"accepted", fmt.Sprintf("%d of %d needed", i.count(func(a summons) time.Time { return a.AcceptedAt }), d.Needed)},
		{"declined", fmt.Sprint(i.count(func(a summons) time.Time { return a.DeclinedAt }))},
		{"expired", fmt.Sprint(i.count(func(a summons) time.Time { return a.ExpiredAt }))},
		{"stood down", fmt.Sprint(i.count(func(a summons) time.Time { return a.StoodDownAt }))},
		{"report to first push", i.since(s.firstPush()) + ", by the FCM server's clock"},
		{"report to first accepted", i.since(i.first(func(a summons) time.Time { return a.AcceptedAt }))},
		{"report to first arrival", i.since(i.first(func(a summons) time.Time { return a.OnSceneAt })) + ", travel played fast"},
	} {
		fmt.Fprintf(s.Out, "  %-25s %s\n", row[0], row[1])
	}
	return nil
}

// listed writes counts by reason.
func listed(counts map[string]int) string {
	if len(counts) == 0 {
		return "nobody"
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[reason], reason))
	}
	return strings.Join(parts, ", ")
}

// since is the time from the report, or a dash if it did not happen.
func (i *incident) since(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%.3f s", t.Sub(i.ReportedAt).Seconds())
}

// first is the earliest of the alerts' times; zero if none has any.
func (i *incident) first(at func(summons) time.Time) time.Time {
	var times []time.Time
	for _, a := range i.alerts() {
		times = append(times, at(a))
	}
	return earliest(times)
}

// firstPush is when the push service got the first push.
func (s *Story) firstPush() time.Time {
	var times []time.Time
	for _, ds := range s.pushes {
		for _, d := range ds {
			times = append(times, d.At)
		}
	}
	return earliest(times)
}

// earliest leaves out zero times.
func earliest(times []time.Time) time.Time {
	times = slices.DeleteFunc(times, time.Time.IsZero)
	if len(times) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(times, func(a, b time.Time) int { return cmp.Compare(a.UnixNano(), b.UnixNano()) })
}
