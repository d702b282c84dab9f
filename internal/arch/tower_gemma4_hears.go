package arch

import (
	"math"
	"slices"
	"strings"

	"quern/formats"
)

// The tower with which Gemma 4 hears is a conformer (arXiv:2005.08100): two convolutions that quarter instants and frequencies, then layers of a feed-forward
// network, attention with relative places, a convolution over instants and another network, each between norms.
var gemma4Hears = hearing(slices.Concat([]Rule{
	{GGUF: "a.conv1d.0.weight", HF: gemma4Sub + "layer0.conv.weight", Role: RoleTower, Shape: "channels 1 three three", Store: "F32"},
	{GGUF: "a.conv1d.0.norm.weight", HF: gemma4Sub + "layer0.norm.weight", Role: RoleTower, Shape: "channels"},
	{GGUF: "a.conv1d.1.weight", HF: gemma4Sub + "layer1.conv.weight", Role: RoleTower, Shape: "channels-1 channels three three", Store: "F32"},
	{GGUF: "a.conv1d.1.norm.weight", HF: gemma4Sub + "layer1.norm.weight", Role: RoleTower, Shape: "channels-1"},
	{GGUF: "a.input_projection.weight", HF: gemma4Sub + "input_proj_linear.weight", Role: RoleTower, Shape: "heard bands", Store: "F32"},
	{GGUF: "a.blk.{}.attn_k_rel.weight", HF: gemma4Heard + "self_attn.relative_k_proj.weight", Role: RoleTower, Shape: "heard heard"},
	{GGUF: "a.blk.{}.per_dim_scale.weight", HF: gemma4Heard + "self_attn.per_dim_scale", Role: RoleTower, Shape: "heard-head", Do: softened},
	{GGUF: "a.blk.{}.conv_dw.weight", HF: gemma4Heard + "lconv1d.depthwise_conv1d.weight", Role: RoleTower, Shape: "heard kernel", From: "heard 1 kernel", Do: squeezed, Store: "F32"},
}, gemma4Heards(), affine("a.pre_encode.out", "audio_tower.output_proj", "heard-out heard"), []Rule{
	{GGUF: "mm.a.input_projection.weight", HF: "model.embed_audio.embedding_projection.weight", Role: RoleTower, Shape: "text heard-out"},
}))

const (
	gemma4Sub   = "audio_tower.subsample_conv_projection."
	gemma4Heard = "audio_tower.layers.{}."
)

// gemma4Heards are the norms of a layer, and the matrices that cut off what they are given and what they give.
func gemma4Heards() (rules []Rule) {
	for _, n := range [][2]string{{"ffn_norm", "feed_forward1.pre_layer_norm"}, {"ffn_post_norm", "feed_forward1.post_layer_norm"}, {"ffn_norm_1", "feed_forward2.pre_layer_norm"},
		{"ffn_post_norm_1", "feed_forward2.post_layer_norm"}, {"conv_norm", "lconv1d.pre_layer_norm"}, {"norm_conv", "lconv1d.conv_norm"}, {"attn_pre_norm", "norm_pre_attn"},
		{"attn_post_norm", "norm_post_attn"}, {"ln2", "norm_out"}} {
		rules = append(rules, Rule{GGUF: "a.blk.{}." + n[0] + ".weight", HF: gemma4Heard + n[1] + ".weight", Role: RoleTower, Shape: "heard"})
	}
	for _, m := range [][3]string{{"ffn_up", "feed_forward1.ffw_layer_1", "heard-ff heard"}, {"ffn_down", "feed_forward1.ffw_layer_2", "heard heard-ff"},
		{"ffn_up_1", "feed_forward2.ffw_layer_1", "heard-ff heard"}, {"ffn_down_1", "feed_forward2.ffw_layer_2", "heard heard-ff"},
		{"attn_q", "self_attn.q_proj", "heard heard"}, {"attn_k", "self_attn.k_proj", "heard heard"}, {"attn_v", "self_attn.v_proj", "heard heard"},
		{"attn_out", "self_attn.post", "heard heard"}, {"conv_pw1", "lconv1d.linear_start", "2heard heard"}, {"conv_pw2", "lconv1d.linear_end", "heard heard"}} {
		rules = append(rules, clipped("a.blk.{}."+m[0], gemma4Heard+m[1], m[2], "audio_config.use_clipped_linears")...)
	}
	return rules
}

// clipped are the rules of a matrix and, where config.json says so, the ends of what it is given and of what it gives.
func clipped(gguf, hf, shape, flag string) []Rule {
	rules := []Rule{{GGUF: gguf + ".weight", HF: hf + ".linear.weight", Role: RoleTower, Shape: shape}}
	for _, end := range strings.Fields("input_max input_min output_max output_min") {
		rules = append(rules, Rule{GGUF: gguf + "." + end, HF: hf + "." + end, Role: RoleTower, Shape: "1", From: " ", Do: oneNumber, Optional: true, Flag: flag})
	}
	return rules
}

// gemma4HearsDefaults are what transformers assumes.
var gemma4HearsDefaults = map[string]any{
	"audio_config.hidden_size": 1024, "audio_config.num_hidden_layers": 12, "audio_config.num_attention_heads": 8, "audio_config.input_feat_size": 128,
	"audio_config.subsampling_conv_channels": []any{128, 32}, "audio_config.conv_kernel_size": 5, "audio_config.output_proj_dims": 1536, "audio_config.use_clipped_linears": true,
}

// finishGemma4Hears sees whether there is a tower that hears, and refuses what is built into runtimes otherwise.
func finishGemma4Hears(c *Config, p *Params) error {
	h := &p.Hear
	if v, _ := c.Value("audio_config"); v == nil {
		*h = Hearing{}
		return nil
	}
	h.Has, h.Eps, h.FF = true, 1e-6, 4*h.Embd // whatever config.json says: runtimes have the epsilon built in
	if h.channels(0) != h.Mel || len(h.Channels) != 2 {
		return c.fail("audio_config.subsampling_conv_channels", formats.Unsupported("is %v: the matrix behind the convolutions has %d inputs for %d bands", h.Channels, h.channels(0)/4*h.channels(1), h.Mel), "")
	}
	return nil
}

var gemma4HearsRefuses = []Refusal{
	{HF: "audio_config.hidden_act", Unless: []string{"silu"}, Why: "the activation function of the tower that hears is not silu"},
	{HF: "audio_config.attention_chunk_size", Unless: []string{"12"}, Why: "sounds are heard in other pieces"},
	{HF: "audio_config.attention_context_left", Unless: []string{"13"}, Why: "sounds are heard in other pieces"},
	{HF: "audio_config.attention_context_right", Unless: []string{"0"}, Why: "sounds are heard in other pieces"},
	{HF: "audio_config.attention_logit_cap", Unless: []string{"50"}, Why: "scores have another limit"},
	{HF: "audio_config.residual_weight", Unless: []string{"0.5"}, Why: "feed-forward networks count otherwise"},
	{HF: "audio_config.rms_norm_eps", Unless: []string{"1e-06"}, Why: "norms have another epsilon"},
}

// lookGemma4Hears takes from tensors what the keys do not tell.
func lookGemma4Hears(src *formats.Source, p *Params) {
	h := &p.Hear
	if !h.Has {
		return
	}
	h.Out = heightOf(src, "a.pre_encode.out.weight")
	if t := src.Tensor("a.blk.0.conv_dw.weight"); t != nil && len(t.Shape) == 2 {
		h.Kernel = t.Shape[1]
	}
	h.Channels = channelsOf(src)
}

// channelsOf are the channels of the convolutions before the first layer.
func channelsOf(src *formats.Source) (list []int32) {
	for _, name := range []string{"a.conv1d.0.weight", "a.conv1d.1.weight"} {
		if t := src.Tensor(name); t != nil && len(t.Shape) == 4 {
			list = append(list, int32(t.Shape[0]))
		}
	}
	return list
}

// softened is log(1+eˣ) of every number, rounded once.
var softened = Op{Name: "softened", Near: true,
	Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor {
		return mapped(t, func(x float32) float32 {
			e := Exponential(-math.Abs(float64(x)))
			log := Natural(1 + e)
			if e < 1e-4 {
				log = e - float64(e*e)/2 + float64(float64(e*e)*e)/3
			}
			return float32(math.Max(float64(x), 0) + log)
		})
	},
	Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor {
		return mapped(t, func(y float32) float32 {
			switch {
			case !(y > 0) || y > math.MaxFloat32: // no number gives it
				return y
			case y < 1e-6:
				return float32(Natural(float64(y)))
			}
			return float32(float64(y) + Natural(1-Exponential(-float64(y))))
		})
	},
}
