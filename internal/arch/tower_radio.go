package arch

import (
	"slices"

	"quern/formats"
	"quern/quantize"
)

// RadioTower is the tower of Nemotron Nano VL 2: RADIO's ViT (arXiv:2312.06709), with embeddings before the patches that stand for the whole image; patches joined
// in squares, normed, and projected by two matrices with a squared ReLU between them. Its places are stretched to the one size of images. Nemotron 3 Nano Omni has it, too, and hears (tower_parakeet.go).
var RadioTower = registerTower(Arch{
	Projector: "nemotron_v2_vl",
	Variants: []Variant{
		{Type: "NemotronH_Nano_VL_V2", HF: []string{"NemotronH_Nano_VL_V2"}, Language: "NemotronHForCausalLM", Defaults: radioTower},
		{Type: "NemotronH_Nano_Omni_Reasoning_V3", HF: []string{"NemotronH_Nano_Omni_Reasoning_V3"}, Language: "NemotronHForCausalLM", Defaults: with(radioTower, parakeetDefaults)},
	},
	Own: []string{"vision_model.*", "mlp1.*", "sound_encoder.*", "sound_projection.*"},
	Keys: slices.Concat(parakeetStarts, []Key{oneProjector("nemotron_v2_vl")}, replaceKey(visionKeys, Key{
		GGUF: "clip.vision.image_size", HF: []string{"force_image_size"}, Field: func(p *Params) any { return &p.Vision.Image },
	}), hearingKeys("sound_config."), parakeetReads, []Key{
		towerEps(), alwaysGELU, squareScale(), // from downsample_ratio
		{HF: []string{"projector_hidden_size"}, Field: func(p *Params) any { return &p.Vision.Middle }, Default: nothing, When: never},
		{HF: []string{"vision_config.max_resolution"}, Field: func(p *Params) any { return &p.Vision.Longest }, Default: nothing, When: never},
		{HF: []string{"vision_config.args.register_multiple"}, Field: func(p *Params) any { return &p.Vision.Wholes }, Default: nothing, When: never},
	}),
	Tensors: slices.Concat([]Rule{
		{GGUF: "v.class_embd", HF: radioAt + "patch_generator.cls_token.token", Role: RoleTower, Shape: "wholes E", Store: "F32"},
		{GGUF: "v.patch_embd.weight", HF: radioAt + "patch_generator.embedder.weight", Role: RoleTower, Shape: "E rgb patch patch", From: "E pixels", Do: patchByColour, Store: StoreConv},
		{GGUF: "v.position_embd.weight", HF: radioAt + "patch_generator.pos_embed", Role: RoleTower, Shape: "1 patches E", From: "1 table E", Do: stretched, Store: "F32"},
	}, affine("v.blk.{}.ln1", radioLayer+"norm1", "E"), affine("v.blk.{}.ln2", radioLayer+"norm2", "E"), affine("v.blk.{}.attn_qkv", radioLayer+"attn.qkv", "3E E"),
		affine("v.blk.{}.attn_out", radioLayer+"attn.proj", "E E"), affine("v.blk.{}.ffn_up", radioLayer+"mlp.fc1", "F E"), affine("v.blk.{}.ffn_down", radioLayer+"mlp.fc2", "E F"),
		[]Rule{
			{GGUF: "mm.model.mlp.0.weight", HF: "mlp1.0.weight", Role: RoleTower, Shape: "scaled"},
			{GGUF: "mm.model.mlp.1.weight", HF: "mlp1.1.weight", Role: RoleTower, Shape: "middle scaled"},
			{GGUF: "mm.model.mlp.3.weight", HF: "mlp1.3.weight", Role: RoleTower, Shape: "text middle"},
		}, parakeet),
	Drop: []string{soundAt + "layers.*.num_batches_tracked", "vision_model.radio_model.input_conditioner.*", "vision_model.radio_model.summary_idxs", radioAt + "patch_generator.video_embedder.*"}, // of films
	Refuse: append([]Refusal{
		{HF: "ps_version", Unless: []string{"v2"}, Why: "patches are joined in another order"},
		{HF: "vision_config.args.model", Unless: []string{"vit_huge_patch16_224"}, Why: "a tower of other sizes"},
	}, parakeetRefuses...),
	Finish: func(c *Config, p *Params) error {
		v := &p.Vision
		if sound, _ := c.Value("sound_config"); sound == nil {
			p.Hear = Hearing{}
		} else {
			p.Hear.Has = true
		}
		side := v.Longest / max(1, v.Patch)
		if v.Longest = 0; side < 1 || side > 1<<12 {
			return c.fail("vision_config.max_resolution", formats.Corrupt("places of %d patches a side", side), "")
		}
		v.Places = side * side
		return c.squaresOf("downsample_ratio", 0.5, p)
	},
	Look: func(src *formats.Source, p *Params) {
		v := &p.Vision
		v.Places, v.Wholes, v.Middle = v.patches(), heightOf(src, "v.class_embd"), heightOf(src, "mm.model.mlp.1.weight")
		lookParakeet(src, p)
	},
})

// radioTower are the sizes that the published ones have, which no config.json tells.
var radioTower = map[string]any{
	"vision_config.hidden_size": 1280, "vision_config.intermediate_size": 5120, "vision_config.num_hidden_layers": 32, "vision_config.num_attention_heads": 16,
	"vision_config.patch_size": 16, "vision_config.max_resolution": 2048, "vision_config.args.register_multiple": 10, "force_image_size": 512,
	"vision_config.args.model": "vit_huge_patch16_224", "downsample_ratio": 0.5, "ps_version": "v2",
	"preprocessor.image_mean": []float32{0.485, 0.456, 0.406}, "preprocessor.image_std": []float32{0.229, 0.224, 0.225},
}

const (
	radioAt    = "vision_model.radio_model.model."
	radioLayer = radioAt + "blocks.{}."
)

// patchByColour makes a convolution of a matrix that is given patches colour by colour.
var patchByColour = Op{Name: "patch by colour",
	Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
		return regrouped(t, t.Shape[0], 3, p.Vision.Patch, p.Vision.Patch)
	},
	Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor {
		return regrouped(t, t.Shape[0], 3*p.Vision.Patch*p.Vision.Patch)
	},
}

// stretched gives a square of learned places the size of an image, by straight lines between neighbours whose corners stay where they are, as the published code does.
// It is computed in float64 and rounded once.
var stretched = Op{Name: "stretched", OneWay: true, Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
	from, to := sideOf(t.Shape[1]), p.Vision.side()
	if from == to || from == 0 || to == 0 || t.Rows == nil {
		return t
	}
	n := shapedAs(t, 1, to*to, t.Cols())
	n.Type, n.Raw, n.Rows = quantize.ByName("F32"), nil, stretchedRows{t.Rows, from, to, t.Cols()}
	return n
}}

// sideOf is the side of a square of n; 0 if there is none.
func sideOf(n int) (side int) {
	for side*side < n {
		side++
	}
	if side*side != n {
		return 0
	}
	return side
}

type stretchedRows struct {
	rows           formats.Rows
	from, to, cols int
}

func (r stretchedRows) ReadRows(dst []float32, row int) error {
	near := make([]float32, r.cols)
	sum := make([]float64, r.cols)
	for ; len(dst) > 0; dst, row = dst[r.cols:], row+1 {
		clear(sum)
		y, fy := r.at(row / r.to)
		x, fx := r.at(row % r.to)
		for _, n := range []struct {
			y, x int
			by   float64
		}{{y, x, (1 - fy) * (1 - fx)}, {y, x + 1, (1 - fy) * fx}, {y + 1, x, fy * (1 - fx)}, {y + 1, x + 1, fy * fx}} {
			if n.by == 0 {
				continue
			}
			if err := r.rows.ReadRows(near, n.y*r.from+n.x); err != nil {
				return err
			}
			for i, v := range near {
				sum[i] += float64(n.by * float64(v))
			}
		}
		for i, v := range sum {
			dst[i] = float32(v)
		}
	}
	return nil
}

// at is where place i of one side lies between two of the other.
func (r stretchedRows) at(i int) (int, float64) {
	if r.to < 2 {
		return 0, 0
	}
	n, d := i*(r.from-1), r.to-1
	return n / d, float64(n%d) / float64(d)
}
