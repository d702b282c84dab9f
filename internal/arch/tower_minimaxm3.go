package arch

import (
	"slices"
	"strings"

	"quern/formats"
)

// MiniMaxTower is the tower of MiniMax-M3: CLIP's layers over patches two images deep, whose heads are rotated by time, row and column, a third each; every patch is projected into
// the language model's width, and squares of four are then made one by a second network.
var MiniMaxTower = registerTower(Arch{
	Projector: "minimax_m3",
	Variants: []Variant{{
		Type: "minimax_m3_vl", HF: []string{"MiniMaxM3SparseForConditionalGeneration", "MiniMaxM3VLForConditionalGeneration"}, Language: "MiniMaxM3SparseForCausalLM",
		Defaults: with(clipColours, map[string]any{
			"vision_config.hidden_size": 1280, "vision_config.intermediate_size": 5120, "vision_config.num_hidden_layers": 32, "vision_config.num_attention_heads": 16,
			"vision_config.image_size": 2016, "vision_config.patch_size": 14, "vision_config.hidden_act": "gelu", "vision_config.layer_norm_eps": 1e-5, "projector_hidden_size": 6144,
		}),
	}},
	Own: []string{"vision_tower.*", "multi_modal_projector.*", "patch_merge_mlp.*"},
	Keys: slices.Concat(visionKeys, []Key{projector("minimax_m3")}, towerAct, []Key{
		towerEps("vision_config.layer_norm_eps"),
		{GGUF: "clip.vision.spatial_merge_size", HF: []string{"vision_config.img_token_compression_config.spatial_merge_size", "vision_config.spatial_merge_size"},
			Field: func(p *Params) any { return &p.Vision.Merge }, Default: func(p *Params) { p.Vision.Merge = 2 }},
		{HF: []string{"projector_hidden_size"}, Field: func(p *Params) any { return &p.Vision.Middle }, Default: nothing, When: never},
	}),
	Tensors: bothNames(slices.Concat(minimaxPatches, affine("v.pre_ln", clipAt+"pre_layrnorm", "E"), turnedHeads(encoder(clipAt+"encoder")),
		affine("mm.1", "multi_modal_projector.linear_1", "middle E"), affine("mm.2", "multi_modal_projector.linear_2", "text middle"),
		affine("mm.merger.fc1", "patch_merge_mlp.linear_1", "middle merged-text"), affine("mm.merger.fc2", "patch_merge_mlp.linear_2", "text middle")),
		clipAt+"embeddings.patch_embedding.", clipAt+"embeddings.proj.", clipAt+"encoder.layers.", clipAt+"layers.", "patch_merge_mlp.", "multi_modal_projector.merge_"),
	Refuse: []Refusal{
		{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"},
		{HF: "vision_config.hidden_act", Unless: []string{"gelu"}, Why: "runtimes have gelu in its layers"},
		{HF: "projector_hidden_act", Unless: []string{"gelu"}, Why: "the projector's activation function is not gelu"},
		{HF: "multimodal_projector_bias", Unless: []string{"true"}, Why: "a projector without biases"},
		{HF: "vision_config.spatial_merge_size", Unless: []string{"2"}, Why: "squares of other than four patches are joined"},
		{HF: "vision_config.temporal_patch_size", Unless: []string{"2"}, Why: "patches that are not two images deep"},
		{HF: "vision_config.img_token_compression_config.spatial_merge_size", Unless: []string{"2"}, Why: "squares of other than four patches are joined"},
		{HF: "vision_config.img_token_compression_config.temporal_patch_size", Unless: []string{"2"}, Why: "patches that are not two images deep"},
		{HF: "vision_config.img_token_compression_config.image_token_compression_method", Unless: []string{"patch_merge"}, Why: "patches are joined in another way"},
		{HF: "vision_config.position_embedding_type", Unless: []string{"rope"}, Why: "places are not rotations"},
		{HF: "vision_config.rope_mode", Unless: []string{"3d"}, Why: "heads are rotated in another way"},
		{HF: "vision_config.rope_theta", Unless: []string{"10000"}, Why: "places are rotated with another base"},
		{HF: "vision_config.rope_parameters.rope_theta", Unless: []string{"10000"}, Why: "places are rotated with another base"},
	},
	Look: func(src *formats.Source, p *Params) { p.Vision.Middle = heightOf(src, "mm.1.weight") },
	Finish: func(c *Config, p *Params) error {
		if d := p.Embd / max(1, p.Heads); d%2 != 0 || d < 6 || d > 1<<12 {
			return c.fail("vision_config.num_attention_heads", formats.Unsupported("heads of %d dimensions, which are not rotated by time, row and column", d), "")
		}
		return nil
	},
})

// minimaxPatches are qwenPatches under CLIP's name.
var minimaxPatches = func() []Rule {
	list := slices.Clone(qwenPatches)
	for i := range list {
		list[i].HF = clipAt + "embeddings.patch_embedding.weight"
	}
	return list
}()

// turnedHeads are layers whose rows of queries and keys runtimes want axis by axis.
func turnedHeads(rules []Rule) []Rule {
	for i := range rules {
		if strings.Contains(rules[i].GGUF, ".attn_q.") || strings.Contains(rules[i].GGUF, ".attn_k.") {
			rules[i].Do = TurnAxes
		}
	}
	return rules
}

// bothNames are rules in two layouts, of which the second has other names: pairs of old and new.
func bothNames(rules []Rule, names ...string) []Rule {
	renamed := strings.NewReplacer(names...)
	for _, r := range slices.Clone(rules) {
		if name := renamed.Replace(r.HF); name != r.HF {
			r.HF = name
			rules = append(rules, r)
		}
	}
	return rules
}

// TurnAxes moves the rows of each head from halves, each of which has time, row and column, to these three, each of which has its halves. What is left of a head is not rotated, and
// stays behind.
var TurnAxes = Op{Name: "turn axes", Forward: turnAxes(false), Inverse: turnAxes(true)}

func turnAxes(inverse bool) func(t *formats.Tensor, p *Params) *formats.Tensor {
	return func(t *formats.Tensor, p *Params) *formats.Tensor {
		d := p.Embd / max(1, p.Heads)
		half := 2 * (d / 2) / 3 / 2 // pairs of an axis: as many as all three have
		order := make([]int, d)
		for i := range order {
			from := i
			if axis := i / max(1, 2*half); i < 6*half {
				from = axis*half + i%half + i%(2*half)/half*3*half
			}
			if inverse {
				order[from] = i
			} else {
				order[i] = from
			}
		}
		return permuted(t, func(i int) int { return i/d*d + order[i%d] })
	}
}
