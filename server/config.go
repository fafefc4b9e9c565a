package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// config is what the environment says.
type config struct {
	addr             string
	dataDir          string
	mongoURI         secret // the MongoDB to use in place of the data directory
	keyFile          string
	firebase         secret // the service account's key file as it was read
	firebaseEndpoint string
	firebaseProject  string // "" for the service account's
	gatewayURL       secret // often has a password in it
	gatewaySecret    secret
	logCodes         bool
	issuer, audience string
	origins          []string
	proxies          []netip.Prefix
	graphiql         bool
	maxStreams       int
	zone             *time.Location
	keep             periods
	logLevel         slog.Level
	logFormat        string
}

// secret is a text that does not print. It is behind a pointer because fmt
// calls no methods on unexported fields, such as those of a config: it then
// shows an address.
type secret struct{ text *string }

func newSecret(text string) secret { return secret{&text} }

// reveal returns the text; "" if there is none.
func (s secret) reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String hides the text.
func (secret) String() string { return "(secret)" }

// configError is everything that is wrong with the environment, one line each,
// beginning with the variable's name. Lines never quote a value: it may be a
// secret, even in a variable that is none.
type configError []string

func (e configError) Error() string { return strings.Join(e, "\n") }

// ours is how the names of the server's variables begin.
const ours = "MUSTER_"

// forTests are beginnings of the names of variables that tests read, and that
// are likely to be set in a developer's shell.
var forTests = []string{"MUSTER_TEST_", "MUSTER_REQUIRE_"}

// readConfig reads the configuration from an environment as os.Environ returns
// it. Its error is a configError.
func readConfig(environ []string) (config, error) {
	given, problems := variablesIn(environ)
	var c config
	for _, v := range variables() {
		value, ok := given[v.name]
		if !ok {
			value = v.fallback
		}
		if value == "" {
			continue
		}
		if err := v.set(&c, value); err != nil {
			problems = append(problems, v.name+": "+err.Error())
		}
	}
	problems = append(problems, c.contradictions(given)...)
	if len(problems) > 0 {
		return config{}, problems
	}
	if c.keyFile == "" {
		c.keyFile = filepath.Join(c.dataDir, "keys.json")
	}
	return c, nil
}

// variablesIn picks the server's variables, but for empty ones, and complains
// of those that it does not know.
func variablesIn(environ []string) (given map[string]string, problems configError) {
	known := variableNames()
	given = map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		switch {
		case !strings.HasPrefix(name, ours):
		case slices.Contains(known, name):
			if value != "" {
				given[name] = value
			}
		case !slices.ContainsFunc(forTests, func(p string) bool { return strings.HasPrefix(name, p) }):
			problems = append(problems, name+": there is no such variable; the nearest is "+nearest(name, known))
		}
	}
	slices.Sort(problems)
	return given, problems
}

// contradictions are what is wrong with the variables taken together. It asks
// what was given, so that a variable with a problem of its own has no second.
func (c config) contradictions(given map[string]string) (problems []string) {
	has := func(name string) bool { return given[name] != "" }
	if has(envMongoURI) && !has(envKeyFile) {
		problems = append(problems, envKeyFile+": is required with "+envMongoURI+": all servers on one database share it")
	}
	if has(envMongoURI) && has(envDataDir) {
		problems = append(problems, envDataDir+": is of no use with "+envMongoURI+": set one of the two")
	}
	if has(envFirebaseEndpoint) && !has(envFirebase) {
		problems = append(problems, envFirebaseEndpoint+": is of no use without "+envFirebase)
	}
	for _, pair := range [][2]string{{envGatewayURL, envGatewaySecret}, {envGatewaySecret, envGatewayURL}} {
		if has(pair[0]) && !has(pair[1]) {
			problems = append(problems, pair[1]+": is required with "+pair[0])
		}
	}
	if c.logCodes && has(envGatewayURL) {
		problems = append(problems, envCodeLog+": is of no use with "+envGatewayURL+": set one of the two")
	}
	return problems
}

// configure reads the configuration and makes the log, or complains.
func (p program) configure() (config, *slog.Logger, bool) {
	c, err := readConfig(p.environ)
	var problems configError
	if errors.As(err, &problems) {
		for _, problem := range problems {
			p.complain("%s", problem)
		}
		fmt.Fprintln(p.errOut, "Run \"server help\" for all commands and variables.")
		return config{}, nil, false
	}
	return c, p.logger(c), true
}

// logger writes to the error output, since commands answer on the other.
func (p program) logger(c config) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.logLevel}
	if c.logFormat == "text" {
		return slog.New(slog.NewTextHandler(p.errOut, o))
	}
	return slog.New(slog.NewJSONHandler(p.errOut, o))
}
