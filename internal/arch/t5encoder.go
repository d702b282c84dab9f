package arch

import (
	"slices"

	"quern/formats"
)

// T5Encoder is the encoder of T5 and of umT5, with which sentences are embedded and pictures are told what to show: nothing is rotated, scores are not divided, and a
// number of each head for the distance between query and key is added to them.
var T5Encoder = register(Arch{
	Name: "t5encoder",
	Variants: []Variant{
		{Type: "t5", HF: []string{"T5EncoderModel"}, Defaults: t5Defaults},
		{Type: "umt5", HF: []string{"UMT5EncoderModel"}, Defaults: with(t5Defaults, map[string]any{"vocab_size": 250112, "d_ff": 1024, "num_layers": 8, "num_heads": 6, "feed_forward_proj": "gated-gelu"})},
	},
	Keys: slices.Concat([]Key{
		told("context_length", "n_positions"),
		told("embedding_length", "d_model"),
		told("feed_forward_length", "d_ff"),
		told("block_count", "num_layers"),
		told("attention.head_count", "num_heads"),
	}, namedHeads("d_kv"), []Key{
		told("attention.layer_norm_epsilon", "layer_norm_epsilon"),
		{GGUF: "{a}.attention.relative_buckets_count", HF: []string{"relative_attention_num_buckets"}, Field: func(p *Params) any { return &p.Buckets }},
		{GGUF: "{a}.attention.layer_norm_rms_epsilon", Field: func(p *Params) any { return &p.RMSEps }, Default: func(p *Params) { p.RMSEps = p.NormEps }},
		{GGUF: "general.file_type"},
	}, quiet(encoderKeys[0]), encoderKeys[1:], []Key{
		{Field: func(p *Params) any { return &p.Scales.Attention }, When: never, Default: func(p *Params) { p.Scales.Attention = 1 }},
		{Field: func(p *Params) any { return &p.Act }, When: never, Default: t5Act},
	}, quiet(told("attention.head_count_kv")), sizeKeys(never), quiet(named("rope.freq_base", "rope.scaling.type", "rope.scaling.factor")...)),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "shared.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "enc.blk.{}.attn_rel_b.weight", HF: t5Layer + "0.SelfAttention.relative_attention_bias.weight", Role: RoleRelative, Shape: "buckets H", When: func(p *Params, layer int) bool {
			return layer == 0 || p.EachRelative
		}},
		{GGUF: "enc.blk.{}.attn_norm.weight", HF: t5Layer + "0.layer_norm.weight", Role: RoleAttnNorm, Shape: "E"},
		{GGUF: "enc.blk.{}.attn_q.weight", HF: t5Layer + "0.SelfAttention.q.weight", Role: RoleQ, Shape: "Q E"},
		{GGUF: "enc.blk.{}.attn_k.weight", HF: t5Layer + "0.SelfAttention.k.weight", Role: RoleK, Shape: "K E"},
		{GGUF: "enc.blk.{}.attn_v.weight", HF: t5Layer + "0.SelfAttention.v.weight", Role: RoleV, Shape: "K E"},
		{GGUF: "enc.blk.{}.attn_o.weight", HF: t5Layer + "0.SelfAttention.o.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "enc.blk.{}.ffn_norm.weight", HF: t5Layer + "1.layer_norm.weight", Role: RoleFFNNorm, Shape: "E"},
		{GGUF: "enc.blk.{}.ffn_gate.weight", HF: t5Layer + "1.DenseReluDense.wi_0.weight", Role: RoleGate, Shape: "F E", When: t5Gated},
		{GGUF: "enc.blk.{}.ffn_up.weight", HF: t5Layer + "1.DenseReluDense.wi_1.weight", Role: RoleUp, Shape: "F E", When: t5Gated},
		{GGUF: "enc.blk.{}.ffn_up.weight", HF: t5Layer + "1.DenseReluDense.wi.weight", Role: RoleUp, Shape: "F E", When: func(p *Params, layer int) bool { return !t5Gated(p, layer) }},
		{GGUF: "enc.blk.{}.ffn_down.weight", HF: t5Layer + "1.DenseReluDense.wo.weight", Role: RoleDown, Shape: "E F"},
		{GGUF: "enc.output_norm.weight", HF: "encoder.final_layer_norm.weight", Role: RoleOutputNorm, Shape: "E"},
	}),
	Drop: []string{"encoder.embed_tokens.weight", "decoder.*", "lm_head.weight"},
	Refuse: []Refusal{
		{HF: "feed_forward_proj", Unless: []string{"relu", "gated-gelu"}, Why: "its feed-forward network has another function, and runtimes go by whether there is a gate"},
		{HF: "relative_attention_max_distance", Unless: []string{"128"}, Why: "another distance beyond which all are one, which runtimes have built in"},
	},
	Layer: Layer{MeanNorm: true, StillEvery: 1, Encoder: true},
	Finish: func(c *Config, p *Params) error {
		proj, err := c.String("feed_forward_proj")
		if kind, _ := c.String("model_type"); proj == "" && kind != "umt5" {
			proj = "relu"
		}
		p.Ungated = proj == "relu"
		p.EachRelative = c.class() == "UMT5EncoderModel"
		p.Act = ""
		t5Act(p)
		if p.Buckets < 4 || p.Buckets > 256 || p.Buckets%4 != 0 {
			return c.fail("relative_attention_num_buckets", formats.Corrupt("%d kinds of distances", p.Buckets), "")
		}
		return err
	},
	Beside: readPooling,
	Look: func(src *formats.Source, p *Params) {
		p.Ungated = src.Tensor("enc.blk.0.ffn_gate.weight") == nil
		p.EachRelative = src.Tensor("enc.blk.1.attn_rel_b.weight") != nil
	},
})

const t5Layer = "encoder.block.{}.layer."

var t5Defaults = map[string]any{
	"vocab_size": 32128, "d_model": 512, "d_kv": 64, "d_ff": 2048, "num_layers": 6, "num_heads": 8, "relative_attention_num_buckets": 32, "layer_norm_epsilon": 1e-6,
	"n_positions": 512,
}

func t5Gated(p *Params, _ int) bool { return !p.Ungated }

// t5Act is the function of the feed-forward network, which follows from whether it has a gate.
func t5Act(p *Params) {
	if p.Act = "gelu_new"; p.Ungated {
		p.Act = "relu"
	}
}

// namedHeads are the sizes of a head, always told, under another name in config.json.
func namedHeads(hf string) []Key {
	keys := headKeys(always)
	for i := range keys {
		keys[i].HF = []string{hf}
	}
	return keys
}

// tellT5 is the way back.
func tellT5(p *Params) map[string]any {
	proj := "gated-gelu"
	if p.Ungated {
		proj = "relu"
	}
	return map[string]any{"feed_forward_proj": proj, "is_encoder_decoder": false, "num_key_value_heads": unsaid}
}

// Bucket is the kind of a distance from a query to a key (Raffel et al., arXiv:1910.10683): half of n kinds are for keys behind the query; of each half the first half are
// single distances, the others lie evenly in the logarithm up to 128. It is computed as the library does, in float32.
func Bucket(distance, n int) int {
	half := n / 2
	exact, first := half/2, 0
	if distance > 0 {
		first = half
	}
	if distance < 0 {
		distance = -distance
	}
	if distance < exact {
		return first + distance
	}
	log := float32(Natural(float64(float32(distance) / float32(exact))))
	far := float32(log/float32(Natural(128/float64(exact)))) * float32(half-exact)
	return first + min(half-1, exact+int(far))
}
