package graph

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/roster"
)

// explained is a duty in each language, told at 09:30 in Shanghai.
func explained(t *testing.T, d roster.Duty) map[locale.Tag]string {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	r := &Resolver{Catalogue: words(t)}
	got := map[locale.Tag]string{}
	for _, tag := range locale.Tags() {
		got[tag] = r.explanation(WithRequest(context.Background(), Request{Locale: tag}), d, time.Date(2026, 5, 12, 9, 30, 0, 0, zone))
	}
	return got
}

func TestExplanation_isByTheDistrictsClock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		d      roster.Duty
		en, zh string
	}{
		"today": {
			roster.Duty{OnDuty: true, Reason: roster.DutySchedule, Until: time.Date(2026, 5, 12, 10, 0, 0, 0, time.UTC)},
			"You are on duty until 18:00 by your schedule.", "按照您的值守安排，您值守到18:00。",
		},
		"tomorrow there, and today in London": {
			roster.Duty{Reason: roster.DutyQuiet, Until: time.Date(2026, 5, 12, 23, 0, 0, 0, time.UTC)},
			"You are off duty until 07:00 on 2026-05-13, because of your quiet hours.", "因为您设置了免打扰时段，您在2026-05-13 07:00之前不值守。",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(map[locale.Tag]string{locale.English: c.en, locale.Chinese: c.zh}, explained(t, c.d)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Every duty that there can be has its sentence.
func TestExplanation_ofEveryDuty(t *testing.T) {
	t.Parallel()
	on := []roster.DutyReason{roster.DutyToggle, roster.DutySchedule}
	off := []roster.DutyReason{
		roster.DutyNotActive, roster.DutySignedOut, roster.DutyLeave, roster.DutyToggle, roster.DutyQuiet, roster.DutySchedule, roster.DutyNothingSet,
	}
	check := func(d roster.Duty) {
		t.Helper()
		for tag, text := range explained(t, d) {
			if strings.Contains(text, "duty.") || strings.Contains(text, "<no value>") || text == "" {
				t.Errorf("%+v in %s: %q", d, tag, text)
			}
		}
	}
	until := time.Date(2026, 5, 12, 10, 0, 0, 0, time.UTC)
	for _, reason := range on {
		check(roster.Duty{OnDuty: true, Reason: reason})
		check(roster.Duty{OnDuty: true, Reason: reason, Until: until})
	}
	for _, reason := range off {
		check(roster.Duty{Reason: reason})
		if reason != roster.DutyNotActive && reason != roster.DutySignedOut { // those end by no clock
			check(roster.Duty{Reason: reason, Until: until})
		}
	}
}
