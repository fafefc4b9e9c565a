package mongo

import (
	"errors"
	"strings"
	"testing"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/goleak"

	"github.com/musterhq/muster/store"
)

func TestServerCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		hello hello
		says  string // "" for no error
	}{
		{"a member of a replica set", hello{SetName: "rs0", MaxWire: 9}, ""},
		{"a newer one", hello{SetName: "rs0", MaxWire: 25}, ""},
		{"mongos", hello{Msg: "isdbgrid", MaxWire: 13}, ""},
		{"standalone", hello{MaxWire: 9}, "start mongod with --replSet"},
		{"not initiated", hello{Ghost: true, MaxWire: 9}, "rs.initiate()"},
		{"4.2", hello{SetName: "rs0", MaxWire: 8}, "4.4 or newer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.hello.check()
			if tt.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want it to say %q", err, tt.says)
			}
		})
	}
}

func TestDatabaseInURI(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"mongodb://localhost":                         "",
		"mongodb://localhost/":                        "",
		"mongodb://localhost/?replicaSet=rs0":         "",
		"mongodb://localhost?replicaSet=/no":          "",
		"mongodb://u:p%2F@a:1,b:2/muster?w=1":         "muster",
		"mongodb+srv://cluster.example.org/%E7%BD%97": "罗",
		"mongodb://%2Ftmp%2Fmongo.sock/muster":        "muster",
	} {
		if got := databaseIn(uri); got != want {
			t.Errorf("%s: got %q, want %q", uri, got, want)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, uri, database, says string }{
		{"no database", "mongodb://localhost/", "", "no database"},
		{"not a URI", "localhost:27017", "muster", "scheme"},
		{"an unescaped password", "mongodb://u:hunter2/x@localhost/", "muster", "escape special characters"},
		{"a password as an option", "mongodb://u:hunter2@localhost/?w=hunter2&journal=hunter2", "muster", "reading the URI"},
		{"nobody there", "mongodb://u:hunter2@127.0.0.1:1/muster?serverSelectionTimeoutMS=200&directConnection=true", "", "no primary at 127.0.0.1:1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			_, err := Open(t.Context(), tt.uri, tt.database)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want it to say %q", err, tt.says)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows the password: %v", err)
			}
			if took := time.Since(began); took > startPatience/2 {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestConcernsAreNotTheURIs(t *testing.T) {
	t.Parallel()
	o, err := clientOptions("mongodb://localhost/?w=0&readConcernLevel=local&readPreference=secondary&maxPoolSize=7", settings{})
	if err != nil {
		t.Fatal(err)
	}
	if o.WriteConcern.W != "majority" || !*o.WriteConcern.Journal || o.ReadConcern.Level != "majority" || o.ReadPreference.String() != "primary" {
		t.Errorf("got %v, %v, %v", o.WriteConcern, o.ReadConcern, o.ReadPreference)
	}
	if *o.MaxPoolSize != 7 || *o.AppName != "muster" {
		t.Errorf("got a pool of %d, named %s", *o.MaxPoolSize, *o.AppName)
	}
}

// unconnected returns an engine whose server is not there.
func unconnected(t *testing.T) *Engine {
	t.Helper()
	o := options.Client().ApplyURI("mongodb://127.0.0.1:1/?directConnection=true&serverSelectionTimeoutMS=100")
	client, err := driver.Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	return newEngine(client, "muster", settings{})
}

func TestCloseIsFinal(t *testing.T) { // not parallel: it looks at all goroutines
	before := goleak.IgnoreCurrent()
	e := unconnected(t)
	for range 2 {
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	c := &store.Spec{Name: "things"}
	_, get := e.Get(t.Context(), c, []string{"a"})
	_, find := e.Find(t.Context(), c, store.Scan{Index: &primary, Limit: 1})
	for what, err := range map[string]error{
		"get": get, "find": find,
		"insert":     e.Insert(t.Context(), c, "a", nil),
		"prepare":    e.Prepare(t.Context(), nil, nil, nil),
		"atomically": e.Atomically(t.Context(), func(store.Ops) error { t.Error("run"); return nil }),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s: got %v, want %v", what, err, store.ErrClosed)
		}
	}
	goleak.VerifyNone(t, before)
}
