package training

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLoadCertificates(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	old := f.issue(t, "rsp_1", f.rescue)
	f.clock.Advance(time.Hour)
	newer := f.issue(t, "rsp_1", f.aid)
	f.revoke(t, old)
	revoked, err := certificates.Get(t.Context(), f.db, old.ID)
	if err != nil {
		t.Fatal(err)
	}
	other := f.issue(t, "rsp_2", f.aid)
	f.issue(t, "rsp_4", f.aid)
	got, err := f.LoadCertificates(t.Context(), []string{"rsp_2", "rsp_1", "rsp_3", "rsp_1"})
	want := map[string][]*Certificate{"rsp_1": {newer, revoked}, "rsp_2": {other}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if none, err := f.LoadCertificates(t.Context(), nil); err != nil || len(none) != 0 {
		t.Errorf("of nobody: %v, %v", none, err)
	}
}

func TestLoadCertificatesOfManyResponders(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ids := make([]string, 200)
	for i := range ids {
		ids[i] = fmt.Sprintf("rsp_%03d", i)
	}
	f.issue(t, ids[0], f.aid)
	f.issue(t, ids[199], f.aid)
	got, err := f.LoadCertificates(t.Context(), ids)
	if err != nil || len(got) != 2 || len(got[ids[0]]) != 1 || len(got[ids[199]]) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}
