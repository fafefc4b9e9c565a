// Package muster_test holds the whole module to the rules that no single
// package can see: who may import whom, and what must not be in any file.
package muster_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/musterhq/muster"

// edges says which packages of the module each may import outside of its
// tests. A package that is not here is an error: whoever adds one decides
// where it belongs.
var edges = map[string][]string{
	"":         {}, // this test alone
	"fault":    {},
	"geo":      {},
	"locale":   {},
	"sheet":    {"fault"},
	"store":    {},
	"auth":     {"fault", "geo", "locale", "store"},
	"audit":    {"auth", "store"},
	"roster":   {"audit", "auth", "fault", "geo", "locale", "sheet", "store"},
	"training": {"audit", "auth", "fault", "geo", "locale", "store"},
	"notify":   {"audit", "auth", "fault", "geo", "locale", "store"},
	"dispatch": {"audit", "auth", "fault", "geo", "locale", "notify", "roster", "store", "training"},
	"privacy":  {"audit", "auth", "fault", "store"},

	"auth/idtoken":       {"auth", "fault"},
	"store/sqlite":       {"store"},
	"store/mongo":        {"store"},
	"store/storetest":    {"store", "store/sqlite"},
	"notify/fcm":         {"notify"},
	"notify/fcm/fcmtest": {},

	"graph": {
		"audit", "auth", "dispatch", "fault", "geo", "locale", "notify", "privacy", "roster", "store", "training",
		"graph/limit", "graph/scalar", "graph/transport",
	},
	"graph/limit":     {"fault"},
	"graph/scalar":    {"fault"},
	"graph/transport": {"fault", "graph/limit"},

	"client":           {}, // as far from the server as any app is
	"client/reference": {}, // for tests only: no package lists it
	"demo": {
		"auth", "client", "dispatch", "fault", "geo", "locale", "notify", "notify/fcm/fcmtest", "roster", "store", "training",
	},

	"server": {
		"audit", "auth", "auth/idtoken", "demo", "dispatch", "fault", "geo", "graph", "graph/transport", "locale", "notify", "notify/fcm",
		"notify/fcm/fcmtest", "privacy", "roster", "sheet", "store", "store/mongo", "store/sqlite", "training",
	},
}

// above are the packages that only they themselves may import in tests, too,
// with all below them.
var above = []string{"client", "demo", "graph", "server"}

// outside says which packages alone may import what begins as the key, outside
// of their tests: those may forge a token or look behind an engine.
var outside = map[string][]string{
	"go.mongodb.org/mongo-driver/v2/mongo": {"store/mongo"},
	"go.mongodb.org/mongo-driver/v2/event": {"store/mongo"},
	"go.mongodb.org/mongo-driver/v2/x":     {"store/mongo"},
	"zombiezen.com/go/sqlite":              {"store/sqlite"},
	"firebase.google.com/go":               {"auth/idtoken", "notify/fcm"},
	"google.golang.org/api":                {"auth/idtoken", "notify/fcm"},
	"cloud.google.com/go":                  {"notify/fcm"},
	"github.com/99designs/gqlgen":          {"graph", "graph/limit", "graph/scalar", "graph/transport", "server"},
	"github.com/vektah/gqlparser":          {"graph", "graph/limit", "graph/scalar", "graph/transport", "server"},
	"github.com/coder/websocket":           {"client", "graph/transport"},
	"github.com/golang-jwt/jwt":            {"auth", "notify/fcm/fcmtest"},
	"github.com/peterstace/simplefeatures": {"geo"},
	"github.com/pquerna/otp":               {"auth"},
	"github.com/xuri/excelize":             {"sheet"},
	"github.com/mozillazg/go-pinyin":       {"roster"},
}

// pack is a package as go list describes it.
type pack struct {
	ImportPath, Dir                    string
	GoFiles                            []string
	Imports, TestImports, XTestImports []string
}

// name is its path within the module.
func (p pack) name() string { return inModule(p.ImportPath) }

func inModule(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, module), "/") }

func ours(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

// within reports whether the path is the root or below it.
func within(root, path string) bool { return path == root || strings.HasPrefix(path, root+"/") }

var list = sync.OnceValues(func() ([]pack, error) {
	fields := "-json=ImportPath,Dir,GoFiles,Imports,TestImports,XTestImports"
	out, err := exec.Command("go", "list", fields, "./...").Output()
	if err != nil {
		return nil, err
	}
	var packs []pack
	for in := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pack
		err := in.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packs, nil
		}
		if err != nil {
			return nil, err
		}
		packs = append(packs, p)
	}
})

func packages(t *testing.T) []pack {
	t.Helper()
	packs, err := list()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return packs
}

func TestPackagesImportOnlyWhatIsBelow(t *testing.T) {
	t.Parallel()
	missing := maps.Clone(edges)
	for _, p := range packages(t) {
		allowed, known := edges[p.name()]
		delete(missing, p.name())
		if !known {
			t.Errorf("%s is not in the table: decide what it may import", p.ImportPath)
			continue
		}
		for _, path := range p.Imports {
			if ours(path) && !slices.Contains(allowed, inModule(path)) {
				t.Errorf("%s imports %s", p.name(), inModule(path))
			}
		}
	}
	for name := range missing {
		t.Errorf("%s is in the table, and there is no such package", name)
	}
}

func TestTestsImportNothingFromAbove(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			for _, root := range above {
				if ours(path) && within(root, inModule(path)) && !slices.ContainsFunc(above, func(r string) bool { return within(r, p.name()) }) {
					t.Errorf("the tests of %s import %s", p.name(), inModule(path))
				}
			}
		}
	}
}

func TestLibrariesStayWhereTheyBelong(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, path := range p.Imports {
			for library, homes := range outside {
				if strings.HasPrefix(path, library) && !slices.Contains(homes, p.name()) {
					t.Errorf("%s imports %s, which belongs to %v", p.name(), path, homes)
				}
			}
		}
	}
}

// TestFakesServeOnlyTheDemonstration looks at files, since the demonstration
// is wired up in a package with the real server.
func TestFakesServeOnlyTheDemonstration(t *testing.T) {
	t.Parallel()
	fake := module + "/notify/fcm/fcmtest"
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range file.Imports {
				path, err := strconv.Unquote(i.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				if path == fake && p.name() != "demo" && !(p.name() == "server" && strings.HasPrefix(name, "demo")) {
					t.Errorf("%s/%s imports %s", p.name(), name, fake)
				}
			}
		}
	}
}

// files calls look with every file of the project, the nested module's too.
func files(t *testing.T, look func(path string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "muster-data"):
			return filepath.SkipDir
		case entry.Type().IsRegular():
			look(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPackagesHaveAComment(t *testing.T) {
	t.Parallel()
	commented := map[string]bool{}
	files(t, func(path string) {
		dir := filepath.Dir(path)
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") && dir != "." {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Error(err)
			return
		}
		commented[dir] = commented[dir] || file.Doc != nil
	})
	if len(commented) < len(edges) {
		t.Errorf("found %d packages, want %d at least", len(commented), len(edges))
	}
	for dir, is := range commented {
		if !is {
			t.Errorf("package %s has no comment", dir)
		}
	}
}

// elsewhere finds paths that exist on one machine only. It is put together
// here so that it does not find itself.
var elsewhere = regexp.MustCompile(`(^|[^A-Za-z0-9._~%-])/(` + strings.Join([]string{"work", "root"}, "|") + `)/|` +
	regexp.QuoteMeta(".."+"/shared"))

func TestFilesNameNoMachinePaths(t *testing.T) {
	t.Parallel()
	looked := 0
	files(t, func(path string) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			return
		}
		if bytes.IndexByte(content, 0) >= 0 {
			return // no text
		}
		looked++
		n := 0
		for line := range bytes.Lines(content) {
			n++
			if elsewhere.Match(line) {
				t.Errorf("%s:%d: %s", path, n, bytes.TrimSpace(line))
			}
		}
	})
	if looked < 100 {
		t.Errorf("looked at %d files, which cannot be all", looked)
	}
}
