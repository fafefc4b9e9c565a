package main

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/roster"
)

// rounds is how often each race is run.
const rounds = 5

// asked is an operation that somebody sends.
type asked struct {
	by    *resident
	query string
	v     vars
}

// race sends all at once and returns the code of each answer, "" for success.
// None may be INTERNAL.
func race(t *testing.T, all ...asked) []string {
	t.Helper()
	codes := make([]string, len(all))
	var running sync.WaitGroup
	begin := make(chan struct{})
	for i, a := range all {
		running.Go(func() {
			<-begin
			err := a.by.Do(t.Context(), a.query, a.v, &vars{})
			var errs client.Errors
			switch {
			case errors.As(err, &errs):
				codes[i] = errs[0].Code
			case err != nil:
				codes[i] = err.Error()
			}
		})
	}
	close(begin)
	running.Wait()
	for i, code := range codes {
		if !slices.Contains([]string{"", "CONFLICT", "NOT_FOUND", "FORBIDDEN", "UNAUTHENTICATED"}, code) {
			t.Errorf("%s: %s", all[i].query, code)
		}
	}
	return codes
}

// won is how many succeeded.
func won(codes []string) int {
	n := 0
	for _, code := range codes {
		if code == "" {
			n++
		}
	}
	return n
}

func TestAPIRaces(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	stored := func(t *testing.T, r *resident) *roster.Responder {
		t.Helper()
		found, err := tw.app.roster.OfAccount(t.Context(), r.accountID)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	applicant := func(t *testing.T) *resident {
		t.Helper()
		r := tw.newResident(t, "申请人", "", "")
		got := r.must(t, onResponder("applyToRoster"), vars{"input": applicationTo(guiyuanOne)})
		r.responderID = word(got, "applyToRoster", "responder", "id")
		return r
	}
	about := func(r *resident, more vars) vars { return extended(vars{"responderId": r.responderID}, more) }
	for name, run := range map[string]func(*testing.T){
		"an approval and a rejection": func(t *testing.T) {
			r := applicant(t)
			codes := race(t, asked{tw.guiyuan, onResponder("approveApplication"), about(r, nil)},
				asked{tw.admin, onResponder("rejectApplication"), about(r, vars{"reason": "x"})})
			want := map[bool]roster.Status{true: roster.StatusActive, false: roster.StatusRejected}[codes[0] == ""]
			if got := stored(t, r).Status; won(codes) != 1 || got != want {
				t.Errorf("%q, and it is %s", codes, got)
			}
		},
		"an approval and an erasure": func(t *testing.T) {
			r := applicant(t)
			codes := race(t, asked{tw.guiyuan, onResponder("approveApplication"), about(r, nil)},
				asked{tw.guiyuan, addNote, about(r, vars{"text": "x"})},
				asked{r, eraseMyAccount, vars{"input": vars{"confirmation": r.phone}}})
			tw.erased(t, r.accountID)
			got := stored(t, r)
			if codes[2] != "" || got.Status != roster.StatusRetired || !got.Erased() {
				t.Errorf("%q, and it is %+v", codes, got)
			}
			read := tw.guiyuan.must(t, readNotes, vars{"id": r.responderID})
			if left, _ := dig(read, "responder", "notes", "nodes").([]any); len(left) > 0 {
				t.Errorf("notes are left: %v", left)
			}
		},
		"two units accept, and the responder leaves": func(t *testing.T) {
			r := applicant(t)
			tw.guiyuan.must(t, onResponder("approveApplication"), about(r, nil))
			join := word(r.must(t, asking("requestMembership"), about(r, vars{"orgUnitId": liantangOne})), "requestMembership", "request", "id")
			move := word(r.must(t, asking("requestTransfer"), about(r, vars{"orgUnitId": liantangID})), "requestTransfer", "request", "id")
			race(t, asked{tw.liantang, onResponder("acceptRequest"), vars{"input": vars{"requestId": join}}},
				asked{tw.liantang, onResponder("acceptRequest"), vars{"input": vars{"requestId": move}}},
				asked{r, onResponder("leaveRoster"), vars{"input": vars{}}})
			if got := stored(t, r); got.Status != roster.StatusRetired || len(got.Memberships) > 0 {
				t.Errorf("it is %+v", got)
			}
		},
		"two administrators dismiss each other": func(t *testing.T) {
			one, two := tw.newResident(t, "一", auth.RoleAdmin, liantangID), tw.newResident(t, "二", auth.RoleAdmin, liantangID)
			dismiss := func(who *resident) vars {
				return vars{"input": vars{"accountId": who.accountID, "role": "ADMIN", "orgUnitId": liantangID, "reason": "x"}}
			}
			const revoke = `mutation ($input: RevokeRoleInput!) { revokeRole(input: $input) { account { id } } }`
			if codes := race(t, asked{one, revoke, dismiss(two)}, asked{two, revoke, dismiss(one)}); won(codes) != 1 {
				t.Errorf("%q", codes)
			}
		},
		"a role for one phone, twice": func(t *testing.T) {
			r := tw.newResident(t, "", "", "")
			one := vars{"input": vars{"phone": r.phone, "name": "甲", "role": "TRAINER", "orgUnitId": guiyuanID}}
			two := vars{"input": vars{"phone": r.phone, "name": "乙", "role": "DISPATCHER", "orgUnitId": liantangID}}
			if codes := race(t, asked{tw.admin, grantRole, one}, asked{tw.admin, grantRole, two}); won(codes) != 2 {
				t.Errorf("%q", codes)
			}
			grants, err := tw.app.auth.GrantsOf(t.Context(), tw.app.db, r.accountID)
			if err != nil || len(grants) != 2 {
				t.Errorf("%v, %v", grants, err)
			}
		},
		"an alert is accepted while the last session ends": func(t *testing.T) {
			a := tw.alerted(t)
			race(t, asked{a.resident, answering("acceptAlert"), vars{"input": vars{"alertId": a.alertID}}}, asked{a.resident, signOut, nil})
			if r := stored(t, a.resident); r.Duty.OnDuty {
				t.Error("it is on duty without a session")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range rounds {
				run(t)
			}
		})
	}
	t.Run("a ticket is redeemed many times at once", func(t *testing.T) {
		t.Parallel()
		got := tw.guiyuan.must(t, exportResponders, vars{"input": vars{"orgUnitId": guiyuanID}})
		statuses := make([]int, 10)
		var running sync.WaitGroup
		for i := range statuses {
			running.Go(func() {
				answer, err := tw.http.Get(tw.url + word(got, "exportResponders", "download", "url"))
				if err == nil {
					statuses[i], err = answer.StatusCode, answer.Body.Close()
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		running.Wait()
		slices.Sort(statuses)
		if statuses[0] != http.StatusOK || statuses[1] != http.StatusNotFound || statuses[9] != http.StatusNotFound {
			t.Errorf("%v", statuses)
		}
	})
}
