package locale

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// keyed is a function that makes a fault: what its reason is put behind to make
// the key, and which argument the reason is.
type keyed struct {
	prefix   string
	argument int
}

// makers are those of package fault. The functions of other packages that hand
// a parameter on to one of them are found by themselves.
var makers = map[string]keyed{
	"fault.Invalid": {"invalid.", 1}, "fault.Unauthenticated": {"unauthenticated.", 0}, "fault.NotFound": {"not_found.", 0},
	"fault.Conflict": {"conflict.", 0}, "fault.RateLimited": {"rate_limited.", 0}, "fault.Unavailable": {"unavailable.", 0},
}

// computed are the files whose reasons stand in tables; their packages test the
// texts of those.
var computed = []string{"../graph/limit/shape.go"}

// source is the code of one package, without tests.
type source struct {
	files  map[string]*ast.File
	makers map[string]keyed
}

func sources(t *testing.T) []*source {
	t.Helper()
	byDir := map[string]*source{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != ".." && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || filepath.Base(filepath.Dir(path)) == "fault" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		if byDir[dir] == nil {
			byDir[dir] = &source{files: map[string]*ast.File{}, makers: map[string]keyed{}}
		}
		byDir[dir].files[path] = file
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []*source
	for _, s := range byDir {
		s.findMakers()
		all = append(all, s)
	}
	return all
}

// calls goes through the calls that make a fault; reason is the argument that
// says which.
func (s *source) calls(visit func(path string, within *ast.FuncDecl, k keyed, reason ast.Expr)) {
	for path, file := range s.files {
		for _, declared := range file.Decls {
			f, _ := declared.(*ast.FuncDecl)
			ast.Inspect(declared, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if k, ok := s.maker(call.Fun); ok && k.argument < len(call.Args) {
					visit(path, f, k, call.Args[k.argument])
				}
				return true
			})
		}
	}
}

func (s *source) maker(fun ast.Expr) (keyed, bool) {
	switch fun := fun.(type) {
	case *ast.Ident:
		k, ok := s.makers[fun.Name]
		return k, ok
	case *ast.SelectorExpr:
		if x, ok := fun.X.(*ast.Ident); ok {
			if k, ok := makers[x.Name+"."+fun.Sel.Name]; ok {
				return k, true
			}
		}
		k, ok := s.makers[fun.Sel.Name] // a method of this package
		return k, ok
	}
	return keyed{}, false
}

// findMakers finds functions that hand a parameter on as a fault's reason.
func (s *source) findMakers() {
	for known := -1; known != len(s.makers); {
		known = len(s.makers)
		s.calls(func(_ string, within *ast.FuncDecl, k keyed, reason ast.Expr) {
			name, ok := reason.(*ast.Ident)
			if !ok || within == nil {
				return
			}
			if i := parameter(within, name.Name); i >= 0 {
				s.makers[within.Name.Name] = keyed{k.prefix, i}
			}
		})
	}
}

// parameter returns which parameter has the name, or -1.
func parameter(f *ast.FuncDecl, name string) int {
	i := 0
	for _, field := range f.Type.Params.List {
		for _, n := range field.Names {
			if n.Name == name {
				return i
			}
			i++
		}
	}
	return -1
}

// Every fault that the code can make has its sentence, in every language.
func TestFaultsHaveTexts(t *testing.T) {
	t.Parallel()
	catalogue, err := New()
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{"forbidden": "fault.go", "internal": "graph"}
	for _, s := range sources(t) {
		s.calls(func(path string, within *ast.FuncDecl, k keyed, reason ast.Expr) {
			switch reason := reason.(type) {
			case *ast.BasicLit:
				text, err := strconv.Unquote(reason.Value)
				if err != nil {
					t.Errorf("%s: %v", path, err)
				}
				keys[k.prefix+text] = path
			case *ast.Ident:
				if within == nil || parameter(within, reason.Name) < 0 {
					t.Errorf("%s: a fault's reason is %s, which cannot be checked", path, reason.Name)
				}
			default:
				if !slices.Contains(computed, filepath.ToSlash(path)) {
					t.Errorf("%s: a fault's reason is computed, and cannot be checked", path)
				}
			}
		})
	}
	if len(keys) < 50 {
		t.Fatalf("only %d faults were found", len(keys))
	}
	for key, path := range keys {
		for _, tag := range Tags() {
			if catalogue.Text(tag, key, nil) == key {
				t.Errorf("%s makes the fault %s, which has no text in %s", path, key, tag)
			}
		}
	}
}
