package convert

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"quern/quantize"
)

// A Recipe is a file type of llama-quantize: which type each tensor gets. The first line that fits decides; a tensor that
// no line fits gets Type. No line remembers what another decided.
type Recipe struct {
	Name     string // as llama-quantize spells it
	Alias    string // another name it goes by
	FileType uint32 // general.file_type
	Type     string // of tensors that no line speaks of
	Lines    []Line
	Warning  string // what a user should know before using it
}

// A Line gives Type to the tensors of one category for which all conditions hold.
type Line struct {
	Of   Category
	If   []Cond
	Type string
}

// Category is llama-quantize's idea of what a tensor is, taken from its name.
type Category uint8

// The categories. V holds all that passes on values: attn_v, a fused attn_qkv, attn_kv_b.
const (
	Other Category = iota
	Output
	Embed
	V
	K
	Q
	O
	Up
	Gate
	Down
)

// categories are tried in this order; the first text that occurs in a name decides.
var categories = []struct {
	text string
	of   Category
}{
	{"attn_output.weight", O}, {"token_embd.weight", Embed}, {"attn_qkv.weight", V},
	{"attn_kv_b.weight", V}, {"attn_v.weight", V}, {"attn_k.weight", K}, {"attn_q.weight", Q}, {"ffn_up", Up},
	{"ffn_gate", Gate}, {"ffn_down", Down},
}

func categoryOf(name string) Category {
	if name == "output.weight" {
		return Output
	}
	for _, c := range categories {
		if strings.Contains(name, c.text) {
			return c.of
		}
	}
	return Other
}

// A Place is all that a recipe may know of a tensor.
type Place struct {
	Model   Facts
	Layer   int // how many tensors of its category stand in earlier layers
	Count   int // how many tensors of its category stand before it; more where a layer has several
	Cols    int
	Stacked bool           // it is several matrices
	Default *quantize.Type // the recipe's Type
}

// Facts are the numbers of a model that recipes look at.
type Facts struct {
	Arch                            string
	Layers, Heads, KVHeads, Experts int  // layers as often as a text goes through them
	Values                          int  // tensors of V: fewer than layers where some have none
	Imatrix                         bool // there is an importance matrix
}

// A Cond is a condition of a Line.
type Cond func(*Place) bool

// The conditions of llama-quantize's file types.
var (
	gqa4       Cond = func(p *Place) bool { return p.Model.KVHeads > 0 && p.Model.Heads/p.Model.KVHeads >= 4 }
	experts4   Cond = func(p *Place) bool { return p.Model.Experts >= 4 }
	experts8   Cond = func(p *Place) bool { return p.Model.Experts == 8 }
	falcon     Cond = func(p *Place) bool { return p.Model.Arch == "falcon" }
	notFalcon  Cond = func(p *Place) bool { return p.Model.Arch != "falcon" }
	weighed    Cond = func(p *Place) bool { return p.Model.Imatrix }
	unweighed  Cond = func(p *Place) bool { return !p.Model.Imatrix }
	ragged     Cond = func(p *Place) bool { return p.Cols%p.Default.Block != 0 }
	eighth     Cond = func(p *Place) bool { return p.Layer < p.Model.Layers/8 }
	counted8th Cond = func(p *Place) bool { return p.Count < p.Model.Layers/8 }
	middle     Cond = func(p *Place) bool { return p.Layer >= p.Model.Layers/8 && p.Layer < 7*p.Model.Layers/8 }
	single     Cond = func(p *Place) bool { return !p.Stacked }
	sixteenth  Cond = func(p *Place) bool { return p.Layer < p.Model.Layers/16 }
	firstTwo   Cond = func(p *Place) bool { return p.Layer < 2 }
	firstFour  Cond = func(p *Place) bool { return p.Layer < 4 }
	more       Cond = func(p *Place) bool { return moreBits(p.Layer, p.Model.Layers) }
	moreValues Cond = func(p *Place) bool { return moreBits(p.Layer, p.Model.Values) }
	seventyB   Cond = isSeventyB
	seventyGQA Cond = func(p *Place) bool { return isSeventyB(p) && gqa4(p) }
)

// moreBits chooses the first and last eighth of the layers and every third one between.
func moreBits(i, n int) bool { return i < n/8 || i >= 7*n/8 || (i-n/8)%3 == 2 }

// isSeventyB is true for the models that llama.cpp labels 70B, by their number of layers.
func isSeventyB(p *Place) bool {
	m := p.Model
	switch m.Arch {
	case "llama":
		return m.Layers == 80 && m.Heads != m.KVHeads
	case "qwen2", "deci", "olmo":
		return m.Layers == 80
	case "jais2":
		return m.Layers == 68
	}
	return false
}

// The lines that stand at the beginning of nearly every recipe: the output head (or the embedding, where it is the head)
// is worth more bits, and the few shared attention weights of an 8-expert mixture cost next to nothing.
var quantized = []Line{
	{Output, []Cond{falcon}, "Q8_0"},
	{Output, []Cond{ragged}, "Q8_0"},
	{Output, nil, "Q6_K"},
	{V, []Cond{experts8}, "Q8_0"},
	{K, []Cond{experts8}, "Q8_0"},
}

func lines(own ...Line) []Line { return append(append([]Line(nil), quantized...), own...) }

// Choose is the type that the recipe gives to a tensor, before any fallback.
func (r *Recipe) Choose(of Category, p *Place) string {
	for _, l := range r.Lines {
		if l.Of == of && l.holds(p) {
			return l.Type
		}
	}
	return r.Type
}

func (l Line) holds(p *Place) bool {
	for _, c := range l.If {
		if !c(p) {
			return false
		}
	}
	return true
}

var recipes []*Recipe

func register(r Recipe) *Recipe {
	recipes = append(recipes, &r)
	return &r
}

// RecipeNames lists the recipes from the smallest file to the largest.
func RecipeNames() []string {
	all := append([]*Recipe(nil), recipes...)
	sort.SliceStable(all, func(i, j int) bool {
		a, b := quantize.ByName(all[i].Type), quantize.ByName(all[j].Type)
		if a != nil && b != nil && a.BitsPerWeight() != b.BitsPerWeight() {
			return a.BitsPerWeight() < b.BitsPerWeight()
		}
		if all[i].Type != all[j].Type {
			return all[i].Type < all[j].Type
		}
		return rank(all[i].Name) < rank(all[j].Name)
	})
	names := make([]string, len(all))
	for i, r := range all {
		names[i] = r.Name
	}
	return names
}

// rank orders the recipes of one type: extra small, small, medium, large.
func rank(name string) int {
	sizes := []string{"_XXS", "_XS", "_S", "_M", "_L"}
	return slices.IndexFunc(sizes, func(s string) bool { return strings.HasSuffix(name, s) })
}

// Auto stands for F16 or BF16, whichever the checkpoint's first matrix is nearer to; a GGUF keeps the types it has.
var Auto = &Recipe{Name: "auto"}

// RecipeByName finds a recipe by its name or alias in any case.
func RecipeByName(name string) (*Recipe, error) {
	if strings.EqualFold(name, Auto.Name) {
		return Auto, nil
	}
	for _, r := range recipes {
		if strings.EqualFold(r.Name, name) || r.Alias != "" && strings.EqualFold(r.Alias, name) {
			return r, nil
		}
	}
	return nil, fmt.Errorf("type %.60q is not known", name)
}
