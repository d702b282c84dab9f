package arch

import (
	"slices"

	"quern/formats"
)

// MiniCPMTower is the tower of MiniCPM-V 4.6: SigLIP, behind one of whose layers attention within squares and a network join four patches in one; after the last
// layer four are joined again, and projected. Where the processor asks for four times as many embeddings, the first joining is left out.
var MiniCPMTower = registerTower(Arch{
	Projector: "minicpmv4_6",
	Variants: []Variant{{
		Type: "minicpmv4_6", HF: []string{"MiniCPMV4_6ForConditionalGeneration"}, Language: "Qwen3_5ForCausalLM",
		Defaults: with(halfColours, map[string]any{
			"vision_config.hidden_size": 768, "vision_config.intermediate_size": 3072, "vision_config.num_hidden_layers": 12, "vision_config.num_attention_heads": 12,
			"vision_config.image_size": 224, "vision_config.patch_size": 16, "vision_config.hidden_act": "gelu_pytorch_tanh", "vision_config.layer_norm_eps": 1e-6,
			"insert_layer_id": 6,
		}),
	}},
	Own: []string{"vision_tower.*", "model.merger.*", "merger.*"},
	Keys: slices.Concat(visionKeys, []Key{projector("minicpmv4_6"), squareScale(),
		{GGUF: "clip.vision.wa_layer_indexes", HF: []string{"insert_layer_id", "vision_config.insert_layer_id"}, Field: func(p *Params) any { return &p.Vision.At }},
		{HF: []string{"preprocessor.scale_resolution"}, Field: func(p *Params) any { return &p.Vision.Longest }, Default: nothing, When: never},
	}, towerAct, []Key{towerEps("vision_config.layer_norm_eps")}),
	Tensors: slices.Concat([]Rule{
		{GGUF: "v.patch_embd.weight", HF: clipAt + "embeddings.patch_embedding.weight", Role: RoleTower, Shape: "E rgb patch patch", Store: StoreConv},
		{GGUF: "v.patch_embd.bias", HF: clipAt + "embeddings.patch_embedding.bias", Role: RoleTower, Shape: "E"},
		{GGUF: "v.position_embd.weight", HF: clipAt + "embeddings.position_embedding.weight", Role: RoleTower, Shape: "table E", Store: "F32"},
	}, encoder(clipAt+"encoder"), affine("v.post_ln", clipAt+"post_layernorm", "E"), miniJoin,
		affine("mm.input_norm", "model.merger.mlp.0.pre_norm", "4E"), affine("mm.up", "model.merger.mlp.0.linear_1", "4E 4E"), affine("mm.down", "model.merger.mlp.0.linear_2", "text 4E")),
	Drop: []string{clipAt + "vit_merger.*"}, // where it is not asked for
	Refuse: []Refusal{
		{HF: "drop_vision_last_layer", Unless: []string{"false"}, Why: "features are taken before the last layer"},
		{HF: "merger_times", Unless: []string{"1"}, Why: "patches are joined more often"},
		{HF: "merge_kernel_size", Unless: []string{"[2 2]"}, Why: "squares of other than four patches are joined"},
		{HF: "vision_config.window_kernel_size", Unless: []string{"[2 2]"}, Why: "squares of other than four patches are joined"},
		{HF: "preprocessor.downsample_mode", Unless: []string{"4x", "16x"}, Why: "patches are joined otherwise"},
		{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"},
	},
	Finish: finishMiniCPM,
	Look:   func(src *formats.Source, p *Params) { p.Vision.Places = heightOf(src, "v.position_embd.weight") },
})

// miniJoin are the rules of what joins patches between layers.
var miniJoin = func() []Rule {
	at := clipAt + "vit_merger."
	rules := slices.Concat(affine("v.vit_merger.ln1", at+"layer_norm1", "E"), affine("v.vit_merger.ds_ln", at+"pre_norm", "4E"),
		affine("v.vit_merger.ds_ffn_up", at+"linear_1", "4F 4E"), affine("v.vit_merger.ds_ffn_down", at+"linear_2", "E 4F"))
	for _, x := range [][2]string{{"q", "q_proj"}, {"k", "k_proj"}, {"v", "v_proj"}, {"out", "out_proj"}} {
		rules = append(rules, affine("v.vit_merger.attn_"+x[0], at+"self_attn."+x[1], "E E")...)
	}
	for i := range rules {
		rules[i].When = func(p *Params, _ int) bool { return p.Vision.Scale == 4 }
	}
	return rules
}()

func finishMiniCPM(c *Config, p *Params) error {
	v := &p.Vision
	mode, err := c.String("preprocessor.downsample_mode")
	if err != nil {
		return err
	}
	if v.Scale = 4; mode == "4x" {
		v.Scale = 2
	}
	if len(v.At) != 1 || v.At[0] < 0 || int(v.At[0]) >= p.Layers {
		return c.fail("insert_layer_id", formats.Unsupported("patches are joined behind layer %v of %d", v.At, p.Layers), "")
	}
	if v.side() != 70 {
		return c.fail("vision_config.image_size", formats.Unsupported("places of %d patches a side, where runtimes count 70", v.side()), "")
	}
	if v.Places = v.patches(); v.Longest > 0 {
		v.Image = v.Longest // of a tile; the tower's is the size whose places it has learned
	}
	v.Longest = 0
	return nil
}
