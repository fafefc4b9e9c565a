package graph

import (
	"os"
	"regexp"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

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
