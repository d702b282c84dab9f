package arch

import (
	"slices"

	"quern/formats"
)

// Lfm2HearsTower is what LFM2-Audio hears with: NeMo's FastConformer (arXiv:2305.05084), which three convolutions give an eighth of the instants and frequencies, then layers of half a feed-forward
// network, attention with relative places, a convolution over nine instants and the other half, and a projector of a norm and two matrices. The table with which it tells codes of sounds is in
// the file, too; what predicts them is not.
var Lfm2HearsTower = registerTower(Arch{
	Projector: "lfm2a",
	Variants: []Variant{{
		Type: "lfm2_audio", HF: []string{"Lfm2AudioForConditionalGeneration"}, Language: "Lfm2ForCausalLM", Inner: tiedInside("lfm2"),
		Defaults: map[string]any{
			"encoder.feat_in": 128, "encoder.n_layers": 17, "encoder.d_model": 512, "encoder.subsampling_conv_channels": 256, "encoder.n_heads": 8, "encoder.conv_kernel_size": 9,
			"encoder.subsampling": "dw_striding", "encoder.subsampling_factor": 8, "encoder.causal_downsampling": false, "encoder.self_attention_model": "rel_pos", "encoder.xscaling": false,
			"encoder.untie_biases": true, "encoder.conv_norm_type": "batch_norm", "adapter_use_layer_norm": true, "adapter_hidden_dims": []any{2048},
		},
	}},
	Own:  append([]string{"conformer.*", "audio_adapter.*", "audio_embedding.*"}, predictsSound...),
	Drop: append([]string{"conformer.layers.*.num_batches_tracked"}, predictsSound...),
	Keys: slices.Concat([]Key{{GGUF: "general.file_type"}}, replaceKey(replaceKey(alwaysHearing("encoder."), Key{
		GGUF: "clip.audio.feed_forward_length", HF: []string{"encoder.d_model"}, Field: func(p *Params) any { return &p.Hear.SaysFF }, // runtimes look at the matrices
	}), Key{
		GGUF: "clip.audio.projection_dim", HF: []string{"lfm.hidden_size"}, Field: func(p *Params) any { return &p.Hear.Text },
	}), []Key{projector("lfm2a")}, hearingEnds("", "encoder.feat_in"), []Key{
		{HF: []string{"encoder.subsampling_conv_channels"}, Field: func(p *Params) any { return &p.Hear.Planes }, Default: nothing, When: never},
		{HF: []string{"encoder.conv_kernel_size"}, Field: func(p *Params) any { return &p.Hear.Kernel }, Default: nothing, When: never},
		{HF: []string{"adapter_hidden_dims"}, Field: func(p *Params) any { return &p.Hear.Widths }, Default: nothing, When: never},
	}),
	Tensors: hearing(lfm2Hears, affine("mm.a.mlp.0", "audio_adapter.model.0", "heard"), affine("mm.a.mlp.1", "audio_adapter.model.1", "heard-out heard"),
		affine("mm.a.mlp.3", "audio_adapter.model.3", "heard-text heard-out"), []Rule{
			{GGUF: "a.position_embd.weight", HF: "audio_embedding.embedding.weight", Role: RoleTower, Shape: "instants heard-text", Store: "F32"}, // by the name that runtimes ask for
			{GGUF: "a.position_embd_norm.weight", HF: "audio_embedding.embedding_norm.weight", Role: RoleTower, Shape: "heard-text"},
			{GGUF: "a.embd_to_logits.weight", HF: "audio_embedding.to_logits.weight", Role: RoleTower, Shape: "instants heard-text"},
		}),
	Refuse: []Refusal{
		{HF: "encoder.d_model", Unless: []string{"512"}, Why: "the tower has another width than 512, which runtimes have built in"},
		{HF: "encoder.conv_kernel_size", Unless: []string{"9"}, Why: "convolutions take other than nine instants, which runtimes have built in"},
		{HF: "encoder.subsampling", Unless: []string{"dw_striding"}, Why: "instants are made fewer in another way"},
		{HF: "encoder.subsampling_factor", Unless: []string{"8"}, Why: "instants are not an eighth"},
		{HF: "encoder.causal_downsampling", Unless: []string{"false"}, Why: "convolutions that see no later instants"},
		{HF: "encoder.self_attention_model", Unless: []string{"rel_pos"}, Why: "attention without relative places"},
		{HF: "encoder.att_context_size", Unless: []string{"[-1 -1]"}, Why: "attention within a window"},
		{HF: "encoder.xscaling", Unless: []string{"false"}, Why: "what convolutions give is multiplied"},
		{HF: "encoder.untie_biases", Unless: []string{"true"}, Why: "layers that share biases of places"},
		{HF: "encoder.conv_norm_type", Unless: []string{"batch_norm"}, Why: "convolutions with norms of another kind"},
		{HF: "adapter_use_layer_norm", Unless: []string{"true"}, Why: "a projector without a norm"},
	},
	Finish: finishLfm2Hears,
	Look: func(src *formats.Source, p *Params) {
		h := &p.Hear
		h.FF, h.Places, h.Out, h.Kernel = heightOf(src, "a.blk.0.ffn_up.weight"), heightOf(src, "a.position_embd.weight"), heightOf(src, "mm.a.mlp.1.weight"), 9
		if t := src.Tensor("a.conv1d.0.weight"); t != nil && len(t.Shape) == 4 {
			h.Planes = t.Shape[0]
		}
	},
})

// predictsSound are the tensors of what predicts codes of sounds.
var predictsSound = []string{"codebook_offsets", "audio_loss_weights", "depth_linear.*", "depth_embeddings.*", "depthformer.*"}

// finishLfm2Hears finds the widths that config.json tells as factors and lists.
func finishLfm2Hears(c *Config, p *Params) error {
	h := &p.Hear
	times, err := c.Float("encoder.ff_expansion_factor", 4)
	if err != nil {
		return err
	}
	books, err := c.Float("codebooks", 8)
	if err != nil {
		return err
	}
	codes, err := c.Float("audio_vocab_size", 2049)
	if err != nil {
		return err
	}
	if times <= 0 || times > 64 || books < 1 || books > 64 || codes < 1 || codes > 1<<16 {
		return c.fail("encoder.ff_expansion_factor", formats.Corrupt("a feed-forward network %v times as wide, %v books of %v codes", times, books, codes), "")
	}
	if len(h.Widths) != 1 {
		return c.fail("adapter_hidden_dims", formats.Unsupported("is %.60v: the projector has not two matrices", h.Widths), "")
	}
	h.FF, h.Places, h.Out = int(times*float64(h.Embd)), int(books*codes), int(h.Widths[0])
	return nil
}

// lfm2Hears are its tensors before the projector, by NeMo's names.
var lfm2Hears = slices.Concat(
	conformerStart("conformer.pre_encode.conv.", "conformer.pre_encode.out", "planes 1 1", ofOnePlace), func() (rules []Rule) {
		at := "conformer.layers.{}."
		for _, t := range [][3]string{{"ffn_norm", "norm_feed_forward1", "heard"}, {"ffn_up", "feed_forward1.linear1", "heard-ff heard"}, {"ffn_down", "feed_forward1.linear2", "heard heard-ff"},
			{"ln1", "norm_self_att", "heard"}, {"attn_q", "self_attn.linear_q", "heard heard"}, {"attn_k", "self_attn.linear_k", "heard heard"}, {"attn_v", "self_attn.linear_v", "heard heard"},
			{"attn_out", "self_attn.linear_out", "heard heard"}, {"norm_conv", "norm_conv", "heard"}, {"ffn_norm_1", "norm_feed_forward2", "heard"},
			{"ffn_up_1", "feed_forward2.linear1", "heard-ff heard"}, {"ffn_down_1", "feed_forward2.linear2", "heard heard-ff"}, {"ln2", "norm_out", "heard"}} {
			rules = append(rules, affine("a.blk.{}."+t[0], at+t[1], t[2])...)
		}
		return slices.Concat(rules, []Rule{
			{GGUF: "a.blk.{}.linear_pos.weight", HF: at + "self_attn.linear_pos.weight", Role: RoleTower, Shape: "heard heard"},
			{GGUF: "a.blk.{}.pos_bias_u", HF: at + "self_attn.pos_bias_u", Role: RoleTower, Shape: "heard-heads heard-head", Store: "F32"},
			{GGUF: "a.blk.{}.pos_bias_v", HF: at + "self_attn.pos_bias_v", Role: RoleTower, Shape: "heard-heads heard-head", Store: "F32"},
			{GGUF: "a.blk.{}.conv_pw1.weight", HF: at + "conv.pointwise_conv1.weight", Role: RoleTower, Shape: "2heard heard", From: "2heard heard 1", Do: onePoint, Store: "F32"},
			{GGUF: "a.blk.{}.conv_pw1.bias", HF: at + "conv.pointwise_conv1.bias", Role: RoleTower, Shape: "2heard"},
			{GGUF: "a.blk.{}.conv_dw.weight", HF: at + "conv.depthwise_conv.weight", Role: RoleTower, Shape: "heard kernel", From: "heard 1 kernel", Do: squeezed, Store: "F32"},
			{GGUF: "a.blk.{}.conv_dw.bias", HF: at + "conv.depthwise_conv.bias", Role: RoleTower, Shape: "heard"},
			{GGUF: "a.blk.{}.conv_pw2.weight", HF: at + "conv.pointwise_conv2.weight", Role: RoleTower, Shape: "heard heard", From: "heard heard 1", Do: onePoint, Store: "F32"},
			{GGUF: "a.blk.{}.conv_pw2.bias", HF: at + "conv.pointwise_conv2.bias", Role: RoleTower, Shape: "heard"},
		}, batchNorm("a.blk.{}.conv_norm", at+"conv.batch_norm", "heard"))
	}())

// conformerStart are the convolutions that make instants and frequencies fewer: whole ones, and such as see one channel before such as see one point. Runtimes have their biases in one
// shape or another.
func conformerStart(at, out, biases string, of Op) (rules []Rule) {
	for _, c := range [][2]string{{"0", "planes 1 three three"}, {"2", "planes 1 three three"}, {"3", "planes planes 1 1"}, {"5", "planes 1 three three"}, {"6", "planes planes 1 1"}} {
		rules = append(rules, Rule{GGUF: "a.conv1d." + c[0] + ".weight", HF: at + c[0] + ".weight", Role: RoleTower, Shape: c[1], Store: "F32"},
			Rule{GGUF: "a.conv1d." + c[0] + ".bias", HF: at + c[0] + ".bias", Role: RoleTower, Shape: biases, From: "planes", Do: of})
	}
	return append(rules, affine("a.pre_encode.out", out, "heard planes-bands")...)
}
