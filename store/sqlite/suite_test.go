package sqlite_test

import (
	"testing"

	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/storetest"
)

func TestSuite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, defs ...store.Definition) *store.DB {
		return storetest.Open(t, defs...)
	})
}
