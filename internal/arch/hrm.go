package arch

import (
	"slices"

	"quern/formats"
)

// HRM is the family of HRM-Text: two stacks of layers and a stream of each. The low one takes their sum several times over, then the high one once, and all of that again;
// what comes out of a stack is normed, without weights as all else, and is its stream. GGUF has the layers of the low stack before those of the high one, and counts as
// layers how often a text goes through one.
var HRM = register(Arch{
	Name: "hrm_text",
	Variants: []Variant{{
		Type: "hrm_text",
		HF:   []string{"HrmTextForCausalLM"},
		Defaults: map[string]any{"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "head_dim": 128, "H_cycles": 2, "L_cycles": 3, "prefix_lm": true,
			"hidden_size": 1536, "intermediate_size": 4096, "num_hidden_layers": 16, "num_attention_heads": 12, "tie_word_embeddings": false},
	}},
	Keys: slices.Concat([]Key{
		{GGUF: "{a}.block_count", HF: []string{"num_hidden_layers"}, Field: func(p *Params) any { return &p.Stacks.Slots }},
	}, named("context_length", "embedding_length", "feed_forward_length", "attention.head_count"), whenShared(named("attention.head_count_kv")),
		named("rope.scaling.type", "rope.scaling.factor", "rope.freq_base", "attention.layer_norm_rms_epsilon"), headKeys(always), []Key{
			{GGUF: "general.file_type"},
			sizeKeys(always)[1],
			{GGUF: "{a}.embedding_scale", HF: []string{"embedding_scale"}, Field: func(p *Params) any { return &p.Scales.Embed }, Default: nothing},
			{GGUF: "{a}.hrm.layers_per_stack", HF: []string{"num_layers_per_stack"}, Field: func(p *Params) any { return &p.Stacks.Per }, Default: nothing},
			{GGUF: "{a}.hrm.h_cycles", HF: []string{"H_cycles"}, Field: func(p *Params) any { return &p.Stacks.High }},
			{GGUF: "{a}.hrm.l_cycles", HF: []string{"L_cycles"}, Field: func(p *Params) any { return &p.Stacks.Low }},
			{GGUF: "{a}.hrm.prefix_lm", HF: []string{"prefix_lm"}, Field: func(p *Params) any { return &p.Stacks.Prefix }, Default: nothing},
		}, sizeKeys(never)[:1]),
	Tensors: slices.Concat(only(decoder, RoleEmbed, RoleOutput), []Rule{
		{GGUF: "hrm.z_l_init", HF: "model.z_L_init", Role: RoleLowStart, Shape: "E"},
	}, stackRules("model.L_module.", func(p *Params, l int) bool { return l < p.Stacks.Per }), stackRules("model.H_module.", func(p *Params, l int) bool { return l >= p.Stacks.Per })),
	Drop:   []string{"*.rotary_emb.inv_freq"},
	Refuse: plainRefuses,
	Layer:  Layer{RopeNeox: true, BareNorm: true},
	Finish: finishHRM,
	Look:   func(_ *formats.Source, p *Params) { p.Layers = 2 * p.Stacks.Per },
	Beside: func(_ *formats.Source, b *Bound) error {
		if b.Params.Stacks.Prefix {
			b.Notes = append(b.Notes, "the model was trained with instructions whose tokens see each other both ways (prefix_lm): llama.cpp, as measurements here, lets every token see those before it")
		}
		return nil
	},
})

// Stacks are two stacks of layers that a text goes through in turn; zero: there is one.
type Stacks struct {
	Per       int // layers of each
	High, Low int // how often the high one comes, and how often the low one before each time
	Slots     int // layers, each as often as a text goes through it
	Prefix    bool
}

func (s *Stacks) check() error {
	switch {
	case *s == Stacks{}:
	case s.Per < 1 || s.High < 1 || s.Low < 1 || s.Per > 512 || s.High > 512 || s.Low > 512 || s.Per*s.High*(s.Low+1) > 512:
		return formats.Unsupported("two stacks of %d layers, gone through %d times, the low one %d times before each: from 1 to 512 in all is what runtimes load", s.Per, s.High, s.Low)
	case s.Slots != s.Per*s.High*(s.Low+1):
		return formats.Corrupt("%d layers are told, but a text goes through %d", s.Slots, s.Per*s.High*(s.Low+1))
	}
	return nil
}

// Passes is how many layers a text goes through, each counted as often as it does.
func (p *Params) Passes() int {
	if p.Stacks.Slots > 0 {
		return p.Stacks.Slots
	}
	return p.Layers * max(1, p.Loops)
}

// Counted is how many layers GGUF files say that there are, of two sides those of the encoder.
func (p *Params) Counted() int {
	if p.Sides.Encoder > 0 {
		return p.Sides.Encoder
	}
	return p.Passes()
}

// stackRules are the tensors of a stack, in the library's layout and in that of the code that trained it, which has what takes the same in one matrix.
func stackRules(prefix string, when func(*Params, int) bool) (rules []Rule) {
	for _, r := range []Rule{
		{GGUF: "blk.{}.attn_gate.weight", HF: "self_attn.gate_proj.weight", Role: RoleAttnGate, Shape: "Q E"},
		{GGUF: "blk.{}.attn_q.weight", HF: "self_attn.q_proj.weight", Role: RoleQ, Shape: "Q E"},
		{GGUF: "blk.{}.attn_k.weight", HF: "self_attn.k_proj.weight", Role: RoleK, Shape: "Q E"},
		{GGUF: "blk.{}.attn_v.weight", HF: "self_attn.v_proj.weight", Role: RoleV, Shape: "Q E"},
		{GGUF: "blk.{}.attn_output.weight", HF: "self_attn.o_proj.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "blk.{}.ffn_gate.weight", HF: "mlp.gate_proj.weight", Role: RoleGate, Shape: "F E"},
		{GGUF: "blk.{}.ffn_up.weight", HF: "mlp.up_proj.weight", Role: RoleUp, Shape: "F E"},
		{GGUF: "blk.{}.ffn_down.weight", HF: "mlp.down_proj.weight", Role: RoleDown, Shape: "E F"},
		{GGUF: "blk.{}.attn_gate.weight", HF: "attn.gqkv_proj.weight", Role: RoleAttnGate, Shape: "Q E", From: "QG E", Do: quarter("first quarter", 0)},
		{GGUF: "blk.{}.attn_q.weight", HF: "attn.gqkv_proj.weight", Role: RoleQ, Shape: "Q E", From: "QG E", Do: quarter("second quarter", 1)},
		{GGUF: "blk.{}.attn_k.weight", HF: "attn.gqkv_proj.weight", Role: RoleK, Shape: "Q E", From: "QG E", Do: quarter("third quarter", 2)},
		{GGUF: "blk.{}.attn_v.weight", HF: "attn.gqkv_proj.weight", Role: RoleV, Shape: "Q E", From: "QG E", Do: quarter("fourth quarter", 3)},
		{GGUF: "blk.{}.attn_output.weight", HF: "attn.o_proj.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "blk.{}.ffn_gate.weight", HF: "mlp.gate_up_proj.weight", Role: RoleGate, Shape: "F E", From: "G E", Do: FirstHalf},
		{GGUF: "blk.{}.ffn_up.weight", HF: "mlp.gate_up_proj.weight", Role: RoleUp, Shape: "F E", From: "G E", Do: SecondHalf},
	} {
		r.HF, r.When = prefix+"layers.{n}."+r.HF, when
		rules = append(rules, r)
	}
	return rules
}

func quarter(name string, i int) Op { return part(name, i, 4) }

// finishHRM tells how many layers there are: num_hidden_layers is those of a stack where num_layers_per_stack is not said.
func finishHRM(c *Config, p *Params) error {
	s := &p.Stacks
	if s.Per == 0 {
		if s.Per = s.Slots; s.Per > 0 && s.Per <= 512 && s.High <= 512 && s.Low <= 512 {
			s.Slots = s.Per * s.High * (s.Low + 1)
		}
	}
	if err := s.check(); err != nil {
		return c.fail("num_hidden_layers", err, "")
	}
	if p.Layers = 2 * s.Per; p.KVHeads != p.Heads {
		return c.fail("num_key_value_heads", formats.Unsupported("%d heads share the keys of %d; in this family each has its own", p.Heads, p.KVHeads), "")
	}
	if p.Scales.Embed == 0 {
		spread, err := c.Float("initializer_range", 0.02)
		if err != nil || !(spread > 0) {
			return c.fail("embedding_scale", formats.Corrupt("missing, and there is no initializer_range that says it"), "")
		}
		p.Scales.Embed = float32(1 / spread)
	}
	return nil
}
