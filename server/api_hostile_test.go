package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/musterhq/muster/client"
)

// hostile are texts that no honest app sends.
var hostile = map[string]string{
	"nothing":        "",
	"space":          " \t\n",
	"NUL":            "a\x00b",
	"controls":       "\x1b[2J\x7f\u0085",
	"an override":    "\u202egnp.exe",
	"a slash":        "../../etc/passwd/",
	"operators":      `{"$gt": ""} ' OR 1=1 --`,
	"much":           strings.Repeat("长", 20_000),
	"a far time":     "9999-12-31T23:59:59-23:59",
	"an early time":  "0000-01-01T00:00:00+23:59",
	"deep JSON":      strings.Repeat("[", 50_000),
	"no coordinates": `{"type":"Polygon","coordinates":[[[1e999,0],[null,{}],["NaN",1]]]}`,
	"an old cursor":  "eyJzIjp7fSwiYSI6e319",
}

// texts are the paths of all texts in a JSON object.
func texts(v vars) [][]string {
	var all [][]string
	for _, name := range slices.Sorted(maps.Keys(v)) {
		switch x := v[name].(type) {
		case string:
			all = append(all, []string{name})
		case vars:
			for _, path := range texts(x) {
				all = append(all, append([]string{name}, path...))
			}
		}
	}
	return all
}

// replaced is a copy with another value at the path.
func replaced(v vars, path []string, value any) vars {
	out := maps.Clone(v)
	if len(path) == 1 {
		out[path[0]] = value
		return out
	}
	inner, _ := v[path[0]].(vars)
	out[path[0]] = replaced(inner, path[1:], value)
	return out
}

// hostileOptions are what inputs may have besides what the tables give.
var hostileOptions = vars{"idempotencyKey": "k", "reason": "r", "name": "n", "until": "u"}

func TestAPIHostileTexts(t *testing.T) {
	t.Parallel()
	tw := newTown(t, nil)
	a := tw.alerted(t)
	everything := mutations()
	maps.Copy(everything, queries())
	for _, name := range slices.Sorted(maps.Keys(everything)) {
		op := everything[name]
		if strings.HasPrefix(op.query, "subscription") || op.v(a) == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			given := op.v(a)
			if input, ok := given["input"].(vars); ok {
				for option, value := range hostileOptions {
					if _, has := input[option]; !has {
						given = replaced(given, []string{"input", option}, value)
					}
				}
			}
			for _, path := range texts(given) {
				for what, text := range hostile {
					ask := replaced(op.v(a), path, text)
					for who, c := range map[string]*client.Client{"the admin": tw.admin.Client, "a volunteer": a.Client} {
						var errs client.Errors
						err := c.Do(t.Context(), op.query, ask, &vars{})
						if err == nil || errors.As(err, &errs) && errs[0].Code != "INTERNAL" {
							continue
						}
						t.Errorf("%s by %s in %s: %s", what, who, fmt.Sprint(path), err)
					}
				}
			}
		})
	}
}
