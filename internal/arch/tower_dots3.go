package arch

import (
	"fmt"
	"slices"
	"strings"

	"quern/formats"
)

// Dots3NoteTower is what dots3-note sees and hears with. It sees with dots.ocr's tower, whose heads are normed and whose later layers have experts, more of them the later they are. It hears
// with Qwen3-ASR's convolutions, of a minute of sound at once, before layers with RMS norms and a gate, in which half of each head is rotated.
var Dots3NoteTower = registerTower(Arch{
	Projector: "dots3note_v",
	Variants: []Variant{{
		Type: "dots3_note", HF: []string{"Dots3NoteForConditionalGeneration", "Dots3NoteForCausalLM"}, Language: "Dots3NoteForCausalLM",
		Defaults: with(clipColours, map[string]any{
			"vision_config.hidden_size": 1536, "vision_config.intermediate_size": 4224, "vision_config.num_hidden_layers": 42, "vision_config.num_attention_heads": 24,
			"vision_config.patch_size": 14, "vision_config.rms_norm_eps": 1e-5, "vision_config.spatial_merge_size": 2, "vision_config.moe_intermediate_size": 2112,
			"audio_config.hidden_size": 1280, "audio_config.intermediate_size": 5120, "audio_config.num_hidden_layers": 32, "audio_config.num_attention_heads": 20,
			"audio_config.feature_size": 128, "audio_config.downsample_hidden_size": 480,
		}),
	}},
	Own: []string{"vision_encoder.*", "audio_encoder.*"},
	Keys: slices.Concat(replaceKey(visionKeys, ofAnySize(0)), underEither(hearingKeys("audio_config.whisper_config."), hearingKeys("audio_config.")), []Key{
		projectorAt("clip.vision.projector_type", "dots3note_v"),
		alwaysSiLU, towerEps("vision_config.rms_norm_eps"),
		{GGUF: "clip.vision.spatial_merge_size", HF: []string{"vision_config.spatial_merge_size"}, Field: func(p *Params) any { return &p.Vision.Merge }},
		minPixels, maxPixels,
		{GGUF: "clip.vision.expert_count_per_layer", HF: []string{"vision_config.pyramid_num_routed"}, Field: func(p *Params) any { return &p.Mix.CountIn }, Default: nothing},
		{GGUF: "clip.vision.expert_used_count", HF: []string{"vision_config.capacity_factor", "vision_config.num_experts_per_tok"}, Field: func(p *Params) any { return &p.Mix.Used },
			Default: func(p *Params) { p.Mix.Used = 2 }},
		{HF: []string{"vision_config.moe_intermediate_size"}, Field: func(p *Params) any { return &p.Mix.FF }, Default: nothing, When: never},
		qwen3Planes,
	}, hearingEnds("dots3note_a", "audio_config.whisper_config.num_mel_bins", "audio_config.feature_size")),
	Tensors: slices.Concat(dots3Sees, hearing(dots3Hears)),
	Refuse:  dots3TowerRefuses,
	Finish:  finishDots3Tower,
	Look: func(src *formats.Source, p *Params) {
		lookQwen3Hears(src, p)
		for _, t := range src.Tensors {
			if strings.HasSuffix(t.Name, ".ffn_gate_exps.weight") && len(t.Shape) == 3 {
				p.Mix.FF = t.Shape[1]
			}
		}
	},
})

const (
	dots3Layer = "vision_encoder.blocks.{}."
	dots3Heard = "audio_encoder.dots_encoder.speech_encoder."
)

var dots3Sees = slices.Concat([]Rule{
	{GGUF: "v.patch_embd.weight", HF: "vision_encoder.patch_embed.proj.weight", Role: RoleTower, Shape: "E rgb patch patch", Store: StoreConv},
	{GGUF: "v.patch_embd.bias", HF: "vision_encoder.patch_embed.proj.bias", Role: RoleTower, Shape: "E"},
	{GGUF: "v.pre_ln.weight", HF: "vision_encoder.patch_embed.norm.weight", Role: RoleTower, Shape: "E"},
	{GGUF: "mm.post_norm.weight", HF: "vision_encoder.post_trunk_norm.weight", Role: RoleTower, Shape: "E"},
	{GGUF: "v.blk.{}.ln1.weight", HF: dots3Layer + "norm_1.weight", Role: RoleTower, Shape: "E"},
	{GGUF: "v.blk.{}.ln2.weight", HF: dots3Layer + "norm_2.weight", Role: RoleTower, Shape: "E"},
	{GGUF: "v.blk.{}.attn_qkv.weight", HF: dots3Layer + "attn.qkv.weight", Role: RoleTower, Shape: "3E E"},
	{GGUF: "v.blk.{}.attn_q_norm.weight", HF: dots3Layer + "attn.q_norm.weight", Role: RoleTower, Shape: "head"},
	{GGUF: "v.blk.{}.attn_k_norm.weight", HF: dots3Layer + "attn.k_norm.weight", Role: RoleTower, Shape: "head"},
	{GGUF: "v.blk.{}.attn_out.weight", HF: dots3Layer + "attn.proj.weight", Role: RoleTower, Shape: "E E"},
	{GGUF: "v.blk.{}.ffn_gate.weight", HF: dots3Layer + "mlp.fc1.weight", Role: RoleTower, Shape: "F E", When: withoutExperts},
	{GGUF: "v.blk.{}.ffn_up.weight", HF: dots3Layer + "mlp.fc3.weight", Role: RoleTower, Shape: "F E", When: withoutExperts},
	{GGUF: "v.blk.{}.ffn_down.weight", HF: dots3Layer + "mlp.fc2.weight", Role: RoleTower, Shape: "E F", When: withoutExperts},
	{GGUF: "v.blk.{}.ffn_gate_inp.weight", HF: dots3Layer + "mlp.gate_weight", Role: RoleTower, Shape: "X E", Store: "F32", When: withExperts},
	{GGUF: "v.blk.{}.exp_probs_b.weight", HF: dots3Layer + "mlp.router_bias", Role: RoleTower, Shape: "X", Store: "F32", When: withExperts},
	{GGUF: "v.blk.{}.ffn_gate_exps.weight", HF: dots3Layer + "mlp.experts.{e}.fc1.weight", Role: RoleTower, Shape: "X M E", When: withExperts},
	{GGUF: "v.blk.{}.ffn_up_exps.weight", HF: dots3Layer + "mlp.experts.{e}.fc3.weight", Role: RoleTower, Shape: "X M E", When: withExperts},
	{GGUF: "v.blk.{}.ffn_down_exps.weight", HF: dots3Layer + "mlp.experts.{e}.fc2.weight", Role: RoleTower, Shape: "X E M", When: withExperts},
}, affine("mm.input_norm", "vision_encoder.adapter.ln_q", "E"), affine("mm.0", "vision_encoder.adapter.mlp.0", "merged merged"), affine("mm.2", "vision_encoder.adapter.mlp.2", "text merged"))

var dots3Hears = slices.Concat(dots3Convolution("1", "planes 1 three three"), dots3Convolution("2", "planes planes three three"), dots3Convolution("3", "planes planes three three"), []Rule{
	{GGUF: "a.conv_out.weight", HF: dots3Heard + "conv_out.weight", Role: RoleTower, Shape: "heard planes-bands", Store: "F32"},
	{GGUF: "a.blk.{}.ln1.weight", HF: dots3Heard + "layers.{}.self_attn_layer_norm.weight", Role: RoleTower, Shape: "heard"},
	{GGUF: "a.blk.{}.ln2.weight", HF: dots3Heard + "layers.{}.final_layer_norm.weight", Role: RoleTower, Shape: "heard"},
	{GGUF: "a.blk.{}.attn_k.weight", HF: dots3Heard + "layers.{}.self_attn.k_proj.weight", Role: RoleTower, Shape: "heard heard"},
	{GGUF: "a.blk.{}.ffn_gate.weight", HF: dots3Heard + "layers.{}.fc1.weight", Role: RoleTower, Shape: "heard-ff heard", From: "2heard-ff heard", Do: FirstHalf},
	{GGUF: "a.blk.{}.ffn_gate.bias", HF: dots3Heard + "layers.{}.fc1.bias", Role: RoleTower, Shape: "heard-ff", From: "2heard-ff", Do: FirstHalf},
	{GGUF: "a.blk.{}.ffn_up.weight", HF: dots3Heard + "layers.{}.fc1.weight", Role: RoleTower, Shape: "heard-ff heard", From: "2heard-ff heard", Do: SecondHalf},
	{GGUF: "a.blk.{}.ffn_up.bias", HF: dots3Heard + "layers.{}.fc1.bias", Role: RoleTower, Shape: "heard-ff", From: "2heard-ff", Do: SecondHalf},
	{GGUF: "a.post_ln.weight", HF: dots3Heard + "layer_norm.weight", Role: RoleTower, Shape: "heard"},
}, affine("a.blk.{}.attn_q", dots3Heard+"layers.{}.self_attn.q_proj", "heard heard"), affine("a.blk.{}.attn_v", dots3Heard+"layers.{}.self_attn.v_proj", "heard heard"),
	affine("a.blk.{}.attn_out", dots3Heard+"layers.{}.self_attn.out_proj", "heard heard"), affine("a.blk.{}.ffn_down", dots3Heard+"layers.{}.fc2", "heard heard-ff"),
	affine("mm.a.norm_pre", "audio_encoder.audio_adapter.proj.0", "heard"), affine("mm.a.mlp.1", "audio_encoder.audio_adapter.proj.1", "heard-text heard"),
	affine("mm.a.mlp.3", "audio_encoder.audio_adapter.proj.3", "heard-text heard-text"))

func dots3Convolution(n, shape string) []Rule {
	return []Rule{
		{GGUF: "a.conv2d." + n + ".weight", HF: dots3Heard + "conv2d" + n + ".weight", Role: RoleTower, Shape: shape, Store: "F32"},
		{GGUF: "a.conv2d." + n + ".bias", HF: dots3Heard + "conv2d" + n + ".bias", Role: RoleTower, Shape: "planes"},
	}
}

func withExperts(p *Params, layer int) bool {
	return layer >= 0 && layer < len(p.Mix.CountIn) && p.Mix.CountIn[layer] > 0
}

func withoutExperts(p *Params, layer int) bool { return !withExperts(p, layer) }

// underEither is keys that config.json has under the names of one list or of another.
func underEither(keys, or []Key) []Key {
	for i := range keys {
		for _, hf := range or[i].HF {
			if !slices.Contains(keys[i].HF, hf) {
				keys[i].HF = append(keys[i].HF, hf)
			}
		}
	}
	return keys
}

var dots3TowerRefuses = []Refusal{
	{HF: "vision_config.adapter_type", Unless: []string{"patch_merger"}, Why: "another projector"},
	{HF: "vision_config.pre_pixel_shuffle", Unless: []string{"true"}, Why: "patches in another order"},
	{HF: "vision_config.router_scoring_func", Unless: []string{"sigmoid"}, Why: "scores of experts by another function"},
	{HF: "vision_config.router_scale", Unless: []string{"1"}, Why: "weights of experts that are multiplied"},
	{HF: "vision_config.router_scaling_factor", Unless: []string{"1"}, Why: "weights of experts that are multiplied"},
	{HF: "vision_config.temporal_patch_size", Unless: []string{"1"}, Why: "patches that are more than one image deep"},
	{HF: "vision_config.use_bias", Unless: []string{"false"}, Why: "projections with biases"},
	{HF: "vision_config.attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
	{HF: "vision_config.mlp_bias", Unless: []string{"false"}, Why: "projections with biases"},
	{HF: "vision_config.use_qk_norm", Unless: []string{"true"}, Why: "heads without norms"},
	{HF: "vision_config.post_norm", Unless: []string{"true"}, Why: "no norm behind the last layer"},
	{HF: "vision_config.is_causal", Unless: []string{"false"}, Why: "patches that see only those before"},
	{HF: "vision_config.hidden_act", Unless: []string{"silu"}, Why: "the tower's activation function is not silu"},
	{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"},
	{HF: "vision_config.rope_parameters.rope_theta", Unless: []string{"10000"}, Why: "places are rotated with another base"},
	{HF: "audio_config.use_conv2d_stem", Unless: []string{"true"}, Why: "other convolutions before the first layer"},
	{HF: "audio_config.use_rope", Unless: []string{"true"}, Why: "instants are not rotated"},
	{HF: "audio_config.use_rms_norm", Unless: []string{"true"}, Why: "norms that are no RMS norms"},
	{HF: "audio_config.use_causal", Unless: []string{"false"}, Why: "instants that hear only those before"},
	{HF: "audio_config.whisper_config.activation_function", Unless: []string{"swiglu"}, Why: "the activation function of the tower that hears is not a gated silu"},
	{HF: "audio_config.hidden_act", Unless: []string{"silu"}, Why: "the activation function of the tower that hears is not silu"},
	{HF: "audio_config.merge_factor", Unless: []string{"1"}, Why: "instants are joined before the projector"},
	{HF: "audio_config.chunk_seconds", Unless: []string{"60"}, Why: "layers hear other than a minute at once, which runtimes have built in"},
	{HF: "audio_config.hop_length", Unless: []string{"160"}, Why: "instants of another length"},
	{HF: "audio_config.attention_bias", Unless: []string{"true"}, Why: "queries without biases"},
	{HF: "audio_config.rope_parameters.partial_rotary_factor", Unless: []string{"0.5"}, Why: "other than half of each head is rotated"},
	{HF: "audio_config.rope_parameters.rope_theta", Unless: []string{"10000"}, Why: "instants are rotated with another base"},
}

// finishDots3Tower counts the experts of layers: config.json says it in a list, or as the library writes it, for each layer that differs.
func finishDots3Tower(c *Config, p *Params) error {
	p.Hear.Has, p.Hear.Eps = true, 1e-6 // as the library has it built in
	if _, authors := c.Value("vision_config.pyramid_num_routed"); authors {
		for _, key := range []string{"vision_config.adapter_type", "vision_config.pre_pixel_shuffle", "audio_config.use_conv2d_stem", "audio_config.use_rope", "audio_config.use_rms_norm",
			"audio_config.whisper_config.activation_function"} {
			if _, told := c.Value(key); !told {
				return c.fail(key, formats.Unsupported("is not told, and what is assumed then runtimes do not compute"), "")
			}
		}
	} else if p.Layers <= 512 {
		usual, err := c.Float("vision_config.num_local_experts", 64)
		if err != nil {
			return err
		}
		kinds, _ := c.Value("vision_config.mlp_layer_types")
		list, _ := kinds.([]any)
		p.Mix.CountIn = make([]int32, len(list))
		for l, kind := range list {
			n, err := c.Float(fmt.Sprintf("vision_config.per_layer_config.%d.num_local_experts", l), usual)
			if err != nil {
				return err
			}
			if kind == "sparse" {
				p.Mix.CountIn[l] = int32(max(0, min(n, 1<<20)))
			}
		}
	}
	for i, n := range p.Mix.CountIn {
		p.Mix.CountIn[i] = max(0, n)
	}
	return nil
}
