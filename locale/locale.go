// Package locale turns the keys of sentences into the sentences, in each
// language that people read: the catalogues beside it, one file for each domain
// and language.
//
// Faults and messages name keys and arguments; only the edges (package graph
// for errors, package notify for pushes) ask for the words. What is said
// belongs to the catalogues, never to code.
package locale

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Tag is a language that the catalogues have.
type Tag string

// The languages.
const (
	Chinese Tag = "zh-CN"
	English Tag = "en"
)

// Default is the language of those who name none that we have.
const Default = Chinese

// Tags lists the languages.
func Tags() []Tag { return []Tag{Chinese, English} }

//go:embed *.json
var files embed.FS

// Catalogue is all sentences in all languages. It never changes, and may be
// used from any goroutine.
type Catalogue struct {
	localizers map[Tag]*i18n.Localizer
	matcher    language.Matcher
}

// New reads the catalogues.
func New() (*Catalogue, error) {
	bundle := i18n.NewBundle(language.MustParse(string(Default)))
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	c := &Catalogue{localizers: map[Tag]*i18n.Localizer{}}
	var known []language.Tag
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return nil, fmt.Errorf("listing catalogues: %w", err)
	}
	for _, name := range names {
		if _, err := bundle.LoadMessageFileFS(files, name); err != nil {
			return nil, fmt.Errorf("reading catalogue %s: %w", name, err)
		}
	}
	for _, tag := range Tags() {
		c.localizers[tag] = i18n.NewLocalizer(bundle, string(tag))
		known = append(known, language.MustParse(string(tag)))
	}
	c.matcher = language.NewMatcher(known)
	return c, nil
}

// Text returns the sentence in the language, with the arguments filled in.
// args may have a number "count", which chooses the plural form. A key that no
// catalogue has, which the tests of those who use it must not let happen,
// yields the key itself.
func (c *Catalogue) Text(tag Tag, key string, args map[string]any) string {
	localizer, ok := c.localizers[tag]
	if !ok {
		localizer = c.localizers[Default]
	}
	text, err := localizer.Localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: args, PluralCount: args["count"]})
	if err != nil {
		return key
	}
	return text
}

// Match returns the language that fits best what someone prefers: the value of
// an Accept-Language header, or a single BCP 47 tag. It is Default if that is
// empty, malformed, or names nothing that we have.
func (c *Catalogue) Match(preference string) Tag {
	wanted, _, err := language.ParseAcceptLanguage(preference)
	if err != nil || len(wanted) == 0 {
		return Default
	}
	_, i, confidence := c.matcher.Match(wanted...)
	if confidence == language.No {
		return Default
	}
	return Tags()[i]
}
