package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/musterhq/muster/notify/fcm/fcmtest"
)

// ask sends a GraphQL request and returns the answer's body.
func ask(t *testing.T, url, token, query string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept-Language", "en")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return send(t, request)
}

func get(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, request)
}

func send(t *testing.T, request *http.Request) string {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	return body.String()
}

const requestCode = `mutation { requestSignInCode(input: {phone: "+8613800138000"}) { __typename } }`

func TestServeWithoutAnythingConfigured(t *testing.T) {
	t.Parallel()
	log, stop := background(t, furnished(t))
	url := log.await(t, serving)
	contains(t, "the log", log.String(), `"level":"WARN","msg":"PUSHES ARE OFF`, `"level":"WARN","msg":"SIGN-IN CODES CANNOT BE SENT`)
	if got := get(t, url+"/readyz"); got != "ok\n" {
		t.Errorf("/readyz: got %q", got)
	}
	contains(t, "the answer", ask(t, url, "", requestCode), `"UNAVAILABLE"`)
	if got := get(t, url+"/graphiql"); strings.Contains(got, "GraphiQL") {
		t.Error("GraphiQL is served without being asked for")
	}
	contains(t, "introspection", ask(t, url, "", "{ __schema { types { name } } }"), "errors")
	if code := stop(); code != exitClean {
		t.Errorf("exit code %d, want %d", code, exitClean)
	}
	contains(t, "the log", log.String(), `"msg":"stopped"`)
}

// TestServeKeepsSecrets has a gateway that fails, so that there is an error to
// log, and everything that is secret configured.
func TestServeKeepsSecrets(t *testing.T) {
	t.Parallel()
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer gateway.Close()
	firebase, err := fcmtest.New(fcmtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer firebase.Close()
	const password, hush = "hunter2-PASSWORD", "hunter2-SECRET-long-enough"
	account := string(firebase.CredentialsJSON())
	log, stop := background(t, append(
		furnished(t), "MUSTER_LOG_LEVEL=debug", "MUSTER_GRAPHIQL=true",
		"MUSTER_CODE_GATEWAY_URL="+strings.Replace(gateway.URL, "http://", "http://u:"+password+"@", 1),
		"MUSTER_CODE_GATEWAY_SECRET="+hush,
		"MUSTER_FIREBASE_CREDENTIALS_FILE="+write(t, "firebase.json", account),
		"MUSTER_FIREBASE_ENDPOINT="+firebase.Endpoint(),
	))
	url := log.await(t, serving)
	contains(t, "the answer", ask(t, url, "", requestCode), `"UNAVAILABLE"`)
	contains(t, "the page", get(t, url+"/graphiql"), "GraphiQL")
	contains(t, "introspection", ask(t, url, "", "{ __schema { queryType { name } } }"), `"Query"`)
	if code := stop(); code != exitClean {
		t.Errorf("exit code %d, want %d", code, exitClean)
	}
	contains(t, "the log", log.String(), "the gateway answered 418")
	lacks(t, "the log", log.String(), password, hush, "PRIVATE KEY", "PUSHES ARE OFF", "SIGN-IN CODES")
}

func TestServeWithoutItsMongoDB(t *testing.T) {
	t.Parallel()
	const password = "hunter2-PASSWORD"
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close() // what was there is not there any more
	for name, uri := range map[string]string{
		"nobody there": "mongodb://u:" + password + "@" + nobody.Addr().String() + "/?replicaSet=rs0&serverSelectionTimeoutMS=200",
		"not valid":    "mongodb://u:" + password + "%zz@h/?replicaSet=rs0",
		"option":       "mongodb://u:" + password + "@h/?serverSelectionTimeoutMS=" + password,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := invoke(t, []string{"MUSTER_MONGODB_URI=" + uri, "MUSTER_LOG_LEVEL=debug", "MUSTER_KEY_FILE=" + filepath.Join(t.TempDir(), "keys.json")})
			if got.code != exitFailure {
				t.Errorf("exit code %d, want %d", got.code, exitFailure)
			}
			contains(t, "the error output", got.errOut, "server: opening the store: mongo: ")
			lacks(t, "the output", got.out+got.errOut, password)
		})
	}
}

func TestServeStoppedBeforeItHasBegun(t *testing.T) {
	t.Parallel()
	environ := furnished(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var log transcript
	if code := (program{environ: environ, out: &log, errOut: &log}).run(ctx, nil); code != exitClean {
		t.Errorf("exit code %d, want %d\n%s", code, exitClean, &log)
	}
	lacks(t, "the log", log.String(), `"serving"`)
}

func TestServeWithABrokenKeyFile(t *testing.T) {
	t.Parallel()
	environ := append(furnished(t), "MUSTER_KEY_FILE="+write(t, "keys.json", `{"secret": "hunter2"}`))
	for range 2 { // the second finds the directory free again
		got := invoke(t, environ)
		if got.code != exitFailure {
			t.Errorf("exit code %d, want %d", got.code, exitFailure)
		}
		contains(t, "the error output", got.errOut, "loading the keyring", "not a keyring")
		lacks(t, "the error output", got.errOut, "hunter2")
	}
}
