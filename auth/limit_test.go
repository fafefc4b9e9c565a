package auth

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
)

// wantLimited fails the test unless err is RATE_LIMITED with that wait.
func wantLimited(t *testing.T, err error, key string, seconds int) {
	t.Helper()
	wantFault(t, err, fault.CodeRateLimited, key)
	if f := asFault(err); f != nil && f.Args["retryAfterSeconds"] != seconds {
		t.Errorf("retryAfterSeconds is %v, want %d", f.Args["retryAfterSeconds"], seconds)
	}
}

// guess tries wrong codes for the phone until one is not evaluated, and
// returns how many were.
func (w *world) guess(t *testing.T, phone string) int {
	t.Helper()
	for n := range 100 {
		_, _, err := w.try(t, phone, wrong)
		if fault.CodeOf(err) == fault.CodeRateLimited {
			return n
		}
		wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.code")
	}
	t.Fatal("nothing stops guessing")
	return 0
}

// processes returns n services, as of several processes, on w's database.
func (w *world) processes(t *testing.T, n int) []*Service {
	t.Helper()
	services := make([]*Service, n)
	for i := range services {
		s, err := New(w.Config)
		must(t, err)
		services[i] = s
	}
	return services
}

func TestOfAHundredGuessesAtOnceFiveAreEvaluated(t *testing.T) {
	t.Parallel()
	w := open(t)
	code := w.requestCode(t, phone)
	services := w.processes(t, 4)
	var evaluated, limited atomic.Int32
	together(100, func(i int) {
		in := SignInInput{Phone: phone, Code: wrong, From: fmt.Sprintf("198.51.100.%d", i)}
		_, _, err := services[i%4].SignIn(t.Context(), in)
		switch fault.CodeOf(err) {
		case fault.CodeUnauthenticated:
			evaluated.Add(1)
		case fault.CodeRateLimited:
			limited.Add(1)
			wantLimited(t, err, "rate_limited.sign_in", 900)
		default:
			t.Error(err)
		}
	})
	if evaluated.Load() != 5 || limited.Load() != 95 {
		t.Errorf("%d evaluated and %d limited, want 5 and 95", evaluated.Load(), limited.Load())
	}
	_, _, err := w.try(t, phone, code)
	wantLimited(t, err, "rate_limited.sign_in", 900)
}

func TestFailures(t *testing.T) {
	t.Parallel()
	t.Run("are not forgotten for a new code", func(t *testing.T) {
		t.Parallel()
		w := open(t)
		if n := w.guess(t, phone); n != 5 {
			t.Errorf("%d guesses", n)
		}
		_, _, err := w.try(t, phone, w.requestCode(t, phone))
		wantLimited(t, err, "rate_limited.sign_in", 900)
	})
	t.Run("are not forgotten for a success", func(t *testing.T) {
		t.Parallel()
		w := open(t)
		for range 4 {
			_, _, err := w.try(t, phone, wrong)
			wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.code")
		}
		w.signIn(t, phone)
		if n := w.guess(t, phone); n != 1 {
			t.Errorf("%d guesses", n)
		}
	})
	t.Run("are forgotten after their time, and no sooner", func(t *testing.T) {
		t.Parallel()
		w := open(t)
		w.guess(t, phone)
		w.clock.Advance(15*time.Minute - time.Millisecond)
		_, _, err := w.try(t, phone, wrong)
		wantLimited(t, err, "rate_limited.sign_in", 1)
		w.clock.Advance(time.Millisecond)
		w.signIn(t, phone)
	})
	t.Run("are not prolonged by what is refused", func(t *testing.T) {
		t.Parallel()
		w := open(t)
		w.guess(t, phone)
		w.clock.Advance(14 * time.Minute)
		for range 20 {
			_, _, err := w.try(t, phone, wrong)
			wantLimited(t, err, "rate_limited.sign_in", 60)
		}
		w.clock.Advance(time.Minute)
		w.signIn(t, phone)
	})
	t.Run("of one phone do not stop another", func(t *testing.T) {
		t.Parallel()
		w := open(t)
		w.guess(t, phone)
		w.signIn(t, other)
	})
	t.Run("of one address stop it for all phones, and no other address", func(t *testing.T) {
		t.Parallel()
		w := open(t, func(c *Config) { c.Limits.FailuresPerAddress.N = 7 })
		if n := w.guess(t, phone) + w.guess(t, other); n != 7 {
			t.Errorf("%d guesses from one address", n)
		}
		_, _, err := w.SignIn(t.Context(), SignInInput{Phone: other, Code: wrong, From: "192.0.2.2"})
		wantFault(t, err, fault.CodeUnauthenticated, "unauthenticated.code")
	})
}

func TestRequestsAreLimited(t *testing.T) {
	t.Parallel()
	// Each request comes from a phone and address of its own unless the case
	// says otherwise.
	tests := map[string]struct {
		limit       func(*Limits)
		phone, from string
		allowed     int
		seconds     int
	}{
		"per phone by default":   {func(*Limits) {}, phone, "", 5, 900},
		"per address by default": {func(*Limits) {}, "", "192.0.2.1", 60, 900},
		"in total":               {func(l *Limits) { l.Requests = Limit{N: 9, Per: time.Minute} }, "", "", 9, 60},
		"per phone as configured": {
			func(l *Limits) { l.RequestsPerPhone = Limit{N: 2, Per: time.Hour} }, phone, "", 2, 3600},
		"per address as configured": {
			func(l *Limits) { l.RequestsPerAddress = Limit{N: 3, Per: time.Second} }, "", "192.0.2.1", 3, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, func(c *Config) { tt.limit(&c.Limits) })
			request := func(i int) error {
				number, from := tt.phone, tt.from
				if number == "" {
					number = fmt.Sprintf("+86138%08d", i)
				}
				if from == "" {
					from = fmt.Sprintf("198.51.100.%d", i)
				}
				return w.RequestCode(t.Context(), number, from, locale.English)
			}
			for i := range tt.allowed {
				must(t, request(i))
			}
			wantLimited(t, request(tt.allowed), "rate_limited.sign_in_code", tt.seconds)
			if n := len(w.phone.all()); n != tt.allowed {
				t.Errorf("%d codes were sent, want %d", n, tt.allowed)
			}
			w.clock.Advance(time.Duration(tt.seconds) * time.Second)
			must(t, request(tt.allowed))
		})
	}
}

func TestOfAHundredRequestsAtOnceFiveAreSent(t *testing.T) {
	t.Parallel()
	w := open(t)
	services := w.processes(t, 4)
	together(100, func(i int) {
		err := services[i%4].RequestCode(t.Context(), phone, fmt.Sprintf("198.51.100.%d", i), locale.English)
		if err != nil {
			wantLimited(t, err, "rate_limited.sign_in_code", 900)
		}
	})
	if n := len(w.phone.all()); n != 5 {
		t.Errorf("%d codes were sent", n)
	}
}

func TestARefusedRequestCountsAgainstNothing(t *testing.T) {
	t.Parallel()
	w := open(t, func(c *Config) { c.Limits.RequestsPerAddress.N = 6 })
	for range 5 {
		w.requestCode(t, phone)
	}
	for range 10 {
		wantLimited(t, w.RequestCode(t.Context(), phone, "192.0.2.1", locale.English), "rate_limited.sign_in_code", 900)
	}
	w.requestCode(t, other) // the address's sixth
}

func TestAttemptsAreDeletedWhenTheyNoLongerCount(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.requestCode(t, phone)
	w.guess(t, phone)
	count := func() int64 {
		n, err := windows.Count(t.Context(), w.DB, store.Query{})
		must(t, err)
		codes, err := signInCodes.Count(t.Context(), w.DB, store.Query{})
		must(t, err)
		return n + codes
	}
	for _, step := range []struct {
		after time.Duration
		left  int64
	}{
		{0, 6},
		{time.Minute, 5},      // all requests
		{4 * time.Minute, 4},  // the code
		{10 * time.Minute, 0}, // the others
	} {
		w.clock.Advance(step.after)
		_, err := w.RunDue(t.Context())
		must(t, err)
		if n := count(); n != step.left {
			t.Errorf("at %s there are %d documents, want %d", w.Now(), n, step.left)
		}
	}
}

// Whatever the times, no stretch as long as the limit's has more attempts than
// the limit, no window outgrows its size, and the wait that is named is enough.
func TestWindowNeverAllowsMoreThanItsLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := Limit{N: rapid.IntRange(1, 200).Draw(t, "n"), Per: time.Minute}
		now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
		w := &window{}
		var allowed []time.Time
		for _, gap := range rapid.SliceOfN(rapid.IntRange(0, 5000), 1, 400).Draw(t, "gaps in ms") {
			now = now.Add(time.Duration(gap) * time.Millisecond)
			w.forget(now.Add(-limit.Per))
			if wait := w.wait(now, limit); wait > 0 {
				later := &window{Bursts: w.Bursts}
				later.forget(now.Add(wait - limit.Per))
				if later.wait(now.Add(wait), limit) > 0 {
					t.Fatalf("after %s there is still no room", wait)
				}
				continue
			}
			w.add(now, limit.Per)
			allowed = append(allowed, now)
			if n := len(allowed); n > limit.N && now.Sub(allowed[n-1-limit.N]) < limit.Per {
				t.Fatalf("%d attempts within %s", limit.N+1, now.Sub(allowed[n-1-limit.N]))
			}
			if len(w.Bursts) > burstsPerWindow+1 { // the first may reach in from before
				t.Fatalf("%d bursts", len(w.Bursts))
			}
		}
	})
}

func TestAddressKey(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"192.0.2.1":               "192.0.2.1",
		"192.0.2.1:4711":          "192.0.2.1",
		"::ffff:192.0.2.1":        "192.0.2.1",
		"2001:db8:1:2:3::4":       "2001:db8:1:2::/64",
		"[2001:db8:1:2::9]:4711":  "2001:db8:1:2::/64",
		"2001:db8:1:2:3::4%eth0":  "2001:db8:1:2::/64",
		"":                        "unknown",
		"not an address whatever": "not an address whatever",
	}
	for from, want := range tests {
		if diff := cmp.Diff(want, addressKey(from)); diff != "" {
			t.Errorf("%s: %s", from, diff)
		}
	}
}

func TestNewRefusesLimitsThatLimitNothing(t *testing.T) {
	t.Parallel()
	w := open(t)
	for name, spoil := range map[string]func(*Limits){
		"all missing":   func(l *Limits) { *l = Limits{} },
		"one missing":   func(l *Limits) { l.FailuresPerAddress = Limit{} },
		"without time":  func(l *Limits) { l.Requests.Per = 0 },
		"below nothing": func(l *Limits) { l.FailuresPerPhone.N = -1 },
	} {
		c := w.Config
		spoil(&c.Limits)
		if _, err := New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
