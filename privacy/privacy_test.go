package privacy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const keep = 1000 * time.Hour

func newService(t *testing.T, change func(*Config)) (*Service, *storetest.Clock) {
	t.Helper()
	clock := storetest.NewClock(time.Date(2026, 5, 12, 1, 30, 0, 0, time.UTC))
	c := Config{DB: storetest.Open(t, append(Collections(), store.Steps)...), Now: clock.Now, Log: slog.New(slog.DiscardHandler), Keep: keep}
	change(&c)
	return New(c), clock
}

func (s *Service) start(t *testing.T, accountID string) error {
	t.Helper()
	return s.DB.Atomically(t.Context(), func(tx *store.Tx) error {
		_, err := s.begin(t.Context(), tx, accountID, Requested)
		return err
	})
}

// heap is a part with so much to erase, which it does one at a time.
type heap struct {
	begun, left int
	fails       error
	log         *[]string
	name        string
}

func (h *heap) part() Part {
	return Part{
		Name: h.name,
		Begin: func(context.Context, *store.Tx, string) error {
			h.begun++
			return nil
		},
		Erase: func(context.Context, string) (bool, error) {
			if h.fails != nil {
				return false, h.fails
			}
			*h.log = append(*h.log, h.name)
			h.left = max(h.left-1, 0)
			return h.left > 0, nil
		},
	}
}

func TestErasureRunsPartByPart(t *testing.T) {
	t.Parallel()
	var log []string
	first, second := &heap{left: 3, name: "first", log: &log}, &heap{left: 1, name: "second", log: &log}
	s, clock := newService(t, func(c *Config) {
		c.Parts = []Part{first.part(), {Name: "only copies"}, second.part()}
	})
	if err := s.start(t, "acc_1"); err != nil {
		t.Fatal(err)
	}
	if len(log) > 0 {
		t.Errorf("erased at once: %v", log)
	}
	if _, err := s.RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"first", "first", "first", "second"}, log); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	e, err := s.Erasure(t.Context(), "acc_1")
	if err != nil || !e.DoneAt.Equal(clock.Now()) || e.Reason != Requested {
		t.Errorf("the record is %+v, %v", e, err)
	}
	if err := s.start(t, "acc_1"); !errors.Is(err, fault.Conflict("erased_already")) {
		t.Errorf("again: %v", err)
	}
	for _, c := range []struct {
		wait time.Duration
		want fault.Code
	}{{keep - time.Second, ""}, {time.Second, fault.CodeNotFound}} {
		clock.Advance(c.wait)
		if _, err := s.RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Erasure(t.Context(), "acc_1"); fault.CodeOf(err) != c.want {
			t.Errorf("after %s: %v", c.wait, err)
		}
	}
	if len(log) != 4 {
		t.Errorf("it was erased again: %v", log)
	}
}

func TestErasureGoesOnWhereItFailed(t *testing.T) {
	t.Parallel()
	var log []string
	first, second := &heap{left: 2, name: "first", log: &log}, &heap{left: 1, name: "second", log: &log, fails: errors.New("down")}
	s, clock := newService(t, func(c *Config) { c.Parts = []Part{first.part(), second.part()} })
	if err := s.start(t, "acc_1"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RunDue(t.Context()); !errors.Is(err, second.fails) {
		t.Fatalf("got %v", err)
	}
	second.fails = nil
	clock.Advance(lease)
	if _, err := s.RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"first", "first", "second"}, log); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestErasureTakesTurns(t *testing.T) {
	t.Parallel()
	var log []string
	h := &heap{left: 5, name: "long", log: &log}
	var clock *storetest.Clock
	s, clock := newService(t, func(c *Config) {
		part := h.part()
		erase := part.Erase
		part.Erase = func(ctx context.Context, id string) (bool, error) {
			clock.Advance(turn) // each takes that long
			return erase(ctx, id)
		}
		c.Parts = []Part{part}
	})
	if err := s.start(t, "acc_1"); err != nil {
		t.Fatal(err)
	}
	if n, err := s.RunDue(t.Context()); err != nil || n < 3 {
		t.Errorf("it took %d turns, %v", n, err)
	}
	if e, err := s.Erasure(t.Context(), "acc_1"); err != nil || e.DoneAt.IsZero() || len(log) != 5 {
		t.Errorf("%+v, %v, %v", e, err, log)
	}
}

func TestARefusalLeavesNothing(t *testing.T) {
	t.Parallel()
	refusal := fault.Conflict("erasure_responding")
	s, _ := newService(t, func(c *Config) {
		c.Parts = []Part{{Name: "a", Begin: func(context.Context, *store.Tx, string) error { return refusal }}}
	})
	if err := s.start(t, "acc_1"); !errors.Is(err, refusal) {
		t.Errorf("got %v", err)
	}
	if _, err := s.Erasure(t.Context(), "acc_1"); fault.CodeOf(err) != fault.CodeNotFound {
		t.Errorf("there is a record: %v", err)
	}
}

func TestExpire(t *testing.T) {
	t.Parallel()
	s, _ := newService(t, func(*Config) {})
	holds := func(is bool) func(*store.Tx) (bool, error) {
		return func(*store.Tx) (bool, error) { return is, nil }
	}
	for _, c := range []struct {
		holds bool
		want  fault.Code
	}{{false, fault.CodeNotFound}, {true, ""}, {true, ""}} {
		if err := s.Expire(t.Context(), "acc_1", holds(c.holds)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Erasure(t.Context(), "acc_1"); fault.CodeOf(err) != c.want {
			t.Errorf("if it holds %v: %v", c.holds, err)
		}
	}
}

func TestSweeps(t *testing.T) {
	t.Parallel()
	var seen []string
	fails := errors.New("down")
	var failing error
	s, clock := newService(t, func(c *Config) {
		c.Sweeps = []Sweep{{Name: "old", Do: func(_ context.Context, after string) (string, error) {
			seen = append(seen, "from "+after)
			if failing != nil && after == "1" {
				return "", failing
			}
			return map[string]string{"": "1", "1": "2", "2": ""}[after], nil
		}}}
	})
	run := func(want ...string) {
		t.Helper()
		seen = nil
		if _, err := s.RunDue(t.Context()); failing == nil && err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	run("from ", "from 1", "from 2")
	run()
	clock.Advance(sweepEvery - time.Second)
	run()
	failing = fails
	clock.Advance(time.Second)
	run("from ", "from 1")
	failing = nil
	clock.Advance(lease)
	run("from ", "from 1", "from 2")
}

func TestCopy(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 12, 1, 30, 0, 0, time.UTC)
	write := func(docs ...string) func(context.Context, string, Write) error {
		return func(_ context.Context, accountID string, write Write) error {
			for _, doc := range docs {
				section, value, _ := strings.Cut(doc, "=")
				if err := write(section, map[string]any{"of": accountID, "value": value, "at": at}); err != nil {
					return err
				}
			}
			return nil
		}
	}
	doc := func(value string) map[string]any {
		return map[string]any{"of": "acc_1", "value": value, "at": "2026-05-12T01:30:00Z"}
	}
	for name, c := range map[string]struct {
		parts [][]string
		want  map[string]any
	}{
		"nothing":      {nil, map[string]any{}},
		"one":          {[][]string{{"a=1"}}, map[string]any{"a": []any{doc("1")}}},
		"many":         {[][]string{{"a=1", "a=2", "b=3"}, {}, {"c=<\"}"}}, map[string]any{"a": []any{doc("1"), doc("2")}, "b": []any{doc("3")}, "c": []any{doc("<\"}")}}},
		"out of order": {[][]string{{"a=1", "b=2", "a=3"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newService(t, func(cfg *Config) {
				for i, docs := range c.parts {
					cfg.Parts = append(cfg.Parts, Part{Name: fmt.Sprint(i), Copy: write(docs...)})
				}
			})
			var out bytes.Buffer
			err := s.CopyOwn(t.Context(), auth.Principal{AccountID: "acc_1"}, &out)
			var got map[string]any
			invalid := json.Unmarshal(out.Bytes(), &got)
			if c.want == nil {
				if err == nil || invalid == nil {
					t.Errorf("it looks like everything: %v\n%s", err, &out)
				}
				return
			}
			want := map[string]any{"format": Format, "version": float64(Version), "accountId": "acc_1", "madeAt": "2026-05-12T01:30:00Z", "sections": c.want}
			if diff := cmp.Diff(want, got); diff != "" || err != nil || invalid != nil {
				t.Errorf("%v, %v (-want +got):\n%s", err, invalid, diff)
			}
		})
	}
}

// deaf is a reader that has gone.
type deaf struct{}

func (deaf) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestCopyToNobody(t *testing.T) {
	t.Parallel()
	s, _ := newService(t, func(*Config) {})
	if err := s.CopyOwn(t.Context(), auth.Principal{AccountID: "acc_1"}, deaf{}); err == nil {
		t.Error("it succeeded")
	}
}
