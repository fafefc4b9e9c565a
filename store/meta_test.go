package store

import (
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestNewIDs(t *testing.T) {
	t.Parallel()
	newID := NewIDs()
	const writers, each = 8, 1000
	made := make([][]string, writers)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for range each {
				made[w] = append(made[w], newID("inc"))
			}
		})
	}
	all.Wait()
	seen := map[string]bool{}
	for _, ids := range made {
		if !slices.IsSorted(ids) {
			t.Error("the ids of one goroutine are not in the order of their making")
		}
		for _, id := range ids {
			if seen[id] || !strings.HasPrefix(id, "inc_") || len(id) != len("inc_")+26 || id != strings.ToLower(id) {
				t.Fatalf("%q", id)
			}
			seen[id] = true
		}
	}
}
