package convert

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"quern/formats"
	"quern/quantize"
)

// A chooser decides the storage type of each tensor of one model.
type chooser struct {
	recipe    *Recipe
	opt       Options
	facts     Facts
	fromGGUF  bool // kept tensors stay as they are stored, where a Hugging Face checkpoint is first brought into GGUF's form
	tied      bool
	base      *quantize.Type // the recipe's Type
	output    *quantize.Type // Options.OutputTensorType
	embedding *quantize.Type // Options.TokenEmbeddingType
	overrides []*override
	layer     map[string]int // the place of a tensor among those of its category, or its layer's number
	count     map[string]int // the place of a tensor among those of its category
}

// A choice is a type; where it is not the one that was wanted, that one, and why.
type choice struct {
	to       *quantize.Type
	instead  *quantize.Type
	fallback string
}

func newChooser(r *Recipe, opt Options, facts Facts, names []string, fromGGUF bool) (*chooser, error) {
	c := &chooser{recipe: r, opt: opt, facts: facts, fromGGUF: fromGGUF, tied: true, base: quantize.ByName(r.Type)}
	var err error
	if c.base == nil {
		return nil, formats.Unsupported("recipe %s needs storage type %s", r.Name, r.Type)
	}
	if c.output, err = typeByName(opt.OutputTensorType); err != nil {
		return nil, fmt.Errorf("output tensor type: %w", err)
	}
	if c.embedding, err = typeByName(opt.TokenEmbeddingType); err != nil {
		return nil, fmt.Errorf("token embedding type: %w", err)
	}
	if c.overrides, err = parseTensorTypes(opt.TensorTypes); err != nil {
		return nil, err
	}
	for _, n := range names {
		if n == "output.weight" {
			c.tied = false
		}
		if categoryOf(n) == V {
			c.facts.Values++
		}
	}
	c.layer, c.count = places(names, facts.Experts)
	return c, nil
}

var blockNumber = regexp.MustCompile(`^((?:enc|dec)\.)?blk\.(\d+)\.`)

// places counts, within each category, the tensors in the order of their layers: the count is what recipes mean by a
// layer. Those of an encoder and of a decoder have no order for llama-quantize but that of their names. In a mixture of experts the feed-forward tensors of a layer are several, and the layer's number counts.
func places(names []string, experts int) (layer, count map[string]int) {
	place, count := map[string]int{}, map[string]int{}
	lists := map[Category][]string{}
	for _, n := range names {
		m := blockNumber.FindStringSubmatch(n)
		if m == nil || !strings.HasSuffix(n, "weight") {
			continue
		}
		if place[n] = -1; m[1] == "" {
			place[n], _ = strconv.Atoi(m[2])
		}
		lists[categoryOf(n)] = append(lists[categoryOf(n)], n)
	}
	for of, list := range lists {
		sort.Slice(list, func(i, j int) bool {
			if a, b := place[list[i]], place[list[j]]; a != b {
				return a < b
			}
			return list[i] < list[j]
		})
		for i, n := range list {
			count[n] = i
		}
		if experts > 1 && (of == Down || of == Up || of == Gate) {
			continue
		}
		for i, n := range list {
			place[n] = i
		}
	}
	return place, count
}

// kept are the matrices that no recipe touches; the reference converter stores them in single precision.
var kept = regexp.MustCompile(`_norm\.weight$|ffn_gate_inp(_shexp)?\.weight$|ffn_gate_tid2eid\.weight$|altup|laurel|per_layer_model_proj|` +
	`^position_embd\.weight$|^token_types\.weight$|ssm_conv1d|shortconv\.conv\.weight$|attn_rel_b\.weight$|` +
	`indexer\.[kq]_proj\.weight$|time_mix_(first|w[0-2]|v[0-2]|a[0-2]|g[12]|decay_w[12]|lerp_fused)\.weight$`)

// singly are further matrices that it stores so; they steer all of a layer, and are next to nothing in size. llama-quantize takes them as any other, and so does its encoder here.
var singly = regexp.MustCompile(`hc_(attn|ffn)_fn\.weight$|^output_hc_fn\.weight$|indexer\.proj\.weight$|_compressor_ape\.weight$`)

// half are those of them that it stores in 16 bits in a file of that type.
var half = regexp.MustCompile(`^per_layer_model_proj\.weight$|altup_(router|proj|unembd_proj)\.weight$|laurel_[lr]\.weight$|time_mix_([av][12]|g[12])\.weight$`)

// quantizable says whether a recipe speaks of a tensor at all.
func quantizable(name string, shape []int) bool {
	return len(shape) >= 2 && strings.HasSuffix(name, "weight") && !kept.MatchString(name)
}

// vector says of a matrix that it has one row, which llama-quantize takes for a vector: an output for one class, say.
func vector(shape []int) bool {
	for _, d := range shape[:len(shape)-1] {
		if d > 1 {
			return false
		}
	}
	return true
}

// choose decides for one tensor.
func (c *chooser) choose(name string, shape []int, from *quantize.Type) (choice, error) {
	if c.opt.asStored {
		return choice{to: from}, nil
	}
	if from == quantize.I32 {
		return choice{to: from}, nil // a table
	}
	if c.opt.bridging && from.Block > 1 && from.ID != quantize.NoID {
		return choice{to: from}, nil // blocks of a GGUF type already
	}
	if !quantizable(name, shape) || c.near(name) || (c.opt.Convert || !c.opt.Ggml) && singly.MatchString(name) || !c.opt.Convert && vector(shape) || name == "output.weight" && c.opt.LeaveOutputTensor && c.output == nil {
		return choice{to: c.keep(name, shape, from)}, nil
	}
	cols := shape[len(shape)-1]
	want, err := c.want(name, shape)
	if err != nil {
		return choice{}, err
	}
	to, why := fit(want, cols, c.opt.Ggml)
	if why != "" && c.opt.Strict {
		return choice{}, &formats.Error{Err: formats.Unsupported("%s", why),
			Hint: "--plan without --strict shows all such tensors and what they cost; --tensor-type 'NAME=TYPE' gives them one whose blocks fit"}
	}
	return choice{to, want, why}, nil
}

// want is the type before any fallback: flags for one tensor, then patterns, then the recipe.
func (c *chooser) want(name string, shape []int) (*quantize.Type, error) {
	of := categoryOf(name)
	switch {
	case of == Embed && c.embedding != nil:
		return c.embedding, nil
	case c.output != nil && (of == Output || of == Embed && c.tied):
		return c.output, nil
	}
	for _, o := range c.overrides {
		if o.re.MatchString(name) {
			o.used = true
			return o.to, nil
		}
	}
	if c.opt.Pure || c.opt.Convert {
		return c.base, nil
	}
	if of == Embed && c.tied {
		of = Output
	}
	chosen := c.recipe.Choose(of, &Place{Model: c.facts, Layer: c.layer[name], Count: c.count[name],
		Cols: shape[len(shape)-1], Stacked: len(shape) > 2 && shape[len(shape)-3] > 1, Default: c.base})
	t := quantize.ByName(chosen)
	if t == nil {
		return nil, formats.Unsupported("recipe %s needs storage type %s", c.recipe.Name, chosen)
	}
	return c.nearer(name, t), nil
}

// fit goes down llama-quantize's chain of fallbacks until rows are whole blocks; its end is F16, which fits everything. Unless its
// choices are asked for, what takes its place loses the least of all types that fit and are no larger.
func fit(want *quantize.Type, cols int, ggml bool) (*quantize.Type, string) {
	to := want
	for cols%to.Block != 0 {
		if to.Fallback == nil || to.Fallback.Block >= to.Block {
			to = quantize.ByName("F16")
			break
		}
		to = to.Fallback
	}
	if to == want {
		return to, ""
	}
	if !ggml {
		to = leastError(to, cols)
	}
	return to, fmt.Sprintf("%s instead of %s: rows of %d are not whole blocks of %d", to.Name, want.Name, cols, want.Block)
}

// leastError is the type with the least error, by the bound that each type keeps on normally distributed weights, that is no larger
// than one that fits.
func leastError(than *quantize.Type, cols int) *quantize.Type {
	best := than
	for _, t := range quantize.Types() {
		if t.Encode != nil && t.ID != quantize.NoID && t.MaxRMSE > 0 && !t.NeedsImportance && t.Factor == 0 && cols%t.Block == 0 &&
			t.BitsPerWeight() <= than.BitsPerWeight() && t.MaxRMSE < best.MaxRMSE {
			best = t
		}
	}
	return best
}

// keep is the type of a tensor that no recipe touches: as it is stored in a GGUF file; from a Hugging Face checkpoint
// vectors and the small matrices that runtimes want exact become F32, others stay in 16 bits.
func (c *chooser) keep(name string, shape []int, from *quantize.Type) *quantize.Type {
	if c.fromGGUF && !c.opt.Convert {
		return from
	}
	if len(shape) >= 2 && !kept.MatchString(name) && strings.HasSuffix(name, "weight") && (from.Name == "F16" || from.Name == "BF16") {
		return from
	}
	if wide := c.base; (half.MatchString(name) || matches(nearnesses[c.facts.Arch].half, name)) && (wide.Name == "F16" || wide.Name == "BF16") {
		return wide
	}
	return quantize.ByName("F32")
}

// unused names the patterns that matched nothing.
func (c *chooser) unused() []string {
	var out []string
	for _, o := range c.overrides {
		if !o.used {
			out = append(out, fmt.Sprintf("tensor type %q matches no tensor that may be quantized", o.text))
		}
	}
	return out
}
