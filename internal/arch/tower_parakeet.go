package arch

import (
	"slices"

	"quern/formats"
)

// Nemotron 3 Nano Omni hears with Parakeet's FastConformer (arXiv:2305.05084), whose matrices have no biases: norms of batches stay what they are, and the bands and the window of the spectrum are in the
// checkpoint. The projector is a norm and two matrices with a squared ReLU between them.
var parakeet = hearing(conformerStart(soundAt+"subsampling.layers.", soundAt+"subsampling.linear", "1 planes 1 1", ofOnePlaneEach), parakeetLayers(soundAt+"layers.{}."), []Rule{
	{GGUF: "a.mel_filters", HF: soundAt + "feature_extractor.featurizer.fb", Role: RoleTower, Shape: "1 mel waves", Store: "F32"},
	{GGUF: "a.window", HF: soundAt + "feature_extractor.featurizer.window", Role: RoleTower, Shape: "instants-of-waves"},
	{GGUF: "mm.a.norm_pre.weight", HF: "sound_projection.norm.weight", Role: RoleTower, Shape: "heard"},
	{GGUF: "mm.a.mlp.1.weight", HF: "sound_projection.linear1.weight", Role: RoleTower, Shape: "heard-out heard"},
	{GGUF: "mm.a.mlp.2.weight", HF: "sound_projection.linear2.weight", Role: RoleTower, Shape: "heard-text heard-out"},
})

const soundAt = "sound_encoder.encoder."

func parakeetLayers(at string) (rules []Rule) {
	for _, n := range [][2]string{{"ffn_norm", "norm_feed_forward1"}, {"ffn_norm_1", "norm_feed_forward2"}, {"ln1", "norm_self_att"}, {"ln2", "norm_out"}, {"norm_conv", "norm_conv"}, {"conv_norm", "conv.norm"}} {
		rules = append(rules, affine("a.blk.{}."+n[0], at+n[1], "heard")...)
	}
	for _, m := range [][3]string{{"ffn_up", "feed_forward1.linear1", "heard-ff heard"}, {"ffn_down", "feed_forward1.linear2", "heard heard-ff"}, {"ffn_up_1", "feed_forward2.linear1", "heard-ff heard"},
		{"ffn_down_1", "feed_forward2.linear2", "heard heard-ff"}, {"attn_q", "self_attn.q_proj", "heard heard"}, {"attn_k", "self_attn.k_proj", "heard heard"}, {"attn_v", "self_attn.v_proj", "heard heard"},
		{"attn_out", "self_attn.o_proj", "heard heard"}, {"linear_pos", "self_attn.relative_k_proj", "heard heard"}} {
		rules = append(rules, Rule{GGUF: "a.blk.{}." + m[0] + ".weight", HF: at + m[1] + ".weight", Role: RoleTower, Shape: m[2]})
	}
	return append(rules, []Rule{
		{GGUF: "a.blk.{}.pos_bias_u", HF: at + "self_attn.bias_u", Role: RoleTower, Shape: "heard-heads heard-head", Store: "F32"},
		{GGUF: "a.blk.{}.pos_bias_v", HF: at + "self_attn.bias_v", Role: RoleTower, Shape: "heard-heads heard-head", Store: "F32"},
		{GGUF: "a.blk.{}.conv_pw1.weight", HF: at + "conv.pointwise_conv1.weight", Role: RoleTower, Shape: "2heard heard", From: "2heard heard 1", Do: onePoint, Store: "F32"},
		{GGUF: "a.blk.{}.conv_pw2.weight", HF: at + "conv.pointwise_conv2.weight", Role: RoleTower, Shape: "heard heard", From: "heard heard 1", Do: onePoint, Store: "F32"},
		{GGUF: "a.blk.{}.conv_dw.weight", HF: at + "conv.depthwise_conv.weight", Role: RoleTower, Shape: "1 1 heard kernel", From: "heard 1 kernel", Do: onePlane, Store: "F32"},
		{GGUF: "a.blk.{}.conv_norm_mean", HF: at + "conv.norm.running_mean", Role: RoleTower, Shape: "heard"},
		{GGUF: "a.blk.{}.conv_norm_var", HF: at + "conv.norm.running_var", Role: RoleTower, Shape: "heard"},
	}...)
}

// ofOnePlaneEach makes a vector one number of each plane of one image.
var ofOnePlaneEach = Op{Name: "of one plane each",
	Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor { return regrouped(t, 1, t.Shape[0], 1, 1) },
	Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor { return regrouped(t, t.Shape[1]) },
}

// onePlane is a convolution of each channel for itself as an image of channels and instants.
var onePlane = Op{Name: "one plane",
	Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor { return shapedAs(t, 1, 1, t.Shape[0], t.Shape[2]) },
	Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor { return shapedAs(t, t.Shape[2], 1, t.Shape[3]) },
}

// parakeetStarts are the keys that begin a file that hears so, and parakeetReads what is read beside.
var (
	parakeetStarts = slices.Concat(hearingEnds("", "sound_config.num_mel_bins"), []Key{
		{GGUF: "clip.audio.subsampling_factor", HF: []string{"sound_config.subsampling_factor"}, Field: func(p *Params) any { return &p.Hear.Stack }, Default: nothing, When: hears},
		{GGUF: "clip.audio.conv_kernel_size", HF: []string{"sound_config.conv_kernel_size"}, Field: func(p *Params) any { return &p.Hear.Kernel }, Default: nothing, When: hears},
		hearingProjector("parakeet"), twoProjectors("nemotron_v2_vl", "parakeet")[0],
	})
	parakeetReads = []Key{
		{HF: []string{"sound_config.subsampling_conv_channels"}, Field: func(p *Params) any { return &p.Hear.Planes }, Default: nothing, When: never},
		{HF: []string{"sound_config.projection_hidden_size"}, Field: func(p *Params) any { return &p.Hear.Out }, Default: nothing, When: never},
	}
)

var parakeetDefaults = map[string]any{
	"sound_config.hidden_size": 1024, "sound_config.num_hidden_layers": 24, "sound_config.num_attention_heads": 8, "sound_config.intermediate_size": 4096, "sound_config.num_mel_bins": 128,
	"sound_config.subsampling_factor": 8, "sound_config.subsampling_conv_channels": 256, "sound_config.conv_kernel_size": 9, "sound_config.projection_hidden_size": 4096,
}

var parakeetRefuses = []Refusal{
	{HF: "sound_config.subsampling_factor", Unless: []string{"8"}, Why: "instants are not an eighth"},
	{HF: "sound_config.attention_bias", Unless: []string{"false"}, Why: "matrices of the tower that hears have biases, which runtimes do not add"},
	{HF: "sound_config.convolution_bias", Unless: []string{"false"}, Why: "convolutions of the tower that hears have biases, which runtimes do not add"},
	{HF: "sound_config.projection_bias", Unless: []string{"false"}, Why: "the projector of what is heard has biases"},
	{HF: "sound_config.scale_input", Unless: []string{"false"}, Why: "what convolutions give is multiplied"},
	{HF: "sound_config.hidden_act", Unless: []string{"silu"}, Why: "the activation function of the tower that hears is not silu"},
	{HF: "sound_config.subsampling_conv_kernel_size", Unless: []string{"3"}, Why: "convolutions over other than three instants and bands"},
	{HF: "sound_config.subsampling_conv_stride", Unless: []string{"2"}, Why: "convolutions that leave other than every second"},
}

// lookParakeet takes from tensors what the keys do not tell.
func lookParakeet(src *formats.Source, p *Params) {
	if t := src.Tensor("a.conv1d.0.weight"); t != nil && len(t.Shape) == 4 && p.Hear.Has {
		p.Hear.Planes, p.Hear.Out = t.Shape[0], heightOf(src, "mm.a.mlp.1.weight")
	}
}
