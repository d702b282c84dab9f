package arch

import (
	"math"
	"slices"

	"quern/formats"
)

// StepTower is the tower of Step3-VL and Step 3.7: Meta's Perception Encoder (arXiv:2504.13181), whose layers scale what they add and whose heads are rotated by column and by
// row, in pairs of neighbours, beside learned places; two convolutions, each of which halves rows and columns, and a matrix.
var StepTower = registerTower(Arch{
	Projector: "step3vl",
	Variants: []Variant{
		{Type: "step_robotics", HF: []string{"StepVLForConditionalGeneration"}, Language: "Qwen3ForCausalLM", Defaults: stepTower},
		{Type: "step3p7", HF: []string{"Step3p7ForConditionalGeneration"}, Language: "Step3p5ForCausalLM", Defaults: stepTower},
	},
	Own: []string{"vision_model.*", "vit_large_projector.*"},
	Keys: slices.Concat(replaceKeys(visionKeys,
		Key{GGUF: "clip.vision.embedding_length", HF: []string{"vision_config.hidden_size", "vision_config.width"}, Field: func(p *Params) any { return &p.Embd }},
		Key{GGUF: "clip.vision.feed_forward_length", HF: []string{"vision_config.intermediate_size"}, Field: func(p *Params) any { return &p.FF }, Default: nothing},
		Key{GGUF: "clip.vision.block_count", HF: []string{"vision_config.num_hidden_layers", "vision_config.layers"}, Field: func(p *Params) any { return &p.Layers }},
		Key{GGUF: "clip.vision.attention.head_count", HF: []string{"vision_config.num_attention_heads", "vision_config.heads"}, Field: func(p *Params) any { return &p.Heads }},
	), []Key{
		{HF: []string{"vision_config.mlp_ratio"}, Field: func(p *Params) any { return &p.Vision.MLPRatio }, Default: nothing, When: never},
		projector("step3vl"), towerEps("vision_config.layer_norm_eps"), squareScale(),
		{GGUF: "clip.vision.preproc_image_size", HF: []string{"preprocessor.max_image_size"}, Field: func(p *Params) any { return &p.Vision.Longest }},
	}, towerAct),
	Tensors: slices.Concat([]Rule{
		{GGUF: "v.patch_embd.weight", HF: stepAt + "conv1.weight", Role: RoleTower, Shape: "E rgb patch patch", Store: StoreConv},
		{GGUF: "v.position_embd.weight", HF: stepAt + "positional_embedding", Role: RoleTower, Shape: "patches E", Store: "F32"},
	}, affine("v.pre_ln", stepAt+"ln_pre", "E"), affine("v.blk.{}.ln1", stepLayer+"ln_1", "E"), affine("v.blk.{}.ln2", stepLayer+"ln_2", "E"), []Rule{
		{GGUF: "v.blk.{}.attn_qkv.weight", HF: stepLayer + "attn.in_proj_weight", Role: RoleTower, Shape: "3E E"},
		{GGUF: "v.blk.{}.attn_qkv.bias", HF: stepLayer + "attn.in_proj_bias", Role: RoleTower, Shape: "3E"},
		{GGUF: "v.blk.{}.ls1.weight", HF: stepLayer + "ls_1.gamma", Role: RoleTower, Shape: "E"},
		{GGUF: "v.blk.{}.ls2.weight", HF: stepLayer + "ls_2.gamma", Role: RoleTower, Shape: "E"},
	}, affine("v.blk.{}.attn_out", stepLayer+"attn.out_proj", "E E"), affine("v.blk.{}.ffn_up", stepLayer+"mlp.c_fc", "F E"), affine("v.blk.{}.ffn_down", stepLayer+"mlp.c_proj", "E F"),
		convolution("mm.0", stepAt+"vit_downsampler1", "2E E three three"), convolution("mm.1", stepAt+"vit_downsampler2", "4E 2E three three"), []Rule{
			{GGUF: "mm.model.fc.weight", HF: "vit_large_projector.weight", Role: RoleTower, Shape: "text 4E"},
		}),
	Refuse: []Refusal{
		{HF: "understand_projector_stride", Unless: []string{"2"}, Why: "convolutions that do not halve rows and columns"},
		{HF: "projector_bias", Unless: []string{"false"}, Why: "a projector with a bias"},
		{HF: "preprocessor.patch_size", Unless: []string{"504"}, Why: "tiles that are not 504 pixels wide"},
		{HF: "vision_config.use_cls_token", Unless: []string{"false"}, Why: "an embedding of the whole image"},
		{HF: "vision_config.use_ln_pre", Unless: []string{"true"}, Why: "no norm before the first layer"},
		{HF: "vision_config.use_ln_post", Unless: []string{"false"}, Why: "a norm behind the last layer"},
		{HF: "vision_config.use_abs_posemb", Unless: []string{"true"}, Why: "places are not learned"},
		{HF: "vision_config.use_rope2d", Unless: []string{"true"}, Why: "heads are not rotated"},
		{HF: "vision_config.rope_theta", Unless: []string{"10000"}, Why: "rotations of another base"},
		{HF: "vision_config.rope_parameters.rope_theta", Unless: []string{"10000"}, Why: "rotations of another base"},
		{HF: "vision_config.rope_theta_rescale_factor", Unless: []string{"1"}, Why: "rotations of another base"},
		{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"},
	},
	Finish: finishStepTower,
})

const (
	stepAt    = "vision_model."
	stepLayer = stepAt + "transformer.resblocks.{}."
)

// stepTower is the tower of the published models.
var stepTower = with(clipColours, map[string]any{
	"vision_config.hidden_size": 1536, "vision_config.num_hidden_layers": 47, "vision_config.num_attention_heads": 16, "vision_config.image_size": 728, "vision_config.patch_size": 14,
	"vision_config.mlp_ratio": 8960.0 / 1536, "vision_config.hidden_act": "quick_gelu", "vision_config.layer_norm_eps": 1e-5, "preprocessor.max_image_size": 3024,
})

// convolution are the rules of a convolution and its bias.
func convolution(gguf, hf, shape string) []Rule {
	rules := affine(gguf, hf, shape)
	rules[0].Store = StoreConv
	return rules
}

func finishStepTower(c *Config, p *Params) error {
	v := &p.Vision
	if p.FF == 0 {
		p.FF = int(math.RoundToEven(float64(p.Embd) * float64(v.MLPRatio)))
	}
	v.Scale = 4 // along both sides together, as the reference has it
	const tile = 504
	switch {
	case v.Patch < 1 || v.side()%4 != 0 || tile%(4*v.Patch) != 0:
		return c.fail("vision_config.image_size", formats.Unsupported("%d in patches of %d: runtimes halve rows and columns of the whole, and of tiles of %d pixels, twice", v.Image, v.Patch, tile), "")
	case p.Heads > 0 && (p.Embd/p.Heads)%4 != 0:
		return c.fail("vision_config", formats.Unsupported("a head of %d cannot be rotated in two halves", p.Embd/p.Heads), "")
	}
	return nil
}
