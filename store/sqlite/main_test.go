package sqlite_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// childRole is the environment variable that makes the test binary a child of
// a test; its first argument is then the data directory.
const childRole = "MUSTER_SQLITE_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childRole) {
	case "write":
		writeForever(os.Args[1])
	case "open":
		openOnce(os.Args[1])
	default:
		goleak.VerifyTestMain(m)
	}
}
