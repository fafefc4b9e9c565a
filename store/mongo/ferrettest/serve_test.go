package ferrettest

import (
	"context"
	"log/slog"
	"net/url"
	"testing"

	"github.com/FerretDB/FerretDB/ferretdb"

	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/mongo"
)

// serve runs FerretDB until the test ends and returns its URI, for one
// connection: with more, its updates are not atomic.
func serve(t *testing.T) string {
	t.Helper()
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: "127.0.0.1:0"},
		Logger:    slog.New(slog.DiscardHandler),
		Handler:   "sqlite",
		SQLiteURL: "file:" + t.TempDir() + "/",
	})
	if err != nil {
		t.Fatalf("starting FerretDB: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("running FerretDB: %v", err)
		}
	})
	uri, err := url.Parse(server.MongoDBURI())
	if err != nil {
		t.Fatal(err)
	}
	uri.RawQuery = url.Values{"maxPoolSize": {"1"}, "directConnection": {"true"}}.Encode()
	return uri.String()
}

// open returns a database on the server.
func open(t *testing.T, uri, name string, defs ...store.Definition) *store.DB {
	t.Helper()
	engine, err := mongo.Open(t.Context(), uri, name, mongo.WithoutTransactions())
	if err != nil {
		t.Fatalf("opening the engine: %v", err)
	}
	db, err := store.Open(t.Context(), engine, defs...)
	if err != nil {
		t.Fatalf("opening the database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("closing the database: %v", err)
		}
	})
	return db
}
