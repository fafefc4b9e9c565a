package ferrettest

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/mongo"
	"github.com/musterhq/muster/store/storetest"
)

func TestConformanceOnFerretDB(t *testing.T) {
	uri := serve(t)
	var databases atomic.Int64
	storetest.Run(t, func(t *testing.T, defs ...store.Definition) *store.DB {
		return open(t, uri, fmt.Sprintf("test_%d", databases.Add(1)), defs...)
	},
		storetest.Without(storetest.Queries, "it takes minutes on FerretDB v1, which scans: see TestQueriesAnswerAsOnSQLite"),
		storetest.Without(storetest.Keys, "FerretDB v1 does not say which index a duplicate is of"),
		storetest.Without(storetest.Transactions, "FerretDB v1 has none"),
		storetest.Without(storetest.Races, "FerretDB v1's updates are not atomic"),
		storetest.Without(storetest.Feed, "FerretDB v1 has no change streams"),
		storetest.Without(storetest.Due, "its claimants race: see TestClaim"),
	)
}

func TestAtomicallySaysThatThereAreNoTransactions(t *testing.T) {
	t.Parallel()
	db := open(t, serve(t), "test")
	err := db.Atomically(t.Context(), func(*store.Tx) error {
		t.Error("the function was run")
		return nil
	})
	if !errors.Is(err, mongo.ErrNoTransactions) {
		t.Errorf("got %v, want %v", err, mongo.ErrNoTransactions)
	}
}

// FerretDB presents itself as a standalone server.
func TestStartUpRefusesAStandaloneServer(t *testing.T) {
	t.Parallel()
	engine, err := mongo.Open(t.Context(), serve(t), "test")
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(t.Context(), engine)
	if err == nil {
		t.Fatal("the server was accepted")
	}
	for _, advice := range []string{"--replSet", "rs.initiate()"} {
		if !strings.Contains(err.Error(), advice) {
			t.Errorf("%q does not speak of %s", err, advice)
		}
	}
}
