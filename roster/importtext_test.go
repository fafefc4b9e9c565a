package roster

import (
	"testing"

	"github.com/musterhq/muster/locale"
)

func TestProblemsHaveTexts(t *testing.T) {
	t.Parallel()
	catalogue, err := locale.New()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[ProblemCode]bool{}
	for _, code := range ProblemCodes() {
		for _, tag := range locale.Tags() {
			if key := "import.problem." + string(code); catalogue.Text(tag, key, nil) == key {
				t.Errorf("%s has no text in %s", code, tag)
			}
		}
		if seen[code] {
			t.Errorf("%s is there twice", code)
		}
		seen[code] = true
	}
}
