package arch

import (
	"slices"

	"quern/formats"
)

// Switch is what a model with adapters inside has: of the tokens that choose one, the last word is theirs until another comes.
type Switch struct {
	Count       int     // of adapters
	Rank        int     // LR: of each
	Gain        float32 // by which a token that chooses outweighs the others, on either side of zero
	Tokens      []int32 // that choose each adapter …
	Substitutes []int32 // … and whose embeddings stand for theirs
}

func (s *Switch) dim(letter string) int {
	switch letter {
	case "SA":
		return s.Count
	case "SL": // with that which changes nothing
		return s.Count + 1
	case "LR":
		return s.Rank
	}
	return 0
}

// GraniteSwitch is Granite 4 with attention alone and adapters inside: matrices of low rank beside every matrix of a layer, of which each token has those that the tokens before it
// chose. In files the first is zero, which stands for none.
var GraniteSwitch = register(Arch{
	Name: "graniteswitch",
	Variants: []Variant{{
		Type: "granite_switch",
		HF:   []string{"GraniteSwitchForCausalLM"},
		Defaults: with(graniteDefaults, map[string]any{
			"num_local_experts": 0, "num_adapters": 0, "max_lora_rank": 8, "control_token_gain": 15.0, "tie_word_embeddings": true,
		}),
		Ignore: []string{"num_local_experts", "num_experts_per_tok"},
	}},
	Keys: slices.Concat(shapeKeys, headKeys(never), []Key{fixed("{a}.expert_count", 0), fixed("{a}.expert_used_count", 0), {GGUF: "general.file_type"}}, sizeKeys(always), scaleKeys, []Key{
		{GGUF: "{a}.expert_shared_feed_forward_length", HF: []string{"shared_intermediate_size"}, Field: func(p *Params) any { return &p.Mix.SharedFF }, Default: nothing},
		{GGUF: "{a}.adapters.count", HF: []string{"num_adapters"}, Field: func(p *Params) any { return &p.Switch.Count }},
		{GGUF: "{a}.adapters.lora_rank", HF: []string{"max_lora_rank"}, Field: func(p *Params) any { return &p.Switch.Rank }},
		{GGUF: "{a}.adapters.token_ids_activate", HF: []string{"adapter_token_ids"}, Field: func(p *Params) any { return &p.Switch.Tokens }},
		{GGUF: "{a}.adapters.token_ids_substitute", HF: []string{"adapter_substitute_token_ids"}, Field: func(p *Params) any { return &p.Switch.Substitutes }},
		{GGUF: "{a}.adapters.router_gain", HF: []string{"control_token_gain"}, Field: func(p *Params) any { return &p.Switch.Gain }, Default: func(p *Params) { p.Switch.Gain = 15 }},
	}),
	Tensors: slices.Concat(without(attention, RoleQ, RoleK, RoleV, RoleO), []Rule{
		{GGUF: "blk.{}.attn_qkv.weight", HF: "model.layers.{}.self_attn.qkv_proj.base_layer.weight", Role: RoleQ, And: keysValues, Shape: "A E", Do: permuteQKV},
		{GGUF: "blk.{}.attn_output.weight", HF: "model.layers.{}.self_attn.o_proj.base_layer.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "blk.{}.ffn_gate.weight", HF: "model.layers.{}.shared_mlp.input_linear.base_layer.weight", Role: RoleGate, Shape: "F E", From: "G E", Do: UpperRows},
		{GGUF: "blk.{}.ffn_up.weight", HF: "model.layers.{}.shared_mlp.input_linear.base_layer.weight", Role: RoleUp, Shape: "F E", From: "G E", Do: LowerRows},
		{GGUF: "blk.{}.ffn_down.weight", HF: "model.layers.{}.shared_mlp.output_linear.base_layer.weight", Role: RoleDown, Shape: "E F"},
	}, switched("attn_q", "self_attn.qkv_proj", ".0", RoleSwitchQ, RoleSwitchQB, "E", "Q", true), switched("attn_k", "self_attn.qkv_proj", ".1", RoleSwitchK, RoleSwitchKB, "E", "K", true),
		switched("attn_v", "self_attn.qkv_proj", ".2", RoleSwitchV, RoleSwitchVB, "E", "K", false), switched("attn_output", "self_attn.o_proj", "", RoleSwitchO, RoleSwitchOB, "Q", "E", false),
		switched("ffn_gate", "shared_mlp.input_linear", ".0", RoleSwitchGate, RoleSwitchGateB, "E", "F", false), switched("ffn_up", "shared_mlp.input_linear", ".1", RoleSwitchUp, RoleSwitchUpB, "E", "F", false),
		switched("ffn_down", "shared_mlp.output_linear", "", RoleSwitchDown, RoleSwitchDownB, "F", "E", false)),
	Drop:   []string{"*.rotary_emb.inv_freq", "model.switch.*", "switch.*", "*adapter_token_ids", "*control_to_substitute_lut"},
	Refuse: graniteRefuses,
	Deaf:   []Role{RoleQ, RoleO, RoleGate, RoleUp, RoleDown}, // which are multiplied with beside their adapters (models/granite-switch.cpp)
	Finish: finishSwitch,
})

// switched are the two matrices of all adapters beside one of a layer, the second of which makes its outputs.
func switched(gguf, hf, slice string, a, b Role, in, out string, heads bool) []Rule {
	slices := ""
	if slice != "" {
		slices = "_slices"
	}
	second := slotted("after none", nil)
	if heads {
		second = slotted("after none, in pairs", func(p *Params, inverse bool) func(int) int { return permutation{p.HeadDim, inverse}.from })
	}
	return []Rule{
		{GGUF: "blk.{}." + gguf + ".lora_a", HF: "model.layers.{}." + hf + ".lora_A" + slices + slice, Role: a, Shape: "SL LR " + in, From: "SA 1 LR " + in, Do: slotted("after none", nil)},
		{GGUF: "blk.{}." + gguf + ".lora_b", HF: "model.layers.{}." + hf + ".lora_B" + slices + slice, Role: b, Shape: "SL " + out + " LR", From: "SA 1 " + out + " LR", Do: second},
	}
}

// permuteQKV brings the heads of queries and keys of one matrix from halves to pairs.
var permuteQKV = Op{Name: "permute queries and keys",
	Forward: func(t *formats.Tensor, p *Params) *formats.Tensor { return permuted(t, queriesKeys(p, false)) },
	Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor { return permuted(t, queriesKeys(p, true)) },
}

func queriesKeys(p *Params, inverse bool) func(int) int {
	turned := (p.Heads + p.KVHeads) * p.HeadDim
	return func(i int) int {
		if i >= turned {
			return i
		}
		return permutation{p.HeadDim, inverse}.from(i)
	}
}

// slotted puts a matrix of zeros before those of all adapters, whose rows may move within each.
func slotted(name string, moved func(p *Params, inverse bool) func(int) int) Op {
	wrap := func(shape func(s []int) []int, ahead int, inverse bool) func(*formats.Tensor, *Params) *formats.Tensor {
		return func(t *formats.Tensor, p *Params) *formats.Tensor {
			n := *t
			n.Shape, n.Raw = shape(t.Shape), nil
			if t.Rows != nil {
				r := slotRows{rows: t.Rows, each: n.Shape[len(n.Shape)-2], cols: t.Cols(), ahead: ahead}
				if moved != nil {
					r.from = moved(p, inverse)
				}
				n.Rows = r
			}
			return &n
		}
	}
	return Op{Name: name,
		Forward: wrap(func(s []int) []int { return []int{s[0] + 1, s[2], s[3]} }, 1, false),
		Inverse: wrap(func(s []int) []int { return []int{s[0] - 1, 1, s[1], s[2]} }, -1, true),
	}
}

// slotRows are rows of several matrices, so many of which come ahead of those there are, and are zero.
type slotRows struct {
	rows              formats.Rows
	each, cols, ahead int
	from              func(int) int
}

func (r slotRows) ReadRows(dst []float32, row int) error {
	for ; len(dst) >= r.cols && r.cols > 0; dst, row = dst[r.cols:], row+1 {
		slot, in := row/r.each-r.ahead, row%r.each
		if slot < 0 {
			clear(dst[:r.cols])
			continue
		}
		if r.from != nil {
			in = r.from(in)
		}
		if err := r.rows.ReadRows(dst[:r.cols], slot*r.each+in); err != nil {
			return err
		}
	}
	return nil
}

// finishSwitch takes off the layer that config.json counts for the choice, which has no weights.
func finishSwitch(c *Config, p *Params) error {
	if n, err := c.Float("num_local_experts", 0); err != nil || n != 0 {
		return c.fail("num_local_experts", formats.Unsupported("is %v: experts are not known for this class", n), "")
	}
	if kind, err := c.String("position_embedding_type"); err != nil || kind != "" && kind != "rope" {
		return c.fail("position_embedding_type", formats.Unsupported("is %.60q: heads are not rotated", kind), "")
	}
	list, err := c.words("layer_types", p.Layers)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(list, func(kind any) bool { return kind != "attention" }) {
		return c.fail("layer_types", formats.Unsupported("layers that are not attention"), "")
	}
	p.Layers--
	p.FF = p.Mix.SharedFF
	return nil
}

// SwitchRoles are those of matrices of adapters.
var SwitchRoles = []Role{RoleSwitchQ, RoleSwitchQB, RoleSwitchK, RoleSwitchKB, RoleSwitchV, RoleSwitchVB, RoleSwitchO, RoleSwitchOB, RoleSwitchGate, RoleSwitchGateB, RoleSwitchUp, RoleSwitchUpB,
	RoleSwitchDown, RoleSwitchDownB}

// checkSwitch refuses what no model has.
func (p *Params) checkSwitch() error {
	s := &p.Switch
	switch {
	case s.Count < 0 || s.Count > 4096 || s.Rank < 0 || s.Rank > 4096 || s.Count > 0 && s.Rank == 0:
		return formats.Corrupt("%d adapters of rank %d", s.Count, s.Rank)
	case len(s.Tokens) != s.Count || len(s.Substitutes) != s.Count:
		return formats.Corrupt("%d adapters are chosen by %d tokens, and %d stand for these", s.Count, len(s.Tokens), len(s.Substitutes))
	}
	for _, id := range slices.Concat(s.Tokens, s.Substitutes) {
		if id < 0 || int(id) >= p.Vocab {
			return formats.Corrupt("adapters are chosen by token %d of %d", id, p.Vocab)
		}
	}
	return nil
}

// tellSwitch is the way back.
func tellSwitch(p *Params) map[string]any {
	return map[string]any{"num_hidden_layers": p.Layers + 1, "intermediate_size": p.FF, "num_local_experts": 0, "position_embedding_type": "rope"}
}
