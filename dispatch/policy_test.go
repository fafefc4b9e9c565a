package dispatch

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
)

func TestDefaultPolicy_isValidForEveryType(t *testing.T) {
	t.Parallel()
	for _, typ := range IncidentTypes() {
		p := DefaultPolicy(typ)
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		if rests := p.RestPeriod == 24*time.Hour; rests != typ.Distressing() || !rests && p.RestPeriod != 0 {
			t.Errorf("%s rests %s", typ, p.RestPeriod)
		}
	}
}

func TestPolicy_fieldOutOfRange(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, field string
		change      func(*Policy)
	}{
		{"nobody needed", "needed", func(p *Policy) { p.Needed = 0 }},
		{"too many needed", "needed", func(p *Policy) { p.Needed, p.Cap = 501, 501 }},
		{"a cap below the need", "cap", func(p *Policy) { p.Cap = 2 }},
		{"too large a cap", "cap", func(p *Policy) { p.Cap = 501 }},
		{"nobody asked", "parallel", func(p *Policy) { p.Parallel = 0 }},
		{"too many asked", "parallel", func(p *Policy) { p.Parallel = 501 }},
		{"no radius", "radiiMeters", func(p *Policy) { p.RadiiMeters = nil }},
		{"a radius of nothing", "radiiMeters", func(p *Policy) { p.RadiiMeters = []float64{0} }},
		{"radii that do not grow", "radiiMeters", func(p *Policy) { p.RadiiMeters = []float64{500, 500} }},
		{"too large a radius", "radiiMeters", func(p *Policy) { p.RadiiMeters = []float64{50_001} }},
		{"a radius that is no number", "radiiMeters", func(p *Policy) { p.RadiiMeters = []float64{math.NaN()} }},
		{"no time to answer", "answerTimeout", func(p *Policy) { p.AnswerTimeout = time.Second - 1 }},
		{"too much time to answer", "answerTimeout", func(p *Policy) { p.AnswerTimeout = 10*time.Minute + 1 }},
		{"no age", "presenceMaxAge", func(p *Policy) { p.PresenceMaxAge = 0 }},
		{"no arrival", "maxArrival", func(p *Policy) { p.MaxArrival = 0 }},
		{"never at rest", "retryEvery", func(p *Policy) { p.RetryEvery = time.Second - 1 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := DefaultPolicy(Medical)
			tt.change(&p)
			err := p.Validate()
			if f, _ := err.(*fault.Error); f == nil || f.Code != fault.CodeInvalid || f.Field != tt.field {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestPolicy_atItsLimits(t *testing.T) {
	t.Parallel()
	p := DefaultPolicy(Medical)
	p.Needed, p.Cap, p.Parallel, p.RadiiMeters, p.AnswerTimeout, p.RetryEvery = 500, 500, 500, []float64{50_000}, 10*time.Minute, time.Second
	must(t, p.Validate())
	p.Needed, p.Cap, p.Parallel, p.RadiiMeters, p.AnswerTimeout = 1, 1, 1, []float64{0.1}, time.Second
	must(t, p.Validate())
}

// A stored policy holds for its type, and for the dispatches that begin then.
func TestSetPolicy(t *testing.T) {
	t.Parallel()
	v := begin(t)
	before := v.report()
	want := DefaultPolicy(Medical)
	want.Needed, want.Cap, want.RadiiMeters, want.Courses = 2, 4, []float64{300}, nil
	for range 2 { // stores, and replaces
		must(t, v.SetPolicy(t.Context(), Medical, want))
	}
	stored, err := v.Policy(t.Context(), Medical)
	must(t, err)
	if diff := cmp.Diff(want, stored); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	other, err := v.Policy(t.Context(), Fire)
	must(t, err)
	if diff := cmp.Diff(DefaultPolicy(Fire), other); diff != "" {
		t.Errorf("another type (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(DefaultPolicy(Medical), v.dispatchOf(before).Policy); diff != "" {
		t.Errorf("a dispatch that had begun (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, v.dispatchOf(v.report()).Policy); diff != "" {
		t.Errorf("one that begins now (-want +got):\n%s", diff)
	}
	want.Needed = 0
	if err := v.SetPolicy(t.Context(), Medical, want); fault.CodeOf(err) != fault.CodeInvalid {
		t.Errorf("a policy that is none: %v", err)
	}
}

func TestReport_needed(t *testing.T) {
	t.Parallel()
	v := begin(t)
	tests := []struct{ needed, wantNeeded, wantCap, wantParallel int }{
		{0, 3, 3, 7}, {1, 1, 1, 7}, {5, 5, 5, 7}, {12, 12, 12, 12}, {500, 500, 500, 500},
	}
	for _, tt := range tests {
		p := v.dispatchOf(v.report(func(r *Report) { r.Needed = tt.needed })).Policy
		if p.Needed != tt.wantNeeded || p.Cap != tt.wantCap || p.Parallel != tt.wantParallel {
			t.Errorf("%d asked for: needed %d, cap %d, parallel %d", tt.needed, p.Needed, p.Cap, p.Parallel)
		}
	}
}

func TestReport_badInput(t *testing.T) {
	t.Parallel()
	v := begin(t)
	feed := v.db.Watch(16, definitions()...)
	long := func(n int) string { return string(make([]rune, n)) }
	tests := []struct {
		name   string
		change func(*Report)
		want   *fault.Error
	}{
		{"no type", func(r *Report) { r.Type = "" }, fault.Invalid("type", "required")},
		{"no such type", func(r *Report) { r.Type = "UFO" }, fault.Invalid("type", "required")},
		{"no severity", func(r *Report) { r.Severity = "" }, fault.Invalid("severity", "required")},
		{"no place on Earth", func(r *Report) { r.Position = geo.Position{Latitude: 91} }, fault.Invalid("position", "position")},
		{"no number", func(r *Report) { r.Position.Longitude = math.NaN() }, fault.Invalid("position", "position")},
		{"a zero character", func(r *Report) { r.Address = long(1) }, fault.Invalid("address", "text")},
		{"no UTF-8", func(r *Report) { r.Description = "\xff" }, fault.Invalid("description", "text")},
		{"too long an address", func(r *Report) { r.Address = strings.Repeat("字", 201) }, fault.Invalid("address", "too_long", fault.Args{"max": 200})},
		{"too long a description", func(r *Report) { r.Description = strings.Repeat("字", 2001) }, fault.Invalid("description", "too_long", fault.Args{"max": 2000})},
		{"fewer than nobody", func(r *Report) { r.Needed = -1 }, fault.Invalid("needed", "range", fault.Args{"min": 1, "max": 500})},
		{"too many", func(r *Report) { r.Needed = 501 }, fault.Invalid("needed", "range", fault.Args{"min": 1, "max": 500})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i, err := v.Report(t.Context(), v.staff, reported(tt.change))
			if diff := cmp.Diff(error(tt.want), err); diff != "" || i != nil {
				t.Errorf("%v (-want +got):\n%s", i, diff)
			}
		})
	}
	if list := waiting(t, feed); len(list) != 0 {
		t.Errorf("%d documents have changed", len(list))
	}
	v.report(func(r *Report) { r.Address, r.Description = strings.Repeat("字", 200), strings.Repeat("字", 2000) })
}

func TestCallOff_badReason(t *testing.T) {
	t.Parallel()
	v := begin(t)
	i := v.report()
	want := error(fault.Invalid("reason", "too_long", fault.Args{"max": 2000}))
	if _, err := v.Close(t.Context(), v.staff, CallOff{ID: i.ID, Reason: strings.Repeat("字", 2001)}); !cmp.Equal(want, err) {
		t.Errorf("closing: %v", err)
	}
	if _, err := v.StandDown(t.Context(), v.staff, CallOff{ID: i.DispatchID, Reason: strings.Repeat("字", 2001)}); !cmp.Equal(want, err) {
		t.Errorf("standing down: %v", err)
	}
	if v.dispatchOf(i).State.Over() {
		t.Error("it is over")
	}
}
