package dispatch

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
)

// states lists all states, in the order of an alert's life.
func states() []State {
	return []State{Pending, Sent, Delivered, Accepted, EnRoute, OnScene, Completed, Declined, Expired, Withdrawn, StoodDown}
}

// lifecycle is the specification, which is written down apart from the code.
var lifecycle = map[State]string{
	Pending:   "SENT ACCEPTED DECLINED EXPIRED STOOD_DOWN",
	Sent:      "DELIVERED ACCEPTED DECLINED EXPIRED STOOD_DOWN",
	Delivered: "ACCEPTED DECLINED EXPIRED STOOD_DOWN",
	Accepted:  "EN_ROUTE ON_SCENE WITHDRAWN STOOD_DOWN",
	EnRoute:   "ON_SCENE WITHDRAWN STOOD_DOWN",
	OnScene:   "COMPLETED WITHDRAWN STOOD_DOWN",
}

func inLifecycle(from, to State) bool {
	return slices.Contains(regexp.MustCompile(`\w+`).FindAllString(lifecycle[from], -1), string(to))
}

func TestBecome_everyPairOfStates(t *testing.T) {
	t.Parallel()
	later := began.Add(time.Minute)
	for _, from := range states() {
		for _, to := range states() {
			t.Run(string(from)+" to "+string(to), func(t *testing.T) {
				t.Parallel()
				a := &Alert{State: from, Live: from.Live(), At: map[State]time.Time{from: began}, AnswerBy: began}
				before := *a
				before.At = maps.Clone(a.At)
				err := a.become(to, later)
				if !inLifecycle(from, to) {
					want := &fault.Error{Code: fault.CodeConflict, Key: "conflict.alert_state", Args: fault.Args{"state": from}}
					if diff := cmp.Diff(error(want), err); diff != "" {
						t.Errorf("the error (-want +got):\n%s", diff)
					}
					if diff := cmp.Diff(&before, a); diff != "" {
						t.Errorf("the refused alert has changed:\n%s", diff)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				reached, _ := a.ReachedAt(to)
				if a.State != to || !reached.Equal(later) || !a.At[from].Equal(began) {
					t.Errorf("%s at %v", a.State, a.At)
				}
				if a.AnswerBy.IsZero() == to.Open() {
					t.Errorf("%s is to be answered by %v", to, a.AnswerBy)
				}
				if a.Live != (lifecycle[to] != "") {
					t.Errorf("live is %v in %s", a.Live, to)
				}
			})
		}
	}
}

func TestReachedAt_aStateThatWasSkipped(t *testing.T) {
	t.Parallel()
	a := &Alert{At: map[State]time.Time{Pending: began}}
	if at, ok := a.ReachedAt(EnRoute); ok || !at.IsZero() {
		t.Errorf("reached at %v", at)
	}
}

func TestStates_namesEveryStateOnce(t *testing.T) {
	t.Parallel()
	listed := slices.Sorted(slices.Values(states()))
	if diff := cmp.Diff(slices.Sorted(maps.Keys(changes)), listed); diff != "" {
		t.Errorf("States and the table differ (-table +States):\n%s", diff)
	}
}

func TestStates_byWhatMayHappen(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		is   func(State) bool
		want []State
	}{
		{"open", State.Open, []State{Pending, Sent, Delivered}},
		{"responding", State.Responding, []State{Accepted, EnRoute, OnScene}},
		{"live", State.Live, []State{Pending, Sent, Delivered, Accepted, EnRoute, OnScene}},
		{"counts", State.Counts, []State{Accepted, EnRoute, OnScene, Completed}},
		{"may see the exact place", State.ExactPlace, []State{Accepted, EnRoute, OnScene, Completed}},
		{"terminal", func(s State) bool { return !s.Live() }, []State{Completed, Declined, Expired, Withdrawn, StoodDown}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := slices.DeleteFunc(states(), func(s State) bool { return !tt.is(s) })
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnknownState_isTerminal(t *testing.T) {
	t.Parallel()
	if s := State("NO_SUCH_STATE"); s.Live() || s.Open() || s.Counts() || s.MayBecome(Accepted) {
		t.Error("anything may happen to it")
	}
}

const document = "../docs/alert-states.md"

// The document draws the table, the whole table and nothing but the table.
func TestDocument_drawsTheTable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[State][]State{}
	for _, m := range regexp.MustCompile(`(?m)^\s*(\w+|\[\*\]) --> (\w+|\[\*\])`).FindAllStringSubmatch(string(text), -1) {
		drawn[State(m[1])] = append(drawn[State(m[1])], State(m[2]))
	}
	want := map[State][]State{"[*]": {Pending}}
	for from, tos := range changes {
		want[from] = tos
		if len(tos) == 0 {
			want[from] = []State{"[*]"}
		}
	}
	sorted := cmp.Transformer("sort", func(s []State) []string {
		names := []string{}
		for _, state := range s {
			names = append(names, string(state))
		}
		slices.Sort(names)
		return names
	})
	if diff := cmp.Diff(want, drawn, sorted); diff != "" {
		t.Errorf("changes and %s differ (-code +document):\n%s", document, diff)
	}
}

func TestDocument_explainsEveryState(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	var explained []State
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		explained = append(explained, State(m[1]))
	}
	if diff := cmp.Diff(states(), explained); diff != "" {
		t.Errorf("(-code +document):\n%s", diff)
	}
}
