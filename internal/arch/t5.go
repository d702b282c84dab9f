package arch

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"quern/formats"
)

// T5 is the family of T5, Flan-T5, mT5 and umT5: an encoder reads a text, and the layers of a decoder, which say word by word what is to be said of it, look at what the
// encoder made of it besides at what they have said. GGUF counts the layers of each for themselves; here those of the decoder come behind the encoder's.
var T5 = register(Arch{
	Name: "t5",
	Variants: []Variant{
		{Type: "t5", HF: []string{"T5ForConditionalGeneration", "T5WithLMHeadModel"}, Defaults: with(t5Defaults, t5Tied)},
		{Type: "umt5", HF: []string{"UMT5ForConditionalGeneration", "UMT5Model"}, Bare: []string{"UMT5Model"}, Defaults: with(umt5Defaults, t5Tied)},
		{Type: "mt5", HF: []string{"MT5ForConditionalGeneration"}, Defaults: with(umt5Defaults, t5Tied)},
	},
	Keys: t5Keys([]Key{
		{GGUF: "{a}.block_count", HF: []string{"num_layers"}, Field: func(p *Params) any { return &p.Sides.Encoder }},
		{GGUF: "{a}.decoder_block_count", HF: []string{"num_decoder_layers"}, Field: func(p *Params) any { return &p.Sides.Decoder },
			Default: func(p *Params) { p.Sides.Decoder = p.Sides.Encoder }},
	}, []Key{
		{GGUF: "{a}.decoder_start_token_id", HF: []string{"decoder_start_token_id"}, Field: func(p *Params) any { return &p.Sides.Start }, Default: nothing},
	}, []Key{
		{GGUF: "{a}.logit_scale", Field: func(p *Params) any { return &p.Scales.Times }, Default: nothing, When: func(p *Params) bool { return p.Scales.Times == 1 == p.Tied }},
		{Field: func(p *Params) any { return &p.Layers }, When: never, Default: func(p *Params) { p.Layers = p.Sides.Encoder + p.Sides.Decoder }},
	}),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "shared.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "token_embd.weight", HF: "encoder.embed_tokens.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "token_embd.weight", HF: "decoder.embed_tokens.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "output.weight", HF: "lm_head.weight", Role: RoleOutput, Shape: "V E", Optional: true},
	}, t5Rules("enc.blk.{}.", "encoder.block.{}.layer.", "1", reads), []Rule{
		{GGUF: "enc.output_norm.weight", HF: "encoder.final_layer_norm.weight", Role: RoleReadNorm, Shape: "E"},
	}, t5Rules("dec.blk.{n}.", "decoder.block.{n}.layer.", "2", says), within(says, []Rule{
		{GGUF: "dec.blk.{n}.cross_attn_norm.weight", HF: "decoder.block.{n}.layer.1.layer_norm.weight", Role: RoleCrossNorm, Shape: "E"},
		{GGUF: "dec.blk.{n}.cross_attn_q.weight", HF: "decoder.block.{n}.layer.1.EncDecAttention.q.weight", Role: RoleCrossQ, Shape: "Q E"},
		{GGUF: "dec.blk.{n}.cross_attn_k.weight", HF: "decoder.block.{n}.layer.1.EncDecAttention.k.weight", Role: RoleCrossK, Shape: "K E"},
		{GGUF: "dec.blk.{n}.cross_attn_v.weight", HF: "decoder.block.{n}.layer.1.EncDecAttention.v.weight", Role: RoleCrossV, Shape: "K E"},
		{GGUF: "dec.blk.{n}.cross_attn_o.weight", HF: "decoder.block.{n}.layer.1.EncDecAttention.o.weight", Role: RoleCrossO, Shape: "E Q"},
		{GGUF: "dec.blk.{n}.cross_attn_rel_b.weight", HF: "decoder.block.{n}.layer.1.EncDecAttention.relative_attention_bias.weight", Role: RoleRelative, Shape: "buckets H", Optional: true, Idle: true},
	}), []Rule{
		{GGUF: "dec.output_norm.weight", HF: "decoder.final_layer_norm.weight", Role: RoleOutputNorm, Shape: "E"},
	}),
	Drop:   []string{"shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"},
	Refuse: t5Refuses,
	Prefix: noPrefix,
	Layer:  Layer{MeanNorm: true, StillEvery: 1, RunsPlain: true},
	Beside: func(_ *formats.Source, b *Bound) error {
		if s := &b.Params.Sides; s.Decoder > s.Encoder {
			b.Notes = append(b.Notes, "the decoder has more layers than the encoder: llama.cpp does not load the file")
		}
		return nil
	},
	Finish: func(c *Config, p *Params) error {
		scaled, err := c.Bool("scale_decoder_outputs")
		if _, said := c.Value("scale_decoder_outputs"); !said {
			tied, known := c.Value("tie_word_embeddings")
			kind, _ := c.Value("model_type")
			scaled = (!known || tied != false) && kind != "mt5" // of which none was trained so
		}
		p.scaleT5(scaled)
		return cmp.Or(err, finishT5(c, p))
	},
	Look: func(src *formats.Source, p *Params) {
		p.Layers = p.Sides.Encoder + p.Sides.Decoder
		if p.Scales.Times == 0 {
			p.scaleT5(src.Tensor("output.weight") == nil)
		}
		lookT5(src, p)
	},
})

// Sides are an encoder and a decoder; zero: there is one model, which reads what it says.
type Sides struct {
	Encoder, Decoder int // layers of each: the encoder's are the first
	Start            int // the token that stands before all that the decoder says
}

// check refuses what contradicts itself.
func (s *Sides) check(p *Params) error {
	if *s != (Sides{}) && (s.Encoder < 1 || s.Decoder < 1 || s.Encoder+s.Decoder != p.Layers || s.Start < 0 || s.Start >= p.Vocab) {
		return formats.Corrupt("an encoder of %d layers and a decoder of %d, which begins with token %d of %d", s.Encoder, s.Decoder, s.Start, p.Vocab)
	}
	return nil
}

// Reads says of a layer that it is an encoder's, before a decoder.
func (p *Params) Reads(layer int) bool { return layer < p.Sides.Encoder }

func reads(p *Params, layer int) bool { return p.Reads(layer) }
func says(p *Params, layer int) bool  { return !p.Reads(layer) }

// within is rules of tensors that layers of a kind have.
func within(in func(*Params, int) bool, rules []Rule) []Rule {
	for i := range rules {
		of := rules[i].When
		rules[i].When = func(p *Params, layer int) bool { return in(p, layer) && (of == nil || of(p, layer)) }
	}
	return rules
}

// scaleT5 sets what logits are multiplied by: the first T5's head is the embedding, and is given states divided by √E; later ones have a head of their own, for states as they are.
func (p *Params) scaleT5(scaled bool) {
	p.Scales.Times = 1
	if scaled {
		p.Scales.Times = float32(1 / math.Sqrt(float64(p.Embd)))
	}
}

// t5Rules are a stack's layers: attention and a feed-forward network, which is the last part of a layer.
func t5Rules(gguf, hf, last string, in func(*Params, int) bool) []Rule {
	return within(in, []Rule{
		{GGUF: gguf + "attn_rel_b.weight", HF: hf + "0.SelfAttention.relative_attention_bias.weight", Role: RoleRelative, Shape: "buckets H", When: func(p *Params, layer int) bool {
			return layer == 0 || layer == p.Sides.Encoder || p.EachRelative
		}},
		{GGUF: gguf + "attn_norm.weight", HF: hf + "0.layer_norm.weight", Role: RoleAttnNorm, Shape: "E"},
		{GGUF: gguf + "attn_q.weight", HF: hf + "0.SelfAttention.q.weight", Role: RoleQ, Shape: "Q E"},
		{GGUF: gguf + "attn_k.weight", HF: hf + "0.SelfAttention.k.weight", Role: RoleK, Shape: "K E"},
		{GGUF: gguf + "attn_v.weight", HF: hf + "0.SelfAttention.v.weight", Role: RoleV, Shape: "K E"},
		{GGUF: gguf + "attn_o.weight", HF: hf + "0.SelfAttention.o.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: gguf + "ffn_norm.weight", HF: hf + last + ".layer_norm.weight", Role: RoleFFNNorm, Shape: "E"},
		{GGUF: gguf + "ffn_gate.weight", HF: hf + last + ".DenseReluDense.wi_0.weight", Role: RoleGate, Shape: "F E", When: t5Gated},
		{GGUF: gguf + "ffn_up.weight", HF: hf + last + ".DenseReluDense.wi_1.weight", Role: RoleUp, Shape: "F E", When: t5Gated},
		{GGUF: gguf + "ffn_up.weight", HF: hf + last + ".DenseReluDense.wi.weight", Role: RoleUp, Shape: "F E", When: func(p *Params, layer int) bool { return !t5Gated(p, layer) }},
		{GGUF: gguf + "ffn_down.weight", HF: hf + last + ".DenseReluDense.wo.weight", Role: RoleDown, Shape: "E F"},
	})
}

// t5Keys are what files tell, with how many layers there are, what comes before the type of the file, and what no file tells.
func t5Keys(blocks, start, rest []Key) []Key {
	return slices.Concat([]Key{
		told("context_length", "n_positions"),
		told("embedding_length", "d_model"),
		told("feed_forward_length", "d_ff"),
	}, blocks, []Key{told("attention.head_count", "num_heads")}, namedHeads("d_kv"), []Key{
		told("attention.layer_norm_epsilon", "layer_norm_epsilon"),
		{GGUF: "{a}.attention.relative_buckets_count", HF: []string{"relative_attention_num_buckets"}, Field: func(p *Params) any { return &p.Buckets }},
		{GGUF: "{a}.attention.layer_norm_rms_epsilon", Field: func(p *Params) any { return &p.RMSEps }, Default: func(p *Params) { p.RMSEps = p.NormEps }},
	}, start, []Key{{GGUF: "general.file_type"}}, rest, []Key{
		{Field: func(p *Params) any { return &p.Scales.Attention }, When: never, Default: func(p *Params) { p.Scales.Attention = 1 }},
		{Field: func(p *Params) any { return &p.Act }, When: never, Default: t5Act},
	}, quiet(told("attention.head_count_kv")), sizeKeys(never), quiet(named("rope.freq_base", "rope.scaling.type", "rope.scaling.factor")...))
}

// namedHeads are the sizes of a head, always told, under another name in config.json.
func namedHeads(hf string) []Key {
	keys := headKeys(always)
	for i := range keys {
		keys[i].HF = []string{hf}
	}
	return keys
}

var t5Refuses = []Refusal{
	{HF: "feed_forward_proj", Unless: []string{"relu", "gated-gelu"}, Why: "its feed-forward network has another function, and runtimes go by whether there is a gate"},
	{HF: "relative_attention_max_distance", Unless: []string{"128"}, Why: "another distance beyond which all are one, which runtimes have built in"},
}

var t5Defaults = map[string]any{
	"vocab_size": 32128, "d_model": 512, "d_kv": 64, "d_ff": 2048, "num_layers": 6, "num_heads": 8, "relative_attention_num_buckets": 32, "layer_norm_epsilon": 1e-6,
	"n_positions": 512,
}

var umt5Defaults = with(t5Defaults, map[string]any{"vocab_size": 250112, "d_ff": 1024, "num_layers": 8, "num_heads": 6, "feed_forward_proj": "gated-gelu"})

var t5Tied = map[string]any{"tie_word_embeddings": true}

func t5Gated(p *Params, _ int) bool { return !p.Ungated }

// t5Act is the function of the feed-forward network, which follows from whether it has a gate.
func t5Act(p *Params) {
	if p.Act = "gelu_new"; p.Ungated {
		p.Act = "relu"
	}
}

func finishT5(c *Config, p *Params) error {
	proj, err := c.String("feed_forward_proj")
	if kind, _ := c.String("model_type"); proj == "" && (kind == "t5" || kind == "") {
		proj = "relu"
	}
	p.Ungated = proj == "relu"
	p.EachRelative = strings.HasPrefix(c.class(), "UMT5")
	p.Act = ""
	t5Act(p)
	if p.Buckets < 4 || p.Buckets > 256 || p.Buckets%4 != 0 {
		return c.fail("relative_attention_num_buckets", formats.Corrupt("%d kinds of distances", p.Buckets), "")
	}
	return err
}

// lookT5 sees in a GGUF file what no key tells.
func lookT5(src *formats.Source, p *Params) {
	p.Ungated = src.Tensor("enc.blk.0.ffn_gate.weight") == nil
	p.EachRelative = src.Tensor("enc.blk.1.attn_rel_b.weight") != nil || src.Tensor("dec.blk.1.attn_rel_b.weight") != nil
}

// tellT5 is the way back.
func tellT5(p *Params) map[string]any {
	proj := "gated-gelu"
	if p.Ungated {
		proj = "relu"
	}
	out := map[string]any{"feed_forward_proj": proj, "is_encoder_decoder": p.Sides.Encoder > 0, "num_key_value_heads": unsaid}
	if p.Sides.Encoder > 0 {
		out["scale_decoder_outputs"] = p.Scales.Times != 1
	}
	return out
}

// Bucket is the kind of a distance from a query to a key (Raffel et al., arXiv:1910.10683): half of n kinds are for keys behind the query, or none where no query sees
// those; of those for keys on one side the first half are single distances, the others lie evenly in the logarithm up to 128. It is computed as the library does, in float32.
func Bucket(distance, n int, both bool) int {
	first := 0
	switch {
	case both:
		if n /= 2; distance > 0 {
			first = n
		}
	case distance > 0:
		distance = 0
	}
	exact := n / 2
	if distance < 0 {
		distance = -distance
	}
	if distance < exact {
		return first + distance
	}
	log := float32(Natural(float64(float32(distance) / float32(exact))))
	far := float32(log/float32(Natural(128/float64(exact)))) * float32(n-exact)
	return first + min(n-1, exact+int(far))
}
