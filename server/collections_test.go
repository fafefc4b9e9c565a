package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// Whoever adds a collection says what it means for people.
func TestPrivacyDocumentSpeaksOfEveryCollection(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "docs", "privacy.md"))
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Za-z]+)` (?:\\|[^|\n]*[^|\n ][^|\n]*){5}\\|$").FindAllSubmatch(text, -1) {
		told = append(told, string(row[1]))
	}
	if len(told) < 20 {
		t.Fatalf("found %v only", told)
	}
	for _, c := range collections() {
		if name := c.Spec().Name; !slices.Contains(told, name) {
			t.Errorf("docs/privacy.md has no row for the collection %s: what is in it, why, how long, who reads it, and what becomes of it when somebody is erased", name)
		}
	}
}
