package idtoken

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/musterhq/muster/fault"
)

const (
	project = "muster-test"
	phone   = "+8613800138000"
	// childVariable names the file of cases for a run of this test's binary
	// that takes a loopback server for Google.
	childVariable = "MUSTER_TEST_ID_TOKENS"
)

// signed is a token and the phone that it is worth; "" for none.
type signed struct{ Token, Phone string }

// TestVerify runs in a process of its own, since the SDK fetches the keys from
// a fixed address: there a proxy on this machine, with a certificate that only
// that process trusts, plays Google.
func TestVerify(t *testing.T) {
	if file := os.Getenv(childVariable); file != "" {
		verifyAll(t, file)
		return
	}
	t.Parallel()
	mint := newMint(t)
	cases := map[string]signed{"a good one": {mint.token(t, nil, nil), phone}}
	for name, change := range map[string]jwt.MapClaims{
		"of another project": {"aud": "other"}, "by another issuer": {"iss": "https://securetoken.google.com/other"},
		"expired": {"exp": time.Now().Add(-time.Hour).Unix()}, "of tomorrow": {"iat": time.Now().Add(24 * time.Hour).Unix()},
		"of nobody": {"sub": ""}, "without a phone": {"phone_number": nil}, "with a number for a phone": {"phone_number": 138},
	} {
		cases[name] = signed{Token: mint.token(t, change, nil)}
	}
	for name, header := range map[string]map[string]any{"of an unknown key": {"kid": "other"}, "of no key": {"kid": nil}} {
		cases[name] = signed{Token: mint.token(t, nil, header)}
	}
	good := cases["a good one"].Token
	cases["tampered with"] = signed{Token: good[:len(good)-8] + "AAAAAAAA"}
	cases["by somebody else"] = signed{Token: newMint(t).token(t, nil, nil)}
	cases["unsigned"] = signed{Token: unsigned(t)}
	cases["empty"], cases["garbage"] = signed{}, signed{Token: "a.b.c"}

	google := newGoogle(t, mint.keys())
	out, err := google.run(t, cases)
	if err != nil || strings.Count(out, "--- PASS: TestVerify/") != len(cases) {
		t.Errorf("%v\n%s", err, out)
	}
	if n := google.fetched.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

// verifyAll is what the other process does.
func verifyAll(t *testing.T, file string) {
	raw, err := os.ReadFile(file)
	var cases map[string]signed
	if err = errors.Join(err, json.Unmarshal(raw, &cases)); err != nil {
		t.Fatal(err)
	}
	v, err := New(t.Context(), project)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := v.Verify(t.Context(), c.Token)
			if got != c.Phone || c.Phone == "" && fault.CodeOf(err) != fault.CodeUnauthenticated || c.Phone != "" && err != nil {
				t.Errorf("got %q, %v", got, err)
			}
			if err != nil && c.Token != "" && strings.Contains(err.Error(), c.Token) {
				t.Error("the error quotes the token")
			}
		})
	}
}

func TestVerifySaysWhenTheKeysCannotBeFetched(t *testing.T) {
	if os.Getenv(childVariable) != "" {
		t.Skip("this is the run for another test")
	}
	if os.Getenv(EmulatorVariable) != "" {
		t.Skip("an emulator needs no keys")
	}
	t.Parallel()
	v, err := New(t.Context(), project)
	if err != nil {
		t.Fatal(err)
	}
	stopped, stop := testContext(t)
	stop()
	_, err = v.Verify(stopped, newMint(t).token(t, nil, nil))
	if !errors.Is(err, fault.Unavailable("id_token")) {
		t.Errorf("got %v", err)
	}
}

func TestNewRefusesAnEmulatorForRealProjects(t *testing.T) {
	t.Setenv(EmulatorVariable, "127.0.0.1:9")
	for id, want := range map[string]bool{"": false, "muster": false, "demo": false, "demo-muster": true} {
		if _, err := New(t.Context(), id); (err == nil) != want {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// mint signs tokens as Firebase does.
type mint struct {
	key  *rsa.PrivateKey
	cert []byte
}

func newMint(t *testing.T) *mint {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template(), template(), key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &mint{key: key, cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func template() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"www.googleapis.com"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

func (m *mint) keys() map[string]string { return map[string]string{"k1": string(m.cert)} }

func claims() jwt.MapClaims {
	now := time.Now()
	return jwt.MapClaims{
		"iss": "https://securetoken.google.com/" + project, "aud": project, "sub": "u1", "user_id": "u1", "auth_time": now.Unix(),
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "phone_number": phone,
		"firebase": map[string]any{"sign_in_provider": "phone", "identities": map[string]any{"phone": []string{phone}}},
	}
}

// token signs a token that is good but for the changes; nil takes a field away.
func (m *mint) token(t *testing.T, change jwt.MapClaims, header map[string]any) string {
	t.Helper()
	c := claims()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, c)
	token.Header["kid"] = "k1"
	put := func(into, from map[string]any) {
		for name, value := range from {
			if into[name] = value; value == nil {
				delete(into, name)
			}
		}
	}
	put(c, change)
	put(token.Header, header)
	text, err := token.SignedString(m.key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func unsigned(t *testing.T) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodNone, claims())
	token.Header["kid"] = "k1"
	text, err := token.SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// google is a proxy behind which www.googleapis.com publishes other keys.
type google struct {
	proxy   string
	ca      string // the file of the certificate to trust
	keys    []byte
	tls     *tls.Config
	fetched atomic.Int32
}

func newGoogle(t *testing.T, keys map[string]string) *google {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template(), template(), key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	g := &google{ca: filepath.Join(t.TempDir(), "ca.pem"), tls: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}}
	raw, err := json.Marshal(keys)
	g.keys = raw
	err = errors.Join(err, os.WriteFile(g.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	listener, listening := net.Listen("tcp", "127.0.0.1:0")
	if err = errors.Join(err, listening); err != nil {
		t.Fatal(err)
	}
	g.proxy = "http://" + listener.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if err := g.answer(conn); err != nil {
				t.Logf("a fetch: %v", err)
			}
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close() // which ends the loop
		<-done
	})
	return g
}

// answer serves one connection through the proxy.
func (g *google) answer(conn net.Conn) error {
	defer conn.Close() // the answer has been read, or nobody reads it
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	asked, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil || asked.Method != http.MethodConnect || asked.Host != "www.googleapis.com:443" {
		return fmt.Errorf("got %v, %w", asked, err)
	}
	if _, err := conn.Write([]byte("HTTP/1.1 200 OK\r\n\r\n")); err != nil {
		return err
	}
	inner := tls.Server(conn, g.tls)
	if _, err := http.ReadRequest(bufio.NewReader(inner)); err != nil {
		return err
	}
	g.fetched.Add(1)
	_, err = fmt.Fprintf(inner, "HTTP/1.1 200 OK\r\nCache-Control: public, max-age=3600\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(g.keys), g.keys)
	return errors.Join(err, inner.Close())
}

// run verifies the cases in a process that takes this server for Google.
func (g *google) run(t *testing.T, cases map[string]signed) (string, error) {
	t.Helper()
	raw, err := json.Marshal(cases)
	file := filepath.Join(t.TempDir(), "cases.json")
	if err = errors.Join(err, os.WriteFile(file, raw, 0o600)); err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestVerify$", "-test.v")
	child.Env = []string{
		childVariable + "=" + file, "HTTPS_PROXY=" + g.proxy, "SSL_CERT_FILE=" + g.ca, "SSL_CERT_DIR=" + t.TempDir(), "HOME=" + t.TempDir(),
	}
	var out bytes.Buffer
	child.Stdout, child.Stderr = &out, &out
	err = child.Run()
	return out.String(), err
}
