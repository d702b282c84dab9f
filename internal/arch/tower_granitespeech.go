package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// GraniteSpeechTower is what Granite speech hears with (arXiv:2505.08699): a conformer that sees pieces of so many instants, with learned places by distance, in whose middle probabilities of letters
// are added to the stream, and a projector of two layers of queries that each window of instants answers. What some models take of layers before the last lies side by side.
var GraniteSpeechTower = registerTower(Arch{
	Projector: "granite_speech",
	Variants: []Variant{
		{Type: "granite_speech", HF: []string{"GraniteSpeechForConditionalGeneration"}, Language: "GraniteForCausalLM", Inner: tiedInside("granite"), Defaults: graniteSpeech},
		{Type: "granite_speech_plus", HF: []string{"GraniteSpeechPlusForConditionalGeneration"}, Language: "GraniteForCausalLM", Inner: tiedInside("granite"), Defaults: graniteSpeech},
	},
	Own:  []string{"encoder.*", "model.encoder.*", "projector.*", "model.projector.*"},
	Drop: []string{"*.num_batches_tracked", "*.attention_dists", "encoder.attention_dists"},
	Keys: slices.Concat([]Key{{GGUF: "general.file_type"}}, replaceKey(alwaysHearing("encoder_config."), Key{
		GGUF: "clip.audio.feed_forward_length", Field: func(p *Params) any { return &p.Hear.FF }, Default: nothing,
	}), []Key{projector("granite_speech")}, hearingEnds("", "encoder_config.input_dim"), []Key{
		{GGUF: "clip.audio.chunk_size", HF: []string{"encoder_config.context_size"}, Field: func(p *Params) any { return &p.Hear.Asks.Piece }},
		{GGUF: "clip.audio.conv_kernel_size", HF: []string{"encoder_config.conv_kernel_size"}, Field: func(p *Params) any { return &p.Hear.Kernel }},
		{GGUF: "clip.audio.max_pos_emb", HF: []string{"encoder_config.max_pos_emb"}, Field: func(p *Params) any { return &p.Hear.Asks.Far }},
		{GGUF: "clip.audio.projector.window_size", HF: []string{"window_size"}, Field: func(p *Params) any { return &p.Hear.Asks.Window }},
		{GGUF: "clip.audio.projector.downsample_rate", HF: []string{"downsample_rate"}, Field: func(p *Params) any { return &p.Hear.Stack }},
		{GGUF: "clip.audio.projector.head_count", HF: []string{"projector_config.num_attention_heads"}, Field: func(p *Params) any { return &p.Hear.Asks.Heads }},
		{GGUF: "clip.audio.feature_layer", HF: []string{"encoder_config.cat_hidden_layers"}, Field: func(p *Params) any { return &p.Hear.Asks.Beside }, Default: nothing,
			When: func(p *Params) bool { return len(p.Hear.Asks.Beside) > 0 }},
		{HF: []string{"encoder_config.output_dim"}, Field: func(p *Params) any { return &p.Hear.Asks.Letters }, Default: nothing, When: never},
		{HF: []string{"projector_config.intermediate_size"}, Field: func(p *Params) any { return &p.Hear.Asks.FF }, Default: nothing, When: never},
	}),
	Tensors: hearing(graniteHears("encoder.", "projector."), graniteHears("model.encoder.", "model.projector.")),
	Refuse: []Refusal{
		{HF: "projector_config.num_hidden_layers", Unless: []string{"2"}, Why: "the projector has not two layers, which runtimes have built in"},
		{HF: "projector_config.cross_attention_frequency", Unless: []string{"1"}, Why: "not every layer of the projector is given what was heard"},
		{HF: "projector_config.use_qformer_text_input", Unless: []string{"false"}, Why: "the projector is given a text, too"},
		{HF: "projector_config.hidden_act", Unless: []string{"gelu"}, Why: "the projector's activation function is not gelu"},
		{HF: "projector_config.layer_norm_eps", Unless: []string{"1e-12"}, Why: "norms of the projector have another epsilon than runtimes have built in"},
		{HF: "projector_config.position_embedding_type", Unless: []string{"absolute"}, Why: "queries with relative places"},
	},
	Finish: finishGraniteSpeech,
	Look: func(src *formats.Source, p *Params) {
		q := &p.Hear.Asks
		q.Letters, q.FF, q.Inner = heightOf(src, "a.enc_ctc_out.weight"), heightOf(src, "a.proj_blk.0.ffn_up.weight"), heightOf(src, "a.blk.0.conv_dw.weight")
	},
})

// Asks is what a projector has whose queries are answered by windows of instants, and what such a tower has beside others.
type Asks struct {
	Piece   int     // instants that see each other
	Far     int     // the largest distance of instants that has a place
	Inner   int     // the width of convolutions
	Letters int     // whose probabilities are added
	Window  int     // instants
	Heads   int     // of the projector
	FF      int     // of the projector
	Beside  []int32 // layers whose states lie beside the last one's; 0 is what the first is given
}

// asksDim is the size of a dimension of such a tower.
func (h *Hearing) asksDim(word string) int {
	q := &h.Asks
	switch word {
	case "heard-inner":
		return q.Inner
	case "2heard-inner":
		return 2 * q.Inner
	case "heard-letters":
		return q.Letters
	case "heard-places":
		return 2*q.Far + 1
	case "queries":
		return q.Window / max(1, h.Stack)
	case "queries-ff":
		return q.FF
	case "heard-beside":
		return h.Embd * (1 + len(q.Beside))
	}
	return 0
}

// graniteSpeech are what the library assumes.
var graniteSpeech = map[string]any{
	"encoder_config.input_dim": 160, "encoder_config.num_layers": 10, "encoder_config.hidden_dim": 1024, "encoder_config.num_heads": 8, "encoder_config.output_dim": 42,
	"encoder_config.context_size": 200, "encoder_config.max_pos_emb": 512, "encoder_config.conv_kernel_size": 15, "window_size": 15, "downsample_rate": 5,
	"projector_config.num_attention_heads": 12, "projector_config.intermediate_size": 3072, "projector_config.num_hidden_layers": 12, "projector_config.cross_attention_frequency": 2,
}

// finishGraniteSpeech finds the widths that config.json tells as factors, and refuses what runtimes have otherwise.
func finishGraniteSpeech(c *Config, p *Params) error {
	h, q := &p.Hear, &p.Hear.Asks
	wants := []struct {
		key           string
		assumed, want float64
		why           string
	}{
		{"encoder_config.dim_head", float64(h.Embd / max(1, h.Heads)), float64(h.Embd / max(1, h.Heads)), "heads are not as wide as their shares of the tower's width"},
		{"projector_config.hidden_size", 768, float64(h.Embd), "the projector is not as wide as the tower"},
		{"projector_config.encoder_hidden_size", 1408, float64(h.asksDim("heard-beside")), "the projector is given another width than the tower's layers give"},
	}
	for _, w := range wants {
		if v, err := c.Float(w.key, w.assumed); err != nil {
			return err
		} else if v != w.want {
			return c.fail(w.key, formats.Unsupported("is %v, not %v: %s", v, w.want, w.why), "")
		}
	}
	for _, w := range []struct {
		key     string
		assumed float64
		to      *int
	}{{"encoder_config.feedforward_mult", 4, &h.FF}, {"encoder_config.conv_expansion_factor", 2, &q.Inner}} {
		times, err := c.Float(w.key, w.assumed)
		if err != nil {
			return err
		}
		if times < 1 || times > 64 || times != float64(int(times)) {
			return c.fail(w.key, formats.Corrupt("is %v", times), "")
		}
		*w.to = int(times) * h.Embd
	}
	for i, l := range q.Beside {
		if l < 0 || int(l) > h.Layers || i > 0 && l <= q.Beside[i-1] || int(l) == h.Layers/2 && l > 0 {
			return c.fail("encoder_config.cat_hidden_layers", formats.Unsupported("is %v of %d layers: out of order, or the one to which letters are added, which the library takes after that and runtimes before", q.Beside, h.Layers), "")
		}
	}
	return nil
}

// check refuses windows and pieces that runtimes do not have.
func (q *Asks) check(h *Hearing) error {
	switch {
	case q.Piece == 0 && q.Window == 0: // another kind of tower
		return nil
	case q.Piece < 1 || q.Piece > q.Far || q.Far > 1<<12:
		return formats.Corrupt("pieces of %d instants in which %d distances have places", q.Piece, q.Far)
	case h.Stack < 1 || q.Window < 1 || q.Window > 1<<10 || q.Window%h.Stack != 0:
		return formats.Corrupt("windows of %d instants, of which one in %d is left", q.Window, h.Stack)
	case h.Kernel%2 == 0:
		return formats.Unsupported("convolutions over %d instants have no middle, which runtimes take them to have", h.Kernel)
	case q.Heads < 1 || h.Embd%q.Heads != 0:
		return formats.Corrupt("a projector of width %d with %d heads", h.Embd, q.Heads)
	case q.Letters < 0 || q.Letters > 1<<20 || q.FF < 0 || q.FF > 1<<20 || q.Inner < 0 || q.Inner > 1<<20 || len(q.Beside) > 512:
		return formats.Corrupt("%d letters, and widths of %d and %d", q.Letters, q.FF, q.Inner)
	}
	return nil
}

// graniteHears are its tensors, whose names begin in one of two ways.
func graniteHears(encoder, projector string) (rules []Rule) {
	at := encoder + "layers.{}."
	for _, t := range [][3]string{{"a.input_projection", encoder + "input_linear", "heard mel"}, {"a.enc_ctc_out", encoder + "out", "heard-letters heard"}, {"a.enc_ctc_out_mid", encoder + "out_mid", "heard heard-letters"},
		{"a.blk.{}.ffn_norm", at + "ff1.pre_norm", "heard"}, {"a.blk.{}.ffn_up", at + "ff1.up_proj", "heard-ff heard"}, {"a.blk.{}.ffn_down", at + "ff1.down_proj", "heard heard-ff"},
		{"a.blk.{}.ln1", at + "attn.pre_norm", "heard"}, {"a.blk.{}.attn_out", at + "attn.to_out", "heard heard"}, {"a.blk.{}.norm_conv", at + "conv.norm", "heard"},
		{"a.blk.{}.ffn_norm_1", at + "ff2.pre_norm", "heard"}, {"a.blk.{}.ffn_up_1", at + "ff2.up_proj", "heard-ff heard"}, {"a.blk.{}.ffn_down_1", at + "ff2.down_proj", "heard heard-ff"},
		{"a.blk.{}.ln2", at + "post_norm", "heard"}, {"a.proj_norm", projector + "qformer.layernorm", "heard"}, {"a.proj_linear", projector + "linear", "heard-text heard"}} {
		rules = append(rules, affine(t[0], t[1], t[2])...)
	}
	rules = append(rules, []Rule{
		{GGUF: "a.blk.{}.attn_q.weight", HF: at + "attn.to_q.weight", Role: RoleTower, Shape: "heard heard"},
		{GGUF: "a.blk.{}.attn_k.weight", HF: at + "attn.to_kv.weight", Role: RoleTower, Shape: "heard heard", From: "2heard heard", Do: FirstHalf},
		{GGUF: "a.blk.{}.attn_v.weight", HF: at + "attn.to_kv.weight", Role: RoleTower, Shape: "heard heard", From: "2heard heard", Do: SecondHalf},
		{GGUF: "a.blk.{}.attn_rel_pos_emb", HF: at + "attn.rel_pos_emb.weight", Role: RoleTower, Shape: "heard-places heard-head"},
		{GGUF: "a.blk.{}.conv_pw1.weight", HF: at + "conv.up_conv.weight", Role: RoleTower, Shape: "2heard-inner heard", From: "2heard-inner heard 1", Do: onePoint, Store: "F32"},
		{GGUF: "a.blk.{}.conv_pw1.bias", HF: at + "conv.up_conv.bias", Role: RoleTower, Shape: "2heard-inner"},
		{GGUF: "a.blk.{}.conv_dw.weight", HF: at + "conv.depth_conv.conv.weight", Role: RoleTower, Shape: "heard-inner kernel", From: "heard-inner 1 kernel", Do: squeezed, Store: "F32"},
		{GGUF: "a.blk.{}.conv_pw2.weight", HF: at + "conv.down_conv.weight", Role: RoleTower, Shape: "heard heard-inner", From: "heard heard-inner 1", Do: onePoint, Store: "F32"},
		{GGUF: "a.blk.{}.conv_pw2.bias", HF: at + "conv.down_conv.bias", Role: RoleTower, Shape: "heard"},
		{GGUF: "a.proj_query", HF: projector + "query", Role: RoleTower, Shape: "1 queries heard"},
	}...)
	rules = append(rules, batchNorm("a.blk.{}.conv_norm", at+"conv.batch_norm", "heard-inner")...)
	for i := range 2 {
		gguf, at := fmt.Sprintf("a.proj_blk.%d.", i), fmt.Sprintf("%sqformer.encoder.layer.%d.", projector, i)
		rules = append(rules, queryLayer(gguf, at, "heard", "heard-beside", "queries-ff")...)
	}
	return rules
}
