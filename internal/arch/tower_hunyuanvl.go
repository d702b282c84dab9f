package arch

import (
	"slices"

	"quern/formats"
)

// HunyuanTower is the tower of HunyuanOCR: a ViT whose learned places are stretched to the image, and a projector of two convolutions and a matrix, between RMS
// norms. One embedding ends a row of an image, one stands before and one behind it. Names are those of the published files, or transformers' own.
var HunyuanTower = registerTower(Arch{
	Projector: "hunyuanvl",
	Variants: []Variant{{
		Type: "hunyuan_vl", HF: []string{"HunYuanVLForConditionalGeneration"}, Language: "HunYuanVLForConditionalGeneration",
		Defaults: with(clipColours, map[string]any{
			"vision_config.hidden_size": 1152, "vision_config.intermediate_size": 4304, "vision_config.num_hidden_layers": 27, "vision_config.num_attention_heads": 16,
			"vision_config.patch_size": 16, "vision_config.max_image_size": 2048, "vision_config.rms_norm_eps": 1e-5, "vision_config.spatial_merge_size": 2,
			"vision_config.hidden_act": "gelu",
		}),
	}},
	Own: []string{"vit.*", "model.vit.*", "vision_tower.*"},
	Keys: slices.Concat(replaceKey(visionKeys, Key{
		GGUF: "clip.vision.image_size", HF: []string{"vision_config.image_size", "vision_config.max_image_size"}, Field: func(p *Params) any { return &p.Vision.Image },
	}), []Key{projector("hunyuanvl")}, towerAct, []Key{towerEps("vision_config.rms_norm_eps"),
		{GGUF: "clip.vision.spatial_merge_size", HF: []string{"vision_config.spatial_merge_size"}, Field: func(p *Params) any { return &p.Vision.Merge }},
		minPixels, maxPixels,
	}),
	Tensors: slices.Concat(hunyuanTower("vit.", "input_layernorm", "post_attention_layernorm", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h", "perceive.", "proj.0", "proj.2"),
		hunyuanTower(clipAt, "layer_norm1", "layer_norm2", "mlp.fc1", "mlp.fc2", "patch_merger.", "proj_conv", "proj_out")),
	Refuse: []Refusal{
		{HF: "vision_config.hidden_act", Unless: []string{"gelu"}, Why: "the tower's activation function is not gelu"},
		{HF: "vision_config.temporal_patch_size", Unless: []string{"1"}, Why: "patches that are more than one image deep"},
		{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"},
	},
	Finish: func(c *Config, p *Params) error {
		kv, err := c.Float("vision_config.num_key_value_heads", float64(p.Heads))
		if err == nil && kv != float64(p.Heads) {
			return c.fail("vision_config.num_key_value_heads", formats.Unsupported("is %v in a tower with %d heads", kv, p.Heads), "")
		}
		return err
	},
})

// hunyuanTower are the rules of one layout.
func hunyuanTower(at, norm1, norm2, up, down, projector, first, second string) []Rule {
	layer := at + "layers.{}."
	end := func(gguf, hf, shape string) Rule {
		return Rule{GGUF: gguf, HF: at + projector + hf, Role: RoleTower, Shape: shape, Store: "F32"}
	}
	rules := slices.Concat([]Rule{
		{GGUF: "v.patch_embd.weight", HF: at + "embeddings.patch_embedding.weight", Role: RoleTower, Shape: "E rgb patch patch", Store: StoreConv},
		{GGUF: "v.patch_embd.bias", HF: at + "embeddings.patch_embedding.bias", Role: RoleTower, Shape: "E"},
		{GGUF: "v.position_embd.weight", HF: at + "embeddings.position_embedding.weight", Role: RoleTower, Shape: "patches E", From: "places E", Do: withoutWhole, Store: "F32"},
	}, affine("v.blk.{}.ln1", layer+norm1, "E"), affine("v.blk.{}.ln2", layer+norm2, "E"), affine("v.blk.{}.ffn_up", layer+up, "F E"), affine("v.blk.{}.ffn_down", layer+down, "E F"))
	for _, x := range [][2]string{{"attn_q", "q_proj"}, {"attn_k", "k_proj"}, {"attn_v", "v_proj"}, {"attn_out", "o_proj"}} {
		rules = append(rules, affine("v.blk.{}."+x[0], layer+"self_attn."+x[1], "E E")...)
	}
	return slices.Concat(rules, []Rule{
		end("mm.pre_norm.weight", "before_rms.weight", "E"), end("mm.post_norm.weight", "after_rms.weight", "text"), end("mm.image_begin", "image_begin", "text"),
		end("mm.image_end", "image_end", "text"), end("v.image_newline", "image_newline", "4E"), end("v.view_seperator", "image_sep", "text"),
	}, convolution("mm.0", at+projector+first, "2E E two two"), convolution("mm.2", at+projector+second, "4E 2E 1 1"), affine("mm.model.fc", at+projector+"mlp", "text 4E"))
}

// withoutWhole leaves out the place of the embedding of a whole image, which no model of the kind makes; the way back makes it of zeros.
var withoutWhole = Op{Name: "without whole", Near: true,
	Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor {
		n := t.Shape[0]
		return picked(t, pick{1, n - 1, n}, []int{n - 1, t.Cols()})
	},
	Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor {
		n := shapedAs(t, t.Shape[0]+1, t.Cols())
		if n.Raw = nil; t.Rows != nil {
			n.Rows = zeroFirst{t.Rows, t.Cols()}
		}
		return n
	},
}

// zeroFirst is a row of zeros before others.
type zeroFirst struct {
	rows formats.Rows
	cols int
}

func (r zeroFirst) ReadRows(dst []float32, row int) error {
	if row > 0 {
		return r.rows.ReadRows(dst, row-1)
	}
	n := min(r.cols, len(dst))
	clear(dst[:n])
	if n == len(dst) {
		return nil
	}
	return r.rows.ReadRows(dst[n:], 0)
}
