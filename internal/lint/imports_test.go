package lint

import (
	"strconv"
	"strings"
	"testing"
)

// The table of docs/design.md, bottom up: a package, what of quern it may import, and which outside modules (named by any
// part of their path that tells them apart). The standard library is allowed everywhere, and so are the modules under
// "anywhere". Tests are free.
const importTable = `
internal/cpu       |                                                                   | x/sys
internal/kernel    | internal/cpu                                                      | x448/float16
quantize           | internal/kernel                                                   | x448/float16
internal/store     |                                                                   | klauspost/compress
formats            | quantize internal/store                                           | klauspost/compress
internal/arch      | formats quantize internal/kernel                                                |
internal/tokenizer |                                                                   | x/text
convert            | formats quantize internal/arch internal/tokenizer internal/kernel | go.yaml.in/yaml/v3
internal/model     | formats quantize internal/arch internal/kernel                    |
internal/bench     | formats quantize internal/cpu internal/kernel internal/model        |
internal/parquet   |                                                                   | klauspost/compress
internal/jinja     |                                                                   |
calib              | convert quantize formats internal/arch internal/model internal/tokenizer internal/parquet internal/jinja | klauspost/compress
verify             | formats quantize internal/arch internal/model internal/tokenizer internal/kernel internal/parquet | go.yaml.in/yaml/v3 klauspost/compress
testdata           |                                                                   | klauspost/compress
internal/golden    |                                                                   |
internal/lint      |                                                                   |
cmd/quern          | convert calib verify formats quantize testdata internal/store internal/model internal/tokenizer internal/cpu internal/bench | urfave/cli/v2 dustin/go-humanize jedib0t/go-pretty schollz/progressbar x/term
anywhere           |                                                                   | x/sync/errgroup x/sys
`

// allowed is one row of the table.
type allowed struct{ quern, outside []string }

func readTable(t *testing.T) map[string]allowed {
	t.Helper()
	rows := map[string]allowed{}
	for _, line := range strings.Split(strings.TrimSpace(importTable), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 3 {
			t.Fatalf("the table's line %q has %d cells, want 3", line, len(cells))
		}
		rows[strings.TrimSpace(cells[0])] = allowed{strings.Fields(cells[1]), strings.Fields(cells[2])}
	}
	return rows
}

func TestImports(t *testing.T) {
	rows := readTable(t)
	for _, f := range parsed(t) {
		row, ok := rows[f.dir]
		if !ok {
			t.Errorf("%s: package %s has no line in the import table", f.path, f.dir)
			continue
		}
		if f.test {
			continue
		}
		outside := append(rows["anywhere"].outside, row.outside...)
		for _, spec := range f.ast.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !mayImport(path, row.quern, outside) {
				t.Errorf("%s:%d: %s may not import %s", f.path, f.line(spec.Pos()), f.dir, path)
			}
		}
	}
}

func mayImport(path string, quern, outside []string) bool {
	if own, ok := strings.CutPrefix(path, "quern/"); ok {
		for _, p := range quern {
			if own == p {
				return true
			}
		}
		return false
	}
	first, _, _ := strings.Cut(path, "/")
	if !strings.Contains(first, ".") {
		return path != "C" // the standard library; there is no cgo
	}
	for _, m := range outside {
		if i := strings.Index(path+"/", "/"+m+"/"); i >= 0 || strings.HasPrefix(path+"/", m+"/") {
			return true
		}
	}
	return false
}

// The rules themselves are tried on imports whose answer is known.
func TestMayImport(t *testing.T) {
	quern, outside := []string{"quantize"}, []string{"x/sys", "klauspost/compress", "go.yaml.in/yaml/v3"}
	for path, want := range map[string]bool{
		"fmt": true, "encoding/json": true, "C": false, "quern/quantize": true, "quern/formats": false,
		"golang.org/x/sys/cpu": true, "golang.org/x/sync/errgroup": false, "go.yaml.in/yaml/v3": true,
		"github.com/klauspost/compress/zstd": true, "github.com/klauspost/cpuid/v2": false,
	} {
		if got := mayImport(path, quern, outside); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}
