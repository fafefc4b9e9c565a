package idtoken

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/fault"
)

// demo is the project that the emulator is started with.
const demo = "demo-muster"

func testContext(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), 20*time.Second)
}

// emulator returns the address of the Firebase Auth emulator. Without one the
// test is skipped, or fails where one is required.
func emulator(t *testing.T) string {
	t.Helper()
	host := os.Getenv(EmulatorVariable)
	if host != "" {
		return "http://" + host
	}
	const why = "THE FIREBASE AUTH EMULATOR IS NOT RUNNING, so that sign-in with Firebase was not tested against it: " +
		"start \"firebase emulators:start --only auth --project " + demo + "\" and set " + EmulatorVariable
	if os.Getenv("MUSTER_REQUIRE_FIREBASE_EMULATOR") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
	return ""
}

// call sends a request to the emulator and decodes its answer.
func call(t *testing.T, method, url string, in, out any) {
	t.Helper()
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := testContext(t)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() // it was only read
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s answered %s", url, response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(out); err != nil {
		t.Fatal(err)
	}
}

// phoneSignIn proves a phone to the emulator, as an app does, and returns the
// ID token.
func phoneSignIn(t *testing.T, base, project, phone string) string {
	t.Helper()
	accounts := base + "/identitytoolkit.googleapis.com/v1/accounts:"
	var sent struct{ SessionInfo string }
	call(t, http.MethodPost, accounts+"sendVerificationCode?key=x", map[string]string{"phoneNumber": phone}, &sent)
	var listed struct {
		VerificationCodes []struct{ Code, PhoneNumber, SessionInfo string }
	}
	call(t, http.MethodGet, base+"/emulator/v1/projects/"+project+"/verificationCodes", nil, &listed)
	for _, code := range listed.VerificationCodes {
		if code.SessionInfo == sent.SessionInfo {
			var signed struct{ IDToken string }
			in := map[string]string{"sessionInfo": sent.SessionInfo, "code": code.Code}
			call(t, http.MethodPost, accounts+"signInWithPhoneNumber?key=x", in, &signed)
			return signed.IDToken
		}
	}
	t.Fatalf("no code for %s among %v", phone, listed)
	return ""
}

func TestEmulator(t *testing.T) {
	t.Parallel()
	base := emulator(t)
	v, err := New(t.Context(), demo)
	if err != nil {
		t.Fatal(err)
	}
	const phone = "+8613800138042"
	token := phoneSignIn(t, base, demo, phone)
	got, err := v.Verify(t.Context(), token)
	if err != nil || got != phone {
		t.Errorf("got %q, %v", got, err)
	}
	other, err := New(t.Context(), demo+"-other")
	if err != nil {
		t.Fatal(err)
	}
	var anonymous struct{ IDToken string }
	call(t, http.MethodPost, base+"/identitytoolkit.googleapis.com/v1/accounts:signUp?key=x", map[string]any{"returnSecureToken": true}, &anonymous)
	for name, c := range map[string]struct {
		v     *Verifier
		token string
	}{
		"of another project": {other, token},
		"of no phone":        {v, anonymous.IDToken},
		"cut short":          {v, token[:strings.LastIndex(token, ".")]},
		"empty":              {v, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := c.v.Verify(t.Context(), c.token); fault.CodeOf(err) != fault.CodeUnauthenticated || got != "" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}
