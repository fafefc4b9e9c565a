package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/musterhq/muster/client/reference"
	"github.com/musterhq/muster/graph"
	"github.com/musterhq/muster/store"
)

// A use calls one operation of the reference client, as somebody who may, and
// returns something that it answered and what that should have been.
type use func(t *testing.T, tw *town) (got, want any)

// uses has one for each root field, by its name.
func uses() map[string]use {
	all := map[string]use{}
	for _, some := range []map[string]use{
		accountUses(), sessionUses(), staffUses(), privacyUses(), auditUses(), alertUses(), incidentUses(), subscriptionUses(),
		rosterUses(), listUses(), lifeUses(), requestUses(), unitUses(), availabilityUses(),
	} {
		maps.Copy(all, some)
	}
	return all
}

func accountUses() map[string]use {
	return map[string]use{
		"me": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.Me(t.Context(), tw.guiyuan.typed(t))
			return []any{r.Me.Id, r.Me.Grants[0].Role, r.Me.Responder == nil}, []any{tw.guiyuan.accountID, reference.RoleDispatcher, true}
		},
		"requestSignInCode": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.RequestSignInCode(t.Context(), typed{t, tw.client("en")}, reference.RequestSignInCodeInput{Phone: "138 0000 0001"})
			return r.RequestSignInCode.ExpiresAt.After(time.Now()), true
		},
		"signIn": func(t *testing.T, tw *town) (got, want any) {
			r := tw.signedIn(t, "+8613800000002")
			return r.AccessToken != "" && strings.HasPrefix(r.Account.Id, "acc_"), true
		},
		"refreshSession": func(t *testing.T, tw *town) (got, want any) {
			in := tw.signedIn(t, "+8613800000003")
			r, _ := reference.RefreshSession(t.Context(), typed{t, tw.client("en")}, reference.RefreshSessionInput{RefreshToken: in.RefreshToken})
			return []any{r.RefreshSession.Account.Id, r.RefreshSession.RefreshToken != in.RefreshToken}, []any{in.Account.Id, true}
		},
		"signOut": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.SignOut(t.Context(), typed{t, tw.nobody.speaking(t, "en")})
			return r.SignOut.SignedOutAt.IsZero(), false
		},
		"registerDevice": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.RegisterDevice(t.Context(), tw.nobody.typed(t), reference.RegisterDeviceInput{
				Token: "reference", Platform: reference.PlatformIos, Locale: "en", AppVersion: "2",
			})
			return r.RegisterDevice.Device.Platform, reference.PlatformIos
		},
	}
}

func (tw *town) signedIn(t *testing.T, phone string) *reference.SignInSignInSignInPayload {
	t.Helper()
	c := typed{t, tw.client("en")}
	_, _ = reference.RequestSignInCode(t.Context(), c, reference.RequestSignInCodeInput{Phone: phone}) // c ends the test
	r, _ := reference.SignIn(t.Context(), c, reference.SignInInput{Phone: phone, Code: townCode})
	return r.SignIn
}

func alertUses() map[string]use {
	return map[string]use{
		"alert": func(t *testing.T, tw *town) (got, want any) {
			a := tw.alerted(t)
			r, _ := reference.Alert(t.Context(), a.typed(t), a.alertID)
			return []any{r.Alert.Id, r.Alert.Incident.Id, r.Alert.PendingAt == nil}, []any{a.alertID, a.id, false}
		},
		"myAlerts": func(t *testing.T, tw *town) (got, want any) {
			a, active := tw.alerted(t), true
			r, _ := reference.MyAlerts(t.Context(), a.typed(t), &active, 10, nil)
			return r.MyAlerts.Nodes[0].Id, a.alertID
		},
		"acknowledgeAlert": func(t *testing.T, tw *town) (got, want any) {
			a := tw.alerted(t)
			r, _ := reference.AcknowledgeAlert(t.Context(), a.typed(t), reference.AcknowledgeAlertInput{AlertId: a.alertID})
			return r.AcknowledgeAlert.Alert.State, reference.AlertStateDelivered
		},
		"acceptAlert": func(t *testing.T, tw *town) (got, want any) {
			a := tw.alerted(t)
			r, _ := reference.AcceptAlert(t.Context(), a.typed(t), reference.AcceptAlertInput{AlertId: a.alertID})
			return []any{r.AcceptAlert.Alert.State, r.AcceptAlert.Alert.Incident.Position.Datum}, []any{reference.AlertStateAccepted, reference.DatumWgs84}
		},
		"declineAlert": func(t *testing.T, tw *town) (got, want any) {
			a := tw.alerted(t)
			r, _ := reference.DeclineAlert(t.Context(), a.typed(t), reference.DeclineAlertInput{AlertId: a.alertID})
			return r.DeclineAlert.Alert.State, reference.AlertStateDeclined
		},
		"markEnRoute": func(t *testing.T, tw *town) (got, want any) {
			a := tw.alerted(t)
			a.say(t, "acceptAlert")
			r, _ := reference.MarkEnRoute(t.Context(), a.typed(t), reference.MarkEnRouteInput{AlertId: a.alertID})
			return r.MarkEnRoute.Alert.State, reference.AlertStateEnRoute
		},
		"markOnScene": func(t *testing.T, tw *town) (got, want any) {
			a := tw.alerted(t)
			a.say(t, "acceptAlert")
			r, _ := reference.MarkOnScene(t.Context(), a.typed(t), reference.MarkOnSceneInput{AlertId: a.alertID})
			return r.MarkOnScene.Alert.State, reference.AlertStateOnScene
		},
		"completeAlert": func(t *testing.T, tw *town) (got, want any) {
			a := tw.alerted(t)
			a.say(t, "acceptAlert")
			a.say(t, "markOnScene")
			r, _ := reference.CompleteAlert(t.Context(), a.typed(t), reference.CompleteAlertInput{AlertId: a.alertID})
			return r.CompleteAlert.Alert.State, reference.AlertStateCompleted
		},
		"withdrawAlert": func(t *testing.T, tw *town) (got, want any) {
			a := tw.alerted(t)
			a.say(t, "acceptAlert")
			r, _ := reference.WithdrawAlert(t.Context(), a.typed(t), reference.WithdrawAlertInput{AlertId: a.alertID})
			return r.WithdrawAlert.Alert.State, reference.AlertStateWithdrawn
		},
		"standDownDispatch": func(t *testing.T, tw *town) (got, want any) {
			o := tw.guiyuan.open(t, tw.scene())
			r, _ := reference.StandDownDispatch(t.Context(), tw.guiyuan.typed(t), reference.StandDownDispatchInput{DispatchId: o.dispatchID})
			return r.StandDownDispatch.Dispatch.State, reference.DispatchStateStoodDown
		},
	}
}

func incidentUses() map[string]use {
	return map[string]use{
		"incident": func(t *testing.T, tw *town) (got, want any) {
			o := tw.guiyuan.open(t, tw.scene())
			r, _ := reference.Incident(t.Context(), tw.guiyuan.typed(t), o.id)
			return []any{r.Incident.Id, r.Incident.Dispatch.Id, r.Incident.OrgUnit.Id}, []any{o.id, o.dispatchID, guiyuanOne}
		},
		"incidents": func(t *testing.T, tw *town) (got, want any) {
			tw.guiyuan.open(t, tw.scene())
			r, _ := reference.Incidents(t.Context(), tw.guiyuan.typed(t), guiyuanID, 1, nil)
			return []any{len(r.Incidents.Nodes), r.Incidents.PageInfo.EndCursor != nil}, []any{1, true}
		},
		"reportIncident": func(t *testing.T, tw *town) (got, want any) {
			place, key := tw.scene(), "reference"
			r, _ := reference.ReportIncident(t.Context(), tw.guiyuan.typed(t), reference.ReportIncidentInput{
				Type: reference.IncidentTypeOther, Severity: reference.SeverityLevelIii, IdempotencyKey: &key,
				Position: reference.PositionInput{Latitude: place.Latitude, Longitude: place.Longitude, Datum: reference.DatumWgs84},
			})
			return []any{r.ReportIncident.Incident.OrgUnit.Id, r.ReportIncident.Incident.Status}, []any{guiyuanOne, reference.IncidentStatusOpen}
		},
		"closeIncident": func(t *testing.T, tw *town) (got, want any) {
			o, outcome := tw.guiyuan.open(t, tw.scene()), "over"
			r, _ := reference.CloseIncident(t.Context(), tw.guiyuan.typed(t), reference.CloseIncidentInput{IncidentId: o.id, Outcome: &outcome})
			return []any{r.CloseIncident.Incident.Status, *r.CloseIncident.Incident.Outcome}, []any{reference.IncidentStatusClosed, outcome}
		},
	}
}

func rosterUses() map[string]use {
	return map[string]use{
		"orgUnit": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.OrgUnit(t.Context(), tw.nobody.typed(t), guiyuanID)
			return []any{r.OrgUnit.Level, r.OrgUnit.Parent.Id}, []any{reference.OrgUnitLevelSubdistrict, luohuID}
		},
		"orgUnits": func(t *testing.T, tw *town) (got, want any) {
			above := luohuID
			r, _ := reference.OrgUnits(t.Context(), tw.nobody.typed(t), &above, 1, nil)
			return []any{r.OrgUnits.Nodes[0].Id, r.OrgUnits.PageInfo.HasNextPage}, []any{guiyuanID, true}
		},
		"responder": func(t *testing.T, tw *town) (got, want any) {
			v := tw.newVolunteer(t, guiyuanOne, tw.scene())
			r, _ := reference.Responder(t.Context(), v.typed(t), v.responderID)
			return []any{r.Responder.Name, r.Responder.Certificates[0].State}, []any{"张三", reference.CertificateStateValid}
		},
		"setAvailability": func(t *testing.T, tw *town) (got, want any) {
			v, until := tw.newVolunteer(t, guiyuanOne, tw.scene()), store.Now().Add(time.Hour)
			r, _ := reference.SetAvailability(t.Context(), v.typed(t), reference.SetAvailabilityInput{OnDuty: true, Until: &until})
			return []any{r.SetAvailability.Availability.OnDuty, r.SetAvailability.Responder.Id}, []any{true, v.responderID}
		},
		"reportPosition": func(t *testing.T, tw *town) (got, want any) {
			place := tw.scene()
			v := tw.newVolunteer(t, guiyuanOne, place)
			r, _ := reference.ReportPosition(t.Context(), v.typed(t), reference.ReportPositionInput{
				Position:       reference.PositionInput{Latitude: place.Latitude, Longitude: place.Longitude, Datum: reference.DatumWgs84},
				AccuracyMeters: 12, RecordedAt: store.Now(),
			})
			return r.ReportPosition.Presence.AccuracyMeters, 12.0
		},
		"verifyCertificate": func(t *testing.T, tw *town) (got, want any) {
			v := tw.newVolunteer(t, guiyuanOne, tw.scene())
			own, _ := reference.Responder(t.Context(), v.typed(t), v.responderID)
			r, _ := reference.VerifyCertificate(t.Context(), typed{t, tw.client("en")}, own.Responder.Certificates[0].Number)
			return r.VerifyCertificate.HolderName, "张*"
		},
	}
}

func subscriptionUses() map[string]use {
	return map[string]use{
		"myAlertsUpdated": func(t *testing.T, tw *town) (got, want any) {
			a := tw.alerted(t)
			answers, _, _ := reference.MyAlertsUpdated(t.Context(), a.typed(t))
			return first(t, answers).Data.MyAlertsUpdated.Id, a.alertID
		},
		"incidentUpdated": func(t *testing.T, tw *town) (got, want any) {
			o := tw.guiyuan.open(t, tw.scene())
			answers, _, _ := reference.IncidentUpdated(t.Context(), tw.guiyuan.typed(t), o.id)
			return first(t, answers).Data.IncidentUpdated.Dispatch.Id, o.dispatchID
		},
		"incidentsUpdated": func(t *testing.T, tw *town) (got, want any) {
			// One that happens before it is heard is not told of: they keep
			// happening until one is.
			answers, _, _ := reference.IncidentsUpdated(t.Context(), tw.guiyuan.typed(t), guiyuanID)
			again := time.NewTicker(50 * time.Millisecond)
			defer again.Stop()
			for {
				select {
				case answer := <-answers:
					return strings.HasPrefix(answer.Data.IncidentsUpdated.Id, "inc_"), true // others happen, too
				case <-again.C:
					tw.guiyuan.open(t, tw.scene())
				case <-t.Context().Done():
					return nil, "an incident"
				}
			}
		},
	}
}

func TestReferenceClient(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	for field, use := range uses() {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			got, want := use(t, tw)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Each root field has one operation, which is named after it, and a use.
func TestReferenceClientCoversTheSchema(t *testing.T) {
	t.Parallel()
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	fields := slices.Concat(rootFields(schema.Query), rootFields(schema.Mutation), rootFields(schema.Subscription))
	slices.Sort(fields)
	if diff := cmp.Diff(fields, referenceFields(t)); diff != "" {
		t.Errorf("client/reference/operations and the schema differ (-schema +operations):\n%s", diff)
	}
	if diff := cmp.Diff(fields, slices.Sorted(maps.Keys(uses()))); diff != "" {
		t.Errorf("the table of uses and the schema differ (-schema +uses):\n%s", diff)
	}
}

// referenceFields names the root fields that the operations ask for.
func referenceFields(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../client/reference/operations/*.graphql")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, parseErr := parser.ParseQuery(&ast.Source{Name: file, Input: string(text)})
		if parseErr != nil {
			t.Fatal(parseErr)
		}
		for _, operation := range doc.Operations {
			for _, s := range operation.SelectionSet {
				name := s.(*ast.Field).Name
				names = append(names, name)
				if want := strings.ToUpper(name[:1]) + name[1:]; operation.Name != want {
					t.Errorf("%s: the operation for %s is %s, want %s", file, name, operation.Name, want)
				}
			}
		}
	}
	slices.Sort(names)
	return names
}
