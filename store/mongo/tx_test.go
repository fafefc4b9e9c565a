package mongo

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/musterhq/muster/store"
)

// These tests need no server: a transaction sends nothing before its first
// operation, and theirs are functions that answer as a server would.

var (
	conflict  = driver.CommandError{Code: 112, Name: "WriteConflict", Labels: []string{labelTransient}}
	collision = driver.WriteException{WriteErrors: driver.WriteErrors{{Code: codeDuplicate, Message: " index: slot dup key"}}}
)

// answers runs an operation that the server answers with the error.
func answers(ctx context.Context, o store.Ops, err error) error {
	return o.(*ops).run(ctx, &store.Spec{Name: "notes"}, "id", func(context.Context) error { return err })
}

func TestAtomically(t *testing.T) {
	t.Parallel()
	own, broken := errors.New("refused"), errors.New("broken")
	for _, tt := range []struct {
		name  string
		fn    func(ctx context.Context, try int, o store.Ops) error
		want  error
		tries int
	}{
		{"nothing done", func(context.Context, int, store.Ops) error { return nil }, nil, 1},
		{"its own error", func(context.Context, int, store.Ops) error { return own }, own, 1},
		{"stale is harmless", func(ctx context.Context, _ int, o store.Ops) error {
			_ = answers(ctx, o, store.ErrStale)
			return answers(ctx, o, nil)
		}, nil, 1},
		{"stale is returned as it is", func(ctx context.Context, _ int, o store.Ops) error {
			return answers(ctx, o, store.ErrStale)
		}, store.ErrStale, 1},
		{"a conflict is tried again", func(ctx context.Context, try int, o store.Ops) error {
			if try < 3 {
				return answers(ctx, o, conflict)
			}
			return answers(ctx, o, nil)
		}, nil, 3},
		{"a conflict that it hides is tried again", func(ctx context.Context, try int, o store.Ops) error {
			if try < 2 && answers(ctx, o, conflict) != nil {
				return own
			}
			return nil
		}, nil, 2},
		{"a broken operation that it hides is returned", func(ctx context.Context, _ int, o store.Ops) error {
			_ = answers(ctx, o, broken)
			return nil
		}, broken, 1},
		{"nothing is sent after a broken operation", func(ctx context.Context, _ int, o store.Ops) error {
			_ = answers(ctx, o, broken)
			return o.(*ops).run(ctx, &store.Spec{}, "", func(context.Context) error { return own })
		}, broken, 1},
		{"a taken key is met once, then looked for", func(ctx context.Context, _ int, o store.Ops) error {
			if o.(*ops).careful {
				return answers(ctx, o, nil)
			}
			return answers(ctx, o, collision)
		}, nil, 2},
		{"a taken key that looking finds can be handled", func(ctx context.Context, _ int, o store.Ops) error {
			if o.(*ops).careful {
				_ = answers(ctx, o, &store.DuplicateError{Index: "slot"})
				return answers(ctx, o, nil)
			}
			return answers(ctx, o, collision)
		}, nil, 2},
		{"a taken key that looking never finds is returned", func(ctx context.Context, _ int, o store.Ops) error {
			return answers(ctx, o, collision)
		}, store.ErrDuplicate, maxCollisions},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := unconnected(t)
			defer e.Close()
			tries := 0
			err := e.Atomically(t.Context(), func(o store.Ops) error {
				tries++
				return tt.fn(t.Context(), tries, o)
			})
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if tries != tt.tries {
				t.Errorf("got %d tries, want %d", tries, tt.tries)
			}
		})
	}
}

func TestAtomicallyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	e := unconnected(t)
	defer e.Close()
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	err := e.Atomically(ctx, func(o store.Ops) error {
		if tries++; tries == 3 {
			cancel()
		}
		return answers(ctx, o, conflict)
	})
	if err == nil || tries != 3 {
		t.Errorf("got %v after %d tries", err, tries)
	}
	if err := e.Atomically(ctx, func(store.Ops) error { t.Error("run"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestPanicInTransactionReachesTheCaller(t *testing.T) {
	t.Parallel()
	e := unconnected(t)
	defer e.Close() // would hang if the operation were still counted
	defer func() {
		if got := recover(); got != "boom" {
			t.Errorf("recovered %v", got)
		}
	}()
	_ = e.Atomically(t.Context(), func(store.Ops) error { panic("boom") })
}

func TestCommit(t *testing.T) {
	t.Parallel()
	unknown := driver.CommandError{Code: 91, Labels: []string{labelUnknownCommit}}
	for _, tt := range []struct {
		name    string
		answers []error
		want    error
	}{
		{"at once", []error{nil}, nil},
		{"after two unknown answers", []error{unknown, unknown, nil}, nil},
		{"a conflict is for the transaction to begin again", []error{conflict}, conflict},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cancelled, cancel := context.WithCancel(t.Context())
			cancel() // does not cut the question short
			sent := 0
			err := commit(cancelled, func(ctx context.Context) error {
				if _, bounded := ctx.Deadline(); !bounded || ctx.Err() != nil {
					t.Errorf("the context: bounded %v, %v", bounded, ctx.Err())
				}
				sent++
				return tt.answers[sent-1]
			})
			if diff := cmp.Diff(fmt.Sprint(len(tt.answers)), fmt.Sprint(sent)); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
			if (err == nil) != (tt.want == nil) || labelled(err, labelTransient) != labelled(tt.want, labelTransient) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}
