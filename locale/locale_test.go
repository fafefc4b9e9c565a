package locale

import (
	"encoding/json"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// entries returns the catalogue file's texts, each with all of its plural
// forms.
func entries(t *testing.T, name string) map[string][]string {
	t.Helper()
	raw, err := files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var parsed map[string]any
	if err := json.Unmarshal(raw, &parsed); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	texts := map[string][]string{}
	for key, value := range parsed {
		texts[key] = forms(t, name+": "+key, value)
	}
	return texts
}

func forms(t *testing.T, where string, value any) []string {
	t.Helper()
	switch v := value.(type) {
	case string:
		return []string{v}
	case map[string]any:
		var all []string
		for form, text := range v {
			s, ok := text.(string)
			if !ok {
				t.Errorf("%s: the form %q is no text", where, form)
			}
			if form != "description" {
				all = append(all, s)
			}
		}
		return all
	}
	t.Errorf("%s: %v is no text", where, value)
	return nil
}

var placeholder = regexp.MustCompile(`{{\s*\.(\w+)\s*}}`)

// placeholders lists what the texts of one key name, each once. A plural form
// may leave the count out ("one day").
func placeholders(texts []string) []string {
	var names []string
	for _, text := range texts {
		for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// domains lists the catalogue's domains, from its file names.
func domains(t *testing.T) []string {
	t.Helper()
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, name := range names {
		domain, tag, ok := strings.Cut(strings.TrimSuffix(name, ".json"), ".")
		if !ok || !slices.Contains(Tags(), Tag(tag)) {
			t.Errorf("%s is not named domain.language.json", name)
		}
		list = append(list, domain)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func TestCatalogues_haveTheSameKeysAndPlaceholdersInAllLanguages(t *testing.T) {
	t.Parallel()
	for _, domain := range domains(t) {
		t.Run(domain, func(t *testing.T) {
			t.Parallel()
			want := shape(entries(t, domain+"."+string(Default)+".json"))
			for _, tag := range Tags() {
				got := shape(entries(t, domain+"."+string(tag)+".json"))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s and %s differ (-%[1]s +%[2]s):\n%[3]s", Default, tag, diff)
				}
			}
		})
	}
}

func shape(texts map[string][]string) map[string][]string {
	named := map[string][]string{}
	for key, all := range texts {
		named[key] = placeholders(all)
	}
	return named
}

func TestCatalogues_haveEachKeyInOneDomainOnly(t *testing.T) {
	t.Parallel()
	owner := map[string]string{}
	for _, domain := range domains(t) {
		for key := range entries(t, domain+"."+string(Default)+".json") {
			if other, taken := owner[key]; taken {
				t.Errorf("%q is both in %s and in %s", key, other, domain)
			}
			owner[key] = domain
		}
	}
}

func TestCatalogues_haveNoEmptyTexts(t *testing.T) {
	t.Parallel()
	for _, domain := range domains(t) {
		for _, tag := range Tags() {
			for key, all := range entries(t, domain+"."+string(tag)+".json") {
				if len(all) == 0 || slices.ContainsFunc(all, func(s string) bool { return strings.TrimSpace(s) == "" }) {
					t.Errorf("%s.%s: %q is empty", domain, tag, key)
				}
			}
		}
	}
}

// Only package notify may mark a message as a drill, by "drill_title".
func TestTitles_doNotContainTheDrillMark(t *testing.T) {
	t.Parallel()
	for _, domain := range domains(t) {
		for _, tag := range Tags() {
			for key, all := range entries(t, domain+"."+string(tag)+".json") {
				for _, text := range all {
					if said(key) && (strings.Contains(text, "演练") || strings.Contains(strings.ToLower(text), "drill")) {
						t.Errorf("%s.%s: %q looks like a drill: %s", domain, tag, key, text)
					}
				}
			}
		}
	}
}

// said reports whether a push's title can say the text.
func said(key string) bool {
	return strings.HasPrefix(key, "title.") || strings.HasPrefix(key, "incident_type.")
}

func TestText(t *testing.T) {
	t.Parallel()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		tag  Tag
		key  string
		args map[string]any
		want string
	}{
		{"Chinese", Chinese, "title.alert", map[string]any{"type": "火灾"}, "紧急出动：火灾"},
		{"English", English, "title.alert", map[string]any{"type": "Fire"}, "Emergency call-out: Fire"},
		{"a language that there is none of is the default", "fr", "incident_type.FIRE", nil, "火灾"},
		{"an unknown key is itself", English, "no.such.key", nil, "no.such.key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := c.Text(tt.tag, tt.key, tt.args); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for preference, want := range map[string]Tag{
		"":                       Default,
		"zh-CN":                  Chinese,
		"zh":                     Chinese,
		"zh-Hant-HK":             Chinese,
		"en-GB,en;q=0.9":         English,
		"fr, en;q=0.5":           English,
		"ja":                     Default,
		"not a language, at all": Default,
	} {
		t.Run(preference, func(t *testing.T) {
			t.Parallel()
			if got := c.Match(preference); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}
