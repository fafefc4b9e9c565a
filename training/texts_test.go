package training

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/musterhq/muster/locale"
)

// Every fault of this package has its sentence in every language. Those that
// all domains share are package graph's to say.
func TestFaultsHaveTexts(t *testing.T) {
	t.Parallel()
	catalogue, err := locale.New()
	if err != nil {
		t.Fatal(err)
	}
	keys := faultKeys(t)
	if len(keys) < 6 {
		t.Fatalf("found only %v", keys)
	}
	for _, key := range keys {
		for _, tag := range locale.Tags() {
			if key != "invalid.required" && key != "invalid.cursor" && catalogue.Text(tag, key, nil) == key {
				t.Errorf("no text for %s in %s", key, tag)
			}
		}
	}
}

var faultCall = regexp.MustCompile(`(?:fault\.(Invalid)\("[^"]+", |fault\.(Conflict|NotFound)\(|known\([a-z, ]+, ())"([a-z_]+)"`)

// faultKeys reads the keys from the package's own source.
func faultKeys(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	prefix := map[string]string{"Invalid": "invalid.", "Conflict": "conflict.", "NotFound": "not_found.", "": "not_found."}
	var keys []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range faultCall.FindAllStringSubmatch(string(source), -1) {
			keys = append(keys, prefix[m[1]+m[2]+m[3]]+m[4])
		}
	}
	return keys
}
