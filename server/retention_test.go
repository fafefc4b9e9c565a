package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParsePeriod(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"90d": 90 * day, "2160h": 90 * day, "1d": day, "36h": 36 * time.Hour, "0d": 0, "36500d": 36500 * day, "876000h": 36500 * day,
	} {
		got, err := parsePeriod(value)
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v; want %s", value, got, err, want)
		}
	}
	for _, value := range []string{"", "d", "90", "90 d", "1.5d", "-1d", "+1d", "3m", "3y", "90D", "36501d", "876001h", "4294967295d", "99999999999999999999d", "９０d", "1d2h", "0x10d", "1_0d"} {
		if got, err := parsePeriod(value); err == nil {
			t.Errorf("%q is %s, want an error", value, got)
		}
	}
}

func TestPeriodsOfTheConfiguration(t *testing.T) {
	t.Parallel()
	c, err := readConfig([]string{
		"MUSTER_KEEP_AUDIT=180d", "MUSTER_KEEP_REJECTED=24h", "MUSTER_KEEP_RETIRED=720h", "MUSTER_KEEP_INCIDENTS=10950d", "MUSTER_KEEP_IMPORTS=30d",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := periods{audit: 180 * day, rejected: day, retired: 30 * day, incidents: 10950 * day, imports: 30 * day}
	if diff := cmp.Diff(want, c.keep, cmp.AllowUnexported(periods{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	_, err = readConfig([]string{
		"MUSTER_KEEP_AUDIT=179d", "MUSTER_KEEP_REJECTED=0d", "MUSTER_KEEP_RETIRED=3651d", "MUSTER_KEEP_INCIDENTS=forever", "MUSTER_KEEP_IMPORTS=31d",
	})
	if err == nil {
		t.Fatal("nonsense was taken")
	}
	for _, line := range []string{
		"MUSTER_KEEP_AUDIT: must be from 180d to 3650d", "MUSTER_KEEP_REJECTED: must be from 1d to 1095d",
		"MUSTER_KEEP_RETIRED: must be from 30d to 3650d", "MUSTER_KEEP_INCIDENTS: must be whole days or hours, such as 90d or 2160h", "MUSTER_KEEP_IMPORTS: must be from 1d to 30d",
	} {
		if !strings.Contains(err.Error(), line) {
			t.Errorf("%q is not in %q", line, err)
		}
	}
}
