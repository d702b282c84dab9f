package arch

import (
	"fmt"
	"slices"
	"strings"

	"quern/formats"
)

// NomicMoe is the family of nomic-embed-text 2: nomic-embed-text with biases and without gates, every second layer of which has experts.
var NomicMoe = register(Arch{
	Name: "nomic-bert-moe",
	Variants: []Variant{{
		Type:     "nomic_bert",
		HF:       []string{"NomicBertModel"},
		If:       nomicMixed,
		Defaults: nomicDefaults,
	}},
	Keys: slices.Concat(NomicBert.Keys[:7], []Key{
		{GGUF: "{a}.expert_count", HF: []string{"num_experts"}, Field: func(p *Params) any { return &p.Mix.Count }},
		{GGUF: "general.file_type"},
	}, encoderKeys, []Key{
		{GGUF: "{a}.moe_every_n_layers", HF: []string{"moe_every_n_layers"}, Field: func(p *Params) any { return &p.Mix.Every }},
		{GGUF: "{a}.expert_used_count", HF: []string{"moe_top_k"}, Field: func(p *Params) any { return &p.Mix.Used }},
		{Field: func(p *Params) any { return &p.Mix.FF }, When: never, Default: func(p *Params) { p.Mix.FF = p.FF }},
	}, typeKeys, quiet(told("attention.head_count_kv")), impliedHead, sizeKeys(never), quiet(named("rope.scaling.type", "rope.scaling.factor")...)),
	Tensors: slices.Concat(without(NomicBert.Tensors, RoleQ, RoleO, RoleUp, RoleGate, RoleDown, RoleAttnSum, RoleFFNSum), biased(
		Rule{GGUF: "blk.{}.attn_qkv.weight", HF: "encoder.layers.{}.attn.Wqkv.weight", Role: RoleQ, And: keysValues, Shape: "A E"},
		Rule{GGUF: "blk.{}.attn_output.weight", HF: "encoder.layers.{}.attn.out_proj.weight", Role: RoleO, Shape: "E Q"},
		Rule{GGUF: "blk.{}.ffn_up.weight", HF: "encoder.layers.{}.mlp.fc1.weight", Role: RoleUp, Shape: "F E", When: dense},
		Rule{GGUF: "blk.{}.ffn_down.weight", HF: "encoder.layers.{}.mlp.fc2.weight", Role: RoleDown, Shape: "E F", When: dense},
	), []Rule{
		{GGUF: "blk.{}.ffn_gate_inp.weight", HF: "encoder.layers.{}.mlp.router.layer.weight", Role: RoleRouter, Shape: "X E", When: mixed},
		{GGUF: "blk.{}.ffn_up_exps.weight", HF: "encoder.layers.{}.mlp.experts.mlp.w1", Role: RoleUpExps, Shape: "X M E", From: "XM E", Do: ExpertRows, When: mixed},
		{GGUF: "blk.{}.ffn_down_exps.weight", HF: "encoder.layers.{}.mlp.experts.mlp.w2", Role: RoleDownExps, Shape: "X E M", From: "XM E", Do: ExpertColumns, When: mixed},
	}, only(NomicBert.Tensors, RoleAttnSum, RoleFFNSum)),
	Drop: slices.Concat(NomicBert.Drop, []string{"encoder.layers.*.mlp.experts.bias"}),
	Refuse: slices.Concat(encoderRefuses, []Refusal{
		{HF: "activation_function", Unless: []string{"gelu"}, Why: "its feed-forward network has another form"},
		{HF: "moe_every_n_layers", Unless: []string{"2"}, Why: "other layers with experts than every second one"},
		{HF: "qkv_proj_bias", Unless: []string{"true"}, Why: "projections without biases"},
		{HF: "mlp_fc1_bias", Unless: []string{"true"}, Why: "projections without biases"},
		{HF: "mlp_fc2_bias", Unless: []string{"true"}, Why: "projections without biases"},
		{HF: "expert_choice_router", Unless: []string{"false"}, Why: "experts that choose tokens"},
		{HF: "moe_normalize_expert_weights", Unless: []string{"false"}, Why: "runtimes do not divide weights of experts by their sum"},
		{HF: "num_shared_experts", Unless: []string{"0"}, Why: "a shared expert"},
	}, slices.DeleteFunc(slices.Clone(nomicRefuses), func(r Refusal) bool { return strings.HasSuffix(r.HF, "_bias") })),
	Layer: Layer{RopeNeox: true, MeanNorm: true, Ungated: true, Act: GELU, Encoder: true},
	Finish: func(c *Config, p *Params) error {
		if err := nomicFinish(c, p); err != nil {
			return err
		}
		if _, _, published := c.Find("n_positions"); published && p.Context == 2048 {
			p.Context = 512 // what it was trained with, as its card says; config.json does not
		}
		return nil
	},
	Beside: func(src *formats.Source, b *Bound) error {
		if err := sumBiases(src, b); err != nil {
			return err
		}
		return readPooling(src, b)
	},
	Look: lookTypes,
})

// nomicMixed says that a model has experts.
func nomicMixed(c *Config) bool {
	n, err := c.Float("moe_every_n_layers", 0)
	return err != nil || n != 0
}

// sumBiases tells how large the biases of the experts' sums are, which runtimes have no place for.
func sumBiases(src *formats.Source, b *Bound) error {
	largest := float32(0)
	for l := range b.Params.Layers {
		t := src.Tensor(fmt.Sprintf("encoder.layers.%d.mlp.experts.bias", l))
		if t == nil || len(t.Shape) != 1 || t.Shape[0] != b.Params.Embd || t.Rows == nil {
			continue
		}
		v := make([]float32, b.Params.Embd)
		if err := t.Rows.ReadRows(v, 0); err != nil {
			return err
		}
		largest = max(largest, slices.Max(v), -slices.Min(v))
	}
	if largest > 0 {
		b.Notes = append(b.Notes, fmt.Sprintf("experts' sums have biases, up to %.2g, which files of this family have no place for: they are left out", largest))
	}
	return nil
}
