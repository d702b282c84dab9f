package arch

import (
	"encoding/json"
	"math"
	"slices"

	"quern/formats"
)

// Mamba2LM is the family of Mamba 2 (arXiv:2405.21060): layers of nothing else.
var Mamba2LM = register(Arch{
	Name:   "mamba2",
	Prefix: "backbone.",
	Strip:  []string{"model."}, // Codestral Mamba, as it was published
	Variants: []Variant{
		{Type: "mamba2", HF: []string{"Mamba2ForCausalLM"}, If: notPublished, Defaults: map[string]any{
			"vocab_size": 32768, "hidden_size": 4096, "state_size": 128, "num_hidden_layers": 64, "layer_norm_epsilon": 1e-5, "conv_kernel": 4, "n_groups": 8, "tie_word_embeddings": false,
		}},
		{Type: "mamba2_ssm", HF: []string{"Mamba2ForCausalLM"}, If: published, Defaults: map[string]any{
			"state_size": 128, "layer_norm_epsilon": 1e-5, "conv_kernel": 4, "n_groups": 1, "tie_word_embeddings": true,
		}},
	},
	Keys: slices.Concat(stateShape, ssmKeys(stateNames, "conv_kernel", "inner_size", "state_size"), []Key{
		{GGUF: "{a}.ssm.time_step_rank", Field: func(p *Params) any { return &p.State.Heads }, Default: nothing}, // Finish
		{GGUF: "{a}.ssm.group_count", HF: []string{"n_groups", "ssm_cfg.ngroups"}, Field: func(p *Params) any { return &p.State.Groups }},
		stateEps,
		{GGUF: "general.file_type"},
	}),
	Tensors: slices.Concat(stateEmbeds, mamba2("backbone.layers.{}.mixer"), stateEnds),
	Refuse:  pureRefuses,
	Layer:   Layer{Keeper: Mamba2},
	Finish:  finishMamba2,
})

// finishMamba2 reads how many heads there are, which follows from the size of one.
func finishMamba2(c *Config, p *Params) error {
	if err := plainSizes(c, p); err != nil {
		return err
	}
	size, key := 64, c.known("head_dim", "ssm_cfg.headdim")
	if v, _ := c.Value(key); v != nil {
		if err := c.assign(key, v, &size); err != nil {
			return err
		}
	}
	if size < 1 || p.State.Inner%size != 0 {
		return c.fail(key, formats.Corrupt("%d numbers are no heads of %d", p.State.Inner, size), "")
	}
	p.State.Heads = p.State.Inner / size
	if v, _ := c.Value("num_heads"); v != nil {
		if n, ok := number(v); !ok || n != float64(p.State.Heads) {
			return c.fail("num_heads", formats.Corrupt("is %v; %d numbers are %d heads of %d", v, p.State.Inner, p.State.Heads, size), "")
		}
	}
	return freeSteps(c)
}

// tellMamba2 is the way back.
func tellMamba2(p *Params) map[string]any {
	out := tellMamba(p)
	out["num_heads"], out["head_dim"], out["time_step_rank"] = p.State.Heads, p.State.Inner/p.State.Heads, "auto"
	return out
}

// ssmKeys are the sizes of a state-space model, by their names in GGUF; hf are those in config.json.
func ssmKeys(hf map[string][]string, names ...string) (keys []Key) {
	fields := map[string]func(*Params) any{
		"conv_kernel": func(p *Params) any { return &p.State.Conv }, "inner_size": func(p *Params) any { return &p.State.Inner },
		"state_size": func(p *Params) any { return &p.State.Size }, "time_step_rank": func(p *Params) any { return &p.State.Heads },
		"group_count": func(p *Params) any { return &p.State.Groups },
	}
	for _, name := range names {
		k := Key{GGUF: "{a}.ssm." + name, HF: hf[name], Field: fields[name]}
		if name == "inner_size" && k.HF == nil { // follows from others (Finish)
			k.Default = nothing
		}
		keys = append(keys, k)
	}
	return keys
}

// mamba2 are the tensors of Mamba 2 in layers that keep a state; at is where they are in a checkpoint. What decays is stored as a logarithm there, and dt_bias as it is.
func mamba2(at string) []Rule {
	return in(keeps, []Rule{
		{GGUF: "blk.{}.ssm_in.weight", HF: at + ".in_proj.weight", Role: RoleStateIn, Shape: "SP E"},
		{GGUF: "blk.{}.ssm_conv1d.weight", HF: at + ".conv1d.weight", Role: RoleStateConv, Shape: "SW SC", From: "SW 1 SC", Do: squeezed},
		{GGUF: "blk.{}.ssm_conv1d.bias", HF: at + ".conv1d.bias", Role: RoleStateConv, Shape: "SW"},
		{GGUF: "blk.{}.ssm_dt.bias", HF: at + ".dt_bias", Role: RoleStateTime, Shape: "SH"},
		{GGUF: "blk.{}.ssm_a", HF: at + ".A_log", Role: RoleStateDecay, Shape: "SH 1", From: "SH", Do: negativeExp},
		{GGUF: "blk.{}.ssm_d", HF: at + ".D", Role: RoleStatePast, Shape: "SH 1", From: "SH", Do: columned},
		{GGUF: "blk.{}.ssm_norm.weight", HF: at + ".norm.weight", Role: RoleStateNorm, Shape: "SG SIG", From: "SI", Do: stateGroups},
		{GGUF: "blk.{}.ssm_out.weight", HF: at + ".out_proj.weight", Role: RoleStateOut, Shape: "E SI"},
	})
}

// stateRefuses are what no file tells of Mamba 2, under the names that config.json has for it in families with other layers beside.
var stateRefuses = []Refusal{
	{HF: "mamba_conv_bias", Unless: []string{"true"}, Why: "convolutions without biases"},
	{HF: "mamba_proj_bias", Unless: []string{"false"}, Why: "projections with biases"},
}

// The shapes of numbers of heads and of norms of groups, which are rows of one number, and of a group's.
var (
	columned    = reshaped("one in a row", func(p *Params) []int { return []int{p.State.Heads, 1} })
	stateGroups = reshaped("groups", func(p *Params) []int { return []int{p.State.Groups, p.State.Inner / max(1, p.State.Groups)} })
)

// reshaped is a vector as a matrix.
func reshaped(name string, shape func(*Params) []int) Op {
	return Op{Name: name,
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
			n := shapedAs(t, shape(p)...)
			if t.Rows != nil {
				n.Rows = rowsOfVector{t.Rows, t.Shape[0], n.Cols()}
			}
			return n
		},
		Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor { return shapedAs(t, t.Shape[0]*t.Shape[1]) },
	}
}

type rowsOfVector struct {
	rows      formats.Rows
	all, cols int
}

func (r rowsOfVector) ReadRows(dst []float32, row int) error {
	whole := make([]float32, r.all)
	if err := r.rows.ReadRows(whole, 0); err != nil {
		return err
	}
	copy(dst, whole[row*r.cols:])
	return nil
}

// inColumn is an operation whose results are rows of one number.
func inColumn(op Op) Op {
	return Op{Name: op.Name + ", one in a row", Near: op.Near, Rounds: op.Rounds,
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor { return columned.Forward(op.Forward(t, p), p) },
		Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor { return op.Inverse(columned.Inverse(t, p), p) },
	}
}

// negativeExp is -e^x of every number, in rows of one; negativeExps likewise of a matrix. Their inverses give numbers of which they make the same again.
var (
	negativeExp  = inColumn(negativeExps)
	negativeExps = Op{Name: "negative exponentials", Near: true,
		Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor {
			return mapped(t, func(x float32) float32 { return -float32(Exponential(float64(x))) })
		},
		Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor {
			return mapped(t, func(x float32) float32 {
				switch {
				case x >= -math.MaxFloat32 && x < 0:
					return float32(Natural(-float64(x)))
				case x == 0: // e^x of anything small enough
					return -200
				}
				return -x // not a number, or infinite; above zero: no model has it
			})
		},
	}
)

// freeSteps refuses limits of time steps, which runtimes do not have.
func freeSteps(c *Config) error {
	const key = "time_step_limit"
	v, _ := c.Value(key)
	if v == nil {
		return nil
	}
	list, _ := v.([]any)
	if len(list) == 2 {
		low, ok := number(list[0])
		if word, is := list[1].(map[string]any); is && ok && low <= 0 && word["__float__"] == "Infinity" {
			return nil
		}
		high, _ := list[1].(json.Number)
		if f, err := high.Float64(); ok && low <= 0 && (err != nil && f > 0 || f >= math.MaxFloat32) {
			return nil
		}
	}
	return c.fail(key, formats.Unsupported("time steps have limits, which runtimes do not know"), "")
}

// stateWords reads which layers keep a state where config.json has a word for each: those of keeping, or those of attention.
func stateWords(c *Config, p *Params, key string, keeping, attention []string) error {
	v, _ := c.Value(key)
	list, ok := v.([]any)
	if !ok || len(list) != p.Layers {
		return c.wrong(key, v, "a word for each layer")
	}
	in := make([]bool, p.Layers)
	for i, x := range list {
		word, _ := x.(string)
		if in[i] = slices.Contains(keeping, word); !in[i] && !slices.Contains(attention, word) {
			return c.fail(key, formats.Unsupported("layer %d is %.60q, which is not known for this family", i, word), "")
		}
	}
	p.keepInstead(in)
	return nil
}

// keepInstead says which layers keep a state instead of attention.
func (p *Params) keepInstead(in []bool) {
	p.KVHeadsIn, p.State.In = nil, nil
	for _, keep := range in {
		n := p.KVHeads
		if keep {
			n = 0
		}
		p.KVHeadsIn = append(p.KVHeadsIn, int32(n))
	}
	instead.Default(p)
}
