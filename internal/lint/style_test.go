package lint

import (
	"bytes"
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	maxFile = 400 // lines
	maxFunc = 80
)

// speaks matches what only the command may do: print, or end the process.
var speaks = regexp.MustCompile(`^(fmt\.Print.*|os\.(Exit|Stdout|Stderr)|log\.(Print|Fatal|Panic).*|print|println)$`)

func TestOnlyTheCommandSpeaks(t *testing.T) {
	for _, f := range parsed(t) {
		if f.test || strings.HasPrefix(f.dir, "cmd/") {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			name := ""
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok {
					name = x.Name + "." + n.Sel.Name
				}
			case *ast.CallExpr:
				if x, ok := n.Fun.(*ast.Ident); ok {
					name = x.Name
				}
			}
			if speaks.MatchString(name) {
				t.Errorf("%s:%d: %s: only cmd prints or ends the process", f.path, f.line(n.Pos()), name)
			}
			return true
		})
	}
}

func TestSizes(t *testing.T) {
	for _, f := range parsed(t) {
		if f.test || f.generated {
			continue
		}
		if n := strings.Count(f.src, "\n"); n > maxFile {
			t.Errorf("%s has %d lines, the limit is %d", f.path, n, maxFile)
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := f.line(fn.End()) - f.line(fn.Pos()) + 1; n > maxFunc {
				t.Errorf("%s:%d: %s has %d lines, the limit is %d", f.path, f.line(fn.Pos()), fn.Name.Name, n, maxFunc)
			}
		}
	}
}

// A name that says nothing hides what is in a file.
var vague = regexp.MustCompile(`^(utils?|common|helpers?|misc|manager)(_.*)?$`)

func TestNames(t *testing.T) {
	for _, f := range parsed(t) {
		if base := strings.TrimSuffix(path.Base(f.path), ".go"); vague.MatchString(base) || vague.MatchString(path.Base(f.dir)) {
			t.Errorf("%s: the name does not say what is inside", f.path)
		}
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && regexp.MustCompile(`^Get($|[A-Z])`).MatchString(fn.Name.Name) {
				t.Errorf("%s:%d: %s: a getter is named after what it returns", f.path, f.line(fn.Pos()), fn.Name.Name)
			}
		}
		for _, c := range f.ast.Comments {
			if unfinished.MatchString(c.Text()) {
				t.Errorf("%s:%d: a comment says that something is unfinished", f.path, f.line(c.Pos()))
			}
		}
	}
}

var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK|place` + `holder)\b|for` + ` now\b`)

// local matches paths of one machine and addresses of package registries: the repository has to work anywhere. The
// pieces are joined so that this file does not match itself.
var local = regexp.MustCompile(strings.Join([]string{"/wo" + "rk/", "/op" + "t/peers", "/ro" + "ot/", "/ho" + "me/",
	`proxy\.gol` + `ang\.org`, `py` + `pi\.org`, `deb\.deb` + `ian\.org`}, "|"))

func TestNoMachinePaths(t *testing.T) {
	walk(t, func(name string) {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(data, 0) >= 0 {
			return // not a text
		}
		for i, line := range bytes.Split(data, []byte("\n")) {
			if m := local.Find(line); m != nil {
				t.Errorf("%s:%d: %s belongs to one machine", name, i+1, m)
			}
		}
	})
}
