package main

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/store"
)

const (
	requestSignInCode = `mutation ($input: RequestSignInCodeInput!) { requestSignInCode(input: $input) { expiresAt } }`
	signInMutation    = `mutation ($input: SignInInput!) { signIn(input: $input) { accessToken refreshToken expiresAt account { id phone locale grants { role } } } }`
	refreshSession    = `mutation ($input: RefreshSessionInput!) { refreshSession(input: $input) { accessToken refreshToken expiresAt account { id } } }`
)

// tokens are what a sign-in brings.
type tokens struct{ access, refresh string }

// tokens signs the resident in once more and returns what an app keeps.
func (r *resident) tokens(t *testing.T) tokens {
	t.Helper()
	c := r.tw.client("en")
	run(t, c, requestSignInCode, vars{"input": vars{"phone": r.phone}})
	got := run(t, c, signInMutation, vars{"input": vars{"phone": r.phone, "code": townCode}})
	return tokens{word(got, "signIn", "accessToken"), word(got, "signIn", "refreshToken")}
}

func TestAPISignIn(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	c := tw.client("en")
	t.Run("with the code", func(t *testing.T) {
		t.Parallel()
		expires, _ := time.Parse(time.RFC3339, word(run(t, c, requestSignInCode, vars{"input": vars{"phone": "138 0013 8000"}}), "requestSignInCode", "expiresAt"))
		if left := time.Until(expires); left <= 0 || left > 10*time.Minute {
			t.Errorf("the code is good for %s", left)
		}
		got := run(t, c, signInMutation, vars{"input": vars{"phone": "+8613800138000", "code": townCode, "deviceName": strings.Repeat("长", 200)}})
		account, _ := dig(got, "signIn", "account").(vars)
		want := vars{"id": account["id"], "phone": "+8613800138000", "locale": "en", "grants": []any{}}
		if diff := cmp.Diff(want, account); diff != "" || !strings.HasPrefix(word(account, "id"), "acc_") {
			t.Error(diff)
		}
		wrong := vars{"input": vars{"phone": "+8613800138000", "code": townCode}} // used up
		expectRefusal(t, c, signInMutation, wrong, problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.code"})
	})
	t.Run("with a wrong code", func(t *testing.T) {
		t.Parallel()
		run(t, c, requestSignInCode, vars{"input": vars{"phone": "+8613800138001"}})
		for _, phone := range []string{"+8613800138001", "+8613800138002"} { // the second has none
			for tag, words := range map[string]string{
				"en": "This code is wrong or no longer valid. Check it, or ask for a new one.", "zh-CN": "验证码错误或已失效，请核对后重试，或重新获取。",
			} {
				got := expectRefusal(t, tw.client(tag), signInMutation, vars{"input": vars{"phone": phone, "code": "000000"}},
					problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.code"})
				if got.Message != words {
					t.Errorf("%s: message %q", tag, got.Message)
				}
			}
		}
	})
	t.Run("with a landline", func(t *testing.T) {
		t.Parallel()
		for _, query := range []string{requestSignInCode, signInMutation} {
			in := vars{"phone": "0755-12345678"}
			if query == signInMutation {
				in["code"] = "1"
			}
			for _, tag := range []string{"en", "zh-CN"} {
				got := expectRefusal(t, tw.client(tag), query, vars{"input": in}, problem{Code: "INVALID", Reason: "invalid.phone", Field: "phone"})
				if han := strings.ContainsAny(got.Message, "手机号码电"); han != (tag == "zh-CN") {
					t.Errorf("%s: message %q", tag, got.Message)
				}
			}
		}
	})
}

func TestAPIRefreshSession(t *testing.T) {
	t.Parallel()
	ring := filepath.Join(t.TempDir(), "keys.json")
	tw := newTown(t, func(p *parts) { p.keyring = keyringAt(t, ring) })
	mint := minter(t, ring)
	got := tw.guiyuan.tokens(t)
	expired := mint(t, got.access, func(c jwt.MapClaims, _ map[string]any) { c["exp"] = store.Now().Add(-time.Hour).Unix() })
	lacks(t, "with an expired token", ask(t, tw.url, expired, me), `"id"`)

	refresh := fmt.Sprintf(`mutation { refreshSession(input: {refreshToken: %q}) { accessToken refreshToken } }`, got.refresh)
	var answer struct {
		Data struct {
			RefreshSession struct{ AccessToken, RefreshToken string }
		}
	}
	if body := ask(t, tw.url, expired, refresh); errors.Join(json.Unmarshal([]byte(body), &answer)) != nil || answer.Data.RefreshSession.AccessToken == "" {
		t.Fatalf("with the expired token beside it: %s", body)
	}
	next := answer.Data.RefreshSession
	contains(t, "with the new token", ask(t, tw.url, next.AccessToken, me), tw.guiyuan.accountID)

	run(t, tw.client("en"), refreshSession, vars{"input": vars{"refreshToken": next.RefreshToken}})
	for name, token := range map[string]string{"stolen": got.refresh, "empty": "", "invented": "ses_01.AAAA", "garbage": "深圳"} {
		for _, tag := range []string{"en", "zh-CN"} {
			e := expectRefusal(t, tw.client(tag), refreshSession, vars{"input": vars{"refreshToken": token}},
				problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.token"})
			if want := map[string]string{"en": "Please sign in again.", "zh-CN": "请重新登录。"}[tag]; e.Message != want {
				t.Errorf("%s, %s: message %q", name, tag, e.Message)
			}
		}
	}
	contains(t, "after an old token came again", ask(t, tw.url, next.AccessToken, me), `"UNAUTHENTICATED"`)
}

func keyringAt(t *testing.T, path string) *auth.Keyring {
	t.Helper()
	k, err := auth.LoadKeyring(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// minter signs, with the key of the file, tokens that are like a real one but
// for a change.
func minter(t *testing.T, ring string) func(t *testing.T, real string, change func(jwt.MapClaims, map[string]any)) string {
	t.Helper()
	raw, err := os.ReadFile(ring)
	var file struct{ Keys []struct{ Seed []byte } }
	if err = errors.Join(err, json.Unmarshal(raw, &file)); err != nil {
		t.Fatal(err)
	}
	key := ed25519.NewKeyFromSeed(file.Keys[0].Seed)
	return func(t *testing.T, real string, change func(jwt.MapClaims, map[string]any)) string {
		t.Helper()
		claims := jwt.MapClaims{}
		token, _, err := jwt.NewParser().ParseUnverified(real, claims)
		if err != nil {
			t.Fatal(err)
		}
		forged := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
		maps.Copy(forged.Header, token.Header)
		change(claims, forged.Header)
		signed, err := forged.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
}

func TestAPITokens(t *testing.T) {
	t.Parallel()
	ring := filepath.Join(t.TempDir(), "keys.json")
	tw := newTown(t, func(p *parts) { p.keyring = keyringAt(t, ring) })
	mint, real := minter(t, ring), tw.guiyuan.tokens(t)
	contains(t, "with a token like the real one", ask(t, tw.url, mint(t, real.access, func(jwt.MapClaims, map[string]any) {}), me), tw.guiyuan.accountID)
	hmacked, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": tw.admin.accountID}).SignedString([]byte("secret"))
	unsigned, err2 := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"sub": tw.admin.accountID}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	claim := func(name string, value any) string {
		return mint(t, real.access, func(c jwt.MapClaims, _ map[string]any) { c[name] = value })
	}
	header := func(name string, value any) string {
		return mint(t, real.access, func(_ jwt.MapClaims, h map[string]any) { h[name] = value })
	}
	for name, token := range map[string]string{
		"garbage": "garbage", "three dots": "a.b.c", "a refresh token": real.refresh, "too long": strings.Repeat("x", 5000),
		"signed with a secret": hmacked, "unsigned": unsigned, "tampered with": real.access[:len(real.access)-6] + "AAAAAA",
		"expired": claim("exp", store.Now().Add(-time.Hour).Unix()), "without an end": claim("exp", nil),
		"of another issuer": claim("iss", "https://evil.test"), "for another audience": claim("aud", "other"),
		"of another account": claim("sub", tw.admin.accountID), "of another session": claim("sid", "ses_none"),
		"of another type": header("typ", "JWT"), "of no type": header("typ", nil), "of another key": header("kid", "other"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := ask(t, tw.url, token, me)
			contains(t, "the answer", body, `"code":"UNAUTHENTICATED"`, `"reason":"unauthenticated.token"`, "Please sign in again.")
			lacks(t, "the answer", body, tw.guiyuan.accountID, tw.admin.accountID)
			contains(t, "an open field's answer", ask(t, tw.url, token, `{ verifyCertificate(number: "1") { number } }`), `"INVALID"`)
		})
	}
}

func TestAPISignOut(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	scene := tw.scene()
	v := tw.newVolunteer(t, guiyuanOne, near(scene))
	stays := v.speaking(t, "en")
	if at := word(v.must(t, signOut, nil), "signOut", "signedOutAt"); at == "" {
		t.Error("no time")
	}
	expectRefusal(t, v.Client, me, nil, problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.token"})
	expectRefusal(t, v.Client, signOut, nil, problem{Code: "UNAUTHENTICATED", Reason: "unauthenticated.token"})
	run(t, stays, me, nil) // the other session goes on

	tw.guiyuan.open(t, scene)
	v.Client = stays
	id := v.awaitAlert(t)
	got := v.must(t, `query ($id: ID!) { alert(id: $id) { devices } }`, vars{"id": id})
	if diff := cmp.Diff(vars{"alert": vars{"devices": 0.0}}, got); diff != "" {
		t.Error(diff)
	}
	v.must(t, answering("acceptAlert"), vars{"input": vars{"alertId": id}})
	if got := v.pushes(); len(got) != 0 {
		t.Errorf("the phone got %v", got)
	}
}
