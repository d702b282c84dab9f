package arch

import (
	"cmp"
	"math"
	"strconv"
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
	return bindHF(src, nil)
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
	{"*experts*", "experts that config.json does not speak of: is it the one of this checkpoint?"},
	{"*block_sparse_moe*", "experts that config.json does not speak of: is it the one of this checkpoint?"},
	{"*.qweight", "GPTQ or AWQ codes without a quantization_config: config.json is not the one of this checkpoint"},
	{"*.absmax", "bitsandbytes codes: load and save the model in 16 bits first"},
	{"*.SCB", "bitsandbytes codes: load and save the model in 16 bits first"},
	{"*weight_scale*", "weights with scales: config.json lacks its quantization_config"},
	{"model.layers.*", "is num_hidden_layers right?"},
	{"blk.*", "is the block count right?"},
}

func (b *binder) fail(tensor string, err error, hint string) error {
	return &formats.Error{File: b.src.Path, Tensor: tensor, Err: err, Hint: hint}
}

// check refuses hyper-parameters that contradict each other or overflow.
func (p *Params) check() error {
	if err := p.checkSizes(); err != nil {
		return err
	}
	switch {
	case p.Loops < 0 || p.Loops > 512 || p.Layers*max(1, p.Loops) > 512:
		return formats.Unsupported("%d layers, gone through %d times, are more than the 512 that runtimes load", p.Layers, max(1, p.Loops))
	case p.Layers > 512: // the limit of GGUF runtimes
		return formats.Unsupported("%d layers are more than the 512 that runtimes load", p.Layers)
	case !positive(p.NormEps):
		return formats.Corrupt("the norm's epsilon is %v", p.NormEps)
	case p.onlyStates():
		return p.checkState()
	case p.Heads > 1<<16 || p.HeadDim > 1<<12:
		return formats.Corrupt("%d heads of size %d", p.Heads, p.HeadDim)
	case p.KVHeadsIn == nil && p.Heads%p.KVHeads != 0:
		return formats.Corrupt("%d heads cannot share %d key-value heads evenly", p.Heads, p.KVHeads)
	case p.HeadDim%2 != 0:
		return formats.Corrupt("the head size %d is odd, so it cannot be rotated in pairs", p.HeadDim)
	case p.MLA.KV == 0 && (p.RopeDim < 2 || p.RopeDim > p.HeadDim || p.RopeDim%2 != 0):
		return formats.Corrupt("%d of %d dimensions of a head are rotated", p.RopeDim, p.HeadDim)
	case p.ValueDim < 1 || p.ValueDim > 1<<12:
		return formats.Corrupt("values of %d dimensions", p.ValueDim)
	case p.WindowIn != nil && len(p.WindowIn) != p.Layers:
		return formats.Corrupt("windows of %d layers are told in a model of %d", len(p.WindowIn), p.Layers)
	case p.RopeIn != nil && len(p.RopeIn) != p.Layers:
		return formats.Corrupt("rotations of %d layers are told in a model of %d", len(p.RopeIn), p.Layers)
	case !positive(p.RopeBase):
		return formats.Corrupt("the rope base is %v", p.RopeBase)
	case !positive(p.RopeScale):
		return formats.Corrupt("the rope scaling factor is %v", p.RopeScale)
	}
	for _, list := range [][]float32{p.Xielu.AlphaP, p.Xielu.AlphaN, p.Xielu.Beta, p.Xielu.Eps} {
		if list != nil && len(list) != p.Layers {
			return formats.Corrupt("%d numbers of the activation function in a model of %d layers", len(list), p.Layers)
		}
	}
	if err := p.checkNear(); err != nil {
		return err
	}
	if err := p.checkLayers(); err != nil {
		return err
	}
	if err := p.checkKinds(); err != nil {
		return err
	}
	if p.MLA.KV > 0 {
		if err := p.MLA.check(p); err != nil {
			return err
		}
	}
	if err := p.checkState(); err != nil {
		return err
	}
	for _, err := range []error{p.Sparse.check(), p.Stacks.check(), p.Sides.check(p), p.checkSwitch(), p.Hyper.check(), p.NGrams.check(p)} {
		if err != nil {
			return err
		}
	}
	if err := p.Index.check(p); err != nil {
		return err
	}
	if err := cmp.Or(p.Pooled.check(p), p.Caps.check()); err != nil {
		return err
	}
	if err := p.Draft.check(p); err != nil {
		return err
	}
	if p.NearBase != 0 && !positive(p.NearBase) {
		return formats.Corrupt("the rope base of layers with a window is %v", p.NearBase)
	}
	return p.Mix.check()
}

// checkSizes refuses those that no model has. A model of nothing but states has no heads and no feed-forward network.
func (p *Params) checkSizes() error {
	ff, heads := p.FF, [3]int{p.Heads, p.KVHeads, p.HeadDim}
	if p.onlyStates() {
		ff, heads = 1, [3]int{1, 1, 1}
	}
	if ff == 0 && p.State.Size > 0 && p.Mix.Count > 0 && p.Mix.Dense == 0 && p.Mix.Every < 2 { // no layer has one, and files need not tell it
		ff = 1
	}
	vocab := p.Vocab
	if vocab == 0 && p.Draft.Block > 0 { // the target tells
		vocab = 1
	}
	for _, f := range []struct {
		name string
		n    int
	}{{"number of layers", p.Layers}, {"context length", p.Context}, {"embedding length", p.Embd}, {"feed-forward length", ff},
		{"number of heads", heads[0]}, {"number of key-value heads", heads[1]}, {"head size", heads[2]}, {"vocabulary size", vocab}} {
		if f.n <= 0 || f.n > 1<<27 {
			return formats.Corrupt("the %s is %d", f.name, f.n)
		}
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

func dropped(patterns []string, name string, layers int) bool {
	for _, p := range patterns {
		if match(p, name) || beyond(p, name, layers) {
			return true
		}
	}
	return false
}

// beyond is a pattern for the layers of a model that follow its last: "{+}" for a number that is none of its layers'.
func beyond(pattern, name string, layers int) bool {
	before, after, ok := strings.Cut(pattern, "{+}")
	rest, found := strings.CutPrefix(name, before)
	if !ok || !found {
		return false
	}
	digits, rest, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(digits)
	return err == nil && n >= layers && match(after, "."+rest)
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
