package arch

import (
	"slices"
	"strings"

	"quern/formats"
)

// What the families have in common that are older than llama: norms that take the mean away and have biases, matrices with biases, queries,
// keys and values in one matrix, no gate.

// meanKeys are keys with the epsilon of such norms instead of the other.
func meanKeys(keys []Key) []Key {
	out := slices.Clone(keys)
	for i, k := range out {
		if k.GGUF == "{a}.attention.layer_norm_rms_epsilon" {
			out[i] = Key{GGUF: "{a}.attention.layer_norm_epsilon", HF: []string{"layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps"}, Field: k.Field}
		}
	}
	return out
}

// shapeKeysBut are shapeKeys without some.
func shapeKeysBut(names ...string) []Key {
	return slices.DeleteFunc(slices.Clone(shapeKeys), func(k Key) bool { return slices.Contains(names, strings.TrimPrefix(k.GGUF, "{a}.")) })
}

var tellable = slices.Concat(shapeKeys, meanKeys(shapeKeys))

// told is one of shapeKeys, or the epsilon of meanKeys, under the names that a family's config.json has for it.
func told(name string, hf ...string) Key {
	for _, k := range tellable {
		if k.GGUF == "{a}."+name {
			k.HF = hf
			return k
		}
	}
	panic("no key " + name)
}

// quiet are keys that a family's files leave out because they follow from others. Where they are there, they count.
func quiet(keys ...Key) []Key { return when(never, keys) }

// impliedHead are the sizes of a head where the library takes them to follow from others, and some of its classes refuse to be told.
var impliedHead = func() []Key {
	keys := headKeys(never)
	for i := range keys {
		keys[i].HF = nil
	}
	return keys
}()

// stillKeys are those of heads in families that rotate nothing.
var stillKeys = slices.Concat(impliedHead, sizeKeys(never), quiet(named("rope.freq_base", "rope.scaling.type", "rope.scaling.factor")...))

// otherRope are keys of rotations that a family's reference files leave out: runtimes assume a base of 10000 and no scaling. They are written
// where that would be another model.
var otherRope = slices.Concat(
	when(func(p *Params) bool { return p.RopeBase != 10000 }, named("rope.freq_base")),
	named("rope.scaling.type", "rope.scaling.factor"),
)

// meanNorms is rules with one more behind that of each norm of the stream, for its biases.
func meanNorms(rules []Rule) (out []Rule) {
	for _, r := range rules {
		if slices.Contains([]Role{RoleAttnNorm, RoleFFNNorm, RoleOutputNorm}, r.Role) {
			out = append(out, biased(r)...)
			continue
		}
		out = append(out, r)
	}
	return out
}

// only is the rules of some roles.
func only(rules []Rule, roles ...Role) []Rule {
	return slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return !slices.Contains(roles, r.Role) })
}

// whenSerial is rules of tensors that a model has whose parts of a layer come one after the other.
func whenSerial(rules []Rule) (out []Rule) {
	for _, r := range rules {
		r.When = func(p *Params, _ int) bool { return !p.Parallel }
		out = append(out, r)
	}
	return out
}

// fourfold is the width of a feed-forward network that is four times the embedding where nothing else is said.
func fourfold(k Key) Key {
	k.Default = func(p *Params) { p.FF = 4 * p.Embd }
	return k
}

// parallelKey says whether both parts of a layer are given the same.
var parallelKey = Key{GGUF: "{a}.use_parallel_residual", HF: []string{"use_parallel_residual"}, Field: func(p *Params) any { return &p.Parallel }, Default: nothing}

// Activations are kinds of GELU by their names in config.json, and what some families have instead.
var Activations = map[string]Activation{"silu": SiLU, "gelu": GELU, "gelu_fast": GELUTanh, "gelu_new": GELUTanh, "gelu_pytorch_tanh": GELUTanh, "relu": ReLU, "relu2": ReLU2}

// geluKey is the kind of GELU, which config.json names. Files tell it where it is not the usual one of the family; runtimes take all kinds to be
// the approximation.
func geluKey(hf, usual string) Key {
	return Key{GGUF: "{a}.hidden_activation", HF: []string{hf}, Field: func(p *Params) any { return &p.Act },
		Default: func(p *Params) { p.Act = usual }, When: func(p *Params) bool { return Activations[p.Act] != Activations[usual] }}
}

// geluOnly refuses functions that are no kind of GELU.
func geluOnly(hf string) Refusal {
	return Refusal{HF: hf, Unless: []string{"gelu_new", "gelu", "gelu_fast", "gelu_pytorch_tanh"}, Why: "its activation function is no GELU"}
}

// biased is rules with one more behind each, for the biases of its outputs.
func biased(rules ...Rule) (out []Rule) {
	for _, r := range rules {
		b := r
		b.GGUF, b.HF = bias(r.GGUF), bias(r.HF)
		b.Shape, _, _ = strings.Cut(r.Shape, " ")
		if b.From = ""; r.Do.Turned || r.Do.Name == PlusOne.Name { // a vector has no columns, and biases are stored as they are
			b.Do = Op{}
		}
		out = append(out, r, b)
	}
	return out
}

func bias(name string) string { return strings.TrimSuffix(name, "weight") + "bias" }

// TurnMatrix makes rows of columns: older matrices of the library hold inputs first.
var TurnMatrix = Op{Name: "turn", Forward: turnOne, Inverse: turnOne, Turned: true}

func turnOne(t *formats.Tensor, _ *Params) *formats.Tensor {
	n := *t
	n.Shape = []int{1, t.Shape[0], t.Shape[1]}
	n = *turned(&n)
	n.Shape = n.Shape[1:]
	return &n
}

// Ungroup brings rows from groups of some heads of queries, their key and their value to all queries, all keys, all values.
var Ungroup = Op{Name: "ungroup",
	Forward: func(t *formats.Tensor, p *Params) *formats.Tensor { return permuted(t, fromGroups(p, false)) },
	Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor { return permuted(t, fromGroups(p, true)) },
}

// fromGroups is the row of the source that becomes row i, or the other way round.
func fromGroups(p *Params, inverse bool) func(i int) int {
	d, kv := p.HeadDim, p.KVHeads
	share := p.Heads / kv
	all := share + 2
	if inverse {
		return func(i int) int {
			group, in, at := i/d/all, i/d%all, i%d
			switch in {
			case share:
				return (p.Heads+group)*d + at
			case share + 1:
				return (p.Heads+kv+group)*d + at
			}
			return (group*share+in)*d + at
		}
	}
	return func(i int) int {
		head, at := i/d, i%d
		switch {
		case head < p.Heads:
			return (head/share*all+head%share)*d + at
		case head < p.Heads+kv:
			return ((head-p.Heads)*all+share)*d + at
		}
		return ((head-p.Heads-kv)*all+share+1)*d + at
	}
}
