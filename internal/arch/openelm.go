package arch

import (
	"fmt"
	"math"
	"slices"
)

// OpenELM is the family of that name: layers that grow in heads and width from the first to the last, heads that are normed and rotated in halves.
var OpenELM = register(Arch{
	Name:   "openelm",
	Prefix: "transformer.",
	Variants: []Variant{{
		Type:     "openelm",
		HF:       []string{"OpenELMForCausalLM"},
		Defaults: map[string]any{"max_context_length": 2048, "rope_freq_constant": 10000.0, "ffn_dim_divisor": 256, "head_dim": 128, "tie_word_embeddings": true},
	}},
	Keys: slices.Concat([]Key{
		told("block_count", "num_transformer_layers"),
		told("context_length", "max_context_length"),
		told("embedding_length", "model_dim"),
	}, layerKeys(map[string]string{"attention.head_count": "num_query_heads", "attention.head_count_kv": "num_kv_heads"},
		"feed_forward_length", "attention.head_count", "attention.head_count_kv"), []Key{
		told("rope.freq_base", "rope_freq_constant"),
		{GGUF: "{a}.attention.layer_norm_rms_epsilon", Field: func(p *Params) any { return &p.NormEps }, Default: func(p *Params) { p.NormEps = 1e-6 }},
		{GGUF: "{a}.rope.dimension_count", HF: []string{"head_dim"}, Field: func(p *Params) any { return &p.RopeDim }},
	}, headKeys(always), []Key{{GGUF: "general.file_type"}}, quiet(named("rope.scaling.factor")...), sizeKeys(never)[:1]),
	Tensors: []Rule{
		{GGUF: "token_embd.weight", HF: "transformer.token_embeddings.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "blk.{}.attn_norm.weight", HF: "transformer.layers.{}.attn_norm.weight", Role: RoleAttnNorm, Shape: "E"},
		{GGUF: "blk.{}.attn_qkv.weight", HF: "transformer.layers.{}.attn.qkv_proj.weight", Role: RoleQ, And: keysValues, Shape: "A E"},
		{GGUF: "blk.{}.attn_q_norm.weight", HF: "transformer.layers.{}.attn.q_norm.weight", Role: RoleQNorm, Shape: "D"},
		{GGUF: "blk.{}.attn_k_norm.weight", HF: "transformer.layers.{}.attn.k_norm.weight", Role: RoleKNorm, Shape: "D"},
		{GGUF: "blk.{}.attn_output.weight", HF: "transformer.layers.{}.attn.out_proj.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "blk.{}.ffn_norm.weight", HF: "transformer.layers.{}.ffn_norm.weight", Role: RoleFFNNorm, Shape: "E"},
		{GGUF: "blk.{}.ffn_gate.weight", HF: "transformer.layers.{}.ffn.proj_1.weight", Role: RoleGate, Shape: "F E", From: "G E", Do: UpperRows},
		{GGUF: "blk.{}.ffn_up.weight", HF: "transformer.layers.{}.ffn.proj_1.weight", Role: RoleUp, Shape: "F E", From: "G E", Do: LowerRows},
		{GGUF: "blk.{}.ffn_down.weight", HF: "transformer.layers.{}.ffn.proj_2.weight", Role: RoleDown, Shape: "E F"},
		{GGUF: "output_norm.weight", HF: "transformer.norm.weight", Role: RoleOutputNorm, Shape: "E"},
	},
	Refuse: []Refusal{
		{HF: "share_input_output_layers", Unless: []string{"true"}, Why: "an output head of its own, which runtimes do not load"},
		{HF: "normalize_qk_projections", Unless: []string{"true"}, Why: "queries and keys without norms"},
		{HF: "ffn_with_glu", Unless: []string{"true"}, Why: "a feed-forward network without a gate"},
		{HF: "activation_fn_name", Unless: []string{"swish", "silu"}, Why: "its activation function is not silu"},
		{HF: "normalization_layer_name", Unless: []string{"rms_norm"}, Why: "norms of another kind"},
	},
	Layer: Layer{RopeNeox: true},
	Finish: func(c *Config, p *Params) error {
		var by []float32
		v, _ := c.Value("ffn_multipliers")
		if err := c.assignFloats("ffn_multipliers", v, &by); err != nil {
			return err
		}
		part, err := c.Float("ffn_dim_divisor", 256)
		if err != nil {
			return err
		}
		if len(by) != p.Layers || len(p.HeadsIn) != p.Layers || len(p.KVHeadsIn) != p.Layers || !(part >= 1) || part > 1<<16 || part != math.Trunc(part) {
			return c.wrong("ffn_multipliers", v, fmt.Sprintf("one number for each of %d layers, as of num_query_heads and num_kv_heads", p.Layers))
		}
		for _, x := range v.([]any) {
			f, _ := number(x)
			if !(f > 0) || f > 1<<10 {
				return c.wrong("ffn_multipliers", v, "positive numbers")
			}
			p.FFIn = append(p.FFIn, int32(divisible(f*float64(p.Embd), int(part))))
		}
		p.FF = int(slices.Max(p.FFIn))
		return nil
	},
})

// divisible is the multiple of a number that is nearest to x, and not less than nine tenths of it.
func divisible(x float64, by int) int {
	n := max(by, int(x+float64(by)/2)/by*by)
	if float64(n) < 0.9*x {
		n += by
	}
	return n
}

// tellGrowth is what config.json says of the sizes of layers.
func tellGrowth(p *Params) map[string]any {
	var by []float64
	for _, f := range p.FFIn {
		by = append(by, float64(f)/float64(p.Embd))
	}
	return map[string]any{"ffn_multipliers": by, "ffn_dim_divisor": 1, "head_dim": p.HeadDim}
}
