package formats

import (
	"fmt"
	"slices"
	"strings"

	"quern/quantize"
)

// A Store is one row of the table of formats for codes on a grid: how a matrix becomes tensors of a Hugging Face checkpoint, and what the
// configuration says of it.
type Store struct {
	Name        string // as --format spells it
	Title       string // for people
	Bits        []int
	Groups      []int         // sizes of groups that readers take; nil: any. 0 stands for whole rows
	Offsets     bool          // a float for code 0 instead of an integer zero point
	Ordered     bool          // columns of a group need not be neighbours
	Defaults    quantize.Grid // what a user gets who says nothing
	ModelScales bool          // scales have the model's type; else F16

	// Parts are the tensors of a matrix of n×k codes. scale is the type of its scales.
	Parts func(g quantize.Grid, n, k int, scale *quantize.Type) []Part
	// Pack hands on the bytes of some rows, which begin with a multiple of 32, of n in all.
	Pack func(c *quantize.Codes, row, n int, scale *quantize.Type, put Put) error
	// Config is quantization_config. skip are the modules that stay as they were; ordered: the columns of a group are not neighbours.
	Config func(g quantize.Grid, skip []string, ordered bool) map[string]any
	// Files are copies of the configuration that readers look for under other names, and keys of config.json.
	Files, Keys []string
	// Label is the value of "format" in the metadata of the weight files.
	Label string
}

// A Part is one tensor of a module.
type Part struct {
	Suffix string
	Type   *quantize.Type
	Shape  []int
}

// Put stores bytes of a part.
type Put func(part int, p []byte, off int64) error

var stores []*Store

func registerStore(s Store) *Store {
	stores = append(stores, &s)
	return &s
}

// Stores returns the table, by name.
func Stores() []*Store {
	all := slices.Clone(stores)
	slices.SortFunc(all, func(a, b *Store) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// StoreByName finds a row of the table, or returns nil. Case and the two hyphens do not matter.
func StoreByName(name string) *Store {
	plain := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "-") }
	for _, s := range stores {
		if plain(s.Name) == plain(name) {
			return s
		}
	}
	return nil
}

// Takes says why codes on a grid cannot be stored, with a hint; nil when they can.
func (s *Store) Takes(g quantize.Grid, offsets, ordered bool) error {
	hint := ""
	var err error
	switch {
	case !slices.Contains(s.Bits, g.Bits):
		err = Unsupported("%s has no codes of %d bits", s.Title, g.Bits)
		hint = fmt.Sprintf("it has %v", s.Bits)
	case s.Groups != nil && !slices.Contains(s.Groups, max(g.Group, 0)):
		err = Unsupported("%s has no groups of %d", s.Title, max(g.Group, 0))
		hint = fmt.Sprintf("its readers take %v", s.Groups)
	case offsets != s.Offsets:
		err = Unsupported("%s cannot say where code 0 of these codes lies", s.Title)
	case ordered && !s.Ordered:
		err = Unsupported("%s cannot say that the columns of a group are not neighbours (act-order)", s.Title)
		hint = "gptq can"
	}
	if err != nil {
		return &Error{Err: err, Hint: hint}
	}
	return nil
}

const anyRows = "quantize it into a GGUF, where such rows fall back to another type"

// Fits says why a matrix of n×k cannot be stored in groups of g; nil when it can. Kernels want both sizes in units of 32.
func (s *Store) Fits(g quantize.Grid, n, k int) error {
	if g.Group > 0 && k%g.Group != 0 {
		var good []int
		for _, o := range []int{128, 64, 32} {
			if k%o == 0 && (s.Groups == nil || slices.Contains(s.Groups, o)) {
				good = append(good, o)
			}
		}
		hint := fmt.Sprintf("of the usual sizes %v fit (--group)", good)
		if good == nil {
			hint = anyRows
		}
		return &Error{Err: Unsupported("rows of %d are not whole groups of %d", k, g.Group), Hint: hint}
	}
	if n%32 != 0 || k%32 != 0 {
		return &Error{Err: Unsupported("%d×%d weights are not whole units of 32, which the kernels of %s work in", n, k, s.Title), Hint: anyRows}
	}
	return nil
}
