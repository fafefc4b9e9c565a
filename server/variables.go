package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The names that the code needs besides their entries below.
const (
	envDataDir          = "MUSTER_DATA_DIR"
	envMongoURI         = "MUSTER_MONGODB_URI"
	envKeyFile          = "MUSTER_KEY_FILE"
	envFirebase         = "MUSTER_FIREBASE_CREDENTIALS_FILE"
	envFirebaseEndpoint = "MUSTER_FIREBASE_ENDPOINT"
	envFirebaseProject  = "MUSTER_FIREBASE_PROJECT"
	envGatewayURL       = "MUSTER_CODE_GATEWAY_URL"
	envGatewaySecret    = "MUSTER_CODE_GATEWAY_SECRET"
	envCodeLog          = "MUSTER_CODE_LOG"
)

// variable is one of those that configure the server.
type variable struct {
	name     string
	fallback string // what holds if it is not set; "" for none
	about    string
	// set takes the value over. Its error says what is wanted, without the
	// value.
	set func(c *config, value string) error
}

// variables lists all, in the order of the help.
func variables() []variable {
	return []variable{
		{"MUSTER_ADDR", "127.0.0.1:8080", "Where to listen, as host:port; port 0 is any free one.", setAddr},
		{envDataDir, "./muster-data", "The embedded store's directory. One process uses it at a time.", text(func(c *config) *string { return &c.dataDir })},
		{envMongoURI, "", "The MongoDB replica set to use in place of a data directory. The database is the one in the URI's path, or muster. Needs " + envKeyFile + ".", setMongo},
		{envKeyFile, "", "The keys that sign tokens, made if there are none. By default keys.json in the data directory. Keep it secret, and keep a copy.", text(func(c *config) *string { return &c.keyFile })},
		{envFirebase, "", "The Firebase service account's key file (JSON). Without it no pushes are sent; everything else works.", setFirebase},
		{envFirebaseEndpoint, "", "Another server that speaks FCM's HTTP v1, such as http://127.0.0.1:9099/v1, for tests: https, or on this machine.", setFirebaseEndpoint},
		{envFirebaseProject, "", "The id of the Firebase project whose users sign in with ID tokens. By default the service account's, if there is one.", setFirebaseProject},
		{envGatewayURL, "", "The text message gateway that sign-in codes are posted to. Needs " + envGatewaySecret + ".", setGateway},
		{envGatewaySecret, "", "What requests to the gateway are signed with (HMAC-SHA256), 16 characters at least.", setGatewaySecret},
		{envCodeLog, "false", "For development: true writes sign-in codes to the log. Whoever reads the log can then sign in as anyone.", boolean(func(c *config) *bool { return &c.logCodes })},
		{"MUSTER_ISSUER", "muster", "The iss of access tokens. Changing it ends those that are out.", text(func(c *config) *string { return &c.issuer })},
		{"MUSTER_AUDIENCE", "muster", "The aud of access tokens. Changing it ends those that are out.", text(func(c *config) *string { return &c.audience })},
		{"MUSTER_ALLOWED_ORIGINS", "", "The web pages, besides the server's own, that may use the API, such as https://app.example.org; separated by commas.", setOrigins},
		{"MUSTER_TRUSTED_PROXIES", "", "The networks of the proxies in front, such as 10.0.0.0/8, whose X-Forwarded-For is believed; separated by commas.", setProxies},
		{"MUSTER_TIME_ZONE", "Asia/Shanghai", "The time zone in which schedules and quiet hours are read, in districts that have none of their own: a name of the IANA database.", setZone},
		{"MUSTER_GRAPHIQL", "false", "true serves the GraphiQL page at /graphiql and lets clients read the schema.", boolean(func(c *config) *bool { return &c.graphiql })},
		{"MUSTER_MAX_STREAMS", "20000", "How many WebSockets and event streams may be open at a time, a quarter of them from one address; each takes about 50 KB.", setMaxStreams},
		{"MUSTER_KEEP_AUDIT", "1095d", "How long entries of the audit log are kept, in days or hours, such as 1095d or 26280h; 180d at least.", period(func(k *periods) *time.Duration { return &k.audit }, 180, 3650)},
		{"MUSTER_KEEP_REJECTED", "90d", "How long after the rejection those who were rejected are kept; then they are erased.", period(func(k *periods) *time.Duration { return &k.rejected }, 1, 1095)},
		{"MUSTER_KEEP_RETIRED", "1095d", "How long after they left those who left the roster are kept; then they are erased.", period(func(k *periods) *time.Duration { return &k.retired }, 30, 3650)},
		{"MUSTER_KEEP_INCIDENTS", "1095d", "How long after the end an incident's exact place and texts are kept; the figures stay.", period(func(k *periods) *time.Duration { return &k.incidents }, 30, 10950)},
		{"MUSTER_KEEP_IMPORTS", "7d", "How long after the upload the rows of an imported spreadsheet are kept.", period(func(k *periods) *time.Duration { return &k.imports }, 1, 30)},
		{"MUSTER_LOG_LEVEL", "info", "debug, info, warn or error.", setLogLevel},
		{"MUSTER_LOG_FORMAT", "json", "json or text.", setLogFormat},
	}
}

func variableNames() []string {
	var names []string
	for _, v := range variables() {
		names = append(names, v.name)
	}
	return names
}

func text(field func(*config) *string) func(*config, string) error {
	return func(c *config, value string) error {
		*field(c) = value
		return nil
	}
}

func boolean(field func(*config) *bool) func(*config, string) error {
	return func(c *config, value string) error {
		if value != "true" && value != "false" {
			return errors.New("must be true or false")
		}
		*field(c) = value == "true"
		return nil
	}
}

func setAddr(c *config, value string) error {
	_, port, err := net.SplitHostPort(value)
	if err != nil {
		return errors.New("must be host:port, such as 127.0.0.1:8080 or :8080")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("its port must be a number from 0 to %d", math.MaxUint16)
	}
	c.addr = value
	return nil
}

func setMongo(c *config, value string) error {
	if !strings.HasPrefix(value, "mongodb://") && !strings.HasPrefix(value, "mongodb+srv://") {
		return errors.New("must begin with mongodb:// or mongodb+srv://")
	}
	c.mongoURI = newSecret(value)
	return nil
}

// maxCredentials is how many bytes of a key file are read; real ones have some
// 2,400.
const maxCredentials = 64 << 10

func setFirebase(c *config, value string) error {
	raw, err := readCredentials(value)
	if err != nil {
		return err
	}
	var account struct {
		Type    string `json:"type"`
		Project string `json:"project_id"`
		Key     string `json:"private_key"`
	}
	if json.Unmarshal(raw, &account) != nil || account.Type != "service_account" || account.Project == "" || account.Key == "" {
		return errors.New("is not the key file of a service account, as the Firebase console makes it")
	}
	c.firebase = newSecret(string(raw))
	return nil
}

// readCredentials never says what the path is: some will have put the key
// itself where it belongs.
func readCredentials(path string) ([]byte, error) {
	raw, err := readStart(path, maxCredentials)
	var where *fs.PathError
	if errors.As(err, &where) {
		return nil, fmt.Errorf("the file cannot be read: %w", where.Err)
	}
	return raw, err
}

func readStart(path string, size int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() // it was only read
	return io.ReadAll(io.LimitReader(file, size))
}

// setFirebaseEndpoint wants connections that nobody else can read, because the
// service account's tokens go there.
func setFirebaseEndpoint(c *config, value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
		return errors.New("must be an https URL, or http on this machine")
	}
	c.firebaseEndpoint = value
	return nil
}

// projectID is what Google takes for one.
var projectID = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`)

func setFirebaseProject(c *config, value string) error {
	if !projectID.MatchString(value) {
		return errors.New("must be a project's id, such as my-town-1a2b3")
	}
	c.firebaseProject = value
	return nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func setGateway(c *config, value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errors.New("must be an http or https URL")
	}
	c.gatewayURL = newSecret(value)
	return nil
}

// minGatewaySecret is what auth.NewHTTPSender asks for.
const minGatewaySecret = 16

func setGatewaySecret(c *config, value string) error {
	if len(value) < minGatewaySecret {
		return fmt.Errorf("must have %d characters at least", minGatewaySecret)
	}
	c.gatewaySecret = newSecret(value)
	return nil
}

func setOrigins(c *config, value string) error {
	return eachOf(value, func(item string) error {
		u, err := url.Parse(item)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || item != u.Scheme+"://"+u.Host {
			return errors.New("must be as browsers send it: https://app.example.org, with no path or slash behind")
		}
		c.origins = append(c.origins, item)
		return nil
	})
}

func setProxies(c *config, value string) error {
	return eachOf(value, func(item string) error {
		network, err := netip.ParsePrefix(item)
		if addr, single := netip.ParseAddr(item); single == nil {
			network, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil || network.Addr().Is4In6() || network.Addr().Zone() != "" {
			return errors.New("must be a network, such as 10.0.0.0/8, or an address")
		}
		c.proxies = append(c.proxies, network.Masked())
		return nil
	})
}

// eachOf takes a list apart. Errors say which item is wrong by its place.
func eachOf(list string, take func(item string) error) error {
	for i, item := range strings.Split(list, ",") {
		if err := take(strings.TrimSpace(item)); err != nil {
			return fmt.Errorf("item %d %w", i+1, err)
		}
	}
	return nil
}

func setZone(c *config, value string) error {
	zone, err := time.LoadLocation(value)
	if err != nil || value == "Local" {
		return errors.New("must be a name of the IANA time zone database, such as Asia/Shanghai")
	}
	c.zone = zone
	return nil
}

// maxMaxStreams is as many as 50 GB of memory hold.
const maxMaxStreams = 1_000_000

func setMaxStreams(c *config, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > maxMaxStreams {
		return fmt.Errorf("must be a number from 1 to %d", maxMaxStreams)
	}
	c.maxStreams = n
	return nil
}

func setLogLevel(c *config, value string) error {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[value]
	if !ok {
		return errors.New("must be debug, info, warn or error")
	}
	c.logLevel = level
	return nil
}

func setLogFormat(c *config, value string) error {
	if value != "json" && value != "text" {
		return errors.New("must be json or text")
	}
	c.logFormat = value
	return nil
}
