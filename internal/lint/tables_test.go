package lint

import (
	"os"
	"strings"
	"testing"

	"quern/convert"
	"quern/formats"
	"quern/quantize"
)

// Every storage type says how its rows are stored and can at least be read (but for those of other formats that quern only
// lists), and states its own error bound where it loses anything.
func TestTypesAreWhole(t *testing.T) {
	if len(quantize.Types()) == 0 {
		t.Fatal("no types")
	}
	for _, q := range quantize.Types() {
		if q.Name == "" || q.Block < 1 || q.Bytes < 1 || q.Decode == nil && (q.ID != quantize.NoID || q.Encode != nil) {
			t.Errorf("%s: name, block, bytes or decoder is missing", q.Name)
			continue
		}
		if q.Block > 1 && q.Encode != nil && (q.MaxRMSE <= 0 || q.MaxRMSE > 1) {
			t.Errorf("%s encodes, but MaxRMSE is %g", q.Name, q.MaxRMSE)
		}
		if q.Tile != nil && (q.Group < 1 || q.Block%q.Group != 0) {
			t.Errorf("%s: a tile's group of %d does not divide the block of %d", q.Name, q.Group, q.Block)
		}
		if f := q.Fallback; f != nil && (f.Encode == nil || f.Block >= q.Block) {
			t.Errorf("%s: the fallback %s has no encoder or no smaller block", q.Name, f.Name)
		}
		if q.Block > 1 && q.Decode != nil {
			ownFile(t, "quantize/"+strings.ToLower(q.Name)+".go")
		}
		if quantize.ByName(q.Name) != q || q.ID != quantize.NoID && quantize.ByID(q.ID) != q {
			t.Errorf("%s is not found by its own name and number", q.Name)
		}
	}
}

func TestFormatsAreWhole(t *testing.T) {
	if len(formats.Formats()) == 0 {
		t.Fatal("no formats")
	}
	seen := map[string]bool{}
	for _, f := range formats.Formats() {
		if f.Name == "" || seen[f.Name] || f.Sniff == nil || f.Open == nil {
			t.Errorf("format %q: its name is missing or taken, or it cannot recognise or open a file", f.Name)
		}
		seen[f.Name] = true
	}
}

// ownFile checks the promise that one member of a table is one value in one file, named after it.
func ownFile(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(root + "/" + path); err != nil {
		t.Errorf("a member of a table lies in a file of its own: %v", err)
	}
}

// Every recipe is found by its name.
func TestRecipesAreWhole(t *testing.T) {
	names := convert.RecipeNames()
	if len(names) == 0 {
		t.Fatal("no recipes")
	}
	for _, n := range names {
		if r, err := convert.RecipeByName(n); err != nil || r.Name != n {
			t.Errorf("recipe %s is not found by its own name: %v", n, err)
		}
		ownFile(t, "convert/recipe_"+strings.ToLower(n)+".go")
	}
}

// The two pages that lead into the code are there.
func TestPages(t *testing.T) {
	for _, p := range []string{"README.md", "LICENSE", "docs/design.md", "testdata/README.md"} {
		if _, err := os.Stat(root + "/" + p); err != nil {
			t.Error(err)
		}
	}
}
