package graph

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// What the README has curl send must be JSON, as it stands.
func TestReadme_curl(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	bodies := regexp.MustCompile("(?s)curl .*? -d '(.*?)'").FindAllSubmatch(text, -1)
	if len(bodies) == 0 {
		t.Fatal("found none")
	}
	for _, body := range bodies {
		if !json.Valid(body[1]) {
			t.Errorf("no JSON: %s", body[1])
		}
	}
}

// TestReadme holds the README's queries to the schema.
func TestReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```graphql\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) < 5 {
		t.Fatalf("found %d queries in the README", len(blocks))
	}
	schema := NewExecutableSchema(Config{}).Schema()
	for _, block := range blocks {
		if _, err := gqlparser.LoadQueryWithRules(schema, string(block[1]), rules.NewDefaultRules()); err != nil {
			t.Errorf("%v\n%s", err, block[1])
		}
	}
}
