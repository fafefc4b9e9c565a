package main

import (
	"testing"

	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/roster"
)

func TestNoticesHaveTexts(t *testing.T) {
	t.Parallel()
	catalogue, err := locale.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range roster.NoticeKinds() {
		for _, tag := range locale.Tags() {
			for _, key := range []string{"title." + noticeKey(kind), "body." + noticeKey(kind)} {
				if catalogue.Text(tag, key, nil) == key {
					t.Errorf("%s is not there in %s", key, tag)
				}
			}
		}
	}
}
