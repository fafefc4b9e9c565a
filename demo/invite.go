package demo

import (
	"fmt"
	"io"
	"time"
)

// Invite tells a visitor where everything is and how to take part; answer is how
// long alerts wait.
func Invite(w io.Writer, api, graphiql string, answer time.Duration) {
	at := VolunteerPosition()
	fmt.Fprintf(w, `
The demo keeps running; Ctrl-C stops it and deletes its data. All people, phone
numbers and positions are made up; only the tree of org units is real.

  API       %s  (POST, WebSocket, SSE)
  GraphiQL  %s  (its scripts come from cdn.jsdelivr.net)

Accounts; the sign-in code is always %s:

  %s  ADMIN of 罗湖区
  %s  DISPATCHER of 桂园街道
  %s  TRAINER of 罗湖区
  %s  VOLUNTEER on duty in 桂园街道; answers when you do
  %s  VOLUNTEER on duty in 莲塘街道; answers when you do

1. Sign in as the dispatcher:

  mutation {
    requestSignInCode(input: {phone: "%s"}) { expiresAt }
    signIn(input: {phone: "%s", code: "%s"}) { accessToken }
  }

   and put the token, good for five minutes, into GraphiQL's Headers:

  {"Authorization": "Bearer ACCESS_TOKEN"}

2. Report an incident where the volunteer of 桂园街道 is:

  mutation {
    reportIncident(input: {
      type: FIRE, severity: LEVEL_III, drill: true
      position: {latitude: %.5f, longitude: %.5f, datum: WGS84}
    }) { incident { id dispatch { state } } }
  }

   and follow it:

  subscription { incidentUpdated(id: "INCIDENT_ID") {
    dispatch { state accepted open alerted } } }

3. In another tab, sign in as the volunteer, %s,
   and answer within %s; some simulated phones answer too. To answer
   by hand, start the demo with --answer 1m:

  { myAlerts(active: true) { nodes { id state distanceMeters } } }

  mutation { acceptAlert(input: {alertId: "ALERT_ID"}) {
    alert { state incident { position { latitude longitude } } } } }

Without GraphiQL, with curl:

  curl %s -H 'Content-Type: application/json' \
    -H 'Authorization: Bearer ACCESS_TOKEN' -d '{"query": "{ me { name } }"}'
`, api, graphiql, Code, Admin, Dispatcher, Trainer, VolunteerWest, VolunteerEast,
		Dispatcher, Dispatcher, Code, at.Latitude, at.Longitude, VolunteerWest, answer, api)
}
