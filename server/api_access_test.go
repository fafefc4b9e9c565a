package main

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/musterhq/muster/graph"
)

// operation is one root field, with arguments that are well made.
type operation struct {
	query string
	v     func(a *alerted) vars
	// open says that nobody needs to sign in, staff that one must be a
	// dispatcher.
	open, staff bool
}

func noVars(*alerted) vars { return nil }

func answerVars(a *alerted) vars { return vars{"input": vars{"alertId": a.alertID}} }

// mutations are all changes that there are.
func mutations() map[string]operation {
	all := map[string]operation{
		"requestSignInCode": {`mutation ($input: RequestSignInCodeInput!) { requestSignInCode(input: $input) { expiresAt } }`, func(a *alerted) vars {
			return vars{"input": vars{"phone": a.phone}}
		}, true, false},
		"signIn": {`mutation ($input: SignInInput!) { signIn(input: $input) { accessToken } }`, func(a *alerted) vars {
			return vars{"input": vars{"phone": a.phone, "code": townCode}}
		}, true, false},
		"refreshSession": {`mutation ($input: RefreshSessionInput!) { refreshSession(input: $input) { accessToken } }`, func(*alerted) vars {
			return vars{"input": vars{"refreshToken": "none"}}
		}, true, false},
		"signOut": {signOut, noVars, false, false},
		"registerDevice": {registerDevice, func(*alerted) vars {
			return vars{"input": vars{"token": "stolen", "platform": "IOS", "locale": "en", "appVersion": "1"}}
		}, false, false},
		"setAvailability":  {setAvailability, func(*alerted) vars { return vars{"input": vars{"onDuty": false}} }, false, false},
		"reportPosition":   {reportPosition, func(a *alerted) vars { return positionReport(at(a.scene)) }, false, false},
		"reportIncident":   {reportIncident, func(a *alerted) vars { return report(a.scene) }, false, true},
		"closeIncident":    {closeIncident, func(a *alerted) vars { return vars{"input": vars{"incidentId": a.id}} }, false, true},
		"exportResponders": {exportResponders, func(*alerted) vars { return vars{"input": vars{"orgUnitId": guiyuanID}} }, false, true},
		"standDownDispatch": {standDownDispatch, func(a *alerted) vars {
			return vars{"input": vars{"dispatchId": a.dispatchID}}
		}, false, true},
	}
	maps.Copy(all, dutyMutations())
	maps.Copy(all, privacyMutations())
	maps.Copy(all, unitMutations())
	maps.Copy(all, importMutations())
	for _, name := range answers {
		all[name] = operation{answering(name), answerVars, false, false}
	}
	maps.Copy(all, lifeMutations())
	maps.Copy(all, authMutations())
	return all
}

// queries are all reads and subscriptions that there are.
func queries() map[string]operation {
	all := map[string]operation{
		"me":            {me, noVars, false, false},
		"alert":         {`query ($id: ID!) { alert(id: $id) { id } }`, func(a *alerted) vars { return vars{"id": a.alertID} }, false, false},
		"myAlerts":      {`{ myAlerts { nodes { id } } }`, noVars, false, false},
		"incident":      {`query ($id: ID!) { incident(id: $id) { id } }`, func(a *alerted) vars { return vars{"id": a.id} }, false, false},
		"incidents":     {`query ($id: ID!) { incidents(orgUnitId: $id) { nodes { id } } }`, unitVars, false, true},
		"orgUnit":       {`query ($id: ID!) { orgUnit(id: $id) { id } }`, unitVars, false, false},
		"orgUnits":      {`{ orgUnits { nodes { id } } }`, noVars, false, false},
		"responder":     {`query ($id: ID!) { responder(id: $id) { id } }`, func(a *alerted) vars { return vars{"id": a.responderID} }, false, false},
		"responders":    {`query ($id: ID!) { responders(orgUnitId: $id) { nodes { id } } }`, unitVars, false, true},
		"rosterImport":  {readImport, importVars, false, true},
		"rosterImports": {listImports, func(*alerted) vars { return vars{"unit": guiyuanID} }, false, true},
		"verifyCertificate": {`query ($number: String!) { verifyCertificate(number: $number) { number } }`, func(*alerted) vars {
			return vars{"number": "123456789012"}
		}, true, false},
	}
	maps.Copy(all, lifeQueries())
	maps.Copy(all, authQueries())
	return all
}

func unitVars(*alerted) vars { return vars{"id": guiyuanID} }

// rootFields names the fields of a root type, those of introspection left out.
func rootFields(object *ast.Definition) []string {
	var names []string
	for _, f := range object.Fields {
		if f.Name[0] != '_' {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return names
}

func TestAPITablesCoverTheSchema(t *testing.T) {
	t.Parallel()
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	for _, c := range []struct {
		object *ast.Definition
		table  map[string]operation
	}{{schema.Mutation, mutations()}, {schema.Query, queries()}} {
		if diff := cmp.Diff(rootFields(c.object), slices.Sorted(maps.Keys(c.table))); diff != "" {
			t.Errorf("%s and the tests' table differ (-schema +table):\n%s", c.object.Name, diff)
		}
	}
}

func TestAPIAccess(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	a := tw.alerted(t)
	before := tw.whatThereIs(t, a)
	languages := map[string]string{"en": "Please sign in first.", "zh-CN": "请先登录。"}
	forbidden := map[string]string{"en": "You may not do this.", "zh-CN": "您没有权限进行此操作。"}
	all := mutations()
	maps.Copy(all, queries())
	for name, op := range all {
		if op.open {
			continue
		}
		t.Run(name+" by nobody at all", func(t *testing.T) {
			for tag, message := range languages {
				got := expectRefusal(t, tw.client(tag), op.query, op.v(a), problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.missing"})
				if got.Message != message {
					t.Errorf("%s: message %q, want %q", tag, got.Message, message)
				}
			}
		})
		if !op.staff {
			continue
		}
		for who, r := range map[string]*resident{"a volunteer": a.resident, "the roleless": tw.nobody} {
			t.Run(name+" by "+who, func(t *testing.T) {
				for tag, message := range forbidden {
					got := expectRefusal(t, r.speaking(t, tag), op.query, op.v(a), problem{Code: "FORBIDDEN", Reason: "forbidden"})
					if got.Message != message {
						t.Errorf("%s: message %q, want %q", tag, got.Message, message)
					}
				}
			})
		}
	}
	t.Run("trainers do not dispatch", func(t *testing.T) {
		for _, name := range []string{"reportIncident", "closeIncident", "standDownDispatch", "incidents"} {
			expectRefusal(t, tw.trainer.Client, all[name].query, all[name].v(a), problem{Code: "FORBIDDEN", Reason: "forbidden"})
		}
	})
	if diff := cmp.Diff(before, tw.whatThereIs(t, a)); diff != "" {
		t.Errorf("one of the refused has changed something:\n%s", diff)
	}
}

// whatThereIs is all that the refused could have changed.
func (tw *town) whatThereIs(t *testing.T, a *alerted) vars {
	t.Helper()
	return tw.admin.must(t, `query ($id: ID!, $responder: ID!) {
		incidents(orgUnitId: "440303000000", first: 100) { nodes { id status } }
		incident(id: $id) { outcome dispatch { endedAt alerted accepted } }
		responder(id: $responder) { availability { onDuty } }
	}`, vars{"id": a.id, "responder": a.responderID})
}
