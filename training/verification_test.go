package training

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/fault"
)

func TestVerify(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	start := f.clock.Now()
	good, bad := f.issue(t, "rsp_own", f.aid), f.issue(t, "rsp_own", f.rescue)
	expires := good.ExpiresAt
	f.revoke(t, bad)
	for _, c := range []struct {
		name string
		now  time.Time
		cert *Certificate
		want State
	}{
		{"valid", start, good, StateValid},
		{"valid to the last", expires.Add(-time.Millisecond), good, StateValid},
		{"expired", expires, good, StateExpired},
		{"revoked", start, bad, StateRevoked},
		{"revoked and expired", bad.ExpiresAt.AddDate(1, 0, 0), bad, StateRevoked},
	} {
		t.Run(c.name, func(t *testing.T) { // one clock: one after the other
			f.clock.Set(c.now)
			got, err := f.Verify(t.Context(), c.cert.Number[:6]+" "+c.cert.Number[6:])
			if err != nil {
				t.Fatal(err)
			}
			want := &Verification{
				Number: c.cert.Number, HolderName: "欧阳**", CourseID: c.cert.CourseID,
				IssuedAt: start, ExpiresAt: c.cert.ExpiresAt, State: c.want,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	number := f.issue(t, "rsp_own", f.aid).Number
	wrong := number[:11] + string('0'+(number[11]-'0'+1)%10)
	never := "99999999999"
	if number[:11] == never {
		never = "99999999998"
	}
	for name, c := range map[string]struct {
		number string
		want   *fault.Error
	}{
		"never issued":        {never + string(checkDigit(never)), fault.NotFound("certificate")},
		"another check digit": {wrong, fault.Invalid("number", "certificate_number")},
		"nothing":             {"", fault.Invalid("number", "certificate_number")},
		"a name":              {"欧阳娜娜", fault.Invalid("number", "certificate_number")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := f.Verify(t.Context(), c.number)
			wantFault(t, err, c.want)
			if got != nil {
				t.Errorf("said %+v", got)
			}
		})
	}
}
