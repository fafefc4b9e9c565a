package main

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/musterhq/muster/training"
)

// Nobody can be called out without the programme's course, and a second start
// must not stumble over it.
func TestOpenTeachesTheCourse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := config{dataDir: dir, keyFile: filepath.Join(dir, "keys.json"), issuer: "i", audience: "a", zone: time.UTC, keep: usualPeriods(), maxStreams: 10}
	for range 2 {
		a, err := open(t.Context(), c, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		course, err := a.training.Course(t.Context(), training.FirstResponderID)
		if err != nil || course.ValidityMonths != 24 || course.Name.Chinese != "应急第一响应人" {
			t.Errorf("%+v, %v", course, err)
		}
		if err := a.close(); err != nil {
			t.Fatal(err)
		}
	}
}
