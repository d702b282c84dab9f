package arch

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"quern/formats"
)

// Bind understands a checkpoint: a Hugging Face folder, a safetensors file beside a config.json, or a GGUF file. Only
// headers are read (and rope_freqs.weight, which is a hyper-parameter in the dress of a tensor). What is not understood is
// an error that names it.
func Bind(src *formats.Source) (*Bound, error) {
	if src.Format != nil && src.Format.Name == "gguf" {
		return bindGGUF(src)
	}
	return bindHF(src)
}

// A binder places the tensors of one source.
type binder struct {
	src    *formats.Source
	bound  *Bound
	name   func(*Rule) string  // the rule's name on the source's side
	clean  func(string) string // a source name as the rules spell it
	op     func(*Rule) func(*formats.Tensor, *Params) *formats.Tensor
	ignore []string // keys of config.json that mean nothing for this variant
	expect map[string]Origin
	order  []string // the names in expect, in the order of the rules
	found  map[string]bool

	companions map[string]*formats.Tensor // by the weight that they belong to; nil for formats that have none
}

// place gives every source tensor its rule, and sees that every rule found its tensors.
func (b *binder) place() error {
	a, p := b.bound.Arch, &b.bound.Params
	b.expect, b.found = map[string]Origin{}, map[string]bool{}
	for i := range a.Tensors {
		r := &a.Tensors[i]
		for l, name := range r.names(b.name(r), p) {
			b.expect[name] = Origin{Rule: r, Layer: l}
			b.order = append(b.order, name)
		}
	}
	for _, t := range b.src.Tensors {
		name := b.clean(t.Name)
		o, ok := b.expect[name]
		switch {
		case ok && b.found[name]:
			return b.fail(t.Name, formats.Corrupt("there twice, as %q and without its prefix", name), "")
		case ok:
			b.found[name] = true
			o.Source = t.Name
			if err := b.add(t, o); err != nil {
				return err
			}
		case b.companion(t):
		case dropped(a.Drop, name):
			b.bound.Dropped = append(b.bound.Dropped, t.Name)
		default:
			return b.unknown(t)
		}
	}
	if err := b.missing(); err != nil {
		return err
	}
	return b.scale()
}

// names yields the source names of a rule with their layers.
func (r *Rule) names(name string, p *Params) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		if name == "" {
			return
		}
		before, after, perLayer := strings.Cut(name, "{}")
		if !perLayer {
			yield(-1, name)
			return
		}
		for l := range p.Layers {
			if !yield(l, fmt.Sprintf("%s%d%s", before, l, after)) {
				return
			}
		}
	}
}

// add checks the shape of t and appends it under its GGUF name.
func (b *binder) add(t *formats.Tensor, o Origin) error {
	p := &b.bound.Params
	want := o.Rule.Dims(p)
	if !equal(t.Shape, want) {
		hint := ""
		if o.Rule.Role == RoleEmbed && len(t.Shape) == 2 && t.Shape[1] == p.Embd {
			hint = fmt.Sprintf("the vocabulary was resized: vocab_size should say %d", t.Shape[0])
		}
		return b.fail(t.Name, formats.Corrupt("has shape %v, but the model's hyper-parameters say %v (%s)", t.Shape, want, o.Rule.Shape), hint)
	}
	n := *t
	if do := b.op(o.Rule); do != nil {
		n = *do(t, p)
	}
	n.Name = layerName(o.Rule.GGUF, o.Layer)
	b.bound.Tensors = append(b.bound.Tensors, &n)
	b.bound.Origins = append(b.bound.Origins, o)
	return nil
}

// Dims is the shape that a rule demands.
func (r *Rule) Dims(p *Params) []int {
	var d []int
	for _, letter := range strings.Fields(r.Shape) {
		d = append(d, p.Dim(letter))
	}
	return d
}

func layerName(name string, layer int) string {
	return strings.Replace(name, "{}", fmt.Sprint(layer), 1)
}

// unknown refuses a tensor that no rule speaks of.
func (b *binder) unknown(t *formats.Tensor) error {
	hint := "a part of the model that the " + b.bound.Arch.Name + " family does not have; dropping it could change what the model computes"
	for _, f := range foreign {
		if match(f.pattern, t.Name) {
			hint = f.hint
			break
		}
	}
	return b.fail(t.Name, formats.Unsupported("no rule for this tensor in architecture %q (%d layers)", b.bound.Arch.Name, b.bound.Params.Layers), hint)
}

// foreign names what strangers in a checkpoint usually are.
var foreign = []struct{ pattern, hint string }{
	{"*lora_*", "an adapter: merge it into its base model first"},
	{"*experts*", "a mixture of experts is another family"},
	{"*block_sparse_moe*", "a mixture of experts is another family"},
	{"*.qweight", "GPTQ or AWQ codes without a quantization_config: config.json is not the one of this checkpoint"},
	{"*.absmax", "bitsandbytes codes: load and save the model in 16 bits first"},
	{"*.SCB", "bitsandbytes codes: load and save the model in 16 bits first"},
	{"*weight_scale*", "weights with scales: config.json lacks its quantization_config"},
	{"model.layers.*", "is num_hidden_layers right?"},
	{"blk.*", "is the block count right?"},
}

// missing refuses a checkpoint in which a rule found nothing.
func (b *binder) missing() error {
	var names []string
	for _, name := range b.order {
		if !b.found[name] && !b.expect[name].Rule.Optional {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return b.flags()
	}
	return b.fail(names[0], formats.Corrupt("missing (%d tensors in all)", len(names)), "is a shard of the checkpoint missing, or its index out of date?")
}

// flags compares the optional tensors with what config.json says of them. A bias in the file that the flag denies would be
// ignored by the library that trained it, and used by a runtime that finds it: no good guess.
func (b *binder) flags() error {
	c := b.bound.Config
	if c == nil {
		return nil
	}
	for _, name := range b.order {
		o := b.expect[name]
		if o.Rule.Flag == "" {
			continue
		}
		want, err := c.Bool(o.Rule.Flag)
		if err != nil {
			return err
		}
		want = want && !slices.Contains(b.ignore, o.Rule.Flag)
		if want && !b.found[name] {
			return b.fail(name, formats.Corrupt("missing, but config.json says %s", o.Rule.Flag), "")
		}
		if !want && b.found[name] {
			return b.fail(name, formats.Corrupt("there, but config.json does not say %s", o.Rule.Flag),
				fmt.Sprintf("if the model was trained with it, set %q to true in config.json", o.Rule.Flag))
		}
	}
	return nil
}

func (b *binder) fail(tensor string, err error, hint string) error {
	return &formats.Error{File: b.src.Path, Tensor: tensor, Err: err, Hint: hint}
}

// check refuses hyper-parameters that contradict each other or overflow.
func (p *Params) check() error {
	for _, f := range []struct {
		name string
		n    int
	}{{"number of layers", p.Layers}, {"context length", p.Context}, {"embedding length", p.Embd}, {"feed-forward length", p.FF},
		{"number of heads", p.Heads}, {"number of key-value heads", p.KVHeads}, {"head size", p.HeadDim}, {"vocabulary size", p.Vocab}} {
		if f.n <= 0 || f.n > 1<<27 {
			return formats.Corrupt("the %s is %d", f.name, f.n)
		}
	}
	switch {
	case p.Layers > 512: // the limit of GGUF runtimes
		return formats.Unsupported("%d layers are more than the 512 that runtimes load", p.Layers)
	case p.Heads > 1<<16 || p.HeadDim > 1<<12:
		return formats.Corrupt("%d heads of size %d", p.Heads, p.HeadDim)
	case p.Heads%p.KVHeads != 0:
		return formats.Corrupt("%d heads cannot share %d key-value heads evenly", p.Heads, p.KVHeads)
	case p.HeadDim%2 != 0:
		return formats.Corrupt("the head size %d is odd, so it cannot be rotated in pairs", p.HeadDim)
	case p.RopeDim != p.HeadDim:
		return formats.Unsupported("%d of %d dimensions of a head are rotated; this family rotates all", p.RopeDim, p.HeadDim)
	case p.ValueDim != p.HeadDim:
		return formats.Unsupported("values have %d dimensions and keys %d; this family has one size", p.ValueDim, p.HeadDim)
	case !positive(p.NormEps):
		return formats.Corrupt("the norm's epsilon is %v", p.NormEps)
	case !positive(p.RopeBase):
		return formats.Corrupt("the rope base is %v", p.RopeBase)
	case !positive(p.RopeScale):
		return formats.Corrupt("the rope scaling factor is %v", p.RopeScale)
	}
	return nil
}

func positive(x float32) bool { return x > 0 && x <= math.MaxFloat32 }

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func dropped(patterns []string, name string) bool {
	for _, p := range patterns {
		if match(p, name) {
			return true
		}
	}
	return false
}

// match compares name with a pattern in which "*" stands for any text.
func match(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	if !strings.HasPrefix(name, parts[0]) {
		return false
	}
	name = name[len(parts[0]):]
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name = name[i+len(part):]
	}
	return strings.HasSuffix(name, parts[last])
}
