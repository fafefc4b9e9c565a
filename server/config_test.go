package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const credentials = `{"type": "service_account", "project_id": "p", "private_key": "k"}`

func defaults() config {
	return config{
		addr: "127.0.0.1:8080", dataDir: "./muster-data", keyFile: "muster-data/keys.json",
		issuer: "muster", audience: "muster", maxStreams: 20_000, logFormat: "json", zone: location("Asia/Shanghai"), keep: usualPeriods(),
	}
}

func location(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}

func TestReadConfig(t *testing.T) {
	t.Parallel()
	firebase := write(t, "firebase.json", credentials)
	tests := map[string]struct {
		environ []string
		change  func(*config)
	}{
		"nothing": {nil, func(*config) {}},
		"what is not ours": {
			[]string{"HOME=/home/x", "MUSTERED=1", "MUSTER_TEST_MONGODB_URI=mongodb://h", "MUSTER_REQUIRE_MONGODB=1"}, func(*config) {},
		},
		"empty counts as unset": {[]string{"MUSTER_ADDR=", "MUSTER_MONGODB_URI=", "MUSTER_MAX_STREAMS="}, func(*config) {}},
		"address":               {[]string{"MUSTER_ADDR=[::1]:0"}, func(c *config) { c.addr = "[::1]:0" }},
		"data directory": {[]string{"MUSTER_DATA_DIR=data"}, func(c *config) {
			c.dataDir, c.keyFile = "data", filepath.Join("data", "keys.json")
		}},
		"MongoDB": {[]string{"MUSTER_MONGODB_URI=mongodb://u:p@a:1,b:2/db?x=y", "MUSTER_KEY_FILE=k"}, func(c *config) {
			c.mongoURI, c.keyFile = newSecret("mongodb://u:p@a:1,b:2/db?x=y"), "k"
		}},
		"Firebase's project": {[]string{"MUSTER_FIREBASE_PROJECT=demo-muster"}, func(c *config) { c.firebaseProject = "demo-muster" }},
		"Firebase":           {[]string{"MUSTER_FIREBASE_CREDENTIALS_FILE=" + firebase}, func(c *config) { c.firebase = newSecret(credentials) }},
		"Firebase on this machine": {
			[]string{"MUSTER_FIREBASE_CREDENTIALS_FILE=" + firebase, "MUSTER_FIREBASE_ENDPOINT=http://127.0.0.1:9/v1"},
			func(c *config) { c.firebase, c.firebaseEndpoint = newSecret(credentials), "http://127.0.0.1:9/v1" },
		},
		"time zone": {[]string{"MUSTER_TIME_ZONE=Asia/Urumqi"}, func(c *config) { c.zone = location("Asia/Urumqi") }},
		"gateway": {
			[]string{"MUSTER_CODE_GATEWAY_URL=https://u:p@sms.example/send", "MUSTER_CODE_GATEWAY_SECRET=0123456789abcdef"},
			func(c *config) {
				c.gatewayURL, c.gatewaySecret = newSecret("https://u:p@sms.example/send"), newSecret("0123456789abcdef")
			},
		},
		"codes in the log": {[]string{"MUSTER_CODE_LOG=true"}, func(c *config) { c.logCodes = true }},
		"tokens":           {[]string{"MUSTER_ISSUER=i", "MUSTER_AUDIENCE=a"}, func(c *config) { c.issuer, c.audience = "i", "a" }},
		"origins": {[]string{"MUSTER_ALLOWED_ORIGINS=https://a.example, http://b.example:81"}, func(c *config) {
			c.origins = []string{"https://a.example", "http://b.example:81"}
		}},
		"proxies": {[]string{"MUSTER_TRUSTED_PROXIES=10.1.2.3/8, 192.0.2.1,2001:db8::/32"}, func(c *config) {
			c.proxies = []netip.Prefix{
				netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/32"),
			}
		}},
		"the rest": {
			[]string{"MUSTER_GRAPHIQL=true", "MUSTER_MAX_STREAMS=1", "MUSTER_LOG_LEVEL=debug", "MUSTER_LOG_FORMAT=text"},
			func(c *config) { c.graphiql, c.maxStreams, c.logLevel, c.logFormat = true, 1, slog.LevelDebug, "text" },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := defaults()
			test.change(&want)
			got, err := readConfig(test.environ)
			if err != nil {
				t.Fatal(err)
			}
			compare := cmp.Options{cmp.AllowUnexported(config{}, secret{}, periods{}), cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() }), cmpopts.EquateComparable(netip.Prefix{})}
			if diff := cmp.Diff(want, got, compare...); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestReadConfigRefuses(t *testing.T) {
	t.Parallel()
	firebase := write(t, "firebase.json", credentials)
	tests := map[string]struct {
		environ []string
		want    []string // the beginnings of the lines
	}{
		"unknown":                    {[]string{"MUSTER_MONGO_URI=x"}, []string{"MUSTER_MONGO_URI: there is no such variable; the nearest is MUSTER_MONGODB_URI"}},
		"unknown and empty":          {[]string{"MUSTER_ADRR="}, []string{"MUSTER_ADRR: there is no such variable; the nearest is MUSTER_ADDR"}},
		"small letters":              {[]string{"MUSTER_addr=x"}, []string{"MUSTER_addr: there is no such variable; the nearest is MUSTER_ADDR"}},
		"address without port":       {[]string{"MUSTER_ADDR=localhost"}, []string{"MUSTER_ADDR: must be host:port"}},
		"port with a name":           {[]string{"MUSTER_ADDR=:http"}, []string{"MUSTER_ADDR: its port"}},
		"port above all":             {[]string{"MUSTER_ADDR=:65536"}, []string{"MUSTER_ADDR: its port"}},
		"MongoDB without key file":   {[]string{"MUSTER_MONGODB_URI=mongodb://h"}, []string{"MUSTER_KEY_FILE: is required"}},
		"MongoDB and data directory": {[]string{"MUSTER_MONGODB_URI=mongodb://h", "MUSTER_KEY_FILE=k", "MUSTER_DATA_DIR=d"}, []string{"MUSTER_DATA_DIR: is of no use"}},
		"MongoDB with another URI":   {[]string{"MUSTER_MONGODB_URI=postgres://h", "MUSTER_KEY_FILE=k"}, []string{"MUSTER_MONGODB_URI: must begin with"}},
		"Firebase project's name":    {[]string{"MUSTER_FIREBASE_PROJECT=My Town"}, []string{"MUSTER_FIREBASE_PROJECT: must be a project's id"}},
		"Firebase file missing":      {[]string{"MUSTER_FIREBASE_CREDENTIALS_FILE=" + firebase + ".no"}, []string{"MUSTER_FIREBASE_CREDENTIALS_FILE: the file cannot be read: no such file"}},
		"Firebase file a directory":  {[]string{"MUSTER_FIREBASE_CREDENTIALS_FILE=" + filepath.Dir(firebase)}, []string{"MUSTER_FIREBASE_CREDENTIALS_FILE: the file cannot be read: is a directory"}},
		"Firebase file another":      {[]string{"MUSTER_FIREBASE_CREDENTIALS_FILE=" + write(t, "x", `{"type": "authorized_user"}`)}, []string{"MUSTER_FIREBASE_CREDENTIALS_FILE: is not the key file"}},
		"endpoint alone":             {[]string{"MUSTER_FIREBASE_ENDPOINT=https://h/v1"}, []string{"MUSTER_FIREBASE_ENDPOINT: is of no use"}},
		"endpoint in the clear": {
			[]string{"MUSTER_FIREBASE_CREDENTIALS_FILE=" + firebase, "MUSTER_FIREBASE_ENDPOINT=http://h/v1"},
			[]string{"MUSTER_FIREBASE_ENDPOINT: must be an https URL"},
		},
		"gateway without secret": {[]string{"MUSTER_CODE_GATEWAY_URL=https://h"}, []string{"MUSTER_CODE_GATEWAY_SECRET: is required"}},
		"secret without gateway": {[]string{"MUSTER_CODE_GATEWAY_SECRET=0123456789abcdef"}, []string{"MUSTER_CODE_GATEWAY_URL: is required"}},
		"short secret":           {[]string{"MUSTER_CODE_GATEWAY_URL=https://h", "MUSTER_CODE_GATEWAY_SECRET=0123456789abcde"}, []string{"MUSTER_CODE_GATEWAY_SECRET: must have 16"}},
		"gateway no URL":         {[]string{"MUSTER_CODE_GATEWAY_URL=sms.example", "MUSTER_CODE_GATEWAY_SECRET=0123456789abcdef"}, []string{"MUSTER_CODE_GATEWAY_URL: must be"}},
		"gateway and log": {
			[]string{"MUSTER_CODE_GATEWAY_URL=https://h", "MUSTER_CODE_GATEWAY_SECRET=0123456789abcdef", "MUSTER_CODE_LOG=true"},
			[]string{"MUSTER_CODE_LOG: is of no use"},
		},
		"origin any":         {[]string{"MUSTER_ALLOWED_ORIGINS=*"}, []string{"MUSTER_ALLOWED_ORIGINS: item 1 must be"}},
		"origin with slash":  {[]string{"MUSTER_ALLOWED_ORIGINS=https://a.example,https://b.example/"}, []string{"MUSTER_ALLOWED_ORIGINS: item 2 must be"}},
		"proxy by name":      {[]string{"MUSTER_TRUSTED_PROXIES=10.0.0.0/8,proxy"}, []string{"MUSTER_TRUSTED_PROXIES: item 2 must be"}},
		"proxy mapped":       {[]string{"MUSTER_TRUSTED_PROXIES=::ffff:10.0.0.0/104"}, []string{"MUSTER_TRUSTED_PROXIES: item 1 must be"}},
		"neither true false": {[]string{"MUSTER_GRAPHIQL=yes", "MUSTER_CODE_LOG=1"}, []string{"MUSTER_CODE_LOG: must be true or false", "MUSTER_GRAPHIQL: must be true or false"}},
		"no streams":         {[]string{"MUSTER_MAX_STREAMS=0"}, []string{"MUSTER_MAX_STREAMS: must be"}},
		"no time zone":       {[]string{"MUSTER_TIME_ZONE=Asia/Luohu"}, []string{"MUSTER_TIME_ZONE: must be"}},
		"log":                {[]string{"MUSTER_LOG_LEVEL=loud", "MUSTER_LOG_FORMAT=xml"}, []string{"MUSTER_LOG_LEVEL: must be", "MUSTER_LOG_FORMAT: must be"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := readConfig(test.environ)
			var problems configError
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, not a configError", err)
			}
			if len(problems) != len(test.want) {
				t.Fatalf("got %q, want %q", problems, test.want)
			}
			for i, want := range test.want {
				if !strings.HasPrefix(problems[i], want) {
					t.Errorf("got %q, want %q", problems[i], want)
				}
			}
		})
	}
}

func TestConfigurationProblemsAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	got := invoke(t, []string{
		"MUSTER_ADDR=nowhere", "MUSTER_MAX_STREAMS=many", "MUSTER_NO_SUCH=1", "MUSTER_CODE_GATEWAY_URL=https://h", "MUSTER_DATA_DIR=" + t.TempDir(),
	})
	if got.code != exitUsage {
		t.Errorf("exit code %d, want %d", got.code, exitUsage)
	}
	for _, name := range []string{"MUSTER_ADDR", "MUSTER_MAX_STREAMS", "MUSTER_NO_SUCH", "MUSTER_CODE_GATEWAY_SECRET"} {
		if n := strings.Count(got.errOut, "server: "+name+": "); n != 1 {
			t.Errorf("%s is named in %d lines, want 1:\n%s", name, n, got.errOut)
		}
	}
}

// TestConfigurationProblemsQuoteNothing puts a secret where every variable's
// value belongs, because that is where some will end up by mistake.
func TestConfigurationProblemsQuoteNothing(t *testing.T) {
	t.Parallel()
	const hush = "hunter2-SECRET"
	for _, shape := range []string{"%s", "https://u:%s@h:99999/%s", "mongodb://u:%s@h/%%zz", "{\"private_key\": \"%s\"}", "%s,%s"} {
		value := strings.ReplaceAll(shape, "%s", hush)
		var environ []string
		for _, name := range variableNames() {
			environ = append(environ, name+"="+value)
		}
		got := invoke(t, append(environ, "MUSTER_UNKNOWN="+value))
		if got.code != exitUsage {
			t.Errorf("%s: exit code %d, want %d", shape, got.code, exitUsage)
		}
		lacks(t, "the output", got.out+got.errOut, hush)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	const hush = "hunter2-SECRET"
	c := config{mongoURI: newSecret(hush), firebase: newSecret(hush), gatewayURL: newSecret(hush), gatewaySecret: newSecret(hush)}
	var log transcript
	for _, format := range []string{"text", "json"} {
		p := program{errOut: &log}
		p.logger(config{logFormat: format}).Info("x", "config", c, "secret", c.gatewaySecret)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		fmt.Fprintf(&log, verb+"\n"+verb+"\n", c, c.mongoURI)
	}
	lacks(t, "the output", log.String(), hush, "68756e74657232")
}

func TestDatabaseFor(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"mongodb://a:1,b:2":            "muster",
		"mongodb://a/?replicaSet=rs0":  "muster",
		"mongodb://a?replicaSet=rs0/x": "muster",
		"mongodb://a/db?replicaSet=r":  "", // what the URI says
	} {
		if got := databaseFor(uri); got != want {
			t.Errorf("%s: got %q, want %q", uri, got, want)
		}
	}
}
