package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// A file is one parsed source file of the repository, under any build tags.
type file struct {
	path, dir string // relative to the root, with slashes
	src       string
	fset      *token.FileSet
	ast       *ast.File
	test      bool
	generated bool
}

func (f *file) line(p token.Pos) int { return f.fset.Position(p).Line }

// parsed returns all Go files of the module. Folders whose names begin with "." or "_" hold other modules.
func parsed(t *testing.T) []*file {
	t.Helper()
	var all []*file
	walk(t, func(path string) {
		if !strings.HasSuffix(path, ".go") {
			return
		}
		src, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		a, err := parser.ParseFile(fset, path, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		all = append(all, &file{path, dir, string(src), fset, a, strings.HasSuffix(path, "_test.go"), ast.IsGenerated(a)})
	})
	if len(all) < 20 {
		t.Fatalf("found %d Go files: the walk begins in the wrong place", len(all))
	}
	return all
}

// walk calls visit with the path of every file of the module, relative to the root.
func walk(t *testing.T, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); rel != "." && (name[0] == '.' || name[0] == '_') {
				return filepath.SkipDir
			}
			return nil
		}
		if d.Name() == ".git" { // a file in a further work tree
			return nil
		}
		visit(filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
