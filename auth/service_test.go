package auth

import (
	"errors"
	"testing"

	"github.com/musterhq/muster/store"
)

func TestAStepThatLosesARaceToInsertRunsAgain(t *testing.T) {
	t.Parallel()
	w := open(t)
	taken := &store.DuplicateError{Collection: "accounts", Index: "phone"}
	elsewise := errors.New("something else")
	tests := map[string]struct {
		fails func(run int) error
		runs  int
		want  error
	}{
		"until it wins":              {func(run int) error { return errors.Join([]error{taken, taken, nil, nil}[run-1]) }, 4, nil}, // storetest runs the winner twice
		"but not for ever":           {func(int) error { return taken }, maxRaces + 1, store.ErrDuplicate},
		"and not for another reason": {func(int) error { return elsewise }, 1, elsewise},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			runs := 0
			err := w.atomically(t.Context(), func(*store.Tx) error {
				runs++
				return tt.fails(runs)
			})
			if runs != tt.runs || !errors.Is(err, tt.want) {
				t.Errorf("%d runs, then %v", runs, err)
			}
		})
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	w, tokens := signedIn(b)
	for b.Loop() {
		if _, err := w.Authenticate(b.Context(), tokens.AccessToken); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefresh(b *testing.B) {
	w, tokens := signedIn(b)
	var err error
	for b.Loop() {
		if tokens, _, err = w.Refresh(b.Context(), tokens.RefreshToken); err != nil {
			b.Fatal(err)
		}
	}
}

func signedIn(b *testing.B) (*world, *Tokens) {
	b.Helper()
	w := open(b)
	tokens, _ := w.signIn(b, phone)
	return w, tokens
}
